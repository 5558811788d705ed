/* Tests of ballast/base/lfstack.h; also run under ThreadSanitizer. */
#include "ballast/base/lfstack.h"

#include <pthread.h>

#include "../cmocka_all.h"

static struct lfstack stack;

static void push_value(uintptr_t value)
{
	struct lfstack_node *node = lfstack_node_new((void *)value);

	assert_non_null(node);
	lfstack_push(&stack, node);
}

/* 0 where it is empty. */
static uintptr_t pop_value(void)
{
	struct lfstack_node *node = lfstack_pop(&stack);

	if (!node)
		return 0;
	uintptr_t value = (uintptr_t)node->value;
	lfstack_node_free(node);
	return value;
}

static int setup(void **state)
{
	(void)state;
	lfstack_init(&stack);
	return 0;
}

static void test_the_last_pushed_is_popped_first(void **state)
{
	(void)state;
	assert_true(lfstack_empty(&stack));
	assert_int_equal(pop_value(), 0);
	for (uintptr_t i = 1; i <= 3; i++)
		push_value(i);
	assert_false(lfstack_empty(&stack));
	assert_int_equal(pop_value(), 3);
	push_value(4);
	assert_int_equal(pop_value(), 4);
	assert_int_equal(pop_value(), 2);
	assert_int_equal(pop_value(), 1);
	assert_int_equal(pop_value(), 0);
}

static void test_all_can_be_taken_at_once(void **state)
{
	uintptr_t seen = 0;

	(void)state;
	assert_null(lfstack_take_all(&stack));
	for (uintptr_t i = 1; i <= 4; i++)
		push_value(i);
	struct lfstack_node *node = lfstack_take_all(&stack);
	assert_true(lfstack_empty(&stack));
	while (node) {
		struct lfstack_node *below = lfstack_below(node);
		seen = seen * 10 + (uintptr_t)node->value;
		lfstack_node_free(node);
		node = below;
	}
	assert_int_equal(seen, 4321);
}

static void test_a_stale_head_is_refused_though_its_node_is_on_top_again(void **state)
{
	(void)state;
	push_value(1);
	push_value(2);
	uint64_t stale = atomic_load(&stack.head);
	/* What a slow thread would swap in: node 1 as the top. */
	uint64_t want = (stale & ~LFSTACK_INDEX_MASK) | atomic_load(&lfstack_at(stale & LFSTACK_INDEX_MASK)->next);
	struct lfstack_node *two = lfstack_pop(&stack), *one = lfstack_pop(&stack);
	lfstack_push(&stack, two);
	assert_int_equal(atomic_load(&stack.head) & LFSTACK_INDEX_MASK, stale & LFSTACK_INDEX_MASK);
	assert_false(atomic_compare_exchange_strong(&stack.head, &stale, want));
	lfstack_node_free(one);
	lfstack_node_free(lfstack_pop(&stack));
}

static void test_the_tag_may_wrap(void **state)
{
	(void)state;
	atomic_store(&stack.head, ~LFSTACK_INDEX_MASK);
	push_value(5);
	assert_int_equal(atomic_load(&stack.head) >> LFSTACK_INDEX_BITS, 0);
	assert_int_equal(pop_value(), 5);
}

static void test_freed_nodes_are_used_again(void **state)
{
	struct lfstack_node *node = lfstack_node_new(NULL);

	(void)state;
	lfstack_node_free(node);
	lfstack_node_free(NULL);
	assert_ptr_equal(lfstack_node_new(&stack), node);
	assert_ptr_equal(node->value, &stack);
	lfstack_node_free(node);
}

static void test_nodes_span_segments(void **state)
{
	enum { COUNT = 3 * LFSTACK_SEGMENT_NODES };

	(void)state;
	for (uintptr_t i = 1; i <= COUNT; i++)
		push_value(i);
	for (uintptr_t i = COUNT; i >= 1; i--)
		assert_int_equal(pop_value(), i);
	assert_true(lfstack_empty(&stack));
}

/* --- stress: threads pass items through two stacks; none may get lost, doubled or seen by two at a time --- */

enum { THREADS = 4, ITEMS = 64, ROUNDS = 50000 };

struct item {
	uint64_t uses; /* not atomic: whoever popped it owns it */
};

static struct lfstack other;
static struct item items[ITEMS];

static void *pass_around(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct lfstack *from = rand_r(&seed) % 2 ? &stack : &other, *to = rand_r(&seed) % 2 ? &stack : &other;
		struct lfstack_node *a = lfstack_pop(from), *b = lfstack_pop(from);
		if (a)
			((struct item *)a->value)->uses++;
		if (b)
			((struct item *)b->value)->uses++;
		/* In the order that makes ABA: the first popped returns first. */
		if (a)
			lfstack_push(to, a);
		if (b) {
			void *item = b->value;
			lfstack_node_free(b);
			b = lfstack_node_new(item);
			lfstack_push(to, b);
		}
	}
	return NULL;
}

static unsigned drain(struct lfstack *s, unsigned seen[ITEMS])
{
	unsigned count = 0;

	for (struct lfstack_node *n; (n = lfstack_pop(s)); count++) {
		seen[(struct item *)n->value - items]++;
		lfstack_node_free(n);
		assert_true(count <= ITEMS);
	}
	return count;
}

static void test_threads_lose_and_double_nothing(void **state)
{
	unsigned seen[ITEMS] = { 0 };
	pthread_t threads[THREADS];

	(void)state;
	for (int i = 0; i < ITEMS; i++)
		push_value((uintptr_t)&items[i]);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, pass_around, (void *)(i + 1));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(drain(&stack, seen) + drain(&other, seen), ITEMS);
	for (int i = 0; i < ITEMS; i++)
		assert_int_equal(seen[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_the_last_pushed_is_popped_first, setup),
		cmocka_unit_test_setup(test_all_can_be_taken_at_once, setup),
		cmocka_unit_test_setup(test_a_stale_head_is_refused_though_its_node_is_on_top_again, setup),
		cmocka_unit_test_setup(test_the_tag_may_wrap, setup),
		cmocka_unit_test_setup(test_freed_nodes_are_used_again, setup),
		cmocka_unit_test_setup(test_nodes_span_segments, setup),
		cmocka_unit_test_setup(test_threads_lose_and_double_nothing, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
