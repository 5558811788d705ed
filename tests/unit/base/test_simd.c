/* Tests of ballast/base/simd.h: each variant against plain definitions, at the edge of an unmapped page. */
#include "ballast/base/simd.h"

#include <string.h>
#include <sys/mman.h>

#include "../cmocka_all.h"

#define PAGE 4096

/* The last byte of `edge_page` is the last one that may be read, and its first the first. */
static char *edge_page;

static int setup(void **state)
{
	(void)state;
	char *map = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return -1;
	mprotect(map, PAGE, PROT_NONE);
	mprotect(map + 2 * PAGE, PAGE, PROT_NONE);
	edge_page = map + PAGE;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(edge_page - PAGE, 3 * PAGE);
}

static bool is_ctl(unsigned char c)
{
	return (c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_non_token(unsigned char c)
{
	return c == 0 || !strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c);
}

static bool is_non_target(unsigned char c)
{
	return c <= ' ' || c >= 0x7f;
}

struct check {
	const char *(*find)(const char *at, const char *end);
	bool (*is)(unsigned char c);
	char harmless;
};

static void expect_same(const struct check *check, const char *at, const char *end)
{
	const char *want = at;

	while (want < end && !check->is((unsigned char)*want))
		want++;
	assert_ptr_equal(check->find(at, end), want);
}

/* Calls `act` for each function of each level that this processor has. */
static void for_each_variant(void (*act)(const struct check *check))
{
	for (unsigned level = 0; level <= simd_best(); level++) {
		simd_force(level);
		act(&(struct check){ simd_find_ctl, is_ctl, 'a' });
		act(&(struct check){ simd_find_non_token, is_non_token, 'Z' });
		act(&(struct check){ simd_find_non_target, is_non_target, '/' });
	}
	simd_force(SIMD_PORTABLE);
}

static void each_byte(const struct check *check)
{
	static const size_t lengths[] = { 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130 };
	char text[130];

	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++)
		for (int c = 0; c < 256; c++)
			for (size_t i = 0; i < lengths[l]; i++) {
				memset(text, check->harmless, sizeof(text));
				text[i] = (char)c;
				expect_same(check, text, text + lengths[l]);
			}
}

static void test_each_byte_at_each_position_is_judged_alike(void **state)
{
	(void)state;
	for_each_variant(each_byte);
}

/* What lies beyond either end is a byte that would be found, or must not be read at all. */
static void at_edges(const struct check *check)
{
	for (size_t len = 0; len <= 200; len++) {
		memset(edge_page, 0x7f, PAGE);
		memset(edge_page + PAGE - len, check->harmless == '/' ? 'x' : check->harmless, len);
		expect_same(check, edge_page + PAGE - len, edge_page + PAGE);
		memset(edge_page, 0x7f, PAGE);
		memset(edge_page, 'x', len);
		expect_same(check, edge_page, edge_page + len);
	}
}

static void test_nothing_beyond_the_ends_is_read_or_found(void **state)
{
	(void)state;
	for_each_variant(at_edges);
}

static void random_texts(const struct check *check)
{
	unsigned seed = 12345;

	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)(rand_r(&seed) % 300);
		char *at = edge_page + PAGE - len;
		unsigned mask = rand_r(&seed) % 4 ? 0x7f : 0xff;
		for (size_t i = 0; i < len; i++)
			at[i] = rand_r(&seed) % 40 ? (char)('a' + rand_r(&seed) % 26) : (char)(rand_r(&seed) & mask);
		expect_same(check, at, edge_page + PAGE);
	}
}

static void test_random_texts_are_judged_alike(void **state)
{
	(void)state;
	for_each_variant(random_texts);
}

static void test_a_level_beyond_the_processor_becomes_its_best(void **state)
{
	(void)state;
	simd_init();
	const void *best = (const void *)(uintptr_t)simd_find_ctl;
	simd_force(SIMD_LEVEL_COUNT - 1);
	assert_ptr_equal((const void *)(uintptr_t)simd_find_ctl, best);
	for (unsigned level = 0; level < SIMD_LEVEL_COUNT; level++)
		assert_non_null(simd_name(level));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_byte_at_each_position_is_judged_alike),
		cmocka_unit_test(test_nothing_beyond_the_ends_is_read_or_found),
		cmocka_unit_test(test_random_texts_are_judged_alike),
		cmocka_unit_test(test_a_level_beyond_the_processor_becomes_its_best),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
