/* Tests of local ports that connections take turns to use (src/net/port_range.c). */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/net/port_range.h"

#include "../cmocka_all.h"

static void test_each_port_is_taken_once(void **state)
{
	struct port_range *r = port_range_new(20000, 20099);
	bool seen[100] = { false };

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint16_t port = port_range_take(r);
		assert_in_range(port, 20000, 20099);
		assert_false(seen[port - 20000]);
		seen[port - 20000] = true;
	}
	assert_int_equal(port_range_take(r), 0);
	port_range_give(r, 20070);
	assert_int_equal(port_range_take(r), 20070);
	assert_int_equal(port_range_take(r), 0);
	port_range_drop(r);
}

static void test_a_port_that_was_given_back_rests(void **state)
{
	struct port_range *r = port_range_new(65530, 65535);

	(void)state;
	for (int i = 0; i < 12; i++) {
		uint16_t port = port_range_take(r);
		assert_int_equal(port, 65530 + i % 6);
		port_range_give(r, port);
	}
	port_range_drop(r);
}

static void test_a_range_of_one(void **state)
{
	struct port_range *r = port_range_new(1, 1);

	(void)state;
	assert_int_equal(port_range_take(r), 1);
	assert_int_equal(port_range_take(r), 0);
	port_range_give(r, 1);
	assert_int_equal(port_range_take(r), 1);
	port_range_drop(r);
}

enum { THREADS = 4, ROUNDS = 20000, PORTS = 70 };
static struct port_range *shared;
static unsigned char holder[PORTS]; /* plain on purpose: whoever has the port owns its byte */

static void *take_and_give(void *arg)
{
	unsigned char me = (unsigned char)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint16_t port = port_range_take(shared);
		if (!port)
			continue;
		if (holder[port - 100])
			return (void *)1;
		holder[port - 100] = me;
		if (holder[port - 100] != me)
			return (void *)1;
		holder[port - 100] = 0;
		port_range_give(shared, port);
	}
	return NULL;
}

static void test_threads_never_share_a_port(void **state)
{
	pthread_t threads[THREADS];
	void *failed;

	(void)state;
	shared = port_range_new(100, 100 + PORTS - 1);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	for (unsigned i = 0; i < PORTS; i++)
		assert_true(port_range_take(shared));
	assert_int_equal(port_range_take(shared), 0);
	port_range_drop(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_port_is_taken_once),
		cmocka_unit_test(test_a_port_that_was_given_back_rests),
		cmocka_unit_test(test_a_range_of_one),
		cmocka_unit_test(test_threads_never_share_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
