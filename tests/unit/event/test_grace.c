/* test_grace: an object that was replaced is freed once, and not before each loop passed a turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "ballast/event/grace.h"
#include "ballast/event/loop.h"

static _Atomic int freed;

static void count_free(struct grace *g)
{
	free(g);
	freed++;
}

static void only_count(struct grace *g)
{
	(void)g;
	freed++;
}

static struct grace *something(void)
{
	return malloc(sizeof(struct grace));
}

static void test_without_loops_it_is_freed_at_once(void **state)
{
	(void)state;
	freed = 0;
	grace_retire(something(), count_free);
	assert_int_equal(freed, 1);
}

static void test_it_is_freed_when_every_loop_had_its_turn(void **state)
{
	struct loop a, b, *all[] = { &a, &b };
	(void)state;
	freed = 0;
	assert_int_equal(loop_init(&a, 0), 0);
	assert_int_equal(loop_init(&b, 1), 0);
	loop_set_all(all, 2);
	loop_enter(&a);
	grace_retire(something(), count_free);
	loop_turn(&a, 0);
	loop_turn(&a, 0);
	assert_int_equal(freed, 0);
	grace_retire(something(), count_free); /* comes too late for this round */
	loop_enter(&b);
	loop_turn(&b, 0);
	assert_int_equal(freed, 1);
	loop_enter(&a);
	loop_turn(&a, 0);
	loop_enter(&b);
	loop_turn(&b, 0);
	assert_int_equal(freed, 2);
	loop_set_all(NULL, 0);
	loop_free(&a);
	loop_free(&b);
}

static void test_any_number_waits_without_more_memory(void **state)
{
	static struct grace many[1000]; /* their own nodes are all that it takes */
	struct loop a, *all[] = { &a };
	(void)state;
	freed = 0;
	assert_int_equal(loop_init(&a, 0), 0);
	loop_set_all(all, 1);
	loop_enter(&a);
	for (unsigned i = 0; i < 1000; i++)
		grace_retire(&many[i], only_count);
	for (unsigned i = 0; i < 4; i++)
		loop_turn(&a, 0);
	assert_int_equal(freed, 1000);
	loop_set_all(NULL, 0);
	loop_free(&a);
}

static void test_what_waits_when_the_loops_end_is_freed(void **state)
{
	struct loop a, *all[] = { &a };
	(void)state;
	freed = 0;
	assert_int_equal(loop_init(&a, 0), 0);
	loop_set_all(all, 1);
	loop_enter(&a);
	grace_retire(something(), count_free); /* on its way */
	grace_retire(something(), count_free); /* waits for the next round */
	loop_set_all(NULL, 0);
	loop_free(&a);
	grace_end();
	assert_int_equal(freed, 2);
	grace_retire(something(), count_free);
	assert_int_equal(freed, 3);
}

/* ---- threads that read while one replaces ---- */

enum { READERS = 3, REPLACED = 2000 };
struct number {
	struct grace grace;
	int value, again;
};
static _Atomic(struct number *) present;
static atomic_bool over;

struct reader {
	struct loop loop;
	struct timer timer;
	pthread_t thread;
};

static void read_on(struct timer *t)
{
	for (int i = 0; i < 100; i++) {
		const struct number *n = atomic_load_explicit(&present, memory_order_acquire);
		assert_int_equal(n->value, n->again);
	}
	if (!atomic_load(&over))
		loop_timer_set(t, 0);
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	loop_enter(&r->loop);
	timer_init(&r->timer, read_on);
	loop_timer_set(&r->timer, 0);
	loop_run(&r->loop);
	return NULL;
}

static struct number *number_new(int value)
{
	struct number *n = malloc(sizeof *n);
	*n = (struct number){ .value = value, .again = value };
	return n;
}

static void test_readers_in_other_threads_never_see_freed_memory(void **state)
{
	struct reader reader[READERS];
	struct loop *all[READERS];
	(void)state;
	freed = 0;
	atomic_store(&present, number_new(0));
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(loop_init(&reader[i].loop, i), 0);
		all[i] = &reader[i].loop;
	}
	loop_set_all(all, READERS);
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&reader[i].thread, NULL, reader_main, &reader[i]);
	for (int i = 1; i <= REPLACED; i++)
		grace_retire(&atomic_exchange(&present, number_new(i))->grace, count_free);
	while (atomic_load(&freed) < REPLACED)
		sched_yield();
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++)
		loop_stop(all[i]);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(reader[i].thread, NULL);
	loop_set_all(NULL, 0);
	for (unsigned i = 0; i < READERS; i++)
		loop_free(&reader[i].loop);
	free(atomic_load(&present));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_loops_it_is_freed_at_once),
		cmocka_unit_test(test_it_is_freed_when_every_loop_had_its_turn),
		cmocka_unit_test(test_any_number_waits_without_more_memory),
		cmocka_unit_test(test_what_waits_when_the_loops_end_is_freed),
		cmocka_unit_test(test_readers_in_other_threads_never_see_freed_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
