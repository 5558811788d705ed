/* Tests of the seam between backends and pickers (src/balance/attach.c). */
#include "ballast/balance/attach.h"

#include "ballast/balance/pick.h"
#include "ballast/server/backend.h"

#include "../cmocka_all.h"

static struct backend *make(unsigned servers, const char *algorithm)
{
	static const char *const names[] = { "s1", "s2", "s3" };
	struct backend *b = backend_new("app");

	for (unsigned i = 0; i < servers; i++)
		assert_non_null(server_new(b, names[i]));
	if (algorithm)
		b->algorithm = pick_algorithm_find(slice_from_str(algorithm));
	return b;
}

static int choose(struct backend *b)
{
	struct pick_request r = { .thread = b->thread[0].pick };
	const struct picker *p = backend_picker_acquire(b);
	int slot = pick_choose(p, &r);

	backend_picker_release();
	return slot;
}

static void test_without_a_word_it_is_roundrobin(void **state)
{
	struct backend *b = make(3, NULL);
	unsigned seen[3] = { 0 };

	(void)state;
	assert_int_equal(backend_start(b, 2), 0);
	assert_string_equal(b->algorithm->name, "roundrobin");
	assert_false(b->shared_load);
	assert_ptr_not_equal(b->thread[0].pick, b->thread[1].pick);
	for (int i = 0; i < 30; i++)
		seen[choose(b)]++;
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen[i], 10);
	backend_free(b);
}

static void test_changes_of_servers_reach_the_choice(void **state)
{
	struct backend *b = make(2, NULL);

	(void)state;
	assert_int_equal(backend_start(b, 1), 0);
	server_set_health(b->servers[0], SERVER_DOWN, NULL);
	for (int i = 0; i < 10; i++)
		assert_int_equal(choose(b), 1);
	server_set_weight(b->servers[1], 0);
	assert_int_equal(choose(b), PICK_NONE);
	server_set_health(b->servers[0], SERVER_UP, NULL);
	assert_int_equal(choose(b), 0);
	backend_free(b);
}

/* What `slowstart` does with a warmth of 4 of 16. */
static void test_a_server_that_is_not_warm_yet_gets_its_part(void **state)
{
	static const struct {
		const char *algorithm;
		int share; /* of 20 */
	} cases[] = { { "roundrobin", 4 }, { "static-rr", 10 } };

	(void)state;
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		struct backend *b = make(2, cases[k].algorithm);
		int seen = 0;
		assert_int_equal(backend_start(b, 1), 0);
		atomic_store(&b->servers[0]->warmth, 4);
		pthread_mutex_lock(&b->lock);
		backend_publish(b);
		pthread_mutex_unlock(&b->lock);
		for (int i = 0; i < 20; i++)
			seen += choose(b) == 0;
		assert_int_equal(seen, cases[k].share);
		backend_free(b);
	}
}

static void test_backups_serve_when_no_active_one_can(void **state)
{
	struct backend *b = make(2, NULL);

	(void)state;
	b->servers[1]->backup = true;
	assert_int_equal(backend_start(b, 1), 0);
	assert_int_equal(choose(b), 0);
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	assert_int_equal(choose(b), 1);
	backend_free(b);
}

static void test_leastconn_sees_the_places_taken(void **state)
{
	struct backend *b = make(2, "leastconn");
	int first;

	(void)state;
	assert_int_equal(backend_start(b, 1), 0);
	assert_true(b->shared_load);
	first = choose(b);
	assert_true(server_enter(b->servers[first]));
	for (int i = 0; i < 10; i++)
		assert_int_equal(choose(b), 1 - first);
	server_leave(b->servers[first]);
	backend_free(b);
}

static void test_first_fills_one_server_to_its_limit(void **state)
{
	struct backend *b = make(2, "first");

	(void)state;
	b->servers[0]->maxconn = 1;
	assert_int_equal(backend_start(b, 1), 0);
	assert_int_equal(choose(b), 0);
	assert_true(server_enter(b->servers[0]));
	assert_int_equal(choose(b), 1);
	server_leave(b->servers[0]);
	assert_int_equal(choose(b), 0);
	backend_free(b);
}

static void test_a_backend_without_servers_chooses_none(void **state)
{
	struct backend *b = make(0, NULL);

	(void)state;
	assert_int_equal(backend_start(b, 1), 0);
	assert_int_equal(choose(b), PICK_NONE);
	backend_free(b);
}

static struct loop the_loop;

static int setup(void **state)
{
	(void)state;
	balance_attach();
	loop_enter(&the_loop);
	return hazard_thread_enter() || loop_init(&the_loop, 0);
}

static int teardown(void **state)
{
	(void)state;
	loop_free(&the_loop);
	hazard_thread_exit();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_word_it_is_roundrobin),
		cmocka_unit_test(test_changes_of_servers_reach_the_choice),
		cmocka_unit_test(test_a_server_that_is_not_warm_yet_gets_its_part),
		cmocka_unit_test(test_backups_serve_when_no_active_one_can),
		cmocka_unit_test(test_leastconn_sees_the_places_taken),
		cmocka_unit_test(test_first_fills_one_server_to_its_limit),
		cmocka_unit_test(test_a_backend_without_servers_chooses_none),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
