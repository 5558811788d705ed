/* Tests of src/balance/maglev.c, through `hash`. */
#include "../cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "pick_reference.h"

enum { LENGTH = 65537 };

static struct picker *maglev_picker(const struct farm *f, const struct slice *names, uint32_t factor)
{
	struct pick_input in = farm_input(f);

	in.method = pick_method_find(SLICE("maglev"));
	in.name = names;
	in.balance_factor = factor;
	return pick_build(pick_algorithm_find(SLICE("hash")), 0, &in, 1);
}

static int choose_hash(const struct picker *p, uint64_t hash, const uint64_t *avoid)
{
	struct pick_thread t;
	struct pick_request r = { .thread = &t, .hash = hash, .has_hash = true, .avoid = avoid };

	pick_thread_init(&t, 0);
	return pick_choose(p, &r);
}

/* The paper's pseudocode for servers of equal weight. */
static int *reference_table(const struct farm *f)
{
	uint32_t *slots = malloc(f->count * sizeof(*slots)), n = reference_in_use(f, slots), filled = 0;
	uint32_t *next = calloc(n, sizeof(*next));
	int *table = malloc(LENGTH * sizeof(*table));

	for (uint32_t i = 0; i < LENGTH; i++)
		table[i] = -1;
	for (;;)
		for (uint32_t i = 0; i < n; i++) {
			uint64_t offset = XXH3_64bits_withSeed(&f->id[slots[i]], 4, 0) % LENGTH;
			uint64_t skip = XXH3_64bits_withSeed(&f->id[slots[i]], 4, 1) % (LENGTH - 1) + 1;
			uint64_t c = (offset + next[i] * skip) % LENGTH;

			while (table[c] >= 0) {
				next[i]++;
				c = (offset + next[i] * skip) % LENGTH;
			}
			table[c] = (int)slots[i];
			next[i]++;
			if (++filled == LENGTH) {
				free(slots);
				free(next);
				return table;
			}
		}
}

/* A hash that leads to the entry: the mixing (splitmix64) undone. */
static uint64_t hash_for_entry(uint32_t entry)
{
	/* The least number whose upper 32 bits times the length have `entry` above them. */
	uint64_t z = (((uint64_t)entry << 32) + LENGTH - 1) / LENGTH << 32;

	z = z ^ z >> 31 ^ z >> 62;
	z *= 0x319642b2d24d8ec3u;
	z = z ^ z >> 27 ^ z >> 54;
	z *= 0x96de1b173f119089u;
	z = z ^ z >> 30 ^ z >> 60;
	return z - 0x9e3779b97f4a7c15u;
}

static void test_the_table_is_that_of_the_paper(void **state)
{
	struct farm f;

	(void)state;
	for (uint32_t count = 2; count < 300; count *= 3) {
		farm_make(&f, count);
		f.usable[count / 2] = count == 2;
		struct picker *p = maglev_picker(&f, NULL, 0);
		int *table = reference_table(&f);

		for (uint32_t entry = 0; entry < LENGTH; entry++)
			assert_int_equal(choose_hash(p, hash_for_entry(entry), NULL), table[entry]);
		free(table);
		pick_free(p);
		farm_free(&f);
	}
}

/* Entries by server, read one by one. */
static unsigned *entries_of(const struct picker *p, const struct farm *f)
{
	unsigned *entries = calloc(f->count, sizeof(*entries));

	for (uint32_t entry = 0; entry < LENGTH; entry++)
		entries[choose_hash(p, hash_for_entry(entry), NULL)]++;
	return entries;
}

static void test_imbalance_is_below_one_percent(void **state)
{
	struct farm f;

	(void)state;
	for (uint32_t count = 2; count <= 640; count = count * 2 + 1) {
		farm_make(&f, count);
		struct picker *p = maglev_picker(&f, NULL, 0);
		unsigned *entries = entries_of(p, &f);

		for (uint32_t i = 0; i < count; i++) {
			assert_true(entries[i] <= 1.01 * LENGTH / count);
			assert_true(entries[i] >= 0.99 * LENGTH / count);
		}
		free(entries);
		pick_free(p);
		farm_free(&f);
	}
}

static void test_shares_follow_the_weights_to_one_percent(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 12);
	for (uint32_t i = 0; i < f.count; i++)
		f.weight[i] = (uint16_t)(3 + 7 * i);
	struct picker *p = maglev_picker(&f, NULL, 0);
	unsigned *entries = entries_of(p, &f);
	for (uint32_t i = 0; i < f.count; i++) {
		double share = (double)LENGTH * f.weight[i] / p->total_weight;

		assert_true(entries[i] <= 1.01 * share + 1 && entries[i] >= 0.99 * share - 1);
	}
	free(entries);
	pick_free(p);
	farm_free(&f);
}

/* More servers than 65537 entries are enough for: a longer table keeps the promise; seen by keys, so only roughly. */
static void test_a_large_farm_has_a_longer_table(void **state)
{
	enum { SERVERS = 3000, KEYS = 3000000 };
	unsigned *hits = calloc(SERVERS, sizeof(*hits));
	uint64_t seed = 81, squares = 0;
	struct farm f;

	(void)state;
	farm_make(&f, SERVERS);
	struct picker *p = maglev_picker(&f, NULL, 0);
	for (int i = 0; i < KEYS; i++)
		hits[choose_hash(p, dice(&seed), NULL)]++;
	for (uint32_t i = 0; i < SERVERS; i++)
		squares += (uint64_t)hits[i] * hits[i];
	/* The variance of even shares is the mean, 1000; entries of 21 or 22 as in 65537 would add 500. */
	double variance = (double)squares / SERVERS - 1000.0 * 1000.0;
	assert_true(variance > 850 && variance < 1150);
	pick_free(p);
	farm_free(&f);
	free(hits);
}

static void test_little_more_than_the_keys_of_the_lost_server_move(void **state)
{
	struct farm f;

	(void)state;
	farm_make(&f, 10);
	struct picker *all = maglev_picker(&f, NULL, 0);
	for (uint32_t gone = 0; gone < 10; gone++) {
		unsigned moved = 0;

		f.usable[gone] = false;
		struct picker *p = maglev_picker(&f, NULL, 0);
		f.usable[gone] = true;
		for (uint32_t entry = 0; entry < LENGTH; entry++) {
			uint64_t hash = hash_for_entry(entry);

			moved += choose_hash(all, hash, NULL) != choose_hash(p, hash, NULL);
		}
		assert_true(moved < LENGTH / 10 * 1.35);
		pick_free(p);
	}
	pick_free(all);
	farm_free(&f);
}

static void test_names_not_places_in_the_file_decide(void **state)
{
	static struct slice names[5] = { { "a", 1 }, { "b", 1 }, { "c", 1 }, { "d", 1 }, { "e", 1 } };
	static struct slice reversed[5] = { { "e", 1 }, { "d", 1 }, { "c", 1 }, { "b", 1 }, { "a", 1 } };
	unsigned differing = 0;
	struct farm f;

	(void)state;
	farm_make(&f, 5);
	struct picker *p = maglev_picker(&f, names, 0), *q = maglev_picker(&f, reversed, 0);
	for (uint32_t entry = 0; entry < LENGTH; entry++) {
		uint64_t hash = hash_for_entry(entry);

		differing += choose_hash(p, hash, NULL) != 4 - choose_hash(q, hash, NULL);
	}
	/* Whose turn is first still matters to the entries that two want at once. */
	assert_true(differing < LENGTH / 5);
	pick_free(p);
	pick_free(q);
	farm_free(&f);
}

static void test_avoided_and_full_servers_are_passed_over(void **state)
{
	uint64_t seed = 82;
	struct farm f;

	(void)state;
	farm_make(&f, 4);
	struct picker *p = maglev_picker(&f, NULL, 120);
	f.avoid[0] = 1;
	f.load[1] = 1000;
	for (int i = 0; i < 500; i++)
		assert_in_range(choose_hash(p, dice(&seed), f.avoid), 2, 3);
	pick_free(p);
	farm_free(&f);
}

static void test_without_a_key_the_fallback_chooses(void **state)
{
	struct farm f;
	struct pick_thread t;
	struct pick_request r = { .thread = &t };

	(void)state;
	farm_make(&f, 3);
	f.load[0] = f.load[2] = 5;
	struct pick_input in = farm_input(&f);
	in.method = pick_method_find(SLICE("maglev"));
	in.fallback = pick_algorithm_find(SLICE("leastconn"));
	pick_thread_init(&t, 0);
	for (int method = 0; method < 3; method++) {
		in.method = pick_method_at((size_t)method);
		struct picker *p = pick_build(pick_algorithm_find(SLICE("hdr")), 0, &in, 1);

		for (int i = 0; i < 5; i++)
			assert_int_equal(pick_choose(p, &r), 1);
		pick_free(p);
	}
	farm_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_table_is_that_of_the_paper),
		cmocka_unit_test(test_imbalance_is_below_one_percent),
		cmocka_unit_test(test_shares_follow_the_weights_to_one_percent),
		cmocka_unit_test(test_a_large_farm_has_a_longer_table),
		cmocka_unit_test(test_little_more_than_the_keys_of_the_lost_server_move),
		cmocka_unit_test(test_names_not_places_in_the_file_decide),
		cmocka_unit_test(test_avoided_and_full_servers_are_passed_over),
		cmocka_unit_test(test_without_a_key_the_fallback_chooses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
