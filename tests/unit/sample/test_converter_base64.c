/* test_converter_base64: both alphabets, and what no encoder writes. */
#include "sample_test.h"

static void test_base64(void **state)
{
	(void)state;
	assert_eval("str(),base64", "");
	assert_eval("str(f),base64", "Zg==");
	assert_eval("str(fo),base64", "Zm8=");
	assert_eval("str(foo),base64", "Zm9v");
	assert_eval("str(foobar),base64", "Zm9vYmFy");
	assert_eval("bin(fbff),base64", "+/8=");
	assert_eval("int(5),base64", "AAAAAAAAAAU=");
}

static void test_b64dec(void **state)
{
	(void)state;
	assert_eval("str(Zm9vYmFy),b64dec", "foobar");
	assert_eval("str(Zm8=),b64dec", "fo");
	assert_eval("str(Zg==),b64dec", "f");
	assert_eval("str(YQBi),b64dec,hex", "610062");
	assert_eval("str(),b64dec", "");
}

static void test_b64dec_refuses_what_is_not_base64(void **state)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zm 8=", "Zm-_", "=", "Zg==Zg==Z",
		"Z===", "Zg==Zg==", "\"Z,8=\"" };
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[64];
		snprintf(text, sizeof text, "str(%s),b64dec", bad[i]);
		assert_eval(text, "(none)");
	}
}

static void test_base64_of_urls_has_no_padding(void **state)
{
	(void)state;
	assert_eval("str(),ub64enc", "");
	assert_eval("str(f),ub64enc", "Zg");
	assert_eval("str(fo),ub64enc", "Zm8");
	assert_eval("bin(fbff),ub64enc", "-_8");
	assert_eval("str(-_8),ub64dec,hex", "FBFF");
	assert_eval("str(Zg),ub64dec", "f");
	assert_eval("str(Zg==),ub64dec", "(none)");
	assert_eval("str(+/8),ub64dec", "(none)");
	assert_eval("str(Z),ub64dec", "(none)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_base64),
		world_test(test_b64dec),
		world_test(test_b64dec_refuses_what_is_not_base64),
		world_test(test_base64_of_urls_has_no_padding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
