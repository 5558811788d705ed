/* Tests of ballast/balance/hash_key.h.  The numbers are what HAProxy 3.2 answered: its converters for the
 * functions, the chosen server of 251 equal ones for addresses and URIs. */
#include "../cmocka_all.h"

#include "ballast/balance/hash_key.h"

static void test_the_functions_give_haproxys_numbers(void **state)
{
	static const struct {
		const char *key;
		uint32_t sdbm, sdbm_avalanche, djb2, djb2_avalanche, crc32, crc32_avalanche;
	} seen[] = {
		{ "/", 47, 2118074832, 177620, 3725504903, 2043925204, 2724628003 },
		{ "/a", 3083250, 1743195586, 5861557, 3623408593, 1768979292, 2112193429 },
		{ "/abc/def", 2488103721, 757406733, 4065257624, 3333340084, 4174367765, 3240142830 },
		{ "/index.html", 858007926, 4217574924, 3776231887, 1889807916, 3928116034, 571229468 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		struct slice key = slice_from_str(seen[i].key);

		assert_int_equal(hash_sdbm(key), seen[i].sdbm);
		assert_int_equal(hash_avalanche(hash_sdbm(key)), seen[i].sdbm_avalanche);
		assert_int_equal(hash_djb2(key), seen[i].djb2);
		assert_int_equal(hash_avalanche(hash_djb2(key)), seen[i].djb2_avalanche);
		assert_int_equal(hash_crc32(key), seen[i].crc32);
		assert_int_equal(hash_avalanche(hash_crc32(key)), seen[i].crc32_avalanche);
	}
}

static void test_crc32_is_that_of_ethernet(void **state)
{
	(void)state;
	assert_int_equal(hash_crc32(SLICE("123456789")), 0xcbf43926);
	assert_int_equal(hash_crc32(SLICE("")), 0);
	assert_int_equal(hash_crc32(SLICE("\xff\x00\x80")), 0xac616edf);
}

static void test_bytes_are_unsigned(void **state)
{
	(void)state;
	assert_int_equal(hash_sdbm(SLICE("\xff")), 255);
	assert_int_equal(hash_djb2(SLICE("\xff")), 5381 * 33 + 255);
}

static void test_none_takes_the_key_as_a_number(void **state)
{
	const struct hash_options o = { .function = HASH_FUNCTION_NONE };

	(void)state;
	assert_int_equal(hash_key(&o, SLICE("12")), 12);
	assert_int_equal(hash_key(&o, SLICE("12abc")), 12);
	assert_int_equal(hash_key(&o, SLICE(" \t+7")), 7);
	assert_int_equal(hash_key(&o, SLICE("abc")), 0);
	assert_int_equal(hash_key(&o, SLICE("")), 0);
	assert_int_equal(hash_key(&o, SLICE("-")), 0);
	assert_int_equal(hash_key(&o, SLICE("-1")), UINT32_MAX);
	assert_int_equal(hash_key(&o, SLICE("4294967297")), 1);
	assert_int_equal(hash_key(&o, SLICE("18446744073709551617")), UINT32_MAX);
	assert_int_equal(hash_key(&o, SLICE("9223372036854775807")), UINT32_MAX);
	assert_int_equal(hash_key(&o, SLICE("-9223372036854775809")), 0);
}

static void test_options_choose_function_and_modifier(void **state)
{
	struct hash_options o = { 0 };
	struct slice key = SLICE("/a");

	(void)state;
	assert_int_equal(hash_key(&o, key), hash_sdbm(key));
	o.avalanche = true;
	assert_int_equal(hash_key(&o, key), 1743195586);
	o.function = HASH_FUNCTION_CRC32;
	assert_int_equal(hash_key(&o, key), 2112193429);
	o.function = HASH_FUNCTION_DJB2;
	o.avalanche = false;
	assert_int_equal(hash_key(&o, key), 5861557);
}

static void test_an_address_is_its_own_hash_whatever_the_function(void **state)
{
	static const uint8_t home[4] = { 127, 0, 0, 1 }, other[4] = { 127, 1, 2, 3 };
	struct hash_options o = { 0 };

	(void)state;
	for (int function = 0; function < HASH_FUNCTION_COUNT; function++) {
		o.function = (enum hash_function)function;
		assert_int_equal(hash_source4(&o, home), 0x7f000001);
		assert_int_equal(hash_source4(&o, home) % 251, 63);
		assert_int_equal(hash_source4(&o, other) % 251, 100);
	}
	o.avalanche = true;
	assert_int_equal(hash_source4(&o, home) % 251, 117);
	assert_int_equal(hash_source4(&o, other) % 251, 228);
}

static void test_an_ipv6_address_is_folded_to_32_bits(void **state)
{
	static const uint8_t documentation[16] = { 0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6 };
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };
	static const uint8_t loopback[16] = { [15] = 1 };
	const struct hash_options o = { 0 };

	(void)state;
	assert_int_equal(hash_source6(&o, loopback), 1);
	assert_int_equal(hash_source6(&o, documentation) % 251, 132);
	assert_int_equal(hash_source6(&o, mapped) % 251, 85);
}

static void check_uri(struct hash_options o, const char *target, const char *key)
{
	struct slice got = hash_uri_key(&o, slice_from_str(target));

	if (!slice_eq(got, slice_from_str(key)))
		fail_msg("of %s: %.*s, not %s", target, (int)got.len, got.ptr, key);
	assert_int_equal(hash_uri(&o, slice_from_str(target)), hash_sdbm(slice_from_str(key)));
}

static void test_the_part_of_the_uri_that_counts(void **state)
{
	const struct hash_options plain = { 0 }, whole = { .uri_whole = true }, len5 = { .uri_len = 5 };
	const struct hash_options depth1 = { .uri_depth = 1 }, depth2 = { .uri_depth = 2 };
	const struct hash_options both = { .uri_len = 6, .uri_depth = 2 },
				  whole2 = { .uri_depth = 2, .uri_whole = true };
	const struct hash_options whole8 = { .uri_len = 8, .uri_whole = true };

	(void)state;
	check_uri(plain, "/abc/def/ghi?x=1&y=/z", "/abc/def/ghi");
	check_uri(plain, "/?", "/");
	check_uri(plain, "//x//y", "//x//y");
	check_uri(plain, "", "");
	check_uri(whole, "/abc/def/ghi?x=1&y=/z", "/abc/def/ghi?x=1&y=/z");
	check_uri(len5, "/abc/def", "/abc/");
	check_uri(len5, "/ab?q", "/ab");
	check_uri(len5, "/", "/");
	check_uri(depth1, "/abc/def/ghi", "/abc");
	check_uri(depth1, "//x//y", "/");
	check_uri(depth1, "/abcdefgh", "/abcdefgh");
	check_uri(depth2, "/a/b/c/", "/a/b");
	check_uri(depth2, "//x//y", "//x");
	check_uri(both, "/abc/def/ghi", "/abc/d");
	check_uri(both, "/a/b/c/", "/a/b");
	check_uri(whole2, "/ab?q/r/s", "/ab?q/r");
	check_uri(whole8, "/abc/def/ghi", "/abc/def");
}

static void test_absolute_uris_count_as_they_are_unless_path_only(void **state)
{
	const struct hash_options plain = { 0 }, path = { .uri_path_only = true }, depth2 = { .uri_depth = 2 };
	const struct hash_options path_whole = { .uri_path_only = true, .uri_whole = true };
	const struct hash_options path_len = { .uri_path_only = true, .uri_len = 2 };

	(void)state;
	check_uri(plain, "http://host.com/p/q?r", "http://host.com/p/q");
	check_uri(depth2, "http://host.com/p/q?r", "http://host.com");
	check_uri(path, "http://host.com/p/q?r", "/p/q");
	check_uri(path, "/p/q?r", "/p/q");
	check_uri(path, "/p?to=http://x/y", "/p");
	check_uri(path, "http://host.com", "");
	check_uri(path, "*", "*");
	check_uri(path_whole, "http://host.com/p/q?r", "/p/q?r");
	check_uri(path_len, "http://host.com/p/q?r", "/p");
}

/* As HAProxy 3.2 answered. */
static void test_the_parameter_of_the_query(void **state)
{
	static const struct {
		const char *target, *value;
	} cases[] = { { "/?k=1", "1" }, { "/?k=", "" }, { "/?k", NULL }, { "/?k=1&k=2", "1" }, { "/?j=1&k=2", "2" },
		{ "/?K=1", NULL }, { "/?k=1;j=2", "1;j=2" }, { "/;k=1", NULL }, { "/?j=1;k=2", NULL },
		{ "/?k=a%20b", "a%20b" }, { "/?kk=1&k=2", "2" }, { "/?j=k=1&k=2", "2" }, { "/?k=&k=2", "" },
		{ "/", NULL }, { "", NULL }, { "/?", NULL }, { "/?&&k=5", "5" }, { "/?a?k=1", NULL } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct slice key = hash_param_key(SLICE("k"), slice_from_str(cases[i].target));

		assert_int_equal(key.ptr != NULL, cases[i].value != NULL);
		if (cases[i].value)
			assert_true(slice_eq(key, slice_from_str(cases[i].value)));
	}
}

static void test_the_domain_is_the_label_before_the_last_dot(void **state)
{
	static const char *const cases[][2] = { { "www.example.com", "example" }, { "example.com", "example" },
		{ "localhost", "localhost" }, { "10.1.2.3", "2" }, { "www.example.co.uk", "co" },
		{ "www.example.com:8080", "example" }, { "www.example.com.", "com" }, { "host.", "host" },
		{ ".com", ".com" }, { "a..b", "a." }, { "a.b..c", "b." }, { "..", "." }, { ".", "." }, { "", "" } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_true(slice_eq(hash_domain_key(slice_from_str(cases[i][0])), slice_from_str(cases[i][1])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_functions_give_haproxys_numbers),
		cmocka_unit_test(test_crc32_is_that_of_ethernet),
		cmocka_unit_test(test_bytes_are_unsigned),
		cmocka_unit_test(test_none_takes_the_key_as_a_number),
		cmocka_unit_test(test_options_choose_function_and_modifier),
		cmocka_unit_test(test_an_address_is_its_own_hash_whatever_the_function),
		cmocka_unit_test(test_an_ipv6_address_is_folded_to_32_bits),
		cmocka_unit_test(test_the_part_of_the_uri_that_counts),
		cmocka_unit_test(test_absolute_uris_count_as_they_are_unless_path_only),
		cmocka_unit_test(test_the_parameter_of_the_query),
		cmocka_unit_test(test_the_domain_is_the_label_before_the_last_dot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
