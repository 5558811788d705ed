/* The loop over socket pairs, and posts from several threads. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../cmocka_all.h"

#include "ballast/base/clock.h"
#include "ballast/event/loop.h"

struct seen {
	struct watch watch;
	unsigned events, bits;
	struct seen *removes;
	struct loop *loop;
};

static void see(struct watch *w, unsigned bits)
{
	struct seen *s = container_of(w, struct seen, watch);
	s->events++;
	s->bits = bits;
	if (s->removes)
		loop_remove(s->loop, &s->removes->watch);
}

struct world {
	struct loop loop;
	int a[2], b[2];
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_int_equal(loop_init(&w->loop, 0), 0);
	loop_enter(&w->loop);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->a), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->b), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	loop_free(&w->loop);
	for (int i = 0; i < 2; i++) {
		close(w->a[i]);
		close(w->b[i]);
	}
	free(w);
	return 0;
}

static void test_readiness_is_told_once(void **state)
{
	struct world *w = *state;
	struct seen s = { 0 };
	assert_int_equal(loop_add(&w->loop, &s.watch, w->a[0], see), 0);
	loop_turn(&w->loop, 0);
	assert_int_equal(s.bits, LOOP_WRITE);
	loop_turn(&w->loop, 0);
	assert_int_equal(s.events, 1);
	assert_int_equal(write(w->a[1], "x", 1), 1);
	loop_turn(&w->loop, -1);
	assert_int_equal(s.bits, LOOP_READ | LOOP_WRITE);
	assert_int_equal(s.events, 2);
	loop_remove(&w->loop, &s.watch);
	assert_int_equal(s.watch.fd, -1);
}

static void test_the_peers_end_is_told(void **state)
{
	struct world *w = *state;
	struct seen s = { 0 };
	loop_add(&w->loop, &s.watch, w->a[0], see);
	shutdown(w->a[1], SHUT_WR);
	loop_turn(&w->loop, -1);
	assert_int_equal(s.bits, LOOP_READ | LOOP_WRITE | LOOP_HUP);
	shutdown(w->a[0], SHUT_WR);
	loop_turn(&w->loop, -1);
	assert_true(s.bits & LOOP_ERROR);
	loop_remove(&w->loop, &s.watch);
}

static void test_an_event_of_a_watch_removed_in_the_same_turn_is_not_delivered(void **state)
{
	struct world *w = *state;
	struct seen a = { .loop = &w->loop }, b = { .loop = &w->loop };
	a.removes = &b;
	b.removes = &a;
	loop_add(&w->loop, &a.watch, w->a[0], see);
	loop_add(&w->loop, &b.watch, w->b[0], see);
	loop_turn(&w->loop, 0);
	assert_int_equal(a.events + b.events, 1);
	assert_true((a.watch.fd < 0) != (b.watch.fd < 0));
	loop_remove(&w->loop, &a.watch);
	loop_remove(&w->loop, &b.watch);
}

struct swap {
	struct seen seen;
	struct seen *victim;
	int new_fd;
};

static void swap_victim(struct watch *watch, unsigned bits)
{
	struct swap *s = container_of(watch, struct swap, seen.watch);
	(void)bits;
	s->seen.events++;
	if (!s->victim)
		return;
	loop_remove(s->seen.loop, &s->victim->watch);
	loop_add(s->seen.loop, &s->victim->watch, s->new_fd, see);
	s->victim = NULL;
}

static void test_a_watch_registered_anew_does_not_get_its_old_events(void **state)
{
	struct world *w = *state;
	struct seen victim = { .loop = &w->loop };
	struct swap s = { .seen.loop = &w->loop, .victim = &victim, .new_fd = w->b[0] };
	loop_add(&w->loop, &s.seen.watch, w->a[1], swap_victim);
	loop_add(&w->loop, &victim.watch, w->a[0], see);
	shutdown(w->a[0], SHUT_RDWR); /* the old descriptor is in error */
	loop_turn(&w->loop, 0);
	assert_int_equal(s.seen.events, 1);
	assert_int_equal(victim.events, 0);
	loop_turn(&w->loop, 0);
	assert_int_equal(victim.bits, LOOP_WRITE);
	loop_remove(&w->loop, &victim.watch);
	loop_remove(&w->loop, &s.seen.watch);
}

static void test_adding_a_bad_descriptor_fails_and_leaves_the_watch_free(void **state)
{
	struct world *w = *state;
	struct seen s = { 0 };
	assert_true(loop_add(&w->loop, &s.watch, 9999, see) < 0);
	assert_int_equal(s.watch.fd, -1);
}

struct connection {
	struct watch watch;
	unsigned touched;
};

static struct connection *garbage_new(void)
{
	struct connection *c = calloc(1, sizeof *c);
	c->watch.fd = -1;
	return c;
}

static void test_memory_to_free_later_lives_until_the_turns_end(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 1000; i++) {
		struct connection *c = garbage_new();
		loop_free_later(&w->loop, &c->watch);
		c->touched = 1;
		assert_int_equal(c->watch.fd, -1);
	}
	loop_turn(&w->loop, 0); /* a leak or double free is the sanitizer's to find */
	loop_free_later(&w->loop, &garbage_new()->watch);
	loop_turn(&w->loop, 0);
	loop_free_later(&w->loop, &garbage_new()->watch);
}

struct tick {
	struct timer timer;
	unsigned fired;
};

static void tick_fire(struct timer *t)
{
	container_of(t, struct tick, timer)->fired++;
}

static void test_the_loop_wakes_for_its_timers(void **state)
{
	struct world *w = *state;
	struct tick t = { .fired = 0 };
	timer_init(&t.timer, tick_fire);
	loop_timer_set(&t.timer, 20);
	uint64_t begin = clock_mono_ns();
	unsigned turns = 0;
	while (!t.fired && turns++ < 10)
		loop_turn(&w->loop, -1);
	assert_true(clock_mono_ns() - begin >= 19000000);
	assert_true(turns <= 3);
	loop_timer_clear(&t.timer);
}

struct late {
	struct tick tick;
	struct seen seen;
};

static void arm_late(struct watch *watch, unsigned bits)
{
	struct late *l = container_of(watch, struct late, seen.watch);
	(void)bits;
	l->seen.events++;
	loop_timer_set(&l->tick.timer, 50);
}

static void test_a_timer_armed_by_an_event_counts_from_that_event(void **state)
{
	struct world *w = *state;
	struct late l = { .seen.loop = &w->loop };
	timer_init(&l.tick.timer, tick_fire);
	usleep(120000); /* the loop's time is old by more than the delay */
	loop_add(&w->loop, &l.seen.watch, w->a[0], arm_late);
	loop_turn(&w->loop, 0);
	assert_int_equal(l.seen.events, 1);
	assert_true(l.tick.timer.due_ms >= clock_mono_ns() / 1000000 + 30);
	assert_int_equal(l.tick.fired, 0);
	loop_timer_clear(&l.tick.timer);
	loop_remove(&w->loop, &l.seen.watch);
}

static void test_the_wall_clock_follows(void **state)
{
	struct world *w = *state;
	loop_turn(&w->loop, 0);
	int64_t off = (int64_t)(clock_wall_us() - w->loop.wall_us);
	assert_true(off > -100000 && off < 1000000);
}

/* Posts. */

enum { SENDERS = 3, POSTS = 20000 };

struct note {
	struct post post;
	unsigned sender, number;
};

static unsigned last_number[SENDERS], notes_seen;
static struct loop *post_loop;

static void take_note(struct post *p)
{
	struct note *n = container_of(p, struct note, post);
	assert_int_equal(n->number, last_number[n->sender] + 1); /* in order for each sender */
	last_number[n->sender] = n->number;
	free(n);
	if (++notes_seen == SENDERS * POSTS)
		loop_stop(loop_current());
}

static void *send_notes(void *arg)
{
	unsigned sender = (unsigned)(uintptr_t)arg;
	for (unsigned i = 1; i <= POSTS; i++) {
		struct note *n = malloc(sizeof *n);
		*n = (struct note){ .post.run = take_note, .sender = sender, .number = i };
		loop_post(post_loop, &n->post);
		if (i % 1000 == 0)
			usleep(100); /* lets the loop fall asleep now and then */
	}
	return NULL;
}

static void test_posts_of_many_threads_all_arrive_in_order(void **state)
{
	struct world *w = *state;
	pthread_t t[SENDERS];
	post_loop = &w->loop;
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, send_notes, (void *)(uintptr_t)i), 0);
	loop_run(&w->loop);
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(notes_seen, SENDERS * POSTS);
}

/* Two loops throw one post to and fro: a lost wake-up hangs here. */
struct ball {
	struct post post;
	unsigned left;
};

static struct loop *court[2];

static void throw_back(struct post *p)
{
	struct ball *b = container_of(p, struct ball, post);
	unsigned here = loop_current() == court[1];
	if (b->left-- == 0) {
		loop_stop(court[0]);
		loop_stop(court[1]);
		return;
	}
	loop_post(court[!here], p);
}

static void *play(void *arg)
{
	loop_enter(arg);
	loop_run(arg);
	return NULL;
}

static void test_no_wake_up_is_lost_between_two_loops(void **state)
{
	struct world *w = *state;
	struct loop other;
	pthread_t t;
	assert_int_equal(loop_init(&other, 1), 0);
	court[0] = &w->loop;
	court[1] = &other;
	loop_set_all(court, 2);
	assert_int_equal(loop_count(), 2);
	assert_ptr_equal(loop_at(1), &other);
	struct ball ball = { .post.run = throw_back, .left = 20000 };
	assert_int_equal(pthread_create(&t, NULL, play, &other), 0);
	loop_post(&w->loop, &ball.post);
	loop_run(&w->loop);
	pthread_join(t, NULL);
	assert_int_equal(ball.left, UINT32_MAX);
	loop_free(&other);
	loop_set_all(NULL, 0);
}

static void test_stop_before_run_ends_at_once(void **state)
{
	struct world *w = *state;
	loop_stop(&w->loop);
	loop_turn(&w->loop, -1);
	loop_run(&w->loop);
}

int main(void)
{
#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		LOOP_TEST(test_readiness_is_told_once),
		LOOP_TEST(test_the_peers_end_is_told),
		LOOP_TEST(test_an_event_of_a_watch_removed_in_the_same_turn_is_not_delivered),
		LOOP_TEST(test_a_watch_registered_anew_does_not_get_its_old_events),
		LOOP_TEST(test_adding_a_bad_descriptor_fails_and_leaves_the_watch_free),
		LOOP_TEST(test_memory_to_free_later_lives_until_the_turns_end),
		LOOP_TEST(test_the_loop_wakes_for_its_timers),
		LOOP_TEST(test_a_timer_armed_by_an_event_counts_from_that_event),
		LOOP_TEST(test_the_wall_clock_follows),
		LOOP_TEST(test_posts_of_many_threads_all_arrive_in_order),
		LOOP_TEST(test_no_wake_up_is_lost_between_two_loops),
		LOOP_TEST(test_stop_before_run_ends_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
