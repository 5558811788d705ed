/* What actions do to messages, and the answers that they give. */
#include "fixture.h"
#include "proxy/action.h"

static void accept_rule(const char *text)
{
	if (fixture_rule(text) < 0)
		fail_msg("'%s' was refused:\n%s", text, fixture_messages());
}

static void get(const char *target)
{
	char text[512];
	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\nX-A: 2\r\n\r\n", target);
	fixture_request(text);
}

static uint64_t counted(enum counter which)
{
	return atomic_load(&fx.frontend_thread.counters.v[which]);
}

static void assert_sent(const char *text)
{
	assert_string_equal(fx.sent, text);
}

/* ---- header fields ---- */

static void test_set_header_replaces_all_and_sees_the_old_value(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request set-header x-a \"new %[hdr(x-a)]\"");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_string_equal(fixture_head(&fx.x.request), "GET / HTTP/1.1\r\nHost: h.example\r\nx-a: new 2\r\n");
}

static void test_add_header_keeps_what_is_there(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request add-header X-A 3");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_string_equal(fixture_head(&fx.x.request),
		"GET / HTTP/1.1\r\nHost: h.example\r\nX-A: 1\r\nX-A: 2\r\nX-A: 3\r\n");
}

static void test_del_header_matches_names_as_asked(void **state)
{
	(void)state;
	static const struct {
		const char *rule;
		bool gone;
	} cases[] = {
		{ "http-request del-header x-a", true },
		{ "http-request del-header x", false },
		{ "http-request del-header X- -m beg", true },
		{ "http-request del-header A -m beg", false },
		{ "http-request del-header -A -m end", true },
		{ "http-request del-header x- -m end", false },
		{ "http-request del-header - -m sub", true },
		{ "http-request del-header xa -m sub", false },
		{ "http-request del-header ^x-[a-c]$ -m reg", true },
		{ "http-request del-header ^x-[b-c]$ -m reg", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		get("/");
		fx.rules = NULL;
		accept_rule(cases[i].rule);
		assert_int_equal(fixture_run(), RULE_CONTINUE);
		assert_int_equal(msg_find(&fx.x.request, SLICE("X-A"), 0) < 0, cases[i].gone);
	}
	assert_refused("http-request del-header x( -m reg", "this regular expression cannot be used");
	assert_refused("http-request del-header x -m like", "like");
}

static void test_replacements_by_regular_expression(void **state)
{
	(void)state;
	static const struct {
		const char *rule, *target, *line, *host_and_more;
	} cases[] = {
		{ "http-request replace-path /a/(.*) /b/\\1", "/a/x?q=1", "/b/x?q=1", "h.example" },
		{ "http-request replace-path /no/(.*) /b/\\1", "/a/x?q=1", "/a/x?q=1", "h.example" },
		{ "http-request replace-pathq ([^?]*)(\\?(.*))? \\1/foo\\2", "/bar?q=1", "/bar/foo?q=1", "h.example" },
		{ "http-request replace-uri ^/(.*) /v/%[method]/\\1", "/p?q", "/v/GET/p?q", "h.example" },
		{ "http-request replace-header host ^h\\.(.*)$ www.\\1", "/", "/", "www.example" },
		{ "http-request replace-value host example www.a", "/", "/", "www.a" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char want[256];
		get(cases[i].target);
		fx.rules = NULL;
		accept_rule(cases[i].rule);
		assert_int_equal(fixture_run(), RULE_CONTINUE);
		snprintf(want, sizeof want, "GET %s HTTP/1.1\r\nHost: %s\r\nX-A: 1\r\nX-A: 2\r\n", cases[i].line,
			cases[i].host_and_more);
		assert_string_equal(fixture_head(&fx.x.request), want);
	}
}

static void test_replace_value_looks_at_each_member(void **state)
{
	(void)state;
	fixture_request("GET / HTTP/1.1\r\nHost: h\r\nX-F: 192.168.10.1, 192.168.13.24, 10.0.0.37\r\n\r\n");
	accept_rule("http-request replace-value X-F ^192\\.168\\.(.*)$ 172.16.\\1");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_string_equal(fixture_head(&fx.x.request),
		"GET / HTTP/1.1\r\nHost: h\r\nX-F: 172.16.10.1, 172.16.13.24, 10.0.0.37\r\n");
}

static void test_a_replacement_that_would_break_the_message_fails(void **state)
{
	(void)state;
	get("/x");
	accept_rule("http-request replace-header host .* \"a b\"");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(counted(COUNT_FAILED_REWRITES), 1);
	assert_refused("http-request replace-header content-length .* 1", "rules cannot change it");
	assert_refused("http-request replace-path ( x", "this regular expression cannot be used");
	assert_refused("http-response replace-path a b", "not for http-response rules");
}

static void test_del_header_never_removes_what_frames_the_body(void **state)
{
	(void)state;
	fixture_request("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Type: a\r\n\r\n");
	accept_rule("http-request del-header content- -m beg");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_string_equal(fixture_head(&fx.x.request), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n");
	assert_refused("http-request set-header Content-Length 3", "rules cannot change it");
	assert_refused("http-response add-header transfer-encoding chunked", "rules cannot change it");
	assert_refused("http-response del-header content-length", "rules cannot change it");
}

static void test_the_host_field_stays_one_and_valid(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request set-header Host other:81");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_true(slice_eq(fx.x.request.authority, SLICE("other:81")));
	accept_rule("http-request strict-mode off");
	accept_rule("http-request set-header Host \"%[path] x\"");
	accept_rule("http-request add-header Host a");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_int_equal(counted(COUNT_FAILED_REWRITES), 2);
	assert_true(slice_eq(fx.x.request.authority, SLICE("other:81")));
}

static void test_without_upgrade_there_is_no_upgrade(void **state)
{
	(void)state;
	fixture_request("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	assert_true(fx.x.request.flags & MSG_UPGRADE);
	accept_rule("http-request del-header Upgrade");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_false(fx.x.request.flags & MSG_UPGRADE);
}

static void test_names_and_values_that_break_lines_are_refused(void **state)
{
	(void)state;
	assert_refused("http-request set-header \"X A\" 1", "cannot be the name");
	assert_refused("http-request set-header X: 1", "cannot be the name");
	assert_refused("http-request set-header \"\" 1", "cannot be empty");
	assert_refused("http-request set-header X \"a\r\nY: b\"", "control characters");
	assert_refused("http-request set-header X", "the field's value");
	assert_refused("http-request set-header", "the name of a header field");
}

static void test_a_rendered_value_cannot_inject(void **state)
{
	(void)state;
	get("/?u=a%0d%0aY:%20b%7f");
	accept_rule("http-request set-header X \"%[url_param(u),url_dec]\"");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	const struct field *f = &fx.x.request.fields[msg_find(&fx.x.request, SLICE("X"), 0)];
	assert_true(field_value_valid(field_value(f)));
	assert_true(slice_starts_with(field_value(f), SLICE("a%0D%0AY: b%7F")));
}

static void test_literal_line_breaks_beside_a_variable_fail_the_rewrite(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request set-header X \"a\r\nY: %[path]\"");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(fx.x.status, 500);
	assert_int_equal(fx.x.cause, CAUSE_PROXY);
	assert_int_equal(fx.x.phase_letter, 'R');
	assert_int_equal(counted(COUNT_FAILED_REWRITES), 1);
}

static void test_strict_mode_off_holds_to_the_end_of_the_list(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request strict-mode off");
	accept_rule("http-request set-header X \"a\r\nY: %[path]\"");
	accept_rule("http-request set-header Z 1");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_true(msg_find(&fx.x.request, SLICE("Z"), 0) >= 0);
	assert_true(msg_find(&fx.x.request, SLICE("X"), 0) < 0);
	fx.rules = NULL;
	accept_rule("http-request set-header X \"a\r\nY: %[path]\"");
	assert_int_equal(fixture_run(), RULE_ANSWER);
}

static void test_responses_are_edited_too(void **state)
{
	(void)state;
	get("/");
	fixture_response("HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n");
	accept_rule("http-response del-header Server");
	accept_rule("http-response set-header X-Status %[status]");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_string_equal(fixture_head(&fx.x.response), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Status: 200\r\n");
}

/* ---- the request line ---- */

static void assert_rewritten(const char *target, const char *rule, const char *line)
{
	fx.rules = NULL;
	get(target);
	accept_rule(rule);
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	const char *head = fixture_head(&fx.x.request);
	if (strncmp(head, line, strlen(line)) != 0 || strncmp(head + strlen(line), "\r\n", 2) != 0)
		fail_msg("'%s' made of '%s' not '%s' but:\n%s", rule, target, line, head);
}

static void test_the_request_line_is_rewritten(void **state)
{
	(void)state;
	assert_rewritten("/a?b", "http-request set-path /x%[path]", "GET /x/a?b HTTP/1.1");
	assert_rewritten("/a?b", "http-request set-pathq /x", "GET /x HTTP/1.1");
	assert_rewritten("/a?b", "http-request set-pathq /x?y", "GET /x?y HTTP/1.1");
	assert_rewritten("http://h.example/a?b", "http-request set-pathq /x", "GET /x HTTP/1.1");
	assert_rewritten("/a?b", "http-request set-query c=1", "GET /a?c=1 HTTP/1.1");
	assert_rewritten("/a", "http-request set-query c=1", "GET /a?c=1 HTTP/1.1");
	assert_rewritten("/a?b", "http-request set-query \"\"", "GET /a? HTTP/1.1");
	assert_rewritten("/a?b", "http-request set-uri /z?q=1", "GET /z?q=1 HTTP/1.1");
	assert_rewritten("/a", "http-request set-method POST", "POST /a HTTP/1.1");
}

static void test_bytes_that_end_a_target_are_encoded(void **state)
{
	(void)state;
	assert_rewritten("/?p=/a%20b%0ac%23", "http-request set-path %[url_param(p),url_dec]",
		"GET /a%20b%0Ac%23?p=/a%20b%0ac%23 HTTP/1.1");
	assert_rewritten("/a?q=%41%20", "http-request set-query \"x y%[query]\"", "GET /a?x%20yq=%41%20 HTTP/1.1");
}

static void test_an_absolute_uri_sets_the_host(void **state)
{
	(void)state;
	assert_rewritten("/a", "http-request set-uri http://other.example/b", "GET /b HTTP/1.1");
	int host = msg_find_id(&fx.x.request, FIELD_HOST, 0);
	assert_true(slice_eq(field_value(&fx.x.request.fields[host]), SLICE("other.example")));
}

static void assert_rewrite_fails(const char *target, const char *rule)
{
	uint64_t before = counted(COUNT_FAILED_REWRITES);

	fx.rules = NULL;
	get(target);
	accept_rule("http-request strict-mode off");
	accept_rule(rule);
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_int_equal(counted(COUNT_FAILED_REWRITES), before + 1);
	assert_true(slice_eq(fx.x.request.target, slice_from_str(target)));
	assert_int_equal(fx.x.request.method, METHOD_GET);
}

static void test_rewrites_that_cannot_be_leave_the_request_alone(void **state)
{
	(void)state;
	assert_rewrite_fails("/a", "http-request set-path b");
	assert_rewrite_fails("/a", "http-request set-pathq ?b");
	assert_rewrite_fails("/a", "http-request set-uri b");
	assert_rewrite_fails("/a", "http-request set-method \"G T\"");
	assert_rewrite_fails("/a", "http-request set-method HEAD");
	assert_rewrite_fails("/a", "http-request set-method CONNECT");
}

/* ---- return and deny ---- */

static void test_return_without_arguments_is_empty(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request return");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_sent("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(fx.x.cause, CAUSE_LOCAL);
	assert_int_equal(fx.x.phase_letter, 'R');
	assert_int_equal(counted(COUNT_INTERCEPTED), 1);
}

static void test_return_sends_text_and_fields(void **state)
{
	(void)state;
	get("/p");
	accept_rule("http-request return status 404 content-type text/plain hdr X-P \"<%[path]>\" lf-string \"no "
		    "%[path]\"");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_sent(
		"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nX-P: </p>\r\n\r\nno /p");
}

static void test_a_connection_field_ends_the_connection(void **state)
{
	(void)state;
	get("/p");
	accept_rule("http-request return hdr Connection close");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_true(fx.x.flags & XF_CLOSE_CLIENT);
}

static void test_a_plain_string_is_no_format(void **state)
{
	(void)state;
	get("/p");
	accept_rule("http-request return content-type text/plain string %[path]");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_non_null(strstr(fx.sent, "\r\n\r\n%[path]"));
}

static void test_return_sends_files(void **state)
{
	(void)state;
	char path[] = "/tmp/test_actions.XXXXXX", rule[128];
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "a\n%[path]\n", 10), 10);
	close(fd);
	get("/p");
	snprintf(rule, sizeof rule, "http-request return content-type a/b lf-file %s", path);
	accept_rule(rule);
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_non_null(strstr(fx.sent, "\r\n\r\na\n/p\n"));
	fx.rules = NULL;
	fx.sent_len = 0;
	fx.x.state = X_RULES;
	snprintf(rule, sizeof rule, "http-request return content-type a/b file %s", path);
	accept_rule(rule);
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_non_null(strstr(fx.sent, "\r\n\r\na\n%[path]\n"));
	unlink(path);
	assert_refused(rule, "cannot open");
}

static void test_what_return_cannot_be(void **state)
{
	(void)state;
	assert_refused("http-request return status 100", "status");
	assert_refused("http-request return status 600", "status");
	assert_refused("http-request return string hello", "needs a 'content-type'");
	assert_refused("http-request return status 204 content-type a/b string x", "has no body");
	assert_refused("http-request return content-type a/b string x string y", "cannot stand beside");
	assert_refused("http-request return status 418 default-errorfiles", "has no error page");
	assert_refused("http-request return strin x", "did you mean 'string'");
	assert_refused("http-request return hdr Content-Length 3", "rules cannot set it");
	assert_refused("http-request deny status 412", "has no error page");
	assert_refused("http-request deny deny_status", "a status");
}

static void test_arguments_without_effect_are_warned_of(void **state)
{
	(void)state;
	accept_rule("http-request return content-type a/b if { path /a }");
	assert_int_equal(fx.diag.count[DIAG_WARNING], 1);
	accept_rule("http-request return default-errorfiles hdr A b if { path /a }");
	assert_int_equal(fx.diag.count[DIAG_WARNING], 2);
}

static void test_deny_sends_the_page_and_is_counted(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request deny");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(fx.x.status, 403);
	assert_non_null(strstr(fx.sent, "Cache-Control: no-cache\r\n"));
	assert_non_null(strstr(fx.sent, "<h1>403 Forbidden</h1>"));
	assert_int_equal(fx.x.cause, CAUSE_PROXY);
	assert_int_equal(fx.x.phase_letter, 'R');
	assert_int_equal(counted(COUNT_DENIED_REQ), 1);
	assert_int_equal(counted(COUNT_INTERCEPTED), 0);
}

static void test_deny_takes_another_status(void **state)
{
	(void)state;
	get("/");
	accept_rule("http-request deny deny_status 429");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(fx.x.status, 429);
}

static void test_a_denied_response_is_502(void **state)
{
	(void)state;
	get("/");
	fixture_response("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	accept_rule("http-response deny");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(fx.x.status, 502);
	assert_int_equal(fx.x.phase_letter, 'H');
	assert_int_equal(counted(COUNT_DENIED_RESP), 1);
	assert_int_equal(atomic_load(&fx.backend_counters.v[COUNT_DENIED_RESP]), 1);
}

static void test_an_answer_in_the_place_of_a_response_is_local(void **state)
{
	(void)state;
	get("/");
	fixture_response("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 0\r\n\r\n");
	accept_rule("http-response return status 299 hdr X-Was %[res.hdr(x-a)]");
	assert_int_equal(fixture_run(), RULE_ANSWER);
	assert_int_equal(fx.x.cause, CAUSE_LOCAL);
	assert_int_equal(fx.x.phase_letter, 'H');
	assert_non_null(strstr(fx.sent, "X-Was: b\r\n"));
}

/* ---- redirect ---- */

static void assert_redirected(const char *target, const char *rule, const char *fields)
{
	const char *behind;

	fx.rules = NULL;
	fx.sent_len = 0;
	fx.x.state = X_RULES;
	get(target);
	accept_rule(rule);
	assert_int_equal(fixture_run(), RULE_ANSWER);
	behind = strstr(fx.sent, "Content-Length: 0\r\n");
	assert_non_null(behind);
	behind += strlen("Content-Length: 0\r\n");
	if (strncmp(behind, fields, strlen(fields)) != 0 || strcmp(behind + strlen(fields), "\r\n") != 0)
		fail_msg("'%s' for '%s' did not give\n%s but\n%s", rule, target, fields, fx.sent);
}

static void test_redirects(void **state)
{
	(void)state;
	assert_redirected("/a?b", "http-request redirect location /x", "Location: /x\r\nCache-Control: no-cache\r\n");
	assert_int_equal(fx.x.status, 302);
	assert_redirected("/a?b", "http-request redirect location /%[path] code 301", "Location: //a\r\n");
	assert_int_equal(fx.x.status, 301);
	assert_redirected("/a?b", "http-request redirect code 308 prefix https://s", "Location: https://s/a?b\r\n");
	assert_int_equal(fx.x.status, 308);
	assert_redirected("/a?b", "http-request redirect code 301 prefix / drop-query append-slash",
		"Location: /a/\r\n");
	assert_redirected("/a/?b", "http-request redirect code 301 prefix / drop-query append-slash",
		"Location: /a/\r\n");
	assert_redirected("/a?b", "http-request redirect code 301 scheme https", "Location: https://h.example/a?b\r\n");
	assert_redirected("/a?b", "http-request redirect code 301 scheme https drop-query",
		"Location: https://h.example/a\r\n");
	assert_redirected("/a?b", "http-request redirect code 301 location /x keep-query", "Location: /x?b\r\n");
	assert_redirected("/a?b", "http-request redirect code 301 location /x?y keep-query", "Location: /x?y&b\r\n");
	assert_redirected("/a", "http-request redirect code 301 location /x keep-query", "Location: /x\r\n");
	assert_redirected("/a", "http-request redirect code 303 location /x",
		"Location: /x\r\nCache-Control: no-cache\r\n");
	assert_int_equal(fx.x.status, 303);
	assert_redirected("/a", "http-request redirect code 307 location /x",
		"Location: /x\r\nCache-Control: no-cache\r\n");
	assert_int_equal(fx.x.status, 307);
}

static void test_redirects_set_and_clear_cookies(void **state)
{
	(void)state;
	assert_redirected("/a", "http-request redirect code 301 location /x set-cookie A=1",
		"Location: /x\r\nSet-Cookie: A=1; path=/;\r\n");
	assert_redirected("/a", "http-request redirect code 301 location /x set-cookie-fmt A=%[path]",
		"Location: /x\r\nSet-Cookie: A=/a; path=/;\r\n");
	assert_redirected("/a", "http-request redirect code 301 location /x clear-cookie A=",
		"Location: /x\r\nSet-Cookie: A=; path=/; Max-Age=0;\r\n");
}

static void test_an_empty_location_can_be_passed_over(void **state)
{
	(void)state;
	get("/a");
	accept_rule("http-request redirect location %[url_param(u)] ignore-empty");
	assert_int_equal(fixture_run(), RULE_CONTINUE);
	assert_redirected("/a?u=z", "http-request redirect code 301 location %[url_param(u)] ignore-empty",
		"Location: z\r\n");
}

static void test_a_location_cannot_inject(void **state)
{
	(void)state;
	assert_redirected("/?u=a%0d%0aX:%20b", "http-request redirect code 301 location /%[url_param(u),url_dec]",
		"Location: /a%0D%0AX: b\r\n");
}

static void test_what_redirect_cannot_be(void **state)
{
	(void)state;
	assert_refused("http-request redirect", "needs 'location', 'prefix' or 'scheme'");
	assert_refused("http-request redirect location", "a format");
	assert_refused("http-request redirect location /a code 300", "300");
	assert_refused("http-request redirect location /a prefix /b", "cannot stand beside");
	assert_refused("http-request redirect locaton /a", "did you mean 'location'");
	assert_refused("http-response redirect prefix /a", "only 'location'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
		T(test_set_header_replaces_all_and_sees_the_old_value),
		T(test_add_header_keeps_what_is_there),
		T(test_del_header_matches_names_as_asked),
		T(test_replacements_by_regular_expression),
		T(test_replace_value_looks_at_each_member),
		T(test_a_replacement_that_would_break_the_message_fails),
		T(test_del_header_never_removes_what_frames_the_body),
		T(test_the_host_field_stays_one_and_valid),
		T(test_without_upgrade_there_is_no_upgrade),
		T(test_names_and_values_that_break_lines_are_refused),
		T(test_a_rendered_value_cannot_inject),
		T(test_literal_line_breaks_beside_a_variable_fail_the_rewrite),
		T(test_strict_mode_off_holds_to_the_end_of_the_list),
		T(test_responses_are_edited_too),
		T(test_the_request_line_is_rewritten),
		T(test_bytes_that_end_a_target_are_encoded),
		T(test_an_absolute_uri_sets_the_host),
		T(test_rewrites_that_cannot_be_leave_the_request_alone),
		T(test_return_without_arguments_is_empty),
		T(test_return_sends_text_and_fields),
		T(test_a_connection_field_ends_the_connection),
		T(test_a_plain_string_is_no_format),
		T(test_return_sends_files),
		T(test_what_return_cannot_be),
		T(test_arguments_without_effect_are_warned_of),
		T(test_deny_sends_the_page_and_is_counted),
		T(test_deny_takes_another_status),
		T(test_a_denied_response_is_502),
		T(test_an_answer_in_the_place_of_a_response_is_local),
		T(test_redirects),
		T(test_redirects_set_and_clear_cookies),
		T(test_an_empty_location_can_be_passed_over),
		T(test_a_location_cannot_inject),
		T(test_what_redirect_cannot_be),
	};
	return proxy_register() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
