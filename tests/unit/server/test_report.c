/* Tests of the seam by which results of requests are told (report.h). */
#include "ballast/server/report.h"
#include "rig.h"

struct heard {
	struct server_watcher watcher;
	unsigned count[OUTCOME_COUNT];
	struct server *last;
	unsigned status;
};

static void note(struct server_watcher *w, struct server *s, const struct server_result *r)
{
	struct heard *h = container_of(w, struct heard, watcher);

	h->count[r->outcome]++;
	h->last = s;
	h->status = r->status;
}

static void test_every_watcher_of_a_server_is_told_each_result(void **state)
{
	struct backend *b = rig_backend(2, 1);
	struct heard first = { .watcher.note = note }, second = { .watcher.note = note };

	(void)state;
	server_watch(b->servers[0], &first.watcher);
	server_watch(b->servers[0], &second.watcher);
	server_report(b->servers[0], &(struct server_result){ .outcome = OUTCOME_ANSWERED, .status = 503 });
	server_report(b->servers[0], &(struct server_result){ .outcome = OUTCOME_EMPTY });
	assert_int_equal(first.count[OUTCOME_ANSWERED], 1);
	assert_int_equal(second.count[OUTCOME_ANSWERED], 1);
	assert_int_equal(first.count[OUTCOME_EMPTY], 1);
	assert_int_equal(second.status, 0);
	assert_ptr_equal(second.last, b->servers[0]);
	rig_drop(b);
}

static void test_results_of_other_servers_are_not_heard(void **state)
{
	struct backend *b = rig_backend(2, 1);
	struct heard h = { .watcher.note = note };

	(void)state;
	server_watch(b->servers[0], &h.watcher);
	server_report(b->servers[1], &(struct server_result){ .outcome = OUTCOME_TIMEOUT });
	assert_null(b->servers[1]->watchers);
	assert_int_equal(h.count[OUTCOME_TIMEOUT], 0);
	rig_drop(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_watcher_of_a_server_is_told_each_result),
		cmocka_unit_test(test_results_of_other_servers_are_not_heard),
	};

	return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
