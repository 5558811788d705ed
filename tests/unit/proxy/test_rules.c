/* Lists of rules: what is refused and how, the order of running, suspensions. */
#include "fixture.h"

static unsigned runs;
static enum rule_result result;

static enum rule_result run_probe(struct exchange *x, const struct rule *r)
{
	(void)x, (void)r;
	runs++;
	return result;
}

enum { EVERY_SET = (1 << RULES_SET_COUNT) - 1 };

static const struct action_row probes[] = {
	{ "probe", EVERY_SET, "", "for tests", NULL, run_probe, false },
	{ "probe-end", EVERY_SET, "", "for tests", NULL, run_probe, true },
};

static int setup(void **state)
{
	runs = 0;
	result = RULE_CONTINUE;
	return fixture_setup(state);
}

static void test_an_unknown_action_gets_the_nearest_name(void **state)
{
	(void)state;
	assert_refused("http-request set-heder X y", "did you mean 'set-header'?");
	assert_refused("http-response set-heder X y", "unknown http-response action 'set-heder'");
}

static void test_what_haproxy_has_is_refused_by_name(void **state)
{
	(void)state;
	assert_refused("http-request track-sc4 src", "not supported by Ballast (yet)");
	assert_refused("http-request sc-inc-gpc(0,1)", "not supported by Ballast (yet)");
	assert_refused("http-request lua.hello", "not supported by Ballast (yet)");
}

static void test_an_action_of_the_other_set_is_refused(void **state)
{
	(void)state;
	assert_refused("http-response set-path /a", "not for http-response rules");
}

static void test_an_action_is_needed(void **state)
{
	(void)state;
	assert_refused("http-request", "expects an action");
}

static void test_words_behind_the_arguments_are_refused(void **state)
{
	(void)state;
	assert_refused("http-request set-header X y z", "'z' is not expected here");
	assert_refused("http-request allow deny", "'deny' is not expected here");
}

static void test_a_bad_condition_is_refused(void **state)
{
	(void)state;
	assert_refused("http-request allow if nosuchacl", "nosuchacl");
	assert_null(fx.rules);
}

static void test_rules_behind_a_final_one_are_warned_of(void **state)
{
	(void)state;
	assert_int_equal(fixture_rule("http-request probe-end if { path /a }"), 0);
	assert_int_equal(fixture_rule("http-request probe-end"), 0);
	assert_int_equal(fx.diag.count[DIAG_WARNING], 0);
	assert_int_equal(fixture_rule("http-request probe"), 0);
	assert_int_equal(fx.diag.count[DIAG_WARNING], 1);
	assert_non_null(strstr(fixture_messages(), "never reached"));
}

static void test_rules_run_in_order_where_their_condition_holds(void **state)
{
	(void)state;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(fixture_rule(i % 2 ? "http-request probe if { path /a }"
						    : "http-request probe unless { path /a }"),
			0);
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_int_equal(runs, 10);
}

static void test_no_rules_continue(void **state)
{
	(void)state;
	uint32_t at = 0;
	assert_int_equal(rules_run(NULL, &fx.x, &at), RULE_CONTINUE);
}

static void test_a_stop_ends_the_list(void **state)
{
	(void)state;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(fixture_rule("http-request allow if { path /a }"), 0);
	assert_int_equal(fixture_rule("http-request probe"), 0);
	assert_int_equal(fixture_run(), RULE_STOP);
	assert_int_equal(runs, 0);
}

static void test_a_suspension_goes_on_behind_its_rule_or_at_it(void **state)
{
	(void)state;
	uint32_t at = 0;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(fixture_rule("http-request probe"), 0);
	assert_int_equal(fixture_rule("http-request probe"), 0);
	result = RULE_SUSPEND_AGAIN;
	assert_int_equal(rules_run(fx.rules, &fx.x, &at), RULE_SUSPEND_AGAIN);
	assert_int_equal(at, 0);
	result = RULE_SUSPEND;
	assert_int_equal(rules_run(fx.rules, &fx.x, &at), RULE_SUSPEND);
	assert_int_equal(at, 1);
	result = RULE_CONTINUE;
	assert_int_equal(rules_run(fx.rules, &fx.x, &at), RULE_CONTINUE);
	assert_int_equal(at, 2);
	assert_int_equal(runs, 3);
}

static void test_undecided_rules_run_again_from_the_first(void **state)
{
	(void)state;
	uint32_t at = 0;
	fx.x.sample.phase = PHASE_REQUEST;
	fx.x.sample.req_bytes = SLICE("ab");
	assert_int_equal(fixture_rule("tcp-request content probe"), 0);
	assert_int_equal(fixture_rule("tcp-request content accept if { req.len ge 3 }"), 0);
	assert_int_equal(fixture_rule("tcp-request content probe"), 0);
	assert_int_equal(rules_decide(fx.rules, &fx.x, &at), RULE_MORE);
	assert_int_equal(at, 0);
	assert_int_equal(runs, 1);
	fx.x.sample.final = true;
	assert_int_equal(rules_decide(fx.rules, &fx.x, &at), RULE_CONTINUE);
	assert_int_equal(runs, 3);
	at = 0;
	fx.x.sample.final = false;
	fx.x.sample.req_bytes = SLICE("abc");
	assert_int_equal(rules_decide(fx.rules, &fx.x, &at), RULE_STOP);
	assert_int_equal(runs, 4);
}

static void test_pause_waits_that_long(void **state)
{
	(void)state;
	uint32_t at = 0;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\nX-Wait: 50\r\n\r\n");
	timer_init(&fx.x.timer, NULL);
	assert_int_equal(fixture_rule("http-request pause 2s if { path /b }"), 0);
	assert_int_equal(fixture_rule("http-request pause hdr(x-none)"), 0);
	assert_int_equal(fixture_rule("http-request pause hdr(x-wait)"), 0);
	assert_int_equal(rules_run(fx.rules, &fx.x, &at), RULE_SUSPEND);
	assert_int_equal(at, 3);
	assert_in_range(fx.x.timer.due_ms, loop_self->now_ms + 50, loop_self->now_ms + 51);
	loop_timer_clear(&fx.x.timer);
	assert_int_equal(fixture_rule("http-response pause 10ms"), 0);
	assert_refused("http-request pause 10x", "10x");
	assert_refused("http-request pause", "expects a time");
}

static void test_the_last_log_level_wins(void **state)
{
	(void)state;
	fixture_request("GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(fixture_rule("http-request set-log-level silent"), 0);
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_int_equal(fx.x.log_level, LOG_SILENT_SET);
	assert_int_equal(fixture_rule("http-request set-log-level err"), 0);
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_int_equal(fx.x.log_level, 1 + LOG_L_ERR);
	assert_refused("http-request set-log-level erro", "err");
}

static void test_a_service_must_be_there(void **state)
{
	(void)state;
	assert_refused("http-request use-service prometheus-exporter", "not supported by Ballast (yet)");
	assert_refused("http-request use-service none", "unknown service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)
		T(test_an_unknown_action_gets_the_nearest_name),
		T(test_what_haproxy_has_is_refused_by_name),
		T(test_an_action_of_the_other_set_is_refused),
		T(test_an_action_is_needed),
		T(test_words_behind_the_arguments_are_refused),
		T(test_a_bad_condition_is_refused),
		T(test_rules_behind_a_final_one_are_warned_of),
		T(test_rules_run_in_order_where_their_condition_holds),
		T(test_no_rules_continue),
		T(test_a_stop_ends_the_list),
		T(test_a_suspension_goes_on_behind_its_rule_or_at_it),
		T(test_undecided_rules_run_again_from_the_first),
		T(test_pause_waits_that_long),
		T(test_the_last_log_level_wins),
		T(test_a_service_must_be_there),
	};

	if (proxy_register() < 0)
		return 1;
	rules_register(probes, sizeof probes / sizeof probes[0]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
