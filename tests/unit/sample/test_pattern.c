/* test_pattern: strings between delimiters, ranges, networks, sets: each against a plain reference. */
#include "sample/pattern.h"
#include "sample_test.h"

static struct patterns *set_of(enum match_kind kind, const char *const *texts, unsigned flags)
{
	struct patterns *p = patterns_new(kind, &world.config);
	struct place at = { 0 };
	for (; *texts; texts++)
		assert_int_equal(patterns_add(p, slice_from_str(*texts), flags, OP_EQ, &at, &world.diag), 0);
	assert_int_equal(patterns_finish(p), 0);
	return p;
}

static bool text_in(const struct patterns *p, const char *text)
{
	struct sample s;
	sample_set_str(&s, slice_from_str(text));
	return patterns_match(p, &s);
}

static bool int_in(const struct patterns *p, int64_t n)
{
	struct sample s;
	sample_set_int(&s, n);
	return patterns_match(p, &s);
}

static bool ip_in(const struct patterns *p, const char *text)
{
	struct sample s;
	sample_set_str(&s, slice_from_str(text));
	assert_int_equal(sample_cast(&s, SAMPLE_ADDR, &world.exchange), 0);
	return patterns_match(p, &s);
}

#define ONE(text) ((const char *const[]){ text, NULL })

static bool one(enum match_kind kind, const char *pattern, const char *text)
{
	return text_in(set_of(kind, ONE(pattern), 0), text);
}

static void test_subdir_example_of_the_manual(void **state)
{
	static const char text[] = "/images/png/logo/32x32.png";
	static const char *const yes[] = { "/images", "/images/png", "images/png", "/png/logo", "logo/32x32.png",
		"32x32.png" };
	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_true(one(MATCH_DIR, yes[i], text));
	assert_false(one(MATCH_DIR, "32x32", text));
	assert_false(one(MATCH_DIR, "image", text));
}

static void test_subdir_edges(void **state)
{
	(void)state;
	assert_true(one(MATCH_DIR, "/b/", "a/b/c"));
	assert_true(one(MATCH_DIR, "ab", "ab"));
	assert_true(one(MATCH_DIR, "a", "/a?x/b"));
	assert_true(one(MATCH_DIR, "b", "bb/bbb/b"));
	assert_false(one(MATCH_DIR, "a", "x:a"));
	assert_false(one(MATCH_DIR, "a", "/ab"));
	assert_false(one(MATCH_DIR, "/", "/a/b"));
	assert_false(one(MATCH_DIR, "//", "/a//b"));
	assert_false(one(MATCH_DIR, "a/b", "a//b"));
	assert_false(one(MATCH_DIR, "", "/a"));
	assert_false(one(MATCH_DIR, "a", ""));
}

static void test_domain_example_of_the_manual(void **state)
{
	static const char text[] = "http://www1.dc-eu.example.com:80/blah";
	static const char *const yes[] = { "http", "www1", ".www1", "dc-eu", "example", "com", "80", "dc-eu.example",
		"blah", ":www1:", "example.com:80" };
	(void)state;
	for (unsigned i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(one(MATCH_DOM, yes[i], text));
	assert_false(one(MATCH_DOM, "eu", text));
	assert_false(one(MATCH_DOM, "dc", text));
	assert_false(one(MATCH_DOM, ".", text));
	assert_false(one(MATCH_DOM, "EXAMPLE", text));
	assert_true(text_in(set_of(MATCH_DOM, ONE("EXAMPLE"), PATTERN_FOLD), text));
	assert_true(one(MATCH_DOM, "b", "a..b"));
	assert_true(one(MATCH_DOM, "b:c", "a?b:c/d"));
}

static void test_prefix_suffix_substring(void **state)
{
	(void)state;
	assert_true(one(MATCH_BEG, "ab", "abc"));
	assert_false(one(MATCH_BEG, "abcd", "abc"));
	assert_true(one(MATCH_BEG, "", ""));
	assert_true(one(MATCH_END, "bc", "abc"));
	assert_false(one(MATCH_END, "xabc", "abc"));
	assert_true(one(MATCH_SUB, "b", "abc"));
	assert_true(one(MATCH_SUB, "", "abc"));
	assert_true(one(MATCH_SUB, "", ""));
	assert_false(one(MATCH_SUB, "abcd", "abc"));
	assert_true(text_in(set_of(MATCH_SUB, ONE("bC"), PATTERN_FOLD), "aBc"));
	assert_true(text_in(set_of(MATCH_BEG, ONE("AB"), PATTERN_FOLD), "abc"));
	assert_true(text_in(set_of(MATCH_END, ONE("BC"), PATTERN_FOLD), "abc"));
	assert_true(text_in(set_of(MATCH_END, (const char *const[]){ "x", "xx", NULL }, 0), "xx"));
}

static void test_exact_few_and_many_are_the_same(void **state)
{
	const char *texts[41];
	char storage[40][16];
	(void)state;
	for (unsigned count = 1; count <= 40; count++) {
		for (unsigned i = 0; i < count; i++) {
			snprintf(storage[i], sizeof *storage, "Key%u", i * i);
			texts[i] = storage[i];
		}
		texts[count] = NULL;
		const struct patterns *exact = set_of(MATCH_STR, texts, 0),
				      *folded = set_of(MATCH_STR, texts, PATTERN_FOLD);
		for (unsigned n = 0; n < 1700; n++) {
			char text[16], upper[16];
			unsigned root = 0;
			while (root * root < n)
				root++;
			bool in = root * root == n && root < count;
			snprintf(text, sizeof text, "Key%u", n);
			snprintf(upper, sizeof upper, "KEY%u", n);
			assert_int_equal(text_in(exact, text), in);
			assert_int_equal(text_in(folded, upper), in);
			assert_false(text_in(exact, upper));
		}
	}
}

static void test_integer_ranges_against_a_plain_search(void **state)
{
	struct place at = { 0 };
	char text[32];
	(void)state;
	srand(7);
	for (unsigned round = 0; round < 200; round++) {
		struct patterns *p = patterns_new(MATCH_INT, &world.config);
		int low[20], high[20], count = 1 + rand() % 20;
		for (int i = 0; i < count; i++) {
			low[i] = rand() % 200 - 100;
			high[i] = low[i] + rand() % 20;
			snprintf(text, sizeof text, "%d:%d", low[i], high[i]);
			assert_int_equal(patterns_add(p, slice_from_str(text), 0, OP_EQ, &at, &world.diag), 0);
		}
		assert_int_equal(patterns_finish(p), 0);
		for (int n = -130; n < 130; n++) {
			bool in = false;
			for (int i = 0; i < count; i++)
				in |= n >= low[i] && n <= high[i];
			assert_int_equal(int_in(p, n), in);
		}
	}
}

static void test_open_ranges_reach_the_ends(void **state)
{
	(void)state;
	assert_true(int_in(set_of(MATCH_INT, ONE("5:"), 0), INT64_MAX));
	assert_true(int_in(set_of(MATCH_INT, ONE(":5"), 0), INT64_MIN));
	assert_false(int_in(set_of(MATCH_INT, ONE("5:"), 0), 4));
	assert_true(int_in(set_of(MATCH_INT, ONE("-5:-3"), 0), -4));
	assert_false(int_in(set_of(MATCH_INT, (const char *const[]){ NULL }, 0), 0));
}

static void test_networks(void **state)
{
	const struct patterns *p = set_of(MATCH_IP,
		(const char *const[]){ "10.0.0.0/8", "192.0.2.7", "10.1.0.0/16", "2001:db8::/32", NULL }, 0);
	(void)state;
	assert_true(ip_in(p, "10.255.255.255"));
	assert_false(ip_in(p, "11.0.0.0"));
	assert_false(ip_in(p, "9.255.255.255"));
	assert_true(ip_in(p, "192.0.2.7"));
	assert_false(ip_in(p, "192.0.2.8"));
	assert_true(ip_in(p, "2001:db8:ffff::1"));
	assert_false(ip_in(p, "2001:db9::"));
}

static void test_overlapping_v6_networks(void **state)
{
	const struct patterns *p = set_of(MATCH_IP,
		(const char *const[]){ "2001:db8:4::/48", "2001:db8::/46", "2001:db8:6::/47", "2001:db8:5::1",
			"fe80::/10", NULL },
		0);
	(void)state;
	assert_true(ip_in(p, "2001:db8:3:ffff:ffff:ffff:ffff:ffff"));
	assert_true(ip_in(p, "2001:db8:4:1::"));
	assert_true(ip_in(p, "2001:db8:5::1"));
	assert_false(ip_in(p, "2001:db8:5::2"));
	assert_true(ip_in(p, "2001:db8:7:ffff::"));
	assert_false(ip_in(p, "2001:db8:8::"));
	assert_true(ip_in(p, "febf::1"));
	assert_false(ip_in(p, "fec0::1"));
}

static void test_families_meet(void **state)
{
	const struct patterns *v4 = set_of(MATCH_IP, ONE("1.2.3.0/24"), 0);
	const struct patterns *v6 = set_of(MATCH_IP, ONE("::ffff:127.0.0.0/104"), 0);
	(void)state;
	assert_true(ip_in(v4, "::ffff:1.2.3.4"));
	assert_true(ip_in(v4, "::1.2.3.4"));
	assert_true(ip_in(v4, "2002:102:304::"));
	assert_false(ip_in(v4, "2001:102:304::"));
	assert_true(ip_in(v6, "127.9.9.9"));
	assert_false(ip_in(v6, "128.0.0.1"));
	assert_true(ip_in(set_of(MATCH_IP, ONE("::/0"), 0), "1.2.3.4"));
	assert_true(ip_in(set_of(MATCH_IP, ONE("0.0.0.0/0"), 0), "::1"));
	assert_false(ip_in(set_of(MATCH_IP, ONE("0.0.0.0/0"), 0), "2001:db8::1"));
}

static void test_mask_with_holes(void **state)
{
	const struct patterns *p = set_of(MATCH_IP, ONE("10.0.5.0/255.0.255.0"), 0);
	(void)state;
	assert_true(ip_in(p, "10.77.5.9"));
	assert_false(ip_in(p, "10.77.6.9"));
}

static void test_host_name_is_looked_up(void **state)
{
	(void)state;
	assert_true(ip_in(set_of(MATCH_IP, ONE("localhost"), 0), "127.0.0.1"));
}

static void test_many_methods(void **state)
{
	const struct patterns *p = set_of(MATCH_METHOD,
		(const char *const[]){ "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "GET", NULL }, 0);
	struct sample s = { .type = SAMPLE_METHOD, .method = METHOD_OTHER, .str = SLICE("J") };
	(void)state;
	assert_true(patterns_match(p, &s));
	s.str = SLICE("K");
	assert_false(patterns_match(p, &s));
	s.method = METHOD_GET;
	assert_true(patterns_match(p, &s));
	s.method = METHOD_PUT;
	assert_false(patterns_match(p, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_subdir_example_of_the_manual),
		world_test(test_subdir_edges),
		world_test(test_domain_example_of_the_manual),
		world_test(test_prefix_suffix_substring),
		world_test(test_exact_few_and_many_are_the_same),
		world_test(test_integer_ranges_against_a_plain_search),
		world_test(test_open_ranges_reach_the_ends),
		world_test(test_networks),
		world_test(test_overlapping_v6_networks),
		world_test(test_families_meet),
		world_test(test_mask_with_holes),
		world_test(test_host_name_is_looked_up),
		world_test(test_many_methods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
