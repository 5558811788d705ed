/* The PROXY protocol's header, read and written. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ballast/net/proxy_protocol.h"

static struct proxy_header h;

static ssize_t parse(const char *text)
{
	return proxy_parse(text, strlen(text), &h);
}

static void test_version_1_names_the_addresses(void **state)
{
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(parse("PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\nGET /"), 44);
	assert_true(h.has_addresses);
	addr_ip_text(&h.src, text);
	assert_string_equal(text, "192.0.2.1");
	addr_ip_text(&h.dst, text);
	assert_string_equal(text, "198.51.100.2");
	assert_int_equal(addr_port(&h.src), 4711);
	assert_int_equal(addr_port(&h.dst), 443);
	assert_int_equal(parse("PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"), 36);
	assert_int_equal(h.src.family, AF_INET6);
	assert_int_equal(addr_port(&h.dst), 65535);
}

static void test_unknown_says_nothing_whatever_follows(void **state)
{
	(void)state;
	assert_int_equal(parse("PROXY UNKNOWN\r\n"), 15);
	assert_false(h.has_addresses);
	assert_int_equal(parse("PROXY UNKNOWN ffff::1 x\r\nrest"), 25);
	assert_false(h.has_addresses);
}

static void test_a_part_of_a_header_waits_for_the_rest(void **state)
{
	static const char v1[] = "PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n";
	char v2[PROXY_WRITE_BYTES];
	union addr a = { .v4 = { .sin_family = AF_INET, .sin_port = htons(5) } };
	size_t len = proxy_write(v2, 2, &a, &a, SLICE("http/1.1"), false);

	(void)state;
	for (size_t i = 0; i < sizeof v1 - 1; i++)
		assert_int_equal(proxy_parse(v1, i, &h), 0);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(proxy_parse(v2, i, &h), 0);
	assert_int_equal(proxy_parse(v2, len, &h), len);
}

static void test_what_is_no_header_is_refused_at_its_first_wrong_byte(void **state)
{
	(void)state;
	assert_int_equal(parse("G"), -EPROTO);
	assert_int_equal(parse("PROXIES"), -EPROTO);
	assert_int_equal(parse("\r\n\r\nX"), -EPROTO);
	assert_int_equal(parse("proxy TCP4"), -EPROTO);
}

static void test_a_faulty_version_1_is_refused(void **state)
{
	static const char *const faulty[] = { "PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 1\r\n", "PROXY TCP4 192.0.2.1  198.51.100.2 4711 443\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 4711 65536\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 4711 -1\r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 04711 1\r\n", "PROXY TCP4 ::1 ::1 1 1\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 1\r\n", "PROXY UDP4 192.0.2.1 192.0.2.2 1 1\r\n", "PROXY \r\n",
		"PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 \r\n" };
	char endless[200];

	(void)state;
	for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++)
		assert_int_equal(parse(faulty[i]), -EINVAL);
	memset(endless, '1', sizeof endless);
	memcpy(endless, "PROXY ", 6);
	assert_int_equal(proxy_parse(endless, sizeof endless, &h), -EINVAL);
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void test_version_2_is_read_with_its_extensions(void **state)
{
	static const char tcp4[] = SIGNATURE "\x21\x11\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08\x00\x50\x01\xbb"
					     "\x04\x00\x01x";
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(proxy_parse(tcp4, sizeof tcp4 - 1, &h), 32);
	addr_ip_text(&h.src, text);
	assert_string_equal(text, "1.2.3.4");
	assert_int_equal(addr_port(&h.src), 80);
	assert_int_equal(addr_port(&h.dst), 443);
}

static void test_version_2_local_and_unknown_families_say_nothing(void **state)
{
	static const char local[] = SIGNATURE "\x20\x11\x00\x00", unspec[] = SIGNATURE "\x21\x00\x00\x02zz",
			  udp[] = SIGNATURE "\x21\x12\x00\x0c____________";

	(void)state;
	assert_int_equal(proxy_parse(local, sizeof local - 1, &h), 16);
	assert_int_equal(proxy_parse(unspec, sizeof unspec - 1, &h), 18);
	assert_int_equal(proxy_parse(udp, sizeof udp - 1, &h), 28);
	assert_false(h.has_addresses);
}

static void test_a_faulty_version_2_is_refused(void **state)
{
	static const char version[] = SIGNATURE "\x11\x11\x00\x0c", command[] = SIGNATURE "\x22\x11\x00\x0c",
			  too_short[] = SIGNATURE "\x21\x11\x00\x04\x01\x02\x03\x04";

	(void)state;
	assert_int_equal(proxy_parse(version, sizeof version - 1, &h), -EPROTONOSUPPORT);
	assert_int_equal(proxy_parse(command, sizeof command - 1, &h), -EPROTONOSUPPORT);
	assert_int_equal(proxy_parse(too_short, sizeof too_short - 1, &h), -EINVAL);
}

static void round_trip(const union addr *src, const union addr *dst, bool same)
{
	char text[PROXY_WRITE_BYTES];

	for (unsigned version = 1; version <= 2; version++) {
		size_t len = proxy_write(text, version, src, dst, SLICE("h2"), false);
		assert_int_equal(proxy_parse(text, len, &h), len);
		assert_int_equal(h.has_addresses, same);
		assert_int_equal(same, addr_equal(&h.src, src, true) && addr_equal(&h.dst, dst, true) && same);
	}
}

static void test_what_is_written_can_be_read(void **state)
{
	union addr v4 = { .v4 = { .sin_family = AF_INET, .sin_port = htons(4711), .sin_addr.s_addr = 0x01020304 } },
		   v6 = { .v6 = { .sin6_family = AF_INET6,
				  .sin6_port = htons(1),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT } },
		   none = { .family = AF_UNSPEC };
	char text[PROXY_WRITE_BYTES];

	(void)state;
	round_trip(&v4, &v4, true);
	round_trip(&v6, &v6, true);
	round_trip(&v4, &v6, false);
	round_trip(&none, &v4, false);
	assert_int_equal(proxy_write(text, 2, &v4, &v4, SLICE(""), true), 16);
	assert_int_equal(proxy_parse(text, 16, &h), 16);
	assert_false(h.has_addresses);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_1_names_the_addresses),
		cmocka_unit_test(test_unknown_says_nothing_whatever_follows),
		cmocka_unit_test(test_a_part_of_a_header_waits_for_the_rest),
		cmocka_unit_test(test_what_is_no_header_is_refused_at_its_first_wrong_byte),
		cmocka_unit_test(test_a_faulty_version_1_is_refused),
		cmocka_unit_test(test_version_2_is_read_with_its_extensions),
		cmocka_unit_test(test_version_2_local_and_unknown_families_say_nothing),
		cmocka_unit_test(test_a_faulty_version_2_is_refused),
		cmocka_unit_test(test_what_is_written_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
