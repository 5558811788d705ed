/* IP addresses as values, and prefixes. */
#include "ballast/net/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "../cmocka_all.h"

static union addr ip(const char *text, uint16_t port)
{
	union addr a = { .family = AF_INET };
	if (inet_pton(AF_INET, text, &a.v4.sin_addr) != 1) {
		a = (union addr){ .family = AF_INET6 };
		assert_int_equal(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
	}
	addr_set_port(&a, port);
	return a;
}

static void test_equality_with_and_without_port(void **state)
{
	(void)state;
	union addr a = ip("192.0.2.1", 80), b = ip("192.0.2.1", 81), c = ip("192.0.2.2", 80), d = ip("2001:db8::1", 80);
	union addr e = ip("2001:db8::2", 80), none = { .family = AF_UNSPEC };
	assert_true(addr_equal(&a, &b, false));
	assert_false(addr_equal(&a, &b, true));
	assert_false(addr_equal(&a, &c, false));
	assert_false(addr_equal(&a, &d, false));
	assert_false(addr_equal(&d, &e, false));
	assert_true(addr_equal(&d, &d, true));
	assert_true(addr_equal(&none, &none, true));
	assert_int_equal(addr_port(&b), 81);
	assert_int_equal(addr_port(&d), 80);
	assert_int_equal(addr_port(&none), 0);
}

static void test_text_forms(void **state)
{
	(void)state;
	char text[ADDR_TEXT_MAX];
	union addr a = ip("192.0.2.1", 80), b = ip("2001:db8::1", 0), none = { .family = AF_UNSPEC };
	assert_string_equal(addr_ip_text(&a, text).ptr, "192.0.2.1");
	assert_int_equal(addr_ip_text(&b, text).len, 11);
	assert_string_equal(text, "2001:db8::1");
	assert_string_equal(addr_ip_text(&none, text).ptr, "unix");
	struct endpoint e = { .len = sizeof e.un };
	e.un.sun_family = AF_UNIX;
	memset(e.un.sun_path, 'p', sizeof e.un.sun_path); /* no NUL at its end, as the kernel may give it */
	assert_int_equal(endpoint_text(&e, text).len, 5 + sizeof e.un.sun_path);
	e.len = sizeof(sa_family_t);
	assert_string_equal(endpoint_text(&e, text).ptr, "unix@");
}

static bool matches(const char *prefix, const char *addr)
{
	struct net_prefix p;
	union addr a = ip(addr, 1234);
	assert_int_equal(net_prefix_parse(slice_from_str(prefix), &p), 0);
	return net_prefix_match(&p, &a);
}

static void test_prefixes_match_their_network(void **state)
{
	(void)state;
	assert_true(matches("10.0.0.0/8", "10.255.0.1"));
	assert_false(matches("10.0.0.0/8", "11.0.0.1"));
	assert_true(matches("192.0.2.128/25", "192.0.2.200"));
	assert_false(matches("192.0.2.128/25", "192.0.2.127"));
	assert_true(matches("10.1.0.0/255.255.0.0", "10.1.2.3"));
	assert_true(matches("192.0.2.1", "192.0.2.1"));
	assert_false(matches("192.0.2.1", "192.0.2.0"));
	assert_true(matches("0.0.0.0/0", "203.0.113.9"));
	assert_true(matches("10.9.9.9/8", "10.1.1.1")); /* host bits do not count */
	assert_true(matches("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(matches("2001:db8::/33", "2001:db8:8000::1"));
	assert_true(matches("::1", "::1"));
	assert_true(matches("::/0", "2001:db8::1"));
}

static void test_prefixes_and_families(void **state)
{
	(void)state;
	assert_true(matches("10.0.0.0/8", "::ffff:10.1.2.3")); /* an IPv4 client on an IPv6 socket */
	assert_false(matches("10.0.0.0/8", "::10.1.2.3"));
	assert_false(matches("::/0", "10.1.2.3"));
	union addr none = { .family = AF_UNSPEC };
	struct net_prefix p;
	assert_int_equal(net_prefix_parse(SLICE("0.0.0.0/0"), &p), 0);
	assert_false(net_prefix_match(&p, &none));
}

static void test_bad_prefixes_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "::1/129",
		"x", "10.0.0.0/255.0.255.0", "::1/255.0.0.0", "10.0.0.0/8/9", "10.0.0.0 /8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb" };
	struct net_prefix p;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(net_prefix_parse(slice_from_str(bad[i]), &p), -EINVAL);
}

static void test_every_byte_is_written_in_decimal(void **state)
{
	char text[ADDR_TEXT_MAX], expected[ADDR_TEXT_MAX];
	union addr a = { 0 };
	(void)state;
	a.family = AF_INET;
	for (unsigned i = 0; i < 256; i++) {
		a.v4.sin_addr.s_addr = htonl(i << 24 | (255 - i) << 16 | i << 8 | i / 2);
		inet_ntop(AF_INET, &a.v4.sin_addr, expected, sizeof expected);
		assert_string_equal(addr_ip_text(&a, text).ptr, expected);
		assert_int_equal(addr_ip_text(&a, text).len, strlen(expected));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_is_written_in_decimal),
		cmocka_unit_test(test_equality_with_and_without_port),
		cmocka_unit_test(test_text_forms),
		cmocka_unit_test(test_prefixes_match_their_network),
		cmocka_unit_test(test_prefixes_and_families),
		cmocka_unit_test(test_bad_prefixes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
