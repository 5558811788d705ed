/* The global section, its environment and its CPUs, as the graph has them. */
#include "load_text.h"

static struct loaded l;

static int free_graph(void **state)
{
	(void)state;
	loaded_free(&l);
	return 0;
}

static const struct global_settings *global(const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text), "global\n%s", lines);
	return &load_text(&l, text)->global;
}

static void test_without_a_word_the_documented_defaults_hold(void **state)
{
	(void)state;
	const struct global_settings *g = &load_text(&l, "# nothing\n")->global;
	assert_false(g->daemon);
	assert_int_equal(g->maxconn, 0);
	assert_int_equal(g->nbthread, 0);
	assert_int_equal(g->thread_groups, 1);
	assert_int_equal(g->uid, (uid_t)-1);
	assert_int_equal(g->gid, (gid_t)-1);
	assert_int_equal(g->stats_timeout_ms, 10000);
	assert_int_equal(g->bufsize, 16384);
	assert_int_equal(g->maxrewrite, 1024);
	assert_int_equal(g->maxhdr, 101);
}

static void test_numbers_and_switches_reach_the_graph(void **state)
{
	(void)state;
	const struct global_settings *g =
		global("daemon\nmaster-worker\nquiet\nzero-warning\nmaxconn 5000\nnbthread 3\n"
		       "thread-groups 2\nulimit-n 20000\nhard-stop-after 30s\nspread-checks 50\n"
		       "uid 99\ngid 98\nexpose-experimental-directives\n");
	assert_true(g->daemon && g->master_worker && g->quiet && g->zero_warning && g->experimental);
	assert_int_equal(g->maxconn, 5000);
	assert_int_equal(g->nbthread, 3);
	assert_int_equal(g->thread_groups, 2);
	assert_int_equal(g->ulimit_n, 20000);
	assert_int_equal(g->hard_stop_after_ms, 30000);
	assert_int_equal(g->spread_checks, 50);
	assert_int_equal(g->uid, 99);
	assert_int_equal(g->gid, 98);
}

static void test_names_and_texts_reach_the_graph(void **state)
{
	(void)state;
	const struct global_settings *g =
		global("chroot /var/empty\npidfile /run/b.pid\nnode n-1\ndescription two  words\nlocalpeer p1\n"
		       "log-tag mytag\nlog-send-hostname h1\nuser root\ngroup root\n");
	assert_string_equal(g->chroot, "/var/empty");
	assert_string_equal(g->pidfile, "/run/b.pid");
	assert_string_equal(g->node, "n-1");
	assert_string_equal(g->description, "two words");
	assert_string_equal(g->localpeer, "p1");
	assert_string_equal(g->log_tag, "mytag");
	assert_string_equal(g->log.tag, "mytag");
	assert_string_equal(g->log_send_hostname, "h1");
	assert_int_equal(g->uid, 0);
	assert_int_equal(g->gid, 0);
}

static void test_maxrewrite_is_at_most_half_of_the_buffer(void **state)
{
	(void)state;
	const struct global_settings *g = global("tune.bufsize 8k\ntune.maxrewrite 6000\ntune.http.maxhdr 200\n");
	assert_int_equal(g->bufsize, 8192);
	assert_int_equal(g->maxrewrite, 4096);
	assert_int_equal(g->maxhdr, 200);
}

static void test_bufsize_is_rounded_up_to_16(void **state)
{
	(void)state;
	assert_int_equal(global("tune.bufsize 4097\n")->bufsize, 4112);
}

static void test_stats_sockets_keep_their_order_and_parameters(void **state)
{
	(void)state;
	const struct stats_socket *s = global("stats socket /tmp/a.sock mode 600 user root group root level admin\n"
					      "stats socket ipv4@127.0.0.1:9999 level user\nstats socket fd@5\n"
					      "stats timeout 2m\n")
	                                       ->stats_sockets;
	assert_int_equal(s->at.sa.sa_family, AF_UNIX);
	assert_int_equal(s->mode, 0600);
	assert_int_equal(s->uid, 0);
	assert_int_equal(s->gid, 0);
	assert_int_equal(s->level, LEVEL_ADMIN);
	assert_int_equal(s->maxconn, 0);
	assert_int_equal(l.graph->global.stats_maxconn, 10);
	s = s->next;
	assert_int_equal(addr_port(&s->at.ip), 9999);
	assert_int_equal(s->level, LEVEL_USER);
	assert_int_equal(s->uid, (uid_t)-1);
	s = s->next;
	assert_int_equal(s->at.fd, 5);
	assert_int_equal(s->level, LEVEL_OPERATOR);
	assert_null(s->next);
	assert_int_equal(l.graph->global.stats_timeout_ms, 120000);
}

static void test_log_targets_of_global_are_in_order(void **state)
{
	(void)state;
	const struct log_targets *t = &global("log 127.0.0.1:514 local0 warning\nlog stdout format raw daemon\n")->log;
	const struct log_target *first = list_entry(t->list.next, struct log_target, link);
	const struct log_target *second = list_entry(first->link.next, struct log_target, link);
	assert_int_equal(first->max_level, LOG_L_WARNING);
	assert_int_equal(first->facility, 16);
	assert_int_equal(second->format, LOG_RAW);
	assert_ptr_equal(second->link.next, &t->list);
}

/* --- environment --- */

static void test_the_next_line_sees_a_variable(void **state)
{
	(void)state;
	assert_int_equal(global("setenv N 7\npresetenv N 9\npresetenv M 3\nnbthread \"$M\"\nmaxconn \"$N\"\n")->maxconn,
		7);
	assert_int_equal(l.graph->global.nbthread, 3);
}

static void test_removed_variables_are_gone(void **state)
{
	(void)state;
	global("setenv A 1\nsetenv B 2\nsetenv C 3\nunsetenv A\nresetenv B\n");
	assert_null(config_env_get(&l.graph->env, SLICE("A")));
	assert_string_equal(config_env_get(&l.graph->env, SLICE("B")), "2");
	assert_null(config_env_get(&l.graph->env, SLICE("C")));
}

static void test_the_environment_of_the_source_is_left_alone(void **state)
{
	(void)state;
	global("setenv A 1\n");
	assert_null(config_env_get(&l.env, SLICE("A")));
}

static void test_localpeer_is_a_variable_too(void **state)
{
	(void)state;
	assert_string_equal(global("localpeer p9\nnode \"$HAPROXY_LOCALPEER\"\n")->node, "p9");
}

/* --- CPUs --- */

static const struct cpu_map_entry *of_thread(unsigned thread)
{
	const struct cpu_map_entry *e = l.graph->global.cpu_map;

	while (e && e->thread != thread)
		e = e->next;
	return e;
}

static void test_auto_gives_each_thread_its_cpu(void **state)
{
	(void)state;
	global("nbthread 4\ncpu-map auto:1/1-4 2-5\n");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(of_thread(i)->cpus[0], 1u << (i + 2));
	assert_null(of_thread(4));
}

static void test_auto_counts_cpus_from_the_lowest(void **state)
{
	(void)state;
	global("nbthread 4\ncpu-map auto:1/1-4 3 1 0 2\n");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(of_thread(i)->cpus[0], 1u << i);
}

static void test_a_set_is_for_all_its_threads(void **state)
{
	(void)state;
	global("nbthread 4\ncpu-map 1/odd 0-1,64\n");
	assert_int_equal(of_thread(0)->cpus[0], 3);
	assert_int_equal(of_thread(0)->cpus[1], 1);
	assert_int_equal(of_thread(2)->cpus[0], 3);
	assert_null(of_thread(1));
}

static void test_a_later_cpu_map_holds_where_they_overlap(void **state)
{
	(void)state;
	global("nbthread 4\ncpu-map 1 0\ncpu-map 1/2-3 1\n");
	assert_int_equal(of_thread(0)->cpus[0], 1);
	assert_int_equal(of_thread(1)->cpus[0], 2);
	assert_int_equal(of_thread(2)->cpus[0], 2);
	assert_int_equal(of_thread(3)->cpus[0], 1);
}

static void test_threads_are_numbered_within_their_group(void **state)
{
	(void)state;
	global("nbthread 5\nthread-groups 2\ncpu-map 2/1 9\ncpu-map 1/3 8\n");
	assert_int_equal(of_thread(3)->cpus[0], 1u << 9);
	assert_int_equal(of_thread(2)->cpus[0], 1u << 8);
}

#define T(name) cmocka_unit_test_teardown(name, free_graph)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_without_a_word_the_documented_defaults_hold),
		T(test_numbers_and_switches_reach_the_graph),
		T(test_names_and_texts_reach_the_graph),
		T(test_maxrewrite_is_at_most_half_of_the_buffer),
		T(test_bufsize_is_rounded_up_to_16),
		T(test_stats_sockets_keep_their_order_and_parameters),
		T(test_log_targets_of_global_are_in_order),
		T(test_the_next_line_sees_a_variable),
		T(test_removed_variables_are_gone),
		T(test_the_environment_of_the_source_is_left_alone),
		T(test_localpeer_is_a_variable_too),
		T(test_auto_gives_each_thread_its_cpu),
		T(test_auto_counts_cpus_from_the_lowest),
		T(test_a_set_is_for_all_its_threads),
		T(test_a_later_cpu_map_holds_where_they_overlap),
		T(test_threads_are_numbered_within_their_group),
	};

	return cmocka_run_group_tests(tests, register_rows, NULL);
}
