/* Stress of places and queues over threads: never over the limit, nobody waits for ever, nothing is lost. */
#include <pthread.h>
#include <stdio.h>

#include "rig.h"

enum { THREADS = 4, CLIENTS = 12, ROUNDS = 300, LIMIT = 3, SERVERS = 2 };

struct thread;

struct client {
	struct server_wait wait; /* first */
	struct thread *thread;
	struct timer timer;
	struct server *on;
	unsigned rounds;
};

struct thread {
	struct loop loop;
	pthread_t id;
	unsigned seed, finished, cancelled, woken;
	struct client client[CLIENTS];
};

static struct backend *backend;
static struct thread threads[THREADS];
static atomic_uint serving[SERVERS], most, over, done;
static unsigned limits[SERVERS];

static unsigned dice(struct thread *t, unsigned sides)
{
	t->seed = t->seed * 1664525u + 1013904223u;
	return (t->seed >> 8) % sides;
}

static void begin(struct client *c);

static void serve(struct client *c, struct server *s)
{
	unsigned now = atomic_fetch_add(&serving[s->slot], 1) + 1;

	if (limits[s->slot] && now > limits[s->slot])
		atomic_fetch_add(&over, 1);
	if (now > most)
		most = now;
	c->on = s;
	loop_timer_set(&c->timer, dice(c->thread, 2));
}

static void leave(struct client *c)
{
	struct server *s = c->on;

	c->on = NULL;
	atomic_fetch_sub(&serving[s->slot], 1);
	server_leave(s);
	if (++c->rounds == ROUNDS)
		c->thread->finished++;
	else
		begin(c);
}

static void fire(struct timer *timer)
{
	struct client *c = container_of(timer, struct client, timer);

	if (c->on) {
		leave(c);
		return;
	}
	if (c->wait.ticket) { /* tired of waiting, maybe with the wake-up already under way */
		server_wait_cancel(&c->wait);
		c->thread->cancelled++;
	}
	begin(c);
}

static void wake_client(struct server_wait *w)
{
	struct client *c = (struct client *)(void *)w;

	loop_timer_clear(&c->timer);
	c->thread->woken++;
	if (w->granted)
		serve(c, w->granted);
	else
		begin(c);
}

static void begin(struct client *c)
{
	struct server *s = backend->servers[dice(c->thread, SERVERS)];
	bool retry = false;

	if (server_enter(s)) {
		serve(c, s);
		return;
	}
	if (server_wait_join(&c->wait, backend, dice(c->thread, 2) ? s : NULL, &retry)) {
		if (dice(c->thread, 4) == 0)
			loop_timer_set(&c->timer, dice(c->thread, 3));
		return;
	}
	loop_timer_set(&c->timer, 0);
}

/* Done when all are: the others' grants may still come to this loop. */
static void *work(void *arg)
{
	struct thread *t = arg;
	bool told = false;

	assert_int_equal(hazard_thread_enter(), 0);
	loop_enter(&t->loop);
	for (unsigned i = 0; i < CLIENTS; i++) {
		t->client[i].thread = t;
		t->client[i].wait.wake = wake_client;
		timer_init(&t->client[i].timer, fire);
		begin(&t->client[i]);
	}
	while (done < THREADS) {
		loop_turn(&t->loop, 1);
		if (!told && t->finished == CLIENTS) {
			told = true;
			atomic_fetch_add(&done, 1);
		}
	}
	loop_turn(&t->loop, 0);
	hazard_thread_exit();
	return NULL;
}

static void run(void)
{
	static struct loop *loops[THREADS];

	done = most = over = 0;
	for (unsigned i = 0; i < THREADS; i++) {
		memset(&threads[i], 0, sizeof threads[i]);
		threads[i].seed = i + 1;
		assert_int_equal(loop_init(&threads[i].loop, i), 0);
		loops[i] = &threads[i].loop;
	}
	loop_set_all(loops, THREADS);
	alarm(100); /* one who waits for ever ends the test */
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i].id, NULL, work, &threads[i]), 0);
}

static void finish(void)
{
	unsigned cancelled = 0, woken = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i].id, NULL);
		cancelled += threads[i].cancelled;
		woken += threads[i].woken;
		loop_free(&threads[i].loop);
	}
	alarm(0);
	assert_int_equal(over, 0);
	assert_true(cancelled > 0);
	assert_true(woken > 0);
	for (unsigned i = 0; i < SERVERS; i++) {
		assert_int_equal(server_served(backend->servers[i]), 0);
		assert_int_equal(backend->servers[i]->queued, 0);
	}
	assert_int_equal(backend->queued, 0);
	assert_int_equal(backend->served, 0);
	backend_free(backend);
}

static void prepare(unsigned minconn)
{
	backend_set_balance_ops(&rig_ops);
	backend = rig_backend(SERVERS, 1);
	backend->set.fullconn = 20;
	for (unsigned i = 0; i < SERVERS; i++) {
		limits[i] = LIMIT + i;
		backend->servers[i]->maxconn = LIMIT + i;
		backend->servers[i]->minconn = minconn;
	}
	assert_int_equal(backend_start(backend, THREADS), 0);
}

static void test_threads_never_pass_the_limit_and_all_get_through(void **state)
{
	(void)state;
	prepare(0);
	run();
	finish();
	assert_true(most >= LIMIT);
}

static void test_a_dynamic_limit_holds_as_well(void **state)
{
	(void)state;
	prepare(1);
	run();
	finish();
}

/* Waiters of a server that goes and comes are sent on, whatever comes at the same time. */
static void test_changes_of_state_in_the_middle_lose_nobody(void **state)
{
	(void)state;
	prepare(0);
	run();
	while (done < THREADS) {
		struct server *s = backend->servers[done & 1];
		server_set_admin(s, SERVER_MAINT, 0);
		usleep(500);
		server_set_admin(s, 0, SERVER_MAINT);
		usleep(500);
		rig_logged();
	}
	finish();
}

/* While some threads do not keep the load yet, the limit is approximate; what counts is that it ends right. */
static void test_a_limit_that_comes_at_run_time_ends_in_balance(void **state)
{
	(void)state;
	backend_set_balance_ops(&rig_ops);
	backend = rig_backend(SERVERS, 1);
	limits[0] = limits[1] = 0;
	assert_int_equal(backend_start(backend, THREADS), 0);
	run();
	usleep(5000);
	server_set_maxconn(backend->servers[0], 2);
	server_set_maxconn(backend->servers[1], 2);
	finish();
}

static int setup(void **state)
{
	(void)state;
	return hazard_thread_enter();
}

static int teardown(void **state)
{
	(void)state;
	hazard_thread_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads_never_pass_the_limit_and_all_get_through),
		cmocka_unit_test(test_a_dynamic_limit_holds_as_well),
		cmocka_unit_test(test_changes_of_state_in_the_middle_lose_nobody),
		cmocka_unit_test(test_a_limit_that_comes_at_run_time_ends_in_balance),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
