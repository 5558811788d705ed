/* test_converter_digits: chunks of bytes as digits; values as HAProxy 3.2 gave them. */
#include "sample_test.h"

static void test_integers_of_chunks(void **state)
{
	(void)state;
	assert_eval("bin(01020304050607),be2dec(:,2)", "258:772:1286:7");
	assert_eval("bin(01020304050607),be2dec(-,2,1)", "258-772-1286");
	assert_eval("bin(01020304050607),be2dec(,2,1)", "2587721286");
	assert_eval("bin(7f000001),be2dec(.,1)", "127.0.0.1");
	assert_eval("bin(ff02030405060708),be2dec(.,8)", "18375252745424078600");
	assert_eval("bin(01020304050607),le2dec(:,2)", "513:1027:1541:7");
	assert_eval("bin(01020304050607),le2dec(,2,1)", "51310271541");
	assert_eval("bin(),be2dec(:,2)", "");
	assert_eval("bin(01),be2dec(:,2,1)", "");
}

static void test_hexadecimal_chunks(void **state)
{
	(void)state;
	assert_eval("bin(01020304050607),be2hex", "01020304050607");
	assert_eval("bin(01020304050607),be2hex(:,2)", "0102:0304:0506:07");
	assert_eval("bin(01020304050607),be2hex(--,2,1)", "0102--0304--0506");
	assert_eval("bin(0102030405060708),be2hex(,3,1)", "010203040506");
	assert_eval("bin(aBcD),base2", "1010101111001101");
}

static void test_chunks_have_a_size(void **state)
{
	(void)state;
	assert_eval("bin(01),be2dec(:,0)", "error: converter 'be2dec' expects chunks of 1 to 8 bytes");
	assert_eval("bin(01),le2dec(:,9)", "error: converter 'le2dec' expects chunks of 1 to 8 bytes");
	assert_eval("bin(01),be2hex(:)",
		"error: converter 'be2hex' expects chunks of at least one byte behind a separator");
	assert_eval("bin(01),be2hex(:,-1)",
		"error: converter 'be2hex' expects chunks of at least one byte behind a separator");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_integers_of_chunks),
		world_test(test_hexadecimal_chunks),
		world_test(test_chunks_have_a_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
