/* test_acl_test: criteria, flags, matches and values of one test, as HAProxy 3.2 answered. */
#include <unistd.h>

#include "ballast/sample/release.h"
#include "sample_test.h"

static const char request[] = "GET /a/images/png/logo/32x32.png?p=1&q=&p=2&z&=e HTTP/1.1\r\n"
			      "Host: h\r\n"
			      "u: http://www1.dc-eu.example.com:80/blah\r\n"
			      "m: one, two\r\n"
			      "m: thr\r\n"
			      "n: 5,-7\r\n"
			      "e: \r\n"
			      "ip: 10.1.1.1, 2001:db8::5\r\n"
			      "h: AB\r\n"
			      "Cookie: c=v1; c=v2; d=v3\r\n\r\n";

struct example {
	const char *test;
	bool matches;
};

static void check(const struct example *e, size_t count)
{
	set_request(request);
	for (size_t i = 0; i < count; i++)
		if (matches(e[i].test) != e[i].matches)
			fail_msg("{ %s } should be %d", e[i].test, e[i].matches);
}
#define CHECK(...) \
	do { \
		static const struct example examples[] = { __VA_ARGS__ }; \
		check(examples, sizeof examples / sizeof *examples); \
	} while (0)

static void test_derivatives_of_path(void **state)
{
	(void)state;
	CHECK({ "path /a/images/png/logo/32x32.png", true }, { "path /a", false }, { "path_beg /a", true },
		{ "path_beg a/", false }, { "path_beg /zz /a", true }, { "path_end .png", true },
		{ "path_end .PNG", false }, { "path_end -i .PNG", true }, { "path_sub logo", true },
		{ "path_sub PNG", false }, { "path_sub -i PNG", true }, { "path_len 28", true },
		{ "path_len gt 10", true }, { "path_len gt 28", false }, { "path -m len 27:29", true },
		{ "path_dir png/logo", true }, { "path_dom png", true });
}

static void test_derivatives_of_other_fetches(void **state)
{
	(void)state;
	CHECK({ "url_beg /a", true }, { "url_end =e", true }, { "base_beg h/a", true }, { "base_beg H/a", false },
		{ "base -i H/a/images/png/logo/32x32.png", true }, { "hdr_dom(u) example.com", true },
		{ "hdr_beg(u) http", true }, { "hdr_sub(u) dc-", true }, { "hdr_end(u) blah", true },
		{ "hdr_len(m) 3", true }, { "hdr_dir(u) blah", true }, { "urlp_beg(p) 2", true },
		{ "cook_beg(d) v", true }, { "req.cook_end(d) 3", true });
}

static void test_fetches_as_criteria(void **state)
{
	(void)state;
	CHECK({ "hdr(m) two", true }, { "hdr(m) three", false }, { "req.hdr(m) thr", true }, { "hdr(m,1) one", true },
		{ "hdr(m,-1) one", false }, { "hdr_cnt(m) 3", true }, { "hdr_cnt(nope) 0", true },
		{ "hdr_cnt(nope) eq 0", true }, { "hdr_val(n) 7", false }, { "hdr_val(n) 5", true },
		{ "hdr_val(n) lt 0", true }, { "hdr_val(nope) 0", false }, { "cook(c) v1", true },
		{ "cook(c) v2", true }, { "cook_cnt(c) 2", true }, { "cook v3", true }, { "req.ver 1.1", true },
		{ "always_true", true }, { "always_false", false }, { "dst_port 80 443 8080", true },
		{ "src 192.0.2.0/24", true }, { "src_port 1024:65535", true });
}

static void test_parameters_as_criteria(void **state)
{
	(void)state;
	CHECK({ "urlp(p) 1", true }, { "urlp(p) 2", true }, { "urlp(z) -m found", false }, { "urlp 2", true },
		{ "urlp e", true }, { "urlp -m len 0", true }, { "url_param(p) 2", true },
		{ "url_param(p) -m int 1", true }, { "urlp_val(p) 2", true }, { "urlp(q) ''", true });
}

static void test_methods(void **state)
{
	(void)state;
	CHECK({ "method GET", true }, { "method get", false }, { "method POST GET", true }, { "method -i get", false },
		{ "method -m str GET", true }, { "method -m beg G", true });
	set_request("Purge / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_true(matches("method Purge"));
	assert_false(matches("method PURGE"));
	assert_true(matches("method -i PURGE"));
	assert_false(matches("method GET"));
}

static void test_found(void **state)
{
	(void)state;
	CHECK({ "hdr(m,2) -m found", true }, { "hdr(m,9) -m found", false }, { "hdr(e) -m found", true },
		{ "hdr(nope) -m found", false }, { "path,lower -m found", true }, { "query -m found", true },
		{ "hdr_val(n) -m found", true }, { "hdr(e) -m len 0", true }, { "hdr(e) ''", true },
		{ "hdr(nope) ''", false });
}

static void test_matches_over_other_types(void **state)
{
	(void)state;
	CHECK({ "int(0) -m bool", false }, { "int(3) -m bool", true }, { "str(0) -m bool", false },
		{ "str(1) -m bool", true }, { "str(x) -m bool", false }, { "bool(true) -m int 1", true },
		{ "bool(true) -m str 1", true }, { "src -m str 192.0.2.7", true }, { "src -m beg 192.", true },
		{ "int(100) -m beg 1", true }, { "int(100) -m len 3", true }, { "src -m len 9", true },
		{ "str(12) -m int 12", true }, { "str(12ab) -m int 12", true }, { "str(ab) -m int 0", true },
		{ "str() -m int 0", false }, { "str(10.1.2.3) -m ip 10.0.0.0/8", true },
		{ "hdr(ip) -m ip 10.0.0.0/8", true }, { "src,ipmask(8) 192.0.0.0", true },
		{ "hdr_ip(ip) 2001:db8::/32", true }, { "bin(410042) -m len 3", true }, { "str(AB) -m bin 4142", true },
		{ "str(AB) -m bin 41", false }, { "bin(4100) -m bin 4100", true });
}

static void test_converter_ends_the_implied_match(void **state)
{
	(void)state;
	CHECK({ "hdr_beg(u),lower http", false }, { "hdr_beg(u),lower http://www1.dc-eu.example.com:80/blah", true },
		{ "hdr_beg(u),lower -m beg http", true }, { "hdr_beg(u) -m end blah", true },
		{ "hdr_cnt(m),add(1) 4", true }, { "path,length gt 3", true }, { "req.hdr(m),length 3", true });
}

static void test_flags(void **state)
{
	(void)state;
	CHECK({ "path -i -m beg /A", true }, { "path -m beg -i /A", true }, { "str(-i) -- -i", true },
		{ "str(--) -- --", true }, { "str(-i) x -i", true }, { "path_beg /zz -i /A", false },
		{ "str(a) -m str -m beg b", false }, { "str(ab) -m beg a -i B", true }, { "src -n 192.0.2.7", true });
}

static void test_operators(void **state)
{
	(void)state;
	CHECK({ "int(5) gt 4", true }, { "int(5) gt 5", false }, { "int(5) ge 5", true }, { "int(5) lt 5", false },
		{ "int(5) le 5", true }, { "int(5) eq 5", true }, { "int(-5) lt 0", true }, { "int(-5) eq -5", true },
		{ "int(5) ge 3 le 1", true }, { "int(5) gt 9 lt 1", false }, { "int(6) gt 5:7", true },
		{ "int(8) gt 5:7", false }, { "path eq", false });
}

struct refusal {
	const char *test, *message;
};

static void test_mistakes_are_told(void **state)
{
	static const struct refusal cases[] = {
		{ "pth /a", "unknown criterion 'pth'" },
		{ "path_bge /a", "unknown criterion 'path_bge'" },
		{ "path -m foo /a", "unknown match 'foo'" },
		{ "path -m", "-m needs the name of a match" },
		{ "path -f", "-f needs the name of a file" },
		{ "path -x /a", "unknown ACL flag '-x'" },
		{ "path -u 5 /a", "ACL flag '-u' is not supported by Ballast (yet)" },
		{ "src_port -5", "unknown ACL flag '-5'" },
		{ "src foo/bar", "'foo/bar' is not an IPv4 or IPv6 address or network" },
		{ "src 1.2.3.4/33", "'1.2.3.4/33' is not an IPv4 or IPv6 address or network" },
		{ "src -n localhost", "'localhost' is not an IPv4 or IPv6 address or network" },
		{ "src_port ab", "'ab' is not a number" },
		{ "src_port 0x10", "'0x10' is not a number" },
		{ "src_port +10", "'+10' is not a number" },
		{ "src_port 1.2", "'1.2' is not a number" },
		{ "src_port :", "':' is not a number" },
		{ "src_port 5:2", "nothing is in the range '5:2'" },
		{ "path,base64,b64dec aa", "'path,base64,b64dec' gives bin, which needs a match to be named with -m" },
		{ "meth(GET) GET", "'meth(GET)' gives method, which needs a match to be named with -m" },
		{ "path,b64dec -m ip 1.1.1.1", "match 'ip' cannot be had of 'path,b64dec', which gives bin" },
		{ "bin(00) -m bin abc", "'abc' is not an even number of hexadecimal digits" },
		{ "bin(00) -m bin zz", "'zz' is not an even number of hexadecimal digits" },
		{ "path_beg(a) a", "fetch 'path_beg' takes no arguments" },
		{ "path,foo a", "unknown converter 'foo'" },
		{ "path/x a", "unexpected text behind a criterion" },
		{ "src_port gt 9223372036854775807", "nothing is in the range '9223372036854775807'" },
		{ "src_port lt -9223372036854775808", "nothing is in the range '-9223372036854775808'" },
		{ "src_port - ", "'-' is not a number" },
		{ "ssl_fc", "fetch 'ssl_fc' is not supported by Ballast (yet)" },
		{ "! path /a", "expected a criterion, such as path or hdr(host)" },
		{ "", "expected a criterion, such as path or hdr(host)" },
		{ "path /a -f /nonexistent", "" },
		{ "path -f /nonexistent/file",
			"cannot open the pattern file '/nonexistent/file': No such file or directory" },
		{ "path -f /", "cannot read the pattern file '/': Is a directory" },
	};
	char text[256];
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "if { %s }", cases[i].test);
		assert_string_equal(condition_error(text, NULL), cases[i].message);
	}
}

static void test_nearest_criterion_is_named(void **state)
{
	(void)state;
	condition_error("if { path_bge /a }", NULL);
	assert_string_equal(world.diag.first->hint, "did you mean 'path_beg'?");
	assert_int_equal(world.diag.first->at.column, 6);
	assert_int_equal(world.diag.first->at.width, 8);
	condition_error("if { hdr_subb(host) a }", NULL);
	assert_string_equal(world.diag.first->hint, "did you mean 'hdr_sub'?");
}

static void test_values_without_effect_are_warned_of(void **state)
{
	(void)state;
	assert_string_equal(condition_error("if { path }", NULL), "'path' is compared with no value and never matches");
	assert_string_equal(condition_error("if { path -- }", NULL), "");
	assert_string_equal(condition_error("if { always_true foo }", NULL),
		"match 'bool' looks at no values: those behind 'always_true' are without effect");
	assert_string_equal(condition_error("if { path -m found x }", NULL),
		"match 'found' looks at no values: those behind 'path' are without effect");
	assert_int_equal(world.diag.count[DIAG_ALERT], 0);
}

/* ---- files ---- */

static char path[64];

static void write_file(const char *text)
{
	snprintf(path, sizeof path, "/tmp/ballast_patterns_XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static bool matches_file(const char *before, const char *after)
{
	char text[256];
	snprintf(text, sizeof text, "%s %s %s", before, path, after);
	return matches(text);
}

static void test_file_has_one_pattern_a_line(void **state)
{
	(void)state;
	write_file("# comment\n\n  /lead\n/x y\n/foo  \n\t#sharp\r\n/img");
	assert_true(matches_file("str(/lead) -f", ""));
	assert_true(matches_file("'str(/x y)' -f", ""));
	assert_false(matches_file("str(/x) -f", ""));
	assert_false(matches_file("str(/foo) -f", ""));
	assert_true(matches_file("'str(/foo  )' -f", ""));
	assert_true(matches_file("str(#sharp) -f", ""));
	assert_true(matches_file("str(/img) -f", ""));
	assert_false(matches_file("'str(# comment)' -f", ""));
	assert_false(matches_file("str() -f", ""));
	unlink(path);
}

static void test_folding_counts_for_files_behind_it(void **state)
{
	(void)state;
	write_file("/img\n");
	assert_false(matches_file("str(/IMG) -f", ""));
	assert_true(matches_file("str(/IMG) -i -f", ""));
	assert_false(matches_file("str(/IMG) -f", "-i /zzz"));
	assert_true(matches_file("str(/ZZZ) -f", "-i /zzz"));
	assert_true(matches_file("str(/ZZZ) -f", "/ZZZ"));
	unlink(path);
}

static void test_map_gives_its_first_column(void **state)
{
	(void)state;
	write_file("/x value\n/y\tvalue\n");
	assert_true(matches_file("str(/x) -M -f", ""));
	assert_true(matches_file("str(/y) -M -f", ""));
	assert_false(matches_file("str(/x) -f", ""));
	unlink(path);
}

static void test_bad_line_of_a_file_is_named(void **state)
{
	char text[256];
	(void)state;
	write_file("10.0.0.0/8\n10.0.0.0/99\n");
	snprintf(text, sizeof text, "if { src -f %s }", path);
	assert_string_equal(condition_error(text, NULL), "'10.0.0.0/99' is not an IPv4 or IPv6 address or network");
	assert_string_equal(world.diag.first->at.file, path);
	assert_int_equal(world.diag.first->at.line, 2);
	unlink(path);
}

static void test_kinds_of_file_names(void **state)
{
	char text[256];
	(void)state;
	write_file("/img\n");
	snprintf(text, sizeof text, "str(/img) -f file@%s", path);
	assert_true(matches(text));
	snprintf(text, sizeof text, "str(/img) -f opt@%s", path);
	assert_true(matches(text));
	sample_release(&world.config);
	unlink(path);
	assert_false(matches(text));
}

static void test_a_thousand_values(void **state)
{
	char text[16384] = "", test[64];
	(void)state;
	for (int i = 0; i < 1000; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "/p%d\n", i);
	write_file(text);
	for (int i = 0; i < 1000; i += 37) {
		snprintf(test, sizeof test, "str(/p%d) -f", i);
		assert_true(matches_file(test, ""));
		snprintf(test, sizeof test, "str(/P%d) -i -f", i);
		assert_true(matches_file(test, ""));
		snprintf(test, sizeof test, "str(/P%d) -f", i);
		assert_false(matches_file(test, ""));
	}
	assert_false(matches_file("str(/p1000) -f", ""));
	assert_true(matches_file("str(/P5) -f", "-i /p5"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_derivatives_of_path),
		world_test(test_derivatives_of_other_fetches),
		world_test(test_fetches_as_criteria),
		world_test(test_parameters_as_criteria),
		world_test(test_methods),
		world_test(test_found),
		world_test(test_matches_over_other_types),
		world_test(test_converter_ends_the_implied_match),
		world_test(test_flags),
		world_test(test_operators),
		world_test(test_mistakes_are_told),
		world_test(test_nearest_criterion_is_named),
		world_test(test_values_without_effect_are_warned_of),
		world_test(test_file_has_one_pattern_a_line),
		world_test(test_folding_counts_for_files_behind_it),
		world_test(test_map_gives_its_first_column),
		world_test(test_bad_line_of_a_file_is_named),
		world_test(test_kinds_of_file_names),
		world_test(test_a_thousand_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
