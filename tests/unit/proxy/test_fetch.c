/* Fetches about the exchange. */
#include "ballast/sample/expr.h"
#include "fixture.h"

static bool eval(const char *text, unsigned phase, struct sample *out)
{
	struct line l = fixture_line(text);
	struct expr *e = expr_parse_token(&l.words[0], phase, &fx.arena, &fx.diag);

	if (!e)
		fail_msg("'%s': %s", text, fixture_messages());
	fx.x.sample.phase = phase;
	return expr_eval(e, &fx.x.sample, SAMPLE_ANY, out);
}

static void assert_text(const char *text, unsigned phase, const char *value)
{
	struct sample s;
	assert_true(eval(text, phase, &s));
	assert_int_equal(s.type, SAMPLE_STR);
	assert_int_equal(s.str.len, strlen(value));
	assert_memory_equal(s.str.ptr, value, s.str.len);
}

static void assert_number(const char *text, unsigned phase, int64_t value)
{
	struct sample s;
	assert_true(eval(text, phase, &s));
	assert_int_equal(s.num, value);
}

static void test_before_a_backend_is_chosen(void **state)
{
	(void)state;
	struct sample s;
	assert_text("fe_name", PHASE_REQUEST, "fe");
	assert_number("fe_id", PHASE_REQUEST, 7);
	assert_number("fe_conn", PHASE_REQUEST, 3);
	assert_text("be_name", PHASE_REQUEST, "fe");
	assert_number("be_id", PHASE_REQUEST, 7);
	assert_false(eval("be_conn", PHASE_REQUEST, &s));
	assert_false(eval("nbsrv", PHASE_REQUEST, &s));
	assert_false(eval("srv_name", PHASE_RESPONSE, &s));
	assert_false(eval("txn.status", PHASE_LOG, &s));
}

static void test_once_all_is_chosen(void **state)
{
	(void)state;
	fixture_request("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	fixture_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	atomic_store(&fx.backend_counters.current, 4);
	fx.x.retries = 2;
	fx.x.status = 200;
	fx.x.cause = CAUSE_SERVER_ABORT;
	fx.x.phase_letter = 'D';
	assert_text("be_name", PHASE_RESPONSE, "be");
	assert_number("be_id", PHASE_RESPONSE, 8);
	assert_number("be_conn", PHASE_RESPONSE, 4);
	assert_text("srv_name", PHASE_RESPONSE, "srv");
	assert_number("srv_id", PHASE_RESPONSE, 9);
	assert_number("txn.conn_retries", PHASE_LOG, 2);
	assert_number("txn.redispatched", PHASE_LOG, 0);
	assert_number("txn.status", PHASE_LOG, 200);
	assert_text("txn.sess_term_state", PHASE_LOG, "SD");
}

static void test_usable_servers_are_counted(void **state)
{
	(void)state;
	struct server *servers[] = { &fx.server };
	fx.x.backend = &fx.backend;
	fx.backend.servers = servers;
	fx.backend.server_count = 1;
	atomic_store(&fx.server.weight, 1);
	atomic_store(&fx.server.health, SERVER_UP);
	assert_number("nbsrv", PHASE_REQUEST, 1);
	atomic_store(&fx.server.health, SERVER_DOWN);
	assert_number("nbsrv", PHASE_REQUEST, 0);
}

static void test_the_request_as_it_came(void **state)
{
	(void)state;
	struct sample s;
	assert_false(eval("capture.req.uri", PHASE_LOG, &s));
	fixture_request("GET http://h.x/a?b HTTP/1.0\r\nHost: h.x\r\n\r\n");
	assert_text("capture.req.uri", PHASE_RESPONSE, "/a?b");
	assert_text("capture.req.method", PHASE_LOG, "GET");
	assert_text("capture.req.ver", PHASE_LOG, "HTTP/1.0");
	fixture_request("GET /a/b HTTP/1.1\r\nHost: h.x\r\n\r\n");
	assert_text("capture.req.uri", PHASE_REQUEST, "/a/b");
	fixture_request("OPTIONS * HTTP/1.1\r\nHost: h.x\r\n\r\n");
	assert_false(eval("capture.req.uri", PHASE_REQUEST, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_before_a_backend_is_chosen),
		T(test_once_all_is_chosen),
		T(test_the_request_as_it_came),
		T(test_usable_servers_are_counted),
	};
	return proxy_register() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
