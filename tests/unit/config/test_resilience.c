/* What a backend does about servers that fail, as the graph has it. */
#include "load_text.h"

static struct loaded l;

static int free_graph(void **state)
{
	(void)state;
	loaded_free(&l);
	return 0;
}

static struct backend *load(const char *lines)
{
	char text[1024];

	snprintf(text, sizeof text,
		"backend b\nmode http\ntimeout connect 1s\ntimeout server 1s\n%s\nserver s 127.0.0.1:1\n", lines);
	load_text(&l, text);
	return graph_find_backend(l.graph, slice_from_str("b"));
}

/* --- retry-on --- */

static void test_only_connections_are_retried_by_default(void **state)
{
	(void)state;
	assert_int_equal(load("")->set.retry_on, RETRY_CONN_FAILURE);
}

static void test_each_event_has_its_word(void **state)
{
	static const struct {
		const char *word;
		uint32_t events;
	} words[] = {
		{ "none", 0 },
		{ "conn-failure", RETRY_CONN_FAILURE },
		{ "empty-response", RETRY_EMPTY_RESPONSE },
		{ "junk-response", RETRY_JUNK_RESPONSE },
		{ "response-timeout", RETRY_RESPONSE_TIMEOUT },
		{ "401", RETRY_401 },
		{ "403", RETRY_403 },
		{ "404", RETRY_404 },
		{ "408", RETRY_408 },
		{ "421", RETRY_421 },
		{ "425", RETRY_425 },
		{ "429", RETRY_429 },
		{ "500", RETRY_500 },
		{ "501", RETRY_501 },
		{ "502", RETRY_502 },
		{ "503", RETRY_503 },
		{ "504", RETRY_504 },
		{ "all-retryable-errors", RETRY_ALL },
		{ "504 conn-failure 401", RETRY_504 | RETRY_CONN_FAILURE | RETRY_401 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char line[64];

		snprintf(line, sizeof line, "retry-on %s", words[i].word);
		assert_int_equal(load(line)->set.retry_on, words[i].events);
		loaded_free(&l);
	}
	load("");
}

static void test_events_come_from_defaults_and_the_last_line_counts(void **state)
{
	(void)state;
	load_text(&l, "defaults\nmode http\nretry-on 503\nbackend a\nbackend b\nretry-on 404\nretry-on 500\n");
	assert_int_equal(graph_find_backend(l.graph, slice_from_str("a"))->set.retry_on, RETRY_503);
	assert_int_equal(graph_find_backend(l.graph, slice_from_str("b"))->set.retry_on, RETRY_500);
}

static void test_in_tcp_mode_events_have_no_meaning(void **state)
{
	(void)state;
	load_text(&l, "backend b\nmode tcp\nretry-on none\n");
	assert_int_equal(graph_find_backend(l.graph, slice_from_str("b"))->set.retry_on, RETRY_CONN_FAILURE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_only_connections_are_retried_by_default, free_graph),
		cmocka_unit_test_teardown(test_each_event_has_its_word, free_graph),
		cmocka_unit_test_teardown(test_events_come_from_defaults_and_the_last_line_counts, free_graph),
		cmocka_unit_test_teardown(test_in_tcp_mode_events_have_no_meaning, free_graph),
	};

	return cmocka_run_group_tests(tests, register_rows, NULL);
}
