/* bench/lfstack: ns for a push and a pop on the lock-free stack, beside the same list under a mutex, with one thread
 * and with two that share it.  Each thread pops an item and pushes it back.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/clock.h"
#include "ballast/base/lfstack.h"

enum { PAIRS = 2000000, ITEMS = 64, THREADS_MAX = 2, ROUNDS = 5 };

static struct lfstack stack;

struct locked_item {
	struct locked_item *next;
};

static struct {
	pthread_mutex_t mutex;
	struct locked_item *top;
} locked = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static struct locked_item items[ITEMS];
static pthread_barrier_t start;

static void locked_push(struct locked_item *item)
{
	pthread_mutex_lock(&locked.mutex);
	item->next = locked.top;
	locked.top = item;
	pthread_mutex_unlock(&locked.mutex);
}

static struct locked_item *locked_pop(void)
{
	pthread_mutex_lock(&locked.mutex);
	struct locked_item *item = locked.top;
	if (item)
		locked.top = item->next;
	pthread_mutex_unlock(&locked.mutex);
	return item;
}

static void *run_lockfree(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&start);
	for (int i = 0; i < PAIRS; i++) {
		struct lfstack_node *node = lfstack_pop(&stack);
		if (node)
			lfstack_push(&stack, node);
	}
	return NULL;
}

static void *run_locked(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&start);
	for (int i = 0; i < PAIRS; i++) {
		struct locked_item *item = locked_pop();
		if (item)
			locked_push(item);
	}
	return NULL;
}

/* ns a pair: the time of all divided by the pairs of one. */
static double measure(void *(*run)(void *arg), int threads)
{
	pthread_t others[THREADS_MAX];

	pthread_barrier_init(&start, NULL, (unsigned)threads);
	uint64_t from = clock_mono_ns();
	for (int i = 1; i < threads; i++)
		pthread_create(&others[i], NULL, run, NULL);
	run(NULL);
	for (int i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	uint64_t ns = clock_mono_ns() - from;
	pthread_barrier_destroy(&start);
	return (double)ns / PAIRS;
}

static double best(void *(*run)(void *arg), int threads)
{
	double least = measure(run, threads);

	for (int i = 1; i < ROUNDS; i++) {
		double ns = measure(run, threads);
		if (ns < least)
			least = ns;
	}
	return least;
}

static void *rest(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

int main(void)
{
	/* A second thread that only rests: without any, libc's mutex would skip its atomic instructions. */
	pthread_mutex_t resting = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;

	pthread_mutex_lock(&resting);
	if (pthread_create(&thread, NULL, rest, &resting))
		return 1;
	lfstack_init(&stack);
	for (int i = 0; i < ITEMS; i++) {
		struct lfstack_node *node = lfstack_node_new(&items[i]);
		if (!node)
			return 1;
		lfstack_push(&stack, node);
		locked_push(&items[i]);
	}
	printf("ns for each thread's push and pop, best of %d rounds\n", ROUNDS);
	printf("%8s %10s %10s\n", "threads", "lock-free", "mutex");
	for (int threads = 1; threads <= THREADS_MAX; threads++)
		printf("%8d %10.1f %10.1f\n", threads, best(run_lockfree, threads), best(run_locked, threads));
	pthread_mutex_unlock(&resting);
	pthread_join(thread, NULL);
	return 0;
}
