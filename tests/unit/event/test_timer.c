/* The wheel against a plain list of times, and its edges. */
#include <stdlib.h>
#include <string.h>

#include "../cmocka_all.h"

#include "ballast/event/timer.h"

static unsigned fired_count;

static void count_fire(struct timer *t)
{
	(void)t;
	fired_count++;
}

static void test_timer_fires_at_its_time_and_not_before(void **state)
{
	(void)state;
	static const uint32_t delays[] = { 1, 2, 63, 64, 65, 127, 4095, 4096, 4097, 99999, 262143, 262144, 16777215,
		16777216, 2000000000, INT32_MAX };
	static const uint64_t starts[] = { 0, 1, 63, 64, 4095, 68719476735ull, 1234567890123ull };
	for (size_t s = 0; s < sizeof starts / sizeof *starts; s++) {
		for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
			struct timer_wheel w;
			struct timer t;
			timer_wheel_init(&w, starts[s]);
			timer_init(&t, count_fire);
			fired_count = 0;
			timer_set(&w, &t, delays[i]);
			timer_run(&w, starts[s] + delays[i] - 1);
			assert_int_equal(fired_count, 0);
			assert_true(timer_armed(&t));
			assert_int_equal(timer_next_ms(&w), 1);
			timer_run(&w, starts[s] + delays[i]);
			assert_int_equal(fired_count, 1);
			assert_false(timer_armed(&t));
			assert_int_equal(timer_next_ms(&w), -1);
			assert_int_equal(w.armed, 0);
		}
	}
}

static void test_delay_zero_fires_at_the_next_run_even_in_the_same_millisecond(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t;
	timer_wheel_init(&w, 0);
	timer_init(&t, count_fire);
	fired_count = 0;
	timer_run(&w, 500);
	timer_set(&w, &t, 0);
	assert_int_equal(timer_next_ms(&w), 0);
	timer_run(&w, 500);
	assert_int_equal(fired_count, 1);
}

static struct timer_wheel again_wheel;

static void fire_again(struct timer *t)
{
	fired_count++;
	timer_set(&again_wheel, t, 0);
}

static void test_a_callback_that_rearms_with_zero_fires_once_a_run(void **state)
{
	(void)state;
	struct timer t;
	timer_wheel_init(&again_wheel, 10);
	timer_init(&t, fire_again);
	fired_count = 0;
	timer_set(&again_wheel, &t, 0);
	timer_run(&again_wheel, 10);
	assert_int_equal(fired_count, 1);
	timer_run(&again_wheel, 400);
	assert_int_equal(fired_count, 2);
	assert_int_equal(t.due_ms, 400);
}

static void test_pushing_a_timer_ahead_does_not_move_it(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t;
	timer_wheel_init(&w, 0);
	timer_init(&t, count_fire);
	fired_count = 0;
	timer_set(&w, &t, 100);
	struct list *next = t.link.next;
	timer_run(&w, 50);
	timer_set(&w, &t, 100);
	assert_ptr_equal(next, t.link.next);
	timer_run(&w, 149);
	assert_int_equal(fired_count, 0);
	timer_run(&w, 150);
	assert_int_equal(fired_count, 1);
}

static void test_rearming_to_an_earlier_time_moves_it(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t;
	timer_wheel_init(&w, 0);
	timer_init(&t, count_fire);
	fired_count = 0;
	timer_set(&w, &t, 100000);
	timer_set(&w, &t, 5);
	assert_int_equal(timer_next_ms(&w), 5);
	assert_int_equal(w.armed, 1);
	timer_run(&w, 5);
	assert_int_equal(fired_count, 1);
	timer_run(&w, 200000);
	assert_int_equal(fired_count, 1);
}

static void test_clearing_leaves_nothing_to_wake_for(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t[300];
	timer_wheel_init(&w, 77);
	for (unsigned i = 0; i < 300; i++) {
		timer_init(&t[i], count_fire);
		timer_set(&w, &t[i], i * i * 100);
	}
	for (unsigned i = 0; i < 300; i++)
		timer_clear(&w, &t[i]);
	timer_clear(&w, &t[0]);
	assert_int_equal(timer_next_ms(&w), -1);
	assert_int_equal(w.armed, 0);
}

static struct timer_wheel pair_wheel;
static struct timer pair[2];

static void clear_and_free_other(struct timer *t)
{
	fired_count++;
	struct timer *other = t == &pair[0] ? &pair[1] : &pair[0];
	timer_clear(&pair_wheel, other);
	memset(other, 0x5a, sizeof *other);
}

static void test_a_callback_may_clear_a_timer_that_is_due_in_the_same_run(void **state)
{
	(void)state;
	timer_wheel_init(&pair_wheel, 0);
	fired_count = 0;
	for (unsigned i = 0; i < 2; i++) {
		timer_init(&pair[i], clear_and_free_other);
		timer_set(&pair_wheel, &pair[i], 10 + i);
	}
	timer_run(&pair_wheel, 1000);
	assert_int_equal(fired_count, 1);
	assert_int_equal(timer_next_ms(&pair_wheel), -1);
}

static void test_a_due_timer_that_is_pushed_ahead_before_firing_does_not_fire(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t;
	timer_wheel_init(&w, 0);
	timer_init(&t, count_fire);
	fired_count = 0;
	timer_set(&w, &t, 10);
	timer_advance(&w, 5000);
	timer_set(&w, &t, 10);
	timer_fire_due(&w);
	assert_int_equal(fired_count, 0);
	assert_int_equal(t.due_ms, 5010);
	timer_run(&w, 5010);
	assert_int_equal(fired_count, 1);
}

/* What each timer of the random test should do; due 0: not armed. */
struct model {
	struct timer timer;
	uint64_t due_ms;
	unsigned want, got;
};

static struct timer_wheel random_wheel;
static uint64_t random_now;

static void model_fire(struct timer *t)
{
	struct model *m = container_of(t, struct model, timer);
	assert_true(m->due_ms != 0);
	assert_true(m->due_ms <= random_now);
	m->got++;
	m->due_ms = 0;
	if (rand() % 3 == 0) {
		uint32_t delay = (uint32_t)(rand() % 5000);
		timer_set(&random_wheel, t, delay);
		m->due_ms = random_now + delay;
	}
}

static uint32_t random_delay(void)
{
	unsigned bits = (unsigned)rand() % 31;
	return (uint32_t)rand() & ((2u << bits) - 1) & INT32_MAX;
}

static void random_operation(struct model *m)
{
	if (rand() % 4 == 0) {
		timer_clear(&random_wheel, &m->timer);
		m->due_ms = 0;
		return;
	}
	uint32_t delay = random_delay();
	timer_set(&random_wheel, &m->timer, delay);
	m->due_ms = random_now + delay;
}

static void check_model(struct model *models, unsigned count)
{
	uint64_t first = UINT64_MAX;
	unsigned armed = 0;
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(timer_armed(&models[i].timer), models[i].due_ms != 0);
		if (!models[i].due_ms)
			continue;
		armed++;
		assert_int_equal(models[i].timer.due_ms, models[i].due_ms);
		if (models[i].due_ms < first)
			first = models[i].due_ms;
	}
	assert_int_equal(random_wheel.armed, armed);
	int next = timer_next_ms(&random_wheel);
	assert_int_equal(next < 0, armed == 0);
	if (armed)
		assert_true(random_now + (unsigned)next <= first);
}

static void test_random_operations_agree_with_a_plain_list(void **state)
{
	(void)state;
	enum { COUNT = 64 };
	struct model models[COUNT] = { 0 };
	srand(42);
	random_now = 987654321;
	timer_wheel_init(&random_wheel, random_now);
	for (unsigned i = 0; i < COUNT; i++)
		timer_init(&models[i].timer, model_fire);
	for (unsigned round = 0; round < 20000; round++) {
		for (unsigned i = 0; i < 4; i++)
			random_operation(&models[rand() % COUNT]);
		check_model(models, COUNT);
		int next = timer_next_ms(&random_wheel);
		random_now += rand() % 2 && next > 0 ? (uint64_t)next : random_delay() >> (rand() % 20);
		timer_run(&random_wheel, random_now);
		for (unsigned i = 0; i < COUNT; i++) /* nothing that was due is left, but what a callback set to now */
			assert_true(!models[i].due_ms || models[i].due_ms >= random_now);
	}
}

/* Sleeping exactly as long as timer_next_ms says, a timer costs at most one waking a level. */
static void test_waking_early_is_bounded(void **state)
{
	(void)state;
	struct timer_wheel w;
	struct timer t;
	timer_wheel_init(&w, 1234567);
	timer_init(&t, count_fire);
	fired_count = 0;
	timer_set(&w, &t, INT32_MAX);
	unsigned wakes = 0;
	for (uint64_t now = 1234567; !fired_count; wakes++) {
		now += (uint64_t)timer_next_ms(&w);
		timer_run(&w, now);
	}
	assert_true(wakes <= TIMER_LEVELS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timer_fires_at_its_time_and_not_before),
		cmocka_unit_test(test_delay_zero_fires_at_the_next_run_even_in_the_same_millisecond),
		cmocka_unit_test(test_a_callback_that_rearms_with_zero_fires_once_a_run),
		cmocka_unit_test(test_pushing_a_timer_ahead_does_not_move_it),
		cmocka_unit_test(test_rearming_to_an_earlier_time_moves_it),
		cmocka_unit_test(test_clearing_leaves_nothing_to_wake_for),
		cmocka_unit_test(test_a_callback_may_clear_a_timer_that_is_due_in_the_same_run),
		cmocka_unit_test(test_a_due_timer_that_is_pushed_ahead_before_firing_does_not_fire),
		cmocka_unit_test(test_random_operations_agree_with_a_plain_list),
		cmocka_unit_test(test_waking_early_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
