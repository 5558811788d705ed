/* Log lines: what each variable says of an exchange, and which exchanges are logged. */
#include <fcntl.h>
#include <time.h>

#include "ballast/net/listener.h"
#include "fixture.h"

#define MS 1000000ull

static int log_pipe[2];

static int setup(void **state)
{
	setenv("TZ", "UTC-2", 1);
	tzset();
	fixture_setup(state);
	/* a moment that is known: 24 Nov 2026 23:00:36.077 UTC */
	fx.loop.now_ns = 100000 * MS;
	fx.loop.wall_us = 1795561236077000;
	fx.x.t_accept = fx.loop.now_ns - 5000 * MS;
	return 0;
}

static struct format *compile(const char *text)
{
	struct format *f = format_parse(text, NULL, FORMAT_LOG, PHASE_LOG, &fx.arena, &fx.diag);
	if (!f)
		fail_msg("'%s': %s", text, fixture_messages());
	return f;
}

static const char *rendered(const char *text)
{
	static char out[4096];
	struct strbuf b;

	strbuf_init_fixed(&b, out, sizeof out);
	fx.x.sample.phase = PHASE_LOG;
	format_render(compile(text), &fx.x.sample, &b);
	return out;
}

#define assert_logs(format, text) assert_string_equal(rendered(format), text)

/* An exchange that went well: 10 ms idle, 20 for the head, 30 in the queue, 40 to connect, 50 to the response, 60 of
 * data. */
static void complete(void)
{
	struct exchange *x = &fx.x;

	fixture_request("GET /a/b?c=d HTTP/1.1\r\nHost: h\r\n\r\n");
	fixture_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	x->t_first = x->t_accept + 10 * MS;
	x->t_head = x->t_first + 20 * MS;
	x->t_queue = x->t_head;
	x->t_connect_start = x->t_queue + 30 * MS;
	x->t_connected = x->t_connect_start + 40 * MS;
	x->t_response = x->t_connected + 50 * MS;
	x->t_end = x->t_response + 60 * MS;
	x->status = 200;
	x->bytes_in = 111;
	x->bytes_out = 222;
	x->state = X_DONE;
}

/* ---- variables ---- */

static void test_timers_of_a_whole_exchange(void **state)
{
	(void)state;
	complete();
	assert_logs("%Th %Ti %TR %Tw %Tc %Tr %Td", "0 10 20 30 40 50 60");
	assert_logs("%Tq %Ta %Tt %Tu", "30 200 210 200");
}

static void test_timers_are_minus_one_where_it_did_not_come_so_far(void **state)
{
	(void)state;
	complete();
	fx.x.t_response = 0;
	assert_logs("%TR/%Tw/%Tc/%Tr/%Td", "20/30/40/-1/-1");
	fx.x.t_connected = 0;
	assert_logs("%TR/%Tw/%Tc/%Tr/%Td", "20/30/-1/-1/-1");
	fx.x.t_connect_start = 0;
	assert_logs("%TR/%Tw/%Tc/%Tr", "20/-1/-1/-1");
	fx.x.t_first = 0;
	fx.x.t_head = 0;
	assert_logs("%Ti/%TR/%Tq", "-1/-1/-1");
	assert_logs("%Ta %Tt", "210 210");
}

static void test_time_in_the_queue_counts_where_it_ended_there(void **state)
{
	(void)state;
	complete();
	fx.x.t_connect_start = fx.x.t_connected = fx.x.t_response = 0;
	fx.x.cause = CAUSE_SERVER_TIMEOUT;
	fx.x.phase_letter = 'Q';
	assert_logs("%Tw %ts", "180 sQ");
}

static void test_an_answer_of_our_own_has_no_response_time(void **state)
{
	(void)state;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	fx.x.flags |= XF_LOCAL | XF_RESPONSE_HEAD;
	fx.x.t_response = fx.x.t_end = fx.x.t_head;
	assert_logs("%TR/%Tw/%Tc/%Tr", "0/-1/-1/-1");
}

static void test_dates(void **state)
{
	(void)state;
	complete();
	/* accepted 5 s before, request 10 ms after that */
	assert_logs("%t %ms %Ts", "25/Nov/2026:01:00:31.077 077 1795561231");
	assert_logs("%tr", "25/Nov/2026:01:00:31.087");
	assert_logs("%T %Tl", "24/Nov/2026:23:00:31 +0000 25/Nov/2026:01:00:31 +0200");
	assert_logs("%trg %trl", "24/Nov/2026:23:00:31 +0000 25/Nov/2026:01:00:31 +0200");
}

static void test_names_and_states(void **state)
{
	(void)state;
	assert_logs("%f %ft %b/%s", "fe fe fe/<NOSRV>");
	complete();
	assert_logs("%f %ft %b/%s", "fe fe be/srv");
	assert_logs("%ts %tsc", "-- ----");
	fx.x.cause = CAUSE_CLIENT_TIMEOUT;
	fx.x.phase_letter = 'D';
	assert_logs("%ts %tsc", "cD cD--");
}

static void test_addresses(void **state)
{
	(void)state;
	assert_logs("%ci:%cp %si:%sp", "192.0.2.1:4660 -:-");
	complete();
	assert_logs("%si:%sp", "10.0.0.5:8080");
	assert_logs("%{+X}ci %{+X}cp %{+X}sp", "C0000201 1234 1F90");
	struct listener l = { .id = 12 };
	fx.client.listener = &l;
	fx.client.peer.family = AF_UNSPEC;
	assert_logs("%ci:%cp", "unix:12");
}

static void test_counts(void **state)
{
	(void)state;
	complete();
	atomic_store(&fx.backend_counters.current, 4);
	fx.x.retries = 2;
	fx.x.queue_server = 5;
	fx.x.queue_backend = 6;
	assert_logs("%ST %B %U", "200 222 111");
	assert_logs("%fc/%bc/%rc %sq/%bq %rt", "3/4/2 5/6 41");
	fx.x.flags |= XF_REDISPATCHED;
	assert_logs("%rc", "+2");
	fx.x.status = 0;
	assert_logs("%ST", "-1");
	fx.x.flags |= XF_TCP;
	assert_logs("%ST", "0");
}

static void test_the_request_as_it_came(void **state)
{
	(void)state;
	complete();
	assert_logs("%{+Q}r", "\"GET /a/b?c=d HTTP/1.1\"");
	assert_logs("%HM %HU %HP %HPO %HQ %HV", "GET /a/b?c=d /a/b /a/b ?c=d HTTP/1.1");
	fixture_request("GET http://h.x/a?b HTTP/1.0\r\nHost: h.x\r\n\r\n");
	assert_logs("%HU %HP %HPO %HV", "http://h.x/a?b http://h.x/a /a HTTP/1.0");
	fixture_request("GET http://h.x HTTP/1.0\r\nHost: h.x\r\n\r\n");
	assert_logs("%HPO", "/");
}

static void test_a_refused_request_has_no_line(void **state)
{
	(void)state;
	fx.x.t_head = fx.x.t_first = fx.x.t_end = fx.x.t_accept;
	assert_logs("%r %HM %HU %TR", "<BADREQ> <BADREQ> <BADREQ> -1");
}

static void test_what_a_client_sent_cannot_forge_a_line(void **state)
{
	(void)state;
	fx.x.log_request = SLICE("GET /\"#{\n HTTP/1.1");
	assert_logs("%{+Q}r", "\"GET /#22#23{#0A HTTP/1.1\"");
}

static void test_the_texts_of_the_options(void **state)
{
	(void)state;
	complete();
	assert_logs(log_format_http,
		"192.0.2.1:4660 [25/Nov/2026:01:00:31.087] fe be/srv 20/30/40/50/200 200 222 - - ---- 0/3/0/0/0 0/0 "
		"\"GET /a/b?c=d HTTP/1.1\"");
	assert_logs(log_format_tcp,
		"192.0.2.1:4660 [25/Nov/2026:01:00:31.077] fe be/srv 30/40/210 222 -- 0/3/0/0/0 0/0");
	assert_logs(log_format_http_clf, "192.0.2.1 - - [24/Nov/2026:23:00:31 +0000] \"GET /a/b?c=d HTTP/1.1\" 200 222 "
					 "\"\" \"\" 4660 077 \"fe\" \"be\" "
					 "\"srv\" 20 30 40 50 200 ---- 0 3 0 0 0 0 0 \"\" \"\" ");
	assert_non_null(compile(log_format_tcp_clf));
	assert_true(format_needs_http(compile(log_format_http)));
	assert_false(format_needs_http(compile(log_format_tcp)));
}

/* ---- which are logged ---- */

static int setup_target(void **state)
{
	char text[64];

	setup(state);
	assert_int_equal(pipe2(log_pipe, O_NONBLOCK), 0);
	snprintf(text, sizeof text, "log fd@%d format raw local0", log_pipe[1]);
	struct line l = fixture_line(text);
	assert_int_equal(log_target_parse(&l, 1, &fx.frontend.log, &fx.arena, &fx.diag), 0);
	fx.frontend.set.log_format = compile("%ST %B %Ta %OG");
	complete();
	return 0;
}

static int teardown_target(void **state)
{
	close(log_pipe[0]);
	close(log_pipe[1]);
	return fixture_teardown(state);
}

static const char *logged(void)
{
	static char text[512];
	ssize_t n = read(log_pipe[0], text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void assert_logged(const char *text)
{
	exchange_log(&fx.x);
	assert_string_equal(logged(), text);
}

static void test_an_exchange_is_logged_and_counted(void **state)
{
	(void)state;
	assert_logged("200 222 200 txn_close\n");
	assert_int_equal(frontend_log_count(&fx.frontend), 1);
	assert_int_equal(fx.x.sample.phase, PHASE_RESPONSE);
}

static void test_silent_ones_are_not(void **state)
{
	(void)state;
	fx.x.log_level = LOG_SILENT_SET;
	assert_logged("");
	fx.x.log_level = 0;
	fx.x.flags |= XF_NO_LOG;
	assert_logged("");
	assert_int_equal(frontend_log_count(&fx.frontend), 0);
}

static void test_dontlognull_passes_over_those_without_a_byte(void **state)
{
	(void)state;
	fx.frontend.set.dontlog_null = true;
	fx.x.bytes_out = 0;
	assert_logged("200 0 200 txn_close\n");
	fx.x.bytes_in = 0;
	assert_logged("");
}

static void test_dontlog_normal_keeps_what_went_wrong(void **state)
{
	(void)state;
	fx.frontend.set.dontlog_normal = true;
	assert_logged("");
	fx.x.cause = CAUSE_LOCAL;
	assert_logged("");
	fx.x.retries = 1;
	assert_logged("200 222 200 txn_close\n");
	fx.x.retries = 0;
	fx.x.status = 500;
	assert_logged("500 222 200 txn_close\n");
	fx.x.status = 200;
	fx.x.cause = CAUSE_CLIENT_ABORT;
	assert_logged("200 222 200 txn_close\n");
	fx.x.cause = CAUSE_NONE;
	fx.x.flags |= XF_REDISPATCHED;
	assert_logged("200 222 200 txn_close\n");
}

static void test_logasap_logs_once_and_says_that_more_will_come(void **state)
{
	(void)state;
	fx.x.t_end = 0;
	exchange_log_early(&fx.x);
	assert_string_equal(logged(), "");
	fx.frontend.set.log_asap = true;
	fx.loop.now_ns = fx.x.t_response;
	exchange_log_early(&fx.x);
	assert_string_equal(logged(), "200 +222 +140 txn_response\n");
	fx.x.t_end = fx.loop.now_ns;
	assert_logged("");
}

static void test_the_level_of_a_rule_holds(void **state)
{
	(void)state;
	struct log_target *t = container_of(fx.frontend.log.list.next, struct log_target, link);
	t->max_level = LOG_L_ERR;
	assert_logged("");
	fx.x.log_level = 1 + LOG_L_ERR;
	assert_logged("200 222 200 txn_close\n");
}

static void test_the_default_format(void **state)
{
	(void)state;
	union addr dst = {
		.v4 = { .sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = htonl(0xc0000202) }
	};
	fx.frontend.set.log_format = NULL;
	fx.x.sample.dst = &dst;
	assert_logged("Connect from 192.0.2.1:4660 to 192.0.2.2:80 (fe/HTTP)\n");
	fx.frontend.mode = MODE_TCP;
	assert_logged("Connect from 192.0.2.1:4660 to 192.0.2.2:80 (fe/TCP)\n");
}

static void test_fields_of_a_response_that_is_gone_are_not_read(void **state)
{
	(void)state;
	fx.frontend.set.log_format = compile("%[status]");
	assert_logged("200\n");
	assert_int_equal(fx.x.response.field_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)
#define TARGET(f) cmocka_unit_test_setup_teardown(f, setup_target, teardown_target)
		T(test_timers_of_a_whole_exchange),
		T(test_timers_are_minus_one_where_it_did_not_come_so_far),
		T(test_time_in_the_queue_counts_where_it_ended_there),
		T(test_an_answer_of_our_own_has_no_response_time),
		T(test_dates),
		T(test_names_and_states),
		T(test_addresses),
		T(test_counts),
		T(test_the_request_as_it_came),
		T(test_a_refused_request_has_no_line),
		T(test_what_a_client_sent_cannot_forge_a_line),
		T(test_the_texts_of_the_options),
		TARGET(test_an_exchange_is_logged_and_counted),
		TARGET(test_silent_ones_are_not),
		TARGET(test_dontlognull_passes_over_those_without_a_byte),
		TARGET(test_dontlog_normal_keeps_what_went_wrong),
		TARGET(test_logasap_logs_once_and_says_that_more_will_come),
		TARGET(test_the_level_of_a_rule_holds),
		TARGET(test_the_default_format),
		TARGET(test_fields_of_a_response_that_is_gone_are_not_read),
	};
	return proxy_register() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
