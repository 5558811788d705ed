/* test_converter_int: arithmetic at its bounds, tests, choice, masks. */
#include "sample_test.h"

static void test_addition_and_subtraction_are_bounded(void **state)
{
	(void)state;
	assert_eval("int(2),add(3)", "5");
	assert_eval("int(9223372036854775807),add(1)", "9223372036854775807");
	assert_eval("int(-9223372036854775808),add(-1)", "-9223372036854775808");
	assert_eval("int(2),sub(3)", "-1");
	assert_eval("int(-9223372036854775808),sub(1)", "-9223372036854775808");
	assert_eval("int(9223372036854775807),sub(-1)", "9223372036854775807");
}

static void test_multiplication_is_bounded_by_sign(void **state)
{
	(void)state;
	assert_eval("int(-6),mul(7)", "-42");
	assert_eval("int(9223372036854775807),mul(2)", "9223372036854775807");
	assert_eval("int(9223372036854775807),mul(-2)", "-9223372036854775808");
	assert_eval("int(-9223372036854775808),mul(-1)", "9223372036854775807");
}

static void test_division_by_zero_is_the_largest(void **state)
{
	(void)state;
	assert_eval("int(7),div(-2)", "-3");
	assert_eval("int(7),div(0)", "9223372036854775807");
	assert_eval("int(-7),div(0)", "9223372036854775807");
	assert_eval("int(-9223372036854775808),div(-1)", "9223372036854775807");
}

static void test_remainder_by_zero_is_zero(void **state)
{
	(void)state;
	assert_eval("int(-7),mod(3)", "-1");
	assert_eval("int(7),mod(0)", "0");
	assert_eval("int(-9223372036854775808),mod(-1)", "0");
}

static void test_bits(void **state)
{
	(void)state;
	assert_eval("int(6),and(3)", "2");
	assert_eval("int(6),or(3)", "7");
	assert_eval("int(6),xor(3)", "5");
	assert_eval("int(5),cpl", "-6");
	assert_eval("int(5),neg", "-5");
	assert_eval("int(-9223372036854775808),neg", "9223372036854775807");
}

static void test_integers_are_tested(void **state)
{
	(void)state;
	assert_eval("int(5),not", "0");
	assert_eval("int(0),not", "1");
	assert_eval("int(-5),bool", "1");
	assert_eval("int(0),bool", "0");
	assert_eval("int(4),even", "1");
	assert_eval("int(-3),even", "0");
	assert_eval("int(-3),odd", "1");
	assert_eval("int(4),odd", "0");
}

static void test_iif_chooses(void **state)
{
	(void)state;
	assert_eval("always_true,iif(yes,no)", "yes");
	assert_eval("always_false,iif(yes,)", "");
	assert_eval("str(x),iif(yes,no)", "no");
	assert_eval("str(1),iif(yes,no)", "yes");
}

static void test_ipmask_masks_by_family(void **state)
{
	(void)state;
	assert_eval("ipv4(1.2.3.4),ipmask(24)", "1.2.3.0");
	assert_eval("ipv6(2001:db8:ff::1),ipmask(24,32)", "2001:db8::");
	assert_eval("ipv6(2001:db8:ff::1),ipmask(24)", "(none)");
}

static void test_ipmask_takes_embedded_ipv4_as_ipv4(void **state)
{
	(void)state;
	assert_eval("ipv6(::ffff:1.2.3.4),ipmask(24)", "1.2.3.0");
	assert_eval("ipv6(::ffff:1.2.3.4),ipmask(24,128)", "1.2.3.0");
	assert_eval("ipv6(2002:102:304::),ipmask(24,16)", "1.2.3.0");
	assert_eval("ipv6(::1),ipmask(24,16)", "0.0.0.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_addition_and_subtraction_are_bounded),
		world_test(test_multiplication_is_bounded_by_sign),
		world_test(test_division_by_zero_is_the_largest),
		world_test(test_remainder_by_zero_is_zero),
		world_test(test_bits),
		world_test(test_integers_are_tested),
		world_test(test_iif_chooses),
		world_test(test_ipmask_masks_by_family),
		world_test(test_ipmask_takes_embedded_ipv4_as_ipv4),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
