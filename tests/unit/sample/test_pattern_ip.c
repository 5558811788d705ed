/* test_pattern_ip: the texts of addresses and networks. */
#include "sample/pattern.h"
#include "sample_test.h"

static uint32_t v4_of(const char *text, uint32_t mask)
{
	struct ip_pattern p;
	assert_int_equal(ip_pattern_parse(slice_from_str(text), &p), 0);
	assert_false(p.v6);
	assert_int_equal(p.v4_mask, mask);
	return p.v4_addr;
}

static void test_short_forms_of_the_manual(void **state)
{
	(void)state;
	assert_int_equal(v4_of("192.168.0.1", ~0u), 0xc0a80001);
	assert_int_equal(v4_of("192.168.1", ~0u), 0xc0a80001);
	assert_int_equal(v4_of("10.12", ~0u), 0x0a00000c);
	assert_int_equal(v4_of("127.1", ~0u), 0x7f000001);
	assert_int_equal(v4_of("192.168.1/22", 0xfffffc00), 0xc0a80000);
	assert_int_equal(v4_of("127.1/8", 0xff000000), 0x7f000000);
	assert_int_equal(v4_of("127/8", 0xff000000), 0);
}

static void test_masks(void **state)
{
	(void)state;
	assert_int_equal(v4_of("1.2.3.4/255.255.0.0", 0xffff0000), 0x01020000);
	assert_int_equal(v4_of("1.2.3.4/0", 0), 0);
	assert_int_equal(v4_of("1.2.3.4/32", ~0u), 0x01020304);
	assert_int_equal(v4_of("1.2.3.4/1", 0x80000000), 0);
}

static void test_v6_ranges(void **state)
{
	struct ip_pattern p;
	struct in6_addr low, high;
	(void)state;
	assert_int_equal(ip_pattern_parse(SLICE("2001:db8::1/33"), &p), 0);
	inet_pton(AF_INET6, "2001:db8::", &low);
	inet_pton(AF_INET6, "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff", &high);
	assert_true(p.v6 && p.v6_low == ipv6_number(&low) && p.v6_high == ipv6_number(&high));
	assert_int_equal(ip_pattern_parse(SLICE("::1"), &p), 0);
	assert_true(p.v6_low == 1 && p.v6_high == 1);
	assert_int_equal(ip_pattern_parse(SLICE("::1/0"), &p), 0);
	assert_true(p.v6_low == 0 && p.v6_high == ~(unsigned __int128)0);
}

static void test_what_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = { "", "/", "/8", ".", "1.", ".1", "1..2", "256", "1.2.3.256", "1.2.3.4.5",
		"1.2.3.4/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/8x", "1.2.3.4/256.0.0.0", "1234", "0001", "a",
		"1.2.3.a", "::1/129", "::1/", ":::", "::g", "1.2.3.4/8/8", "2001:db8::/255.0.0.0" };
	struct ip_pattern p;
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		if (ip_pattern_parse(slice_from_str(bad[i]), &p) != -EINVAL)
			fail_msg("'%s' should be refused", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_short_forms_of_the_manual),
		world_test(test_masks),
		world_test(test_v6_ranges),
		world_test(test_what_is_no_address_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
