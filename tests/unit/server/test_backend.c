/* Tests of backends: made, started, freed (src/server/backend.c). */
#include "rig.h"

static void test_servers_get_slots_ids_and_defaults(void **state)
{
	struct backend *b = rig_backend(2, 1);
	const struct server *s = b->servers[1];

	(void)state;
	assert_int_equal(s->slot, 1);
	assert_int_equal(s->id, 2);
	assert_int_equal(s->weight_config, 1);
	assert_int_equal(s->inter_ms, 2000);
	assert_int_equal(s->rise, 2);
	assert_int_equal(s->fall, 3);
	assert_int_equal(s->pool_purge_delay_ms, 5000);
	assert_true(s->pool_max_conn == UINT32_MAX);
	assert_int_equal(b->set.retries, 3);
	backend_free(b);
}

static void test_an_id_that_was_given_counts_on(void **state)
{
	struct backend *b = rig_backend(1, 1);

	(void)state;
	b->servers[0]->id = 70;
	assert_int_equal(server_new(b, "next")->id, 71);
	backend_free(b);
}

static void test_servers_are_found_by_name(void **state)
{
	struct backend *b = rig_backend(3, 1);

	(void)state;
	assert_ptr_equal(backend_find_server(b, SLICE("s2")), b->servers[1]);
	assert_null(backend_find_server(b, SLICE("s")));
	assert_null(backend_find_server(b, SLICE("s22")));
	backend_free(b);
}

static void test_a_backend_without_servers_starts_down(void **state)
{
	struct backend *b = rig_backend(0, 1);
	uint32_t active, backup;

	(void)state;
	assert_int_equal(backend_start(b, 2), 0);
	assert_false(b->was_up);
	backend_count_usable(b, &active, &backup);
	assert_int_equal(active + backup, 0);
	backend_free(b);
}

static void test_what_may_be_chosen_is_counted(void **state)
{
	struct backend *b = rig_backend(4, 1);
	uint32_t active, backup;

	(void)state;
	b->servers[1]->disabled_config = true;
	b->servers[2]->backup = true;
	b->servers[3]->weight_config = 0;
	assert_int_equal(backend_start(b, 1), 0);
	backend_count_usable(b, &active, &backup);
	assert_int_equal(active, 1);
	assert_int_equal(backup, 1);
	backend_free(b);
}

static void test_threads_have_cache_lines_of_their_own(void **state)
{
	struct backend *b = rig_backend(1, 1);

	(void)state;
	assert_int_equal(backend_start(b, 3), 0);
	assert_int_equal((uintptr_t)&b->thread[1] % 64, 0);
	assert_int_equal((uintptr_t)&b->servers[0]->thread[1] % 64, 0);
	assert_int_equal((uintptr_t)b->load % 64, 0);
	backend_free(b);
}

static void test_without_memory_for_a_picker_it_does_not_start(void **state)
{
	struct backend *b = rig_backend(1, 1);

	(void)state;
	picker_fails = true;
	assert_int_equal(backend_start(b, 1), -ENOMEM);
	picker_fails = false;
	backend_free(b);
}

static void test_one_that_never_started_can_be_freed(void **state)
{
	(void)state;
	backend_free(rig_backend(2, 1));
	backend_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_servers_get_slots_ids_and_defaults),
		cmocka_unit_test(test_an_id_that_was_given_counts_on),
		cmocka_unit_test(test_servers_are_found_by_name),
		cmocka_unit_test(test_a_backend_without_servers_starts_down),
		cmocka_unit_test(test_what_may_be_chosen_is_counted),
		cmocka_unit_test(test_threads_have_cache_lines_of_their_own),
		cmocka_unit_test(test_without_memory_for_a_picker_it_does_not_start),
		cmocka_unit_test(test_one_that_never_started_can_be_freed),
	};
	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
