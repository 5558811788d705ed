/* test_converter_binary: pieces, encodings, and hashes with the numbers that HAProxy 3.2 gave. */
#include "sample_test.h"

static void test_bytes(void **state)
{
	(void)state;
	assert_eval("str(012345),bytes(0)", "012345");
	assert_eval("str(012345),bytes(1,3)", "123");
	assert_eval("str(012345),bytes(4,9)", "45");
	assert_eval("str(012345),bytes(6)", "");
	assert_eval("str(012345),bytes(9223372036854775807)", "");
	assert_eval("bin(410042),bytes(1),hex", "0042");
	assert_eval("str(a),bytes(-1)", "error: converter 'bytes' expects an offset that is not negative");
	assert_eval("str(a),bytes(1,0)", "error: converter 'bytes' expects a length above 0");
}

static void test_hex(void **state)
{
	(void)state;
	assert_eval("bin(00ff7Fa0),hex", "00FF7FA0");
	assert_eval("str(),hex", "");
}

static void test_hashes(void **state)
{
	(void)state;
	assert_eval("str(abc),crc32", "891568578");
	assert_eval("str(abc),crc32c", "910901175");
	assert_eval("str(abc),crc32c(1)", "1285784220");
	assert_eval("str(abc),djb2", "193485963");
	assert_eval("str(abc),sdbm", "807794786");
	assert_eval("str(abc),xxh32", "852579327");
	assert_eval("str(abc),xxh32(5)", "1562728233");
	assert_eval("str(a),xxh32(-1)", "3443684653");
	assert_eval("str(abc),xxh64", "4952883123889572249");
	assert_eval("str(abc),xxh64(5)", "-1753195980308443340");
	assert_eval("str(abc),xxh3", "8696274497037089104");
	assert_eval("str(abc),xxh3(5)", "6167986026487092235");
}

static void test_avalanche(void **state)
{
	(void)state;
	assert_eval("str(abc),crc32(1)", "930845320");
	assert_eval("str(abc),crc32(2)", "930845320");
	assert_eval("str(abc),djb2(1)", "2235766107");
	assert_eval("str(abc),sdbm(1)", "659243622");
	assert_eval("str(a),djb2(1)", "3548763807");
	assert_eval("bin(00),sdbm(1)", "2874071335");
	assert_eval("str(abc),sdbm(0)", "807794786");
}

static void test_hashes_of_nothing(void **state)
{
	(void)state;
	assert_eval("str(),crc32", "0");
	assert_eval("str(),djb2", "5381");
	assert_eval("str(),sdbm", "0");
	assert_eval("str(),xxh64", "-1205034819632174695");
	assert_eval("str(),sdbm(1)", "2874071335");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_bytes),
		world_test(test_hex),
		world_test(test_hashes),
		world_test(test_avalanche),
		world_test(test_hashes_of_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
