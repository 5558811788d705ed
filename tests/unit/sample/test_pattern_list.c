/* test_pattern_list: what each match finds in a list, checked against going through it, and changes while it is in use. */
#include <unistd.h>

#include "ballast/sample/map.h"
#include "ballast/sample/release.h"
#include "sample/pattern_list.h"
#include "sample_test.h"

static char path[64];

static int teardown(void **state)
{
	unlink(path);
	sample_release(&world.config);
	return world_teardown(state);
}

static void write_file(const char *text)
{
	strcpy(path, "/tmp/test-pattern-list-XXXXXX");
	FILE *f = fdopen(mkstemp(path), "w");
	fputs(text, f);
	fclose(f);
}

static const char *mapped(const char *text, const char *converter)
{
	return eval(arena_printf(&world.config, "str(%s),%s(%s)", text, converter, path).ptr);
}

static void test_each_match_finds_its_entry(void **state)
{
	(void)state;
	write_file("# comment\n  a.b/c   first  value \t\r\n\na.b second\n/img/ image\n/img/big/ big\n10.0.0.0/8 ten\n"
		   "10.1.0.0/16 ten-one\n10.1.2.3 host\n2001:db8::/32 doc\n7 seven\n");
	assert_string_equal(mapped("a.b/c", "map"), "first  value");
	assert_string_equal(mapped("a.b/", "map"), "(none)");
	assert_string_equal(mapped("A.B", "map_str"), "(none)");
	assert_string_equal(mapped("/img/big/x", "map_beg"), "big");
	assert_string_equal(mapped("/img/x", "map_beg"), "image");
	assert_string_equal(mapped("/im", "map_beg"), "(none)");
	assert_string_equal(mapped("xx/img/", "map_end"), "image");
	assert_string_equal(mapped("x/img/big/y", "map_sub"), "image"); /* first of the list */
	assert_string_equal(mapped("www.a.b", "map_dom"), "second");
	assert_string_equal(mapped("www.aa.b", "map_dom"), "(none)");
	assert_string_equal(mapped("/x/img/y", "map_dir"), "image");
	assert_string_equal(mapped("/img/big/x", "map_beg_key"), "/img/big/");
	assert_string_equal(eval(arena_printf(&world.config, "str(x),map(%s,none)", path).ptr), "none");
}

static void test_networks_give_the_narrowest(void **state)
{
	(void)state;
	write_file("0.0.0.0/0 all\n10.0.0.0/8 ten\n10.1.0.0/16 ten-one\n10.1.2.3 host\n10.1.0.0/16 again\n255.0.0.0/8 "
		   "top\n"
		   "2001:db8::/32 doc\n2001:db8::1 one\nffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff last\n");
	static const char *const cases[][2] = { { "10.1.2.3", "host" }, { "10.1.2.4", "ten-one" },
		{ "10.1.0.0", "ten-one" }, { "10.1.255.255", "ten-one" }, { "10.2.0.0", "ten" },
		{ "10.255.255.255", "ten" }, { "11.0.0.0", "all" }, { "9.255.255.255", "all" },
		{ "255.255.255.255", "top" }, { "0.0.0.0", "all" }, { "2001:db8::2", "doc" }, { "2001:db8::1", "one" },
		{ "2001:db9::1", "(none)" }, { "::ffff:10.1.2.3", "host" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "last" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(mapped(cases[i][0], "map_ip"), cases[i][1]);
}

static void test_numbers_lengths_and_expressions(void **state)
{
	(void)state;
	write_file("1:9 few\n5 five\n100: many\n^(a+)b$ \\1-\\0\n");
	assert_true(strstr(mapped("5", "map_int"), "cannot be used") != NULL);
	unlink(path);
	write_file("1:9 few\n5 five\n100: many\n");
	assert_string_equal(mapped("5", "map_int"), "few");
	assert_string_equal(mapped("1000", "map_int"), "many");
	assert_string_equal(mapped("50", "map_int"), "(none)");
	assert_true(matches(arena_printf(&world.config, "str(abc) -m len -M -f %s", path).ptr));
	unlink(path);
	write_file("^x x\n^(a+)b$ \\1-\\0\n");
	assert_string_equal(mapped("aab", "map_reg"), "\\1-\\0");
	assert_string_equal(mapped("aab", "map_regm"), "aa-aab");
	assert_string_equal(mapped("b", "map_reg"), "(none)");
}

static void test_outputs_have_their_types(void **state)
{
	(void)state;
	write_file("a 12\nb 192.0.2.1\n");
	assert_string_equal(eval(arena_printf(&world.config, "str(a),map_str_int(%s),add(1)", path).ptr), "13");
	assert_string_equal(eval(arena_printf(&world.config, "str(b),map_str_ip(%s),ipmask(24)", path).ptr),
		"192.0.2.0");
	assert_string_equal(eval(arena_printf(&world.config, "str(a),map_str_ip(%s)", path).ptr), "(none)");
	assert_string_equal(eval("str(a),map(/nonexistent/file)"),
		"error: converter 'map' cannot be used: cannot open the pattern file '/nonexistent/file': No such file "
		"or "
		"directory");
}

/* ---- against a plain reference ---- */

static bool plainly(enum match_kind kind, struct slice key, struct slice text)
{
	switch (kind) {
	case MATCH_STR: return slice_eq(key, text);
	case MATCH_BEG: return slice_starts_with(text, key);
	case MATCH_END: return text.len >= key.len && slice_eq(slice_skip(text, text.len - key.len), key);
	case MATCH_SUB: return memmem(text.ptr, text.len, key.ptr, key.len);
	default: break;
	}
	struct patterns *p = patterns_new(kind, &world.config);
	struct sample s = { .type = SAMPLE_STR, .str = text };
	patterns_add(p, key, 0, OP_EQ, NULL, &world.diag);
	patterns_finish(p);
	return patterns_match(p, &s);
}

static struct slice random_text(size_t most)
{
	size_t len = 1 + (size_t)rand() % most;
	char *text = arena_alloc(&world.config, len + 1);
	for (size_t i = 0; i < len; i++)
		text[i] = "ab/."[rand() % 4];
	text[len] = 0;
	return slice_of(text, len);
}

static void test_indexes_agree_with_going_through_the_list(void **state)
{
	static const enum match_kind kinds[] = { MATCH_STR, MATCH_BEG, MATCH_END, MATCH_SUB, MATCH_DIR, MATCH_DOM };
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 60; round++) {
		char name[32];
		struct slice key[40];
		bool gone[40] = { false };
		snprintf(name, sizeof name, "virt@%u", round);
		struct pattern_list *l = pattern_list_get(&world.config, name, true, NULL, &world.diag);
		struct pattern_index *index[6];
		for (unsigned k = 0; k < 6; k++)
			index[k] = pattern_list_index(l, kinds[k], false, NULL, &world.diag);
		for (unsigned i = 0; i < 40; i++) {
			key[i] = random_text(5);
			assert_null(pattern_list_add(l, key[i], key[i]));
		}
		for (unsigned i = 0; i < 40; i += 7) {
			pattern_list_delete(l, key[i]);
			for (unsigned k = 0; k < 40; k++)
				gone[k] |= slice_eq(key[k], key[i]);
		}
		for (unsigned n = 0; n < 60; n++) {
			struct sample s = { .type = SAMPLE_STR, .str = random_text(9) };
			for (unsigned k = 0; k < 6; k++) {
				const struct slice *want = NULL;
				for (unsigned i = 0; i < 40; i++)
					if (!gone[i] && plainly(kinds[k], key[i], s.str) &&
						(!want || (kinds[k] == MATCH_BEG && key[i].len > want->len)))
						want = &key[i];
				const struct pattern_entry *e = pattern_index_find(index[k], &s);
				if (!want != !e || (e && !slice_eq(e->key, *want)))
					fail_msg("%s of '%.*s': '%.*s', not '%.*s'", match_names[kinds[k]],
						(int)s.str.len, s.str.ptr, e ? (int)e->key.len : 0, e ? e->key.ptr : "",
						want ? (int)want->len : 0, want ? want->ptr : "");
			}
		}
	}
}

static void test_networks_agree_with_going_through_the_list(void **state)
{
	(void)state;
	srand(2);
	for (unsigned round = 0; round < 30; round++) {
		char name[32], text[64];
		struct ip_pattern net[30];
		snprintf(name, sizeof name, "virt@n%u", round);
		struct pattern_list *l = pattern_list_get(&world.config, name, true, NULL, &world.diag);
		struct pattern_index *index = pattern_list_index(l, MATCH_IP, false, NULL, &world.diag);
		for (unsigned i = 0; i < 30; i++) {
			snprintf(text, sizeof text, "%d.%d.0.%d/%d", rand() % 2 * 255, rand() % 3, rand() % 4,
				rand() % 33);
			assert_int_equal(ip_pattern_parse(slice_from_str(text), &net[i]), 0);
			assert_null(pattern_list_add(l, slice_from_str(text), SLICE("")));
		}
		for (unsigned n = 0; n < 200; n++) {
			uint32_t a = (uint32_t)(rand() % 2 * 255) << 24 | (uint32_t)(rand() % 4) << 16 |
			             (uint32_t)rand() % 6;
			struct sample s = { .type = SAMPLE_IPV4, .ip4.s_addr = htonl(a) };
			uint32_t widest = 0;
			bool found = false;
			for (unsigned i = 0; i < 30; i++)
				if ((a & net[i].v4_mask) == net[i].v4_addr) {
					found = true;
					widest = net[i].v4_mask > widest ? net[i].v4_mask : widest;
				}
			const struct pattern_entry *e = pattern_index_find(index, &s);
			struct ip_pattern got;
			assert_int_equal(e != NULL, found);
			if (e) {
				ip_pattern_parse(e->key, &got);
				assert_int_equal(got.v4_mask, widest);
			}
		}
	}
}

/* ---- changes ---- */

static void test_lists_change_while_they_are_used(void **state)
{
	(void)state;
	write_file("one 1\ntwo 2\n");
	struct acl_set set;
	acl_set_init(&set);
	assert_string_equal(mapped("one", "map"), "1");
	struct pattern_list *l = pattern_list_next(&world.config, NULL);
	assert_string_equal(pattern_list_name(l), path);
	assert_int_equal(pattern_list_count(l), 2);
	assert_int_equal(pattern_list_set(l, SLICE("one"), SLICE("uno")), 0);
	assert_int_equal(pattern_list_set(l, SLICE("three"), SLICE("x")), -ENOENT);
	assert_string_equal(mapped("one", "map"), "uno");
	assert_null(pattern_list_add(l, SLICE("three"), SLICE("3")));
	assert_string_equal(mapped("three", "map"), "3");
	assert_string_equal(mapped("threefold", "map_beg"), "3");
	assert_null(pattern_list_add(l, SLICE("threef"), SLICE("3f")));
	assert_string_equal(mapped("threefold", "map_beg"), "3f");
	assert_null(pattern_list_add(l, SLICE("one"), SLICE("second")));
	assert_string_equal(mapped("one", "map"), "uno");
	assert_int_equal(pattern_list_delete(l, SLICE("one")), 0);
	assert_string_equal(mapped("one", "map"), "(none)");
	assert_int_equal(pattern_list_delete(l, SLICE("one")), -ENOENT);
	assert_null(pattern_list_add_lines(l, SLICE("# no\nfour 4\n\nfive 5 and more\n")));
	assert_string_equal(mapped("five", "map"), "5 and more");
	assert_int_equal(pattern_list_clear(l), 0);
	assert_string_equal(mapped("five", "map"), "(none)");
	assert_string_equal(mapped("threefold", "map_beg"), "(none)");
	assert_int_equal(pattern_list_count(l), 0);
	assert_true(pattern_list_next(&world.config, l) == NULL);
}

static void test_a_key_is_deleted_as_often_as_it_was_added(void **state)
{
	(void)state;
	write_file("other 1\n");
	assert_string_equal(mapped("keys", "map_beg"), "(none)");
	struct pattern_list *l = pattern_list_next(&world.config, NULL);
	for (int i = 0; i < 600; i++)
		assert_null(pattern_list_add(l, SLICE("key"), SLICE("x")));
	assert_string_equal(mapped("keys", "map_beg"), "x");
	assert_int_equal(pattern_list_delete(l, SLICE("key")), 0);
	assert_string_equal(mapped("keys", "map_beg"), "(none)");
	assert_string_equal(mapped("key", "map"), "(none)");
	assert_int_equal(pattern_list_count(l), 1);
	assert_int_equal(pattern_list_delete(l, SLICE("key")), -ENOENT);
}

static void test_a_key_that_a_match_cannot_take_is_refused(void **state)
{
	(void)state;
	write_file("10.0.0.0/8\n");
	assert_false(matches(arena_printf(&world.config, "src -f %s", path).ptr));
	struct pattern_list *l = pattern_list_next(&world.config, NULL);
	assert_string_equal(pattern_list_add(l, SLICE("nonsense"), SLICE("")), "is no address and no network");
	assert_null(pattern_list_add(l, SLICE("192.0.2.7"), SLICE("")));
	assert_true(matches(arena_printf(&world.config, "src -f %s", path).ptr));
	assert_int_equal(pattern_list_delete(l, SLICE("192.0.2.7")), 0);
	assert_null(pattern_list_add(l, SLICE("192.0.2.0/24"), SLICE("")));
	assert_true(matches(arena_printf(&world.config, "src -f %s", path).ptr));
}

static void test_lists_without_a_file(void **state)
{
	(void)state;
	assert_false(matches("src -f virt@blocked"));
	assert_false(matches("src -f opt@/nonexistent/file"));
	struct pattern_list *l = pattern_list_next(&world.config, NULL);
	assert_null(pattern_list_add_once(l, SLICE("192.0.2.7")));
	assert_null(pattern_list_add_once(l, SLICE("192.0.2.7")));
	assert_int_equal(pattern_list_count(l), 1);
	assert_true(matches("src -f virt@blocked"));
}

static void test_case_counts_unless_told(void **state)
{
	(void)state;
	write_file("Example.COM\n");
	set_request("GET / HTTP/1.1\r\nHost: www.example.com\r\nX: example.com\r\n\r\n");
	assert_false(matches(arena_printf(&world.config, "hdr(x) -f %s", path).ptr));
	assert_true(matches(arena_printf(&world.config, "hdr(x) -i -f %s", path).ptr));
	assert_true(matches(arena_printf(&world.config, "hdr_end(host) -i -f %s", path).ptr));
	assert_true(matches(arena_printf(&world.config, "hdr_dom(host) -i -f %s", path).ptr));
	assert_true(matches(arena_printf(&world.config, "hdr_sub(host) -i -f %s", path).ptr));
	assert_false(matches(arena_printf(&world.config, "hdr_sub(host) -f %s", path).ptr));
}

#define test(f) cmocka_unit_test_setup_teardown(f, world_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_each_match_finds_its_entry),
		test(test_networks_give_the_narrowest),
		test(test_numbers_lengths_and_expressions),
		test(test_outputs_have_their_types),
		test(test_indexes_agree_with_going_through_the_list),
		test(test_networks_agree_with_going_through_the_list),
		test(test_lists_change_while_they_are_used),
		test(test_a_key_is_deleted_as_often_as_it_was_added),
		test(test_a_key_that_a_match_cannot_take_is_refused),
		test(test_lists_without_a_file),
		test(test_case_counts_unless_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
