/* Tests of ballast/base/hazard.h; also run under ThreadSanitizer. */
#include "ballast/base/hazard.h"

#include <pthread.h>

#include "../cmocka_all.h"

struct object {
	uint64_t value, twice; /* twice == 2 * value while it lives */
};

static _Atomic(void *) source;
static _Atomic unsigned freed;

static struct object *object_new(uint64_t value)
{
	struct object *o = malloc(sizeof(*o));
	assert_non_null(o);
	*o = (struct object){ value, 2 * value };
	return o;
}

static void object_free(void *ptr, void *arg)
{
	struct object *o = ptr;

	o->twice = o->value = UINT64_MAX;
	free(o);
	if (arg)
		*(unsigned *)arg += 1;
	atomic_fetch_add(&freed, 1);
}

static int enter(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	return hazard_thread_enter();
}

static int leave(void **state)
{
	(void)state;
	hazard_thread_exit();
	return 0;
}

static void test_a_retired_object_lives_while_protected(void **state)
{
	struct object *o = object_new(7);
	unsigned count = 0;

	(void)state;
	atomic_store(&source, o);
	assert_ptr_equal(hazard_protect(hazard_own(), &source), o);
	atomic_store(&source, NULL);
	hazard_retire(o, object_free, &count);
	hazard_scan();
	assert_int_equal(count, 0);
	assert_int_equal(hazard_pending(), 1);
	assert_true(o->value == 7);
	hazard_clear(hazard_own());
	hazard_scan();
	assert_int_equal(count, 1);
	assert_int_equal(hazard_pending(), 0);
}

static void test_extra_slots_protect_too_and_are_bounded(void **state)
{
	struct hazard_slot *extra[HAZARD_EXTRA_MAX];
	struct object *o = object_new(1);
	unsigned count = 0;

	(void)state;
	for (int i = 0; i < HAZARD_EXTRA_MAX; i++)
		assert_non_null(extra[i] = hazard_slot_new());
	assert_null(hazard_slot_new());
	atomic_store(&source, o);
	hazard_protect(hazard_own(), &source);
	hazard_keep(extra[3]);
	hazard_clear(hazard_own());
	atomic_store(&source, NULL);
	hazard_retire(o, object_free, &count);
	hazard_scan();
	assert_int_equal(count, 0);
	hazard_slot_free(extra[3]);
	hazard_scan();
	assert_int_equal(count, 1);
	assert_ptr_equal(hazard_slot_new(), extra[3]);
	for (int i = 0; i < HAZARD_EXTRA_MAX; i++)
		hazard_slot_free(extra[i]);
}

static void test_the_list_of_retired_objects_is_bounded(void **state)
{
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		hazard_retire(object_new(i), object_free, &count);
		assert_true(hazard_pending() <= 2 * (HAZARD_EXTRA_MAX + 64));
	}
	hazard_scan();
	assert_int_equal(count, 10000);
}

static void free_and_retire_next(void *ptr, void *arg)
{
	unsigned *left = arg;

	free(ptr);
	if (--*left)
		hazard_retire(object_new(*left), free_and_retire_next, left);
}

static void test_freeing_may_retire_others(void **state)
{
	unsigned left = 5;

	(void)state;
	hazard_retire(object_new(0), free_and_retire_next, &left);
	for (int i = 0; i < 5; i++)
		hazard_scan();
	assert_int_equal(left, 0);
	assert_int_equal(hazard_pending(), 0);
}

static void *retire_and_exit(void *o)
{
	hazard_thread_enter();
	hazard_retire(o, object_free, NULL);
	hazard_thread_exit();
	return NULL;
}

static void test_what_an_exiting_thread_leaves_is_freed_by_another(void **state)
{
	struct object *o = object_new(3);
	pthread_t thread;

	(void)state;
	atomic_store(&source, o);
	hazard_protect(hazard_own(), &source);
	atomic_store(&source, NULL);
	pthread_create(&thread, NULL, retire_and_exit, o);
	pthread_join(thread, NULL);
	hazard_scan();
	assert_int_equal(atomic_load(&freed), 0);
	assert_true(o->twice == 6);
	assert_int_equal(hazard_pending(), 1);
	hazard_clear(hazard_own());
	hazard_scan();
	assert_int_equal(atomic_load(&freed), 1);
}

/* --- stress: readers check objects that writers replace all the time --- */

enum { READERS = 3, WRITERS = 2, SWAPS = 20000 };

static _Atomic bool stop;
static _Atomic unsigned broken;
static _Atomic uint64_t reads;

static void *read_all_the_time(void *arg)
{
	struct hazard_slot *extra = hazard_slot_new();
	uint64_t done = 0;

	(void)arg;
	hazard_thread_enter();
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		struct object *o = hazard_protect(hazard_own(), &source);
		if (done % 2) {
			hazard_keep(extra);
			hazard_clear(hazard_own());
		}
		if (o->twice != 2 * o->value)
			atomic_fetch_add(&broken, 1);
		hazard_clear(done++ % 2 ? extra : hazard_own());
	}
	atomic_fetch_add(&reads, done);
	hazard_slot_free(extra);
	hazard_thread_exit();
	return NULL;
}

static void *swap_many(void *arg)
{
	(void)arg;
	hazard_thread_enter();
	for (uint64_t i = 0; i < SWAPS; i++) {
		struct object *o = malloc(sizeof(*o));
		*o = (struct object){ i, 2 * i };
		hazard_retire(atomic_exchange(&source, o), object_free, NULL);
		hazard_scan();
	}
	hazard_thread_exit();
	return NULL;
}

static void test_readers_never_meet_a_freed_object(void **state)
{
	pthread_t readers[READERS], writers[WRITERS];

	(void)state;
	atomic_store(&source, object_new(1));
	for (int i = 0; i < READERS; i++)
		pthread_create(&readers[i], NULL, read_all_the_time, NULL);
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&writers[i], NULL, swap_many, NULL);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i], NULL);
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	assert_int_equal(atomic_load(&broken), 0);
	assert_true(atomic_load(&reads) > 0);
	hazard_retire(atomic_exchange(&source, NULL), object_free, NULL);
	hazard_scan();
	assert_int_equal(atomic_load(&freed), WRITERS * SWAPS + 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_retired_object_lives_while_protected),
		CASE(test_extra_slots_protect_too_and_are_bounded),
		CASE(test_the_list_of_retired_objects_is_bounded),
		CASE(test_freeing_may_retire_others),
		CASE(test_what_an_exiting_thread_leaves_is_freed_by_another),
		CASE(test_readers_never_meet_a_freed_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
