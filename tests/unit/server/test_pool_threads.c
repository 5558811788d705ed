/* Stress of kept connections over threads: one server, its state changing under them; nothing is lost or used twice. */
#include <dirent.h>
#include <pthread.h>

#include "rig.h"

enum { THREADS = 3, USERS = 6, RUN_MS = 2600 };

struct user {
	struct timer timer;
	struct server_conn *sc;
	struct worker *worker;
};

struct worker {
	struct loop loop;
	pthread_t id;
	unsigned seed, opened, taken;
	bool mixed_up;
	struct user user[USERS];
};

static struct backend *backend;
static struct worker workers[THREADS];
static atomic_bool stop, origin_stop;
static int listener;

static unsigned dice(struct worker *w, unsigned sides)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return (w->seed >> 8) % sides;
}

static void ready(struct watch *w, unsigned bits)
{
	conn_note(&container_of(w, struct server_conn, conn.watch)->conn, bits);
}

static bool usable(struct server_conn *sc)
{
	return conn_finish_connect(&sc->conn) == 0 && !(sc->conn.flags & (CONN_ERROR | CONN_PEER_ENDED));
}

/* Busy with a connection for a moment, or, by turns, quiet for a while, so that some become stale and are shared. */
static void fire(struct timer *timer)
{
	struct user *u = container_of(timer, struct user, timer);
	struct worker *w = u->worker;
	struct server *s = backend->servers[0];
	int error;

	if (u->sc) {
		w->mixed_up |= u->sc->user != u || u->sc->thread != w->loop.index;
		if (usable(u->sc) && dice(w, 20))
			server_conn_put(u->sc);
		else
			server_conn_drop(u->sc, dice(w, 2));
		u->sc = NULL;
		loop_timer_set(timer, dice(w, 30) ? dice(w, 3) : 1200);
		return;
	}
	u->sc = server_conn_take(s, ready, u);
	w->taken += u->sc != NULL;
	if (!u->sc) {
		u->sc = server_conn_open(s, NULL, ready, u, &error);
		w->opened += u->sc != NULL;
	}
	loop_timer_set(timer, dice(w, 3));
}

static void *work(void *arg)
{
	struct worker *w = arg;

	assert_int_equal(hazard_thread_enter(), 0);
	loop_enter(&w->loop);
	for (unsigned i = 0; i < USERS; i++) {
		w->user[i].worker = w;
		timer_init(&w->user[i].timer, fire);
		loop_timer_set(&w->user[i].timer, i);
	}
	while (!stop)
		loop_turn(&w->loop, 2);
	for (unsigned i = 0; i < USERS; i++) {
		loop_timer_clear(&w->user[i].timer);
		if (w->user[i].sc)
			server_conn_drop(w->user[i].sc, false);
	}
	server_pool_thread_free();
	loop_turn(&w->loop, 0);
	hazard_thread_exit();
	return NULL;
}

/* Accepts, and closes one of eight at once. */
static void *origin(void *arg)
{
	static int kept[4096];
	unsigned count = 0, seen = 0;

	(void)arg;
	while (!origin_stop) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			usleep(200);
		else if (seen++ % 8 == 0 || count == 4096)
			close(fd);
		else
			kept[count++] = fd;
	}
	while (count)
		close(kept[--count]);
	return NULL;
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void change_state(struct server *s, unsigned turn)
{
	struct endpoint at = atomic_load(&s->target)->at;

	switch (turn % 4) {
	case 0: server_set_admin(s, SERVER_MAINT, 0); break;
	case 1: server_set_admin(s, 0, SERVER_MAINT); break;
	case 2: assert_int_equal(server_set_target(s, &at), 0); break;
	case 3: server_set_weight(s, turn % 256); break;
	}
	rig_logged();
}

static void run_workers(struct server *s, struct loop **loops)
{
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i].seed = i + 1;
		assert_int_equal(loop_init(&workers[i].loop, i), 0);
		loops[i] = &workers[i].loop;
	}
	loop_set_all(loops, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].id, NULL, work, &workers[i]), 0);
	for (unsigned turn = 0; turn < RUN_MS / 20; turn++) {
		usleep(20000);
		/* Quiet in the second half of it, so that connections live long enough to be shared. */
		if (turn < RUN_MS / 40 || turn > RUN_MS / 20 - 5)
			change_state(s, turn);
	}
	stop = true;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(workers[i].id, NULL);
}

static void test_connections_survive_threads_and_changes(void **state)
{
	static struct loop *loops[THREADS];
	unsigned before, taken = 0, opened = 0;
	pthread_t origin_id;
	uint16_t port;

	(void)state;
	assert_int_equal(hazard_thread_enter(), 0);
	backend_set_balance_ops(&rig_ops);
	listener = rig_listen(&port);
	backend = rig_backend(1, port);
	backend->servers[0]->pool_purge_delay_ms = 1000;
	assert_int_equal(backend_start(backend, THREADS), 0);
	before = open_descriptors();
	assert_int_equal(pthread_create(&origin_id, NULL, origin, NULL), 0);
	run_workers(backend->servers[0], loops);
	origin_stop = true;
	pthread_join(origin_id, NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		loop_free(&workers[i].loop);
		taken += workers[i].taken;
		opened += workers[i].opened;
		assert_false(workers[i].mixed_up);
	}
	assert_true(taken > 100 && opened > THREADS);
	assert_int_equal(server_used_connections(backend->servers[0]), 0);
	assert_int_equal(server_idle_connections(backend->servers[0]), 0);
	assert_int_equal(open_descriptors(), before);
	close(listener);
	backend_free(backend);
	hazard_thread_exit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connections_survive_threads_and_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
