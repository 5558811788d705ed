/* Tests of places and queues (src/server/queue.c); threads among themselves: test_queue_threads.c. */
#include "rig.h"

struct waiter {
	struct server_wait wait; /* first */
	unsigned woken;
};

static void wake(struct server_wait *w)
{
	((struct waiter *)(void *)w)->woken++;
}

static struct waiter new_waiter(void)
{
	return (struct waiter){ .wait.wake = wake };
}

/* A started backend whose servers have this maxconn. */
static struct backend *limited(unsigned servers, uint32_t maxconn)
{
	struct backend *b = rig_backend(servers, 1);

	for (unsigned i = 0; i < servers; i++)
		b->servers[i]->maxconn = maxconn;
	assert_int_equal(backend_start(b, 1), 0);
	return b;
}

static void join(struct waiter *w, struct backend *b, struct server *s)
{
	bool retry;

	assert_true(server_wait_join(&w->wait, b, s, &retry));
	assert_false(retry);
}

static void turn(void)
{
	loop_turn(&rig_loop, 0);
}

static void test_without_limits_places_are_counted_only(void **state)
{
	struct backend *b = limited(1, 0);
	struct server *s = b->servers[0];

	(void)state;
	assert_false(b->shared_load);
	for (int i = 0; i < 1000; i++)
		assert_true(server_enter(s));
	assert_int_equal(server_served(s), 1000);
	assert_int_equal(b->load[0], 0);
	for (int i = 0; i < 1000; i++)
		server_leave(s);
	assert_int_equal(server_served(s), 0);
	rig_drop(b);
}

static void test_an_algorithm_that_needs_the_load_gets_it(void **state)
{
	struct backend *b = rig_backend(2, 1);

	(void)state;
	b->algorithm_param = 1; /* the stand-in's way to say so */
	assert_int_equal(backend_start(b, 1), 0);
	assert_true(server_enter(b->servers[1]));
	assert_int_equal(b->load[1], 1);
	server_leave(b->servers[1]);
	assert_int_equal(b->load[1], 0);
	rig_drop(b);
}

static void test_no_more_places_than_maxconn(void **state)
{
	struct backend *b = limited(1, 2);
	struct server *s = b->servers[0];

	(void)state;
	assert_true(server_enter(s));
	assert_true(server_enter(s));
	assert_false(server_enter(s));
	assert_int_equal(server_served(s), 2);
	server_leave(s);
	assert_true(server_enter(s));
	server_leave(s);
	server_leave(s);
	rig_drop(b);
}

static void test_a_place_is_handed_to_the_first_in_the_queue(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter first = new_waiter(), second = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	join(&first, b, s);
	join(&second, b, s);
	assert_int_equal(first.wait.position, 0);
	assert_int_equal(second.wait.position, 1);
	assert_int_equal(s->queued, 2);
	server_leave(s);
	assert_int_equal(first.woken, 0); /* on its loop, not from within */
	assert_false(server_enter(s));
	turn();
	assert_int_equal(first.woken, 1);
	assert_ptr_equal(first.wait.granted, s);
	assert_int_equal(second.woken, 0);
	assert_int_equal(server_served(s), 1);
	server_leave(s);
	turn();
	assert_int_equal(second.woken, 1);
	server_leave(s);
	assert_int_equal(server_served(s), 0);
	assert_int_equal(s->queued, 0);
	assert_int_equal(s->queued_max, 2);
	rig_drop(b);
}

static void test_nobody_overtakes_those_who_wait_for_a_server(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter w = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	join(&w, b, s);
	server_leave(s);
	assert_false(server_enter(s));
	turn();
	assert_int_equal(w.woken, 1);
	server_leave(s);
	rig_drop(b);
}

static void test_who_came_first_goes_first_whichever_queue(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter any = new_waiter(), own = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	join(&any, b, NULL);
	join(&own, b, s);
	assert_int_equal(b->queued, 1);
	server_leave(s);
	turn();
	assert_int_equal(any.woken, 1);
	assert_int_equal(own.woken, 0);
	assert_ptr_equal(any.wait.granted, s);
	server_leave(s);
	turn();
	assert_int_equal(own.woken, 1);
	server_leave(s);
	rig_drop(b);
}

static void test_who_waits_for_any_gets_the_server_that_is_left(void **state)
{
	struct backend *b = limited(2, 1);
	struct waiter w = new_waiter();

	(void)state;
	assert_true(server_enter(b->servers[0]));
	assert_true(server_enter(b->servers[1]));
	join(&w, b, NULL);
	server_leave(b->servers[1]);
	turn();
	assert_ptr_equal(w.wait.granted, b->servers[1]);
	server_leave(b->servers[0]);
	server_leave(b->servers[1]);
	rig_drop(b);
}

static void test_joining_beside_a_free_place_means_choose_again(void **state)
{
	struct backend *b = limited(2, 1);
	struct waiter w = new_waiter();
	bool retry = false;

	(void)state;
	assert_true(server_enter(b->servers[0]));
	assert_false(server_wait_join(&w.wait, b, NULL, &retry));
	assert_true(retry);
	assert_int_equal(b->queued, 0);
	retry = false;
	assert_false(server_wait_join(&w.wait, b, b->servers[1], &retry));
	assert_true(retry);
	join(&w, b, b->servers[0]);
	server_wait_cancel(&w.wait);
	server_leave(b->servers[0]);
	rig_drop(b);
}

static void test_maxqueue_refuses(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter w[3] = { new_waiter(), new_waiter(), new_waiter() };
	bool retry = true;

	(void)state;
	s->maxqueue = 2;
	assert_true(server_enter(s));
	join(&w[0], b, s);
	join(&w[1], b, s);
	assert_false(server_wait_join(&w[2].wait, b, s, &retry));
	assert_false(retry);
	server_wait_cancel(&w[0].wait);
	server_wait_cancel(&w[1].wait);
	assert_int_equal(s->queued, 0);
	server_leave(s);
	rig_drop(b);
}

static void test_one_who_left_the_queue_is_not_woken(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter w = new_waiter(), next = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	join(&w, b, s);
	join(&next, b, s);
	server_wait_cancel(&w.wait);
	server_wait_cancel(&w.wait); /* harmless */
	server_leave(s);
	turn();
	assert_int_equal(w.woken, 0);
	assert_int_equal(next.woken, 1);
	server_leave(s);
	rig_drop(b);
}

/* The wake-up is under way already: the place goes on, and the exchange may be freed at once. */
static void test_a_granted_place_that_is_not_wanted_goes_on(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter *w = malloc(sizeof *w), next = new_waiter();

	(void)state;
	*w = new_waiter();
	assert_true(server_enter(s));
	join(w, b, s);
	join(&next, b, s);
	server_leave(s);
	server_wait_cancel(&w->wait);
	free(w);
	turn();
	assert_int_equal(next.woken, 1);
	assert_ptr_equal(next.wait.granted, s);
	assert_int_equal(server_served(s), 1);
	server_leave(s);
	assert_int_equal(server_served(s), 0);
	assert_int_equal(counters_current(&s->thread[0].counters, sizeof s->thread[0], 1), 0);
	rig_drop(b);
}

static void test_who_waits_for_a_server_that_goes_down_chooses_again(void **state)
{
	struct backend *b = limited(2, 1);
	struct server *s = b->servers[0];
	struct waiter w = new_waiter(), any = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	assert_true(server_enter(b->servers[1]));
	join(&w, b, s);
	join(&any, b, NULL);
	server_set_health(s, SERVER_DOWN, NULL);
	turn();
	assert_int_equal(w.woken, 1);
	assert_null(w.wait.granted);
	assert_int_equal(any.woken, 0);
	/* A place on a server that is down is worth nothing. */
	server_leave(s);
	turn();
	assert_int_equal(any.woken, 0);
	server_leave(b->servers[1]);
	turn();
	assert_ptr_equal(any.wait.granted, b->servers[1]);
	server_leave(b->servers[1]);
	rig_drop(b);
}

static void test_without_any_server_nobody_waits(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter w = new_waiter(), late = new_waiter();
	bool retry = false;

	(void)state;
	assert_true(server_enter(s));
	join(&w, b, NULL);
	server_set_health(s, SERVER_DOWN, NULL);
	turn();
	assert_int_equal(w.woken, 1);
	assert_null(w.wait.granted);
	assert_false(server_wait_join(&late.wait, b, NULL, &retry));
	assert_true(retry);
	server_leave(s);
	rig_drop(b);
}

static void test_a_draining_server_serves_its_own_queue_only(void **state)
{
	struct backend *b = limited(2, 1);
	struct server *s = b->servers[0];
	struct waiter any = new_waiter(), own = new_waiter();

	(void)state;
	assert_true(server_enter(s));
	assert_true(server_enter(b->servers[1]));
	join(&any, b, NULL);
	join(&own, b, s);
	server_set_admin(s, SERVER_DRAIN, 0);
	server_leave(s);
	turn();
	assert_int_equal(any.woken, 0);
	assert_ptr_equal(own.wait.granted, s);
	server_leave(s);
	server_wait_cancel(&any.wait);
	server_leave(b->servers[1]);
	rig_drop(b);
}

static void test_a_server_that_comes_up_takes_those_who_wait(void **state)
{
	struct backend *b = limited(2, 1);
	struct waiter w = new_waiter();

	(void)state;
	server_set_health(b->servers[1], SERVER_DOWN, NULL);
	assert_true(server_enter(b->servers[0]));
	join(&w, b, NULL);
	server_set_health(b->servers[1], SERVER_UP, NULL);
	turn();
	assert_ptr_equal(w.wait.granted, b->servers[1]);
	server_leave(b->servers[0]);
	server_leave(b->servers[1]);
	rig_drop(b);
}

static void test_a_larger_maxconn_lets_waiters_in_and_a_smaller_one_holds(void **state)
{
	struct backend *b = limited(1, 1);
	struct server *s = b->servers[0];
	struct waiter w[2] = { new_waiter(), new_waiter() };

	(void)state;
	assert_true(server_enter(s));
	join(&w[0], b, s);
	server_set_maxconn(s, 2);
	turn();
	assert_int_equal(w[0].woken, 1);
	join(&w[1], b, s);
	server_set_maxconn(s, 1);
	server_leave(s);
	turn();
	assert_int_equal(w[1].woken, 0); /* 1 of 1 is still served */
	server_leave(s);
	turn();
	assert_int_equal(w[1].woken, 1);
	server_leave(s);
	assert_int_equal(server_served(s), 0);
	rig_drop(b);
}

static void test_a_limit_set_at_run_time_counts_what_is_there(void **state)
{
	struct backend *b = limited(1, 0);
	struct server *s = b->servers[0];

	(void)state;
	assert_true(server_enter(s));
	assert_true(server_enter(s));
	server_set_maxconn(s, 2);
	turn();
	assert_int_equal(server_served(s), 2);
	assert_false(server_enter(s));
	server_leave(s);
	assert_true(server_enter(s));
	server_leave(s);
	server_leave(s);
	assert_int_equal(server_served(s), 0);
	rig_drop(b);
}

static void test_the_limit_follows_the_load_between_minconn_and_maxconn(void **state)
{
	struct backend *b = rig_backend(1, 1);
	struct server *s = b->servers[0];

	(void)state;
	s->minconn = 10;
	s->maxconn = 100;
	b->set.fullconn = 1000;
	assert_int_equal(backend_start(b, 1), 0);
	assert_true(b->dynamic_limit);
	assert_int_equal(server_limit(s), 10);
	b->served = 50;
	assert_int_equal(server_limit(s), 10);
	b->served = 500;
	assert_int_equal(server_limit(s), 50);
	b->served = 999;
	assert_int_equal(server_limit(s), 99);
	b->served = 5000;
	assert_int_equal(server_limit(s), 100);
	b->set.fullconn = 0;
	b->served = 0;
	assert_int_equal(server_limit(s), 100);
	rig_drop(b);
}

/* Who waits is load, too: else the ramp could never be climbed by one server. */
static void test_waiting_requests_raise_the_dynamic_limit(void **state)
{
	struct backend *b = rig_backend(1, 1);
	struct server *s = b->servers[0];
	struct waiter w[5];
	unsigned woken = 0;

	(void)state;
	s->minconn = 1;
	s->maxconn = 5;
	b->set.fullconn = 5;
	assert_int_equal(backend_start(b, 1), 0);
	assert_true(server_enter(s));
	for (int i = 0; i < 4; i++) {
		bool retry;
		w[i] = new_waiter();
		if (!server_wait_join(&w[i].wait, b, s, &retry)) {
			assert_true(retry && server_enter(s));
			w[i].woken = 1;
		}
	}
	turn();
	for (int i = 0; i < 4; i++)
		woken += w[i].woken;
	assert_int_equal(server_served(s), 1 + woken);
	assert_true(woken >= 3);
	for (unsigned i = 0; i < 4; i++)
		server_wait_cancel(&w[i].wait);
	for (unsigned i = 0; i < 1 + woken; i++)
		server_leave(s);
	assert_int_equal(b->served, 0);
	assert_int_equal(server_served(s), 0);
	rig_drop(b);
}

static void test_a_lone_minconn_is_a_maxconn(void **state)
{
	struct backend *b = rig_backend(1, 1);

	(void)state;
	b->servers[0]->minconn = 3;
	assert_int_equal(backend_start(b, 1), 0);
	assert_int_equal(server_limit(b->servers[0]), 3);
	assert_false(b->dynamic_limit);
	rig_drop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_limits_places_are_counted_only),
		cmocka_unit_test(test_an_algorithm_that_needs_the_load_gets_it),
		cmocka_unit_test(test_no_more_places_than_maxconn),
		cmocka_unit_test(test_a_place_is_handed_to_the_first_in_the_queue),
		cmocka_unit_test(test_nobody_overtakes_those_who_wait_for_a_server),
		cmocka_unit_test(test_who_came_first_goes_first_whichever_queue),
		cmocka_unit_test(test_who_waits_for_any_gets_the_server_that_is_left),
		cmocka_unit_test(test_joining_beside_a_free_place_means_choose_again),
		cmocka_unit_test(test_maxqueue_refuses),
		cmocka_unit_test(test_one_who_left_the_queue_is_not_woken),
		cmocka_unit_test(test_a_granted_place_that_is_not_wanted_goes_on),
		cmocka_unit_test(test_who_waits_for_a_server_that_goes_down_chooses_again),
		cmocka_unit_test(test_without_any_server_nobody_waits),
		cmocka_unit_test(test_a_draining_server_serves_its_own_queue_only),
		cmocka_unit_test(test_a_server_that_comes_up_takes_those_who_wait),
		cmocka_unit_test(test_a_larger_maxconn_lets_waiters_in_and_a_smaller_one_holds),
		cmocka_unit_test(test_a_limit_set_at_run_time_counts_what_is_there),
		cmocka_unit_test(test_the_limit_follows_the_load_between_minconn_and_maxconn),
		cmocka_unit_test(test_waiting_requests_raise_the_dynamic_limit),
		cmocka_unit_test(test_a_lone_minconn_is_a_maxconn),
	};
	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
