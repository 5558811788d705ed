/* The address forms of HAProxy's manual, section 2.9, and what is wrong with those that are none. */
#include "ballast/net/addr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../cmocka_all.h"

enum {
	BIND = ENDPOINT_PORT_REQUIRED | ENDPOINT_PORT_RANGE | ENDPOINT_RESOLVE,
	SERVER = ENDPOINT_PORT_OFFSET | ENDPOINT_RESOLVE,
	LOG = ENDPOINT_DATAGRAM | ENDPOINT_RESOLVE,
};

static struct arena arena;
static struct diag diag;
static struct endpoint_spec spec;
static char text[ADDR_TEXT_MAX];

static int set_up(void **state)
{
	(void)state;
	arena_init_heap(&arena);
	diag_init(&diag);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_reset(&arena);
	diag_free(&diag);
	return 0;
}

/* As if `word` stood at column 6 of a line. */
static int parse(const char *word, unsigned flags)
{
	struct token t = { .text = word, .len = strlen(word) };
	t.at = (struct place){ .file = "t.cfg", .line = 1, .column = 6, .width = (unsigned)t.len };
	return endpoint_parse(token_slice(&t), &t, flags, &spec, &arena, &diag);
}

static void expect(const char *word, unsigned flags, const char *want)
{
	assert_int_equal(parse(word, flags), 0);
	assert_string_equal(endpoint_text(&spec.at, text).ptr, want);
}

/* The error names this place (the part of the word that begins at `column`) and these words. */
static void refused(const char *word, unsigned flags, unsigned column, unsigned width, const char *words)
{
	diag_free(&diag);
	diag_init(&diag);
	assert_int_equal(parse(word, flags), -EINVAL);
	assert_int_equal(diag.count[DIAG_ALERT], 1);
	assert_int_equal(diag.first->at.column, 5 + column);
	assert_int_equal(diag.first->at.width, width);
	if (!strstr(diag.first->text, words))
		fail_msg("'%s' is not in '%s'", words, diag.first->text);
}

static void test_plain_addresses(void **state)
{
	(void)state;
	expect("192.0.2.1:80", BIND, "192.0.2.1:80");
	expect("[2001:db8::1]:443", BIND, "[2001:db8::1]:443");
	expect("::1:80", BIND, "[::1]:80"); /* the last colon begins the port */
	expect(":::80", BIND, "[::]:80");
	expect("::1:", SERVER, "[::1]:0");
	expect("[::1]", SERVER, "[::1]:0");
	expect("192.0.2.1", SERVER, "192.0.2.1:0");
	expect("192.0.2.1:0", SERVER, "192.0.2.1:0");
	expect("127.0.0.1:65535", BIND, "127.0.0.1:65535");
	assert_int_equal(spec.port_low, 65535);
	assert_null(spec.host);
	assert_false(spec.any);
}

static void test_any_address(void **state)
{
	(void)state;
	expect(":80", BIND, "0.0.0.0:80");
	assert_true(spec.any);
	expect("*:80", BIND, "0.0.0.0:80");
	assert_true(spec.any);
	expect("ipv4@:80", BIND, "0.0.0.0:80");
	expect("ipv6@:80", BIND, "[::]:80");
	assert_true(spec.any);
	expect("tcp6@*:80", BIND, "[::]:80");
}

static void test_prefixes_choose_family_and_kind(void **state)
{
	(void)state;
	expect("ipv4@192.0.2.1:80", BIND, "192.0.2.1:80");
	expect("ip@::1:80", BIND, "[::1]:80");
	expect("ipv6@::1:80", BIND, "[::1]:80");
	expect("tcp@192.0.2.1:80", BIND, "192.0.2.1:80");
	expect("stream+ipv4@192.0.2.1:80", BIND, "192.0.2.1:80");
	expect("udp@192.0.2.1", LOG, "192.0.2.1:0");
	expect("dgram+ipv6@[::1]:514", LOG, "[::1]:514");
	refused("udp@192.0.2.1:80", BIND, 1, 3, "a datagram address");
	refused("dgram+ipv4@192.0.2.1:80", BIND, 1, 10, "a datagram address");
	refused("uxdg@/x", SERVER, 1, 4, "a datagram address");
	refused("tcp@192.0.2.1:514", LOG, 1, 3, "not supported here by Ballast (yet)");
	refused("ipv6@127.0.0.1:80", BIND, 6, 9, "not an IPv6 address");
	refused("ipv4@::1:80", BIND, 6, 3, "not an IPv4 address");
}

static void test_prefixes_that_are_not_there(void **state)
{
	(void)state;
	refused("sockpair@3", BIND, 1, 8, "'sockpair@' is not supported by Ballast (yet)");
	refused("quic4@:443", BIND, 1, 5, "'quic4@' is not supported by Ballast (yet)");
	refused("quic+ipv4@:443", BIND, 1, 9, "'quic+ipv4@' is not supported by Ballast (yet)");
	refused("abnsz@x", BIND, 1, 5, "'abnsz@' is not supported by Ballast (yet)");
	refused("rhttp@b/s", BIND, 1, 5, "not supported by Ballast (yet)");
	refused("mptcp@:1", BIND, 1, 5, "not supported by Ballast (yet)");
	refused("ipv5@:80", BIND, 1, 4, "unknown address prefix 'ipv5@'");
	assert_non_null(strstr(diag.first->hint, "did you mean 'ipv"));
	refused("stream+tcp@:80", BIND, 8, 3, "unknown address prefix 'tcp@'");
	refused("datagram+ipv4@:80", BIND, 1, 8, "unknown socket type");
}

static void test_unix_sockets(void **state)
{
	(void)state;
	char long_path[200] = "/";
	expect("/run/a@b:80.sock", BIND, "unix@/run/a@b:80.sock");
	assert_int_equal(spec.at.un.sun_family, AF_UNIX);
	expect("unix@rel.sock", BIND, "unix@rel.sock");
	expect("uxst@/x", SERVER, "unix@/x");
	expect("unix@/dev/log", LOG, "unix@/dev/log");
	expect("abns@name", BIND, "abns@name");
	assert_int_equal(spec.at.len, sizeof(struct sockaddr_un)); /* padded as HAProxy does */
	assert_int_equal(spec.at.un.sun_path[0], 0);
	memset(long_path + 1, 'x', 106);
	assert_int_equal(parse(long_path, BIND), 0);
	long_path[107] = 'x';
	refused(long_path, BIND, 1, 108, "at most 107 bytes, this one has 108");
	refused("unix@", BIND, 1, 5, "path of the socket is missing");
	refused("abns@", BIND, 1, 5, "name of the abstract socket is missing");
}

static void test_inherited_descriptors(void **state)
{
	(void)state;
	expect("fd@3", BIND, "fd@3");
	assert_int_equal(spec.at.fd, 3);
	assert_int_equal(spec.at.len, 0);
	refused("fd@x", BIND, 4, 1, "'x' is not a file descriptor's number");
	refused("fd@", BIND, 4, 1, "is not a file descriptor's number");
	refused("fd@99999999999", BIND, 4, 11, "is not a file descriptor's number");
	expect("192.0.2.1:1", BIND, "192.0.2.1:1");
	assert_int_equal(spec.at.fd, -1);
}

static void test_port_ranges(void **state)
{
	(void)state;
	expect("127.0.0.1:80-90", BIND, "127.0.0.1:80");
	assert_int_equal(spec.port_low, 80);
	assert_int_equal(spec.port_high, 90);
	expect(":80-80", BIND, "0.0.0.0:80");
	refused("127.0.0.1:90-80", BIND, 11, 5, "ends before it begins");
	refused("127.0.0.1:80-70000", BIND, 14, 5, "port 70000 is out of range");
	refused("127.0.0.1:80-x", BIND, 14, 1, "'x' is not a port");
	refused("127.0.0.1:80-90", SERVER, 11, 5, "a range of ports ('80-90') cannot stand here");
}

static void test_port_offsets(void **state)
{
	(void)state;
	expect("127.0.0.1:+8000", SERVER, "127.0.0.1:0");
	assert_true(spec.has_port_offset);
	assert_int_equal(spec.port_offset, 8000);
	expect("127.0.0.1:-10", SERVER, "127.0.0.1:0");
	assert_int_equal(spec.port_offset, -10);
	refused("127.0.0.1:+5", BIND, 11, 2, "cannot stand here");
	refused("127.0.0.1:+x", SERVER, 11, 2, "is not a port offset");
	refused("127.0.0.1:-70000", SERVER, 11, 6, "is not a port offset");
}

static void test_bad_ports(void **state)
{
	(void)state;
	refused("127.0.0.1", BIND, 1, 9, "'127.0.0.1' has no port");
	refused("127.0.0.1:", BIND, 1, 10, "'127.0.0.1:' has no port");
	refused("[::1]", BIND, 1, 5, "has no port");
	refused("127.0.0.1:0", BIND, 11, 1, "port 0 is out of range");
	refused("127.0.0.1:65536", BIND, 11, 5, "port 65536 is out of range");
	assert_string_equal(diag.first->hint, "a port is a number from 1 to 65535");
	refused("127.0.0.1:99999999999999999999999", SERVER, 11, 23, "is out of range");
	refused("127.0.0.1:80a", BIND, 11, 3, "'80a' is not a port");
	refused("127.0.0.1:http", SERVER, 11, 4, "'http' is not a port");
	refused("80", BIND & ~ENDPOINT_RESOLVE, 1, 2, "'80' is not an IP address");
}

static void test_bad_hosts(void **state)
{
	(void)state;
	refused("::80", BIND, 1, 1, "':' is not an address");
	assert_non_null(strstr(diag.first->hint, "[2001:db8::1]:80"));
	refused("2001:db8::zz:80", BIND, 1, 12, "'2001:db8::zz' is not an address");
	refused("[::1:80", BIND, 1, 4, "'[::1' is not an address");
	refused("[127.0.0.1]:80", BIND, 1, 11, "'[127.0.0.1]' is not an address");
	refused("[::1]x:80", BIND, 1, 6, "'[::1]x' is not an address");
	refused("a b:80", BIND, 1, 3, "'a b' is not an address");
	refused("", BIND, 1, 1, "an address is missing");
	refused("localhost:80", ENDPOINT_PORT_REQUIRED, 1, 9, "'localhost' is not an IP address");
}

static void test_host_names_are_looked_up(void **state)
{
	(void)state;
	expect("ipv4@localhost:80", SERVER, "127.0.0.1:80");
	assert_string_equal(spec.host, "localhost");
	assert_false(spec.unresolved);
	assert_int_equal(parse("no-such-name.invalid:80", SERVER), 0);
	assert_true(spec.unresolved);
	assert_string_equal(spec.host, "no-such-name.invalid");
	assert_int_equal(spec.port_low, 80);
	assert_int_equal(spec.at.len, 0);
}

static void test_the_place_is_the_whole_word_where_quotes_changed_it(void **state)
{
	(void)state;
	struct token t = { .text = "127.0.0.1:x", .len = 11 };
	t.at = (struct place){ .file = "t.cfg", .line = 1, .column = 6, .width = 13 };
	assert_int_equal(endpoint_parse(token_slice(&t), &t, BIND, &spec, &arena, &diag), -EINVAL);
	assert_int_equal(diag.first->at.column, 6);
	assert_int_equal(diag.first->at.width, 13);
}

static void test_a_part_of_a_word_is_parsed_alone(void **state)
{
	(void)state;
	struct token t = { .text = ":80,:443x", .len = 9 };
	t.at = (struct place){ .file = "t.cfg", .line = 1, .column = 6, .width = 9 };
	assert_int_equal(endpoint_parse(slice_of(t.text, 3), &t, BIND, &spec, &arena, &diag), 0);
	assert_int_equal(spec.port_low, 80);
	assert_int_equal(endpoint_parse(slice_of(t.text + 4, 5), &t, BIND, &spec, &arena, &diag), -EINVAL);
	assert_int_equal(diag.first->at.column, 11);
	assert_int_equal(diag.first->at.width, 4);
}

int main(void)
{
#define ENDPOINT_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		ENDPOINT_TEST(test_plain_addresses),
		ENDPOINT_TEST(test_any_address),
		ENDPOINT_TEST(test_prefixes_choose_family_and_kind),
		ENDPOINT_TEST(test_prefixes_that_are_not_there),
		ENDPOINT_TEST(test_unix_sockets),
		ENDPOINT_TEST(test_inherited_descriptors),
		ENDPOINT_TEST(test_port_ranges),
		ENDPOINT_TEST(test_port_offsets),
		ENDPOINT_TEST(test_bad_ports),
		ENDPOINT_TEST(test_bad_hosts),
		ENDPOINT_TEST(test_host_names_are_looked_up),
		ENDPOINT_TEST(test_the_place_is_the_whole_word_where_quotes_changed_it),
		ENDPOINT_TEST(test_a_part_of_a_word_is_parsed_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
