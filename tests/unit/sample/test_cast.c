/* test_cast: which types become which, and what becomes of values (HAProxy's manual, section 7.3). */
#include "sample_test.h"

static void test_booleans_and_integers_become_each_other(void **state)
{
	(void)state;
	assert_eval("always_true", "1");
	assert_eval("always_false", "0");
	assert_eval("always_true,add(1)", "2");
	assert_eval("int(-5),iif(yes,no)", "yes");
	assert_eval("int(0),iif(yes,no)", "no");
}

static void test_text_is_an_integer_up_to_its_first_other_byte(void **state)
{
	(void)state;
	assert_eval("str(12abc),add(0)", "12");
	assert_eval("str(abc),add(0)", "0");
	assert_eval("str(-7),add(0)", "-7");
	assert_eval("str(+7),add(0)", "7");
	assert_eval("str( 7),add(0)", "0");
	assert_eval("str(-),add(0)", "0");
}

static void test_text_beyond_64_bits_is_bounded(void **state)
{
	(void)state;
	assert_eval("str(99999999999999999999),add(0)", "9223372036854775807");
	assert_eval("str(-99999999999999999999),add(0)", "-9223372036854775808");
	assert_eval("str(-9223372036854775808),add(0)", "-9223372036854775808");
	assert_eval("str(9223372036854775808),add(0)", "9223372036854775807");
}

static void test_empty_text_is_no_integer_and_no_boolean(void **state)
{
	(void)state;
	assert_eval("str(),add(1)", "(none)");
	assert_eval("str(),iif(yes,no)", "(none)");
}

static void test_addresses_become_text(void **state)
{
	(void)state;
	assert_eval("ipv4(1.2.3.4),lower", "1.2.3.4");
	assert_eval("ipv6(1::2:0:0:3),lower", "1::2:0:0:3");
	assert_eval("ipv6(::ffff:1.2.3.4),lower", "::ffff:1.2.3.4");
}

static void test_ipv4_and_integer_become_each_other(void **state)
{
	(void)state;
	assert_eval("ipv4(1.2.3.4),add(0)", "16909060");
	assert_eval("int(16909060),ipmask(32)", "1.2.3.4");
	assert_eval("ipv4(255.255.255.255),add(0)", "4294967295");
}

static void test_text_that_is_no_address_has_none(void **state)
{
	(void)state;
	assert_eval("str(1.2.3.4),ipmask(32)", "1.2.3.4");
	assert_eval("str(1.2.3),ipmask(32)", "(none)");
	assert_eval("str(nope),ipmask(32)", "(none)");
	assert_eval("str(),ipmask(32)", "(none)");
	assert_eval("str(1234:1234:1234:1234:1234:1234:1234:1234:1234:1234:1234),ipmask(32,64)", "(none)");
}

static void test_binary_form_is_big_endian(void **state)
{
	(void)state;
	assert_eval("int(5),hex", "0000000000000005");
	assert_eval("int(-2),hex", "FFFFFFFFFFFFFFFE");
	assert_eval("always_true,hex", "0000000000000001");
	assert_eval("ipv4(1.2.3.4),hex", "01020304");
	assert_eval("ipv6(::1),hex", "00000000000000000000000000000001");
}

static void test_binary_becomes_text_up_to_its_first_nul(void **state)
{
	(void)state;
	assert_eval("bin(410042)", "A");
	assert_eval("bin(410042),length", "1");
	assert_eval("bin(410042),hex", "410042");
	assert_eval("bin(00)", "");
}

static void test_methods_become_text(void **state)
{
	(void)state;
	set_request("FOO / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_eval("method,lower", "foo");
	assert_eval("method,hex", "464F4F");
	assert_eval("meth(GET)", "GET");
}

static void test_casts_that_cannot_be_are_refused_at_load(void **state)
{
	(void)state;
	assert_eval("bin(41),add(1)", "error: converter 'add' takes int, but gets bin");
	assert_eval("ipv6(::1),add(1)", "error: converter 'add' takes int, but gets ipv6");
	assert_eval("always_true,ipmask(8)", "error: converter 'ipmask' takes address, but gets bool");
	assert_eval("src,iif(a,b)", "error: converter 'iif' takes bool, but gets address");
	assert_eval("meth(GET),not", "error: converter 'not' takes int, but gets method");
	assert_eval("bin(7f000001),ipmask(8)", "error: converter 'ipmask' takes address, but gets bin");
}

static void test_address_families_are_tried_when_the_value_is_there(void **state)
{
	(void)state;
	assert_eval("src,add(0)", "3221225991");
	set_source("2001:db8::1", 1);
	assert_eval("src,add(0)", "(none)");
}

static void test_every_type_has_a_name(void **state)
{
	(void)state;
	for (unsigned t = 0; t <= SAMPLE_SAME; t++)
		assert_true(strlen(sample_type_name(t)) > 1);
	assert_true(sample_can_cast(SAMPLE_ANY, SAMPLE_METHOD));
	assert_true(sample_can_cast(SAMPLE_BIN, SAMPLE_BIN));
	assert_false(sample_can_cast(SAMPLE_BIN, SAMPLE_ADDR));
	assert_false(sample_can_cast(SAMPLE_METHOD, SAMPLE_INT));
}

static void test_cast_to_one_family(void **state)
{
	struct sample s = { .type = SAMPLE_IPV4 };
	(void)state;
	s.ip4.s_addr = htonl(0x01020304);
	assert_int_equal(sample_cast(&s, SAMPLE_IPV6, &world.exchange), 0);
	assert_int_equal(s.ip6.s6_addr[10], 0xff);
	assert_int_equal(s.ip6.s6_addr[15], 4);
	assert_int_equal(sample_cast(&s, SAMPLE_IPV4, &world.exchange), 0);
	assert_int_equal(ntohl(s.ip4.s_addr), 0x01020304);
	sample_set_str(&s, SLICE("2001:db8::1"));
	assert_int_equal(sample_cast(&s, SAMPLE_IPV4, &world.exchange), -ENOENT);
	sample_set_str(&s, SLICE("2002:102:304::"));
	assert_int_equal(sample_cast(&s, SAMPLE_IPV4, &world.exchange), 0);
	assert_int_equal(ntohl(s.ip4.s_addr), 0x01020304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_booleans_and_integers_become_each_other),
		world_test(test_text_is_an_integer_up_to_its_first_other_byte),
		world_test(test_text_beyond_64_bits_is_bounded),
		world_test(test_empty_text_is_no_integer_and_no_boolean),
		world_test(test_addresses_become_text),
		world_test(test_ipv4_and_integer_become_each_other),
		world_test(test_text_that_is_no_address_has_none),
		world_test(test_binary_form_is_big_endian),
		world_test(test_binary_becomes_text_up_to_its_first_nul),
		world_test(test_methods_become_text),
		world_test(test_casts_that_cannot_be_are_refused_at_load),
		world_test(test_address_families_are_tried_when_the_value_is_there),
		world_test(test_every_type_has_a_name),
		world_test(test_cast_to_one_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
