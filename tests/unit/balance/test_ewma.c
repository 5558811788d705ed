/* Tests of src/balance/ewma.c. */
#include "../cmocka_all.h"

#include <errno.h>
#include <string.h>

#include "pick_reference.h"

enum { DECAY_MS = 10000 };

struct fixture {
	struct farm f;
	_Atomic uint64_t latency[8];
	struct picker *p;
};

static void make(struct fixture *x, uint32_t count)
{
	memset(x->latency, 0, sizeof(x->latency));
	farm_make(&x->f, count);
	struct pick_input in = farm_input(&x->f);
	in.latency = x->latency;
	x->p = pick_build(pick_algorithm_find(SLICE("ewma")), 0, &in, 1);
	assert_non_null(x->p);
}

static void destroy(struct fixture *x)
{
	pick_free(x->p);
	farm_free(&x->f);
}

static void note(struct fixture *x, uint32_t slot, uint32_t us, uint32_t now_ms)
{
	pick_latency_note(&x->latency[slot], DECAY_MS, us, now_ms);
}

static int choose(const struct fixture *x, uint32_t now_ms)
{
	struct pick_thread t;
	struct pick_request r = { .thread = &t, .now_ms = now_ms };

	pick_thread_init(&t, 0);
	return pick_choose(x->p, &r);
}

/* Always the same answer, of two servers. */
static void assert_chosen(const struct fixture *x, uint32_t now_ms, int slot)
{
	for (int i = 0; i < 50; i++)
		assert_int_equal(choose(x, now_ms), slot);
}

static void test_the_faster_server_is_chosen(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	note(&x, 0, 9000, 1);
	note(&x, 1, 3000, 1);
	assert_chosen(&x, 1, 1);
	destroy(&x);
}

static void test_requests_under_way_count_as_often_as_there_are(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	note(&x, 0, 9000, 1);
	note(&x, 1, 3000, 1);
	x.f.load[1] = 1; /* 2 * 3000 against 1 * 9000 */
	assert_chosen(&x, 1, 1);
	x.f.load[1] = 3;
	assert_chosen(&x, 1, 0);
	destroy(&x);
}

static void test_weights_make_a_server_as_much_cheaper(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	pick_free(x.p);
	x.f.weight[0] = 5;
	struct pick_input in = farm_input(&x.f);
	in.latency = x.latency;
	x.p = pick_build(pick_algorithm_find(SLICE("ewma")), 0, &in, 1);
	note(&x, 0, 9000, 1);
	note(&x, 1, 3000, 1);
	assert_chosen(&x, 1, 0);
	destroy(&x);
}

static void test_a_slow_answer_counts_at_once_a_fast_one_slowly(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	for (uint32_t ms = 1; ms < 100; ms++) {
		note(&x, 0, 1000, ms);
		note(&x, 1, 2000, ms);
	}
	assert_chosen(&x, 100, 0);
	note(&x, 0, 50000, 100);
	assert_chosen(&x, 100, 1);
	for (uint32_t ms = 101; ms < 1000; ms++) {
		note(&x, 0, 1000, ms);
		note(&x, 1, 2000, ms);
	}
	assert_chosen(&x, 1000, 1);
	for (uint32_t ms = 1000; ms < 100000; ms += 10) {
		note(&x, 0, 1000, ms);
		note(&x, 1, 2000, ms);
	}
	assert_chosen(&x, 100000, 0);
	destroy(&x);
}

static void test_a_server_that_was_slow_is_tried_again_in_time(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	note(&x, 0, 100000, 1);
	for (uint32_t ms = 1; ms <= 10 * DECAY_MS; ms += 50)
		note(&x, 1, 5000, ms);
	assert_chosen(&x, DECAY_MS / 10, 1);
	assert_chosen(&x, 10 * DECAY_MS, 0);
	destroy(&x);
}

static void test_the_clock_may_wrap(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	note(&x, 0, 2000, UINT32_MAX - 5);
	note(&x, 1, 3000, 4);
	assert_chosen(&x, 5, 0);
	destroy(&x);
}

static void test_a_server_that_never_answered_gets_one_request(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	note(&x, 0, 100, 1);
	assert_chosen(&x, 1, 1);
	x.f.load[1] = 1;
	x.f.load[0] = 1000;
	assert_chosen(&x, 1, 0);
	destroy(&x);
}

static void test_where_nobody_answered_yet_loads_decide(void **state)
{
	struct fixture x;

	(void)state;
	make(&x, 2);
	x.f.load[0] = 7;
	x.f.load[1] = 5;
	assert_chosen(&x, 1, 1);
	destroy(&x);
}

/* Requests come every ms and take as long as the server is slow, times those it has: the shares adapt. */
static void test_load_goes_where_answers_are_fast(void **state)
{
	enum { SERVERS = 4, STEPS = 20000 };
	static const uint32_t base_us[SERVERS] = { 2000, 2000, 2000, 20000 };
	static uint32_t ends[SERVERS][STEPS * 2];
	unsigned hits[SERVERS] = { 0 };
	struct fixture x;

	(void)state;
	memset(ends, 0, sizeof(ends));
	make(&x, SERVERS);
	for (uint32_t now = 1; now < STEPS; now++) {
		for (uint32_t i = 0; i < SERVERS; i++) {
			for (; ends[i][now]; ends[i][now]--) {
				x.f.load[i]--;
				note(&x, i, base_us[i], now);
			}
		}
		int slot = choose(&x, now);
		hits[slot]++;
		x.f.load[slot]++;
		ends[slot][now + base_us[slot] / 1000]++;
	}
	assert_true(hits[3] < STEPS / 50);
	for (int i = 0; i < 3; i++)
		assert_true(hits[i] > STEPS / 4);
	destroy(&x);
}

static void test_the_decay_is_a_time(void **state)
{
	const struct pick_algorithm *a = pick_algorithm_find(SLICE("ewma"));
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "500ms", 500 }, { "3s", 3000 }, { "250", 250 }, { "3600s", 3600000 } };
	static const char *const bad[] = { "", "0", "0s", "s", "ms", "x", "3601s", "5m", "-1", "1.5s" };
	const char *why = NULL;
	int64_t param;

	(void)state;
	assert_int_equal(a->parse(NULL, &param, &why), 0);
	assert_int_equal(param, DECAY_MS);
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(a->parse(good[i].text, &param, &why), 0);
		assert_int_equal(param, good[i].ms);
		assert_int_equal(pick_latency_decay_ms(a, param, &(struct pick_input){ 0 }), good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why = NULL;
		assert_int_equal(a->parse(bad[i], &param, &why), -EINVAL);
		assert_non_null(why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_faster_server_is_chosen),
		cmocka_unit_test(test_requests_under_way_count_as_often_as_there_are),
		cmocka_unit_test(test_weights_make_a_server_as_much_cheaper),
		cmocka_unit_test(test_a_slow_answer_counts_at_once_a_fast_one_slowly),
		cmocka_unit_test(test_a_server_that_was_slow_is_tried_again_in_time),
		cmocka_unit_test(test_the_clock_may_wrap),
		cmocka_unit_test(test_a_server_that_never_answered_gets_one_request),
		cmocka_unit_test(test_where_nobody_answered_yet_loads_decide),
		cmocka_unit_test(test_load_goes_where_answers_are_fast),
		cmocka_unit_test(test_the_decay_is_a_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
