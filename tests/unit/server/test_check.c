/* Tests of running health checks (check.c, check_http.c) against a scripted origin on loopback. */
#include <sys/resource.h>

#include "ballast/sample/release.h"
#include "rig.h"

/* What the origin does with each connection; it lives on the loop of the test. */
struct origin {
	int listener;
	uint16_t port;
	const char *answer; /* NULL: says nothing */
	bool closes;        /* behind its answer */
	unsigned accepted;
	char request[1024]; /* the last one */
	struct watch watch;
	int kept[64];
	unsigned kept_count;
};

static struct origin origin;

/* Answers once a request is there; true: done with it. */
static bool origin_serve(int fd)
{
	ssize_t n = recv(fd, origin.request, sizeof origin.request - 1, MSG_DONTWAIT);

	if (n <= 0)
		return n == 0;
	origin.request[n] = 0;
	if (origin.answer)
		send(fd, origin.answer, strlen(origin.answer), MSG_NOSIGNAL);
	return origin.closes;
}

/* What the origin has to do by now; the check goes on in the next turn of the loop. */
static void origin_turn(void)
{
	int fd = accept4(origin.listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		assert_true(origin.kept_count < 64);
		origin.accepted++;
		origin.kept[origin.kept_count++] = fd;
	}
	for (unsigned i = 0; i < origin.kept_count; i++)
		if (origin_serve(origin.kept[i])) {
			close(origin.kept[i]);
			origin.kept[i--] = origin.kept[--origin.kept_count];
		}
}

static void origin_open(const char *answer, bool closes)
{
	memset(&origin, 0, sizeof origin);
	origin.listener = rig_listen(&origin.port);
	origin.answer = answer;
	origin.closes = closes;
}

static void origin_close(void)
{
	if (origin.listener >= 0)
		close(origin.listener);
	while (origin.kept_count)
		close(origin.kept[--origin.kept_count]);
}

static const char http[] = "";
static struct arena arena; /* of the check rules */
static struct diag diag;

/* A backend whose one server is checked at the origin every 20 ms, by `option httpchk` and these lines `with`
 * (rig_line); NULL: by connecting only. */
static struct backend *checked(const char *with)
{
	struct backend *b = rig_backend(1, origin.port);
	struct server *s = b->servers[0];
	char lines[512], *save, *line;

	s->check_enabled = true;
	s->inter_ms = 20;
	if (!with)
		return b;
	assert_int_equal(rig_parse_check(b, "option httpchk", &arena, &diag), 0);
	snprintf(lines, sizeof lines, "%s", with);
	for (line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		assert_int_equal(rig_parse_check(b, line, &arena, &diag), 0);
	return b;
}

static void start(struct backend *b)
{
	assert_int_equal(backend_start(b, 1), 0);
	rig_logged();
	checks_start_thread(b);
}

static void stop(struct backend *b)
{
	checks_stop_thread(b);
	rig_drop(b);
	origin_close();
}

/* Until the check has this status; false after a second. */
static bool reaches(struct backend *b, enum check_status status)
{
	uint64_t end = clock_mono_ns() + 1000000000u;

	while (b->servers[0]->check->status != status && clock_mono_ns() < end) {
		loop_turn(&rig_loop, 2);
		origin_turn();
	}
	return b->servers[0]->check->status == status;
}

static bool reaches_health(struct backend *b, enum server_health health)
{
	uint64_t end = clock_mono_ns() + 1000000000u;

	while (b->servers[0]->health != health && clock_mono_ns() < end) {
		loop_turn(&rig_loop, 2);
		origin_turn();
	}
	return b->servers[0]->health == health;
}

static void run_for(unsigned ms)
{
	uint64_t end = clock_mono_ns() + ms * 1000000ull;

	while (clock_mono_ns() < end) {
		loop_turn(&rig_loop, 2);
		origin_turn();
	}
}

static void test_a_server_that_accepts_is_up(void **state)
{
	struct backend *b;
	struct check *c;

	(void)state;
	origin_open(NULL, false);
	b = checked(NULL);
	start(b);
	c = b->servers[0]->check;
	assert_int_equal(c->status, CHECK_INI);
	assert_true(reaches(b, CHECK_L4OK));
	assert_int_equal(b->servers[0]->check_count, 4);
	assert_true(c->measured);
	assert_string_equal(c->text, "");
	assert_string_equal(rig_logged(), "");
	stop(b);
}

static void test_the_first_failure_after_the_start_takes_it_down(void **state)
{
	struct backend *b;
	const char *log;

	(void)state;
	origin_open(NULL, false);
	close(origin.listener);
	origin.listener = -1;
	b = checked(NULL);
	start(b);
	assert_true(reaches(b, CHECK_L4CON));
	log = rig_logged();
	assert_non_null(strstr(log,
		"<129>Server app/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", "
		"check duration: 0ms. 0 active and 0 backup servers left."));
	assert_non_null(strstr(log, "<128>backend app has no server available!"));
	assert_int_equal(b->servers[0]->check_failures, 1);
	stop(b);
}

static void test_rise_and_fall_are_counted(void **state)
{
	struct backend *b;
	struct server *s;

	(void)state;
	origin_open("HTTP/1.0 200 OK\r\n\r\n", true);
	b = checked(http);
	b->set.log_health_checks = true;
	start(b);
	s = b->servers[0];
	assert_true(reaches(b, CHECK_L7OK));
	assert_non_null(strstr(rig_logged(),
		"<133>Health check for server app/s1 succeeded, reason: Layer7 check passed, code: 200, "
		"check duration: "));
	origin.answer = "HTTP/1.0 503 Service Unavailable\r\n\r\n";
	assert_true(reaches_health(b, SERVER_DOWN));
	assert_int_equal(s->check_failures, 3);
	assert_int_equal(s->check->code, 503);
	const char *log = rig_logged();
	assert_non_null(strstr(log,
		"failed, reason: Layer7 wrong status, code: 503, info: \"Service Unavailable\", check duration: "));
	assert_non_null(strstr(log, "ms, status: 2/3 UP."));
	assert_non_null(strstr(log, "ms, status: 1/3 UP."));
	assert_non_null(strstr(log, "ms, status: 0/2 DOWN.\n<129>Server app/s1 is DOWN. 0 active"));
	origin.answer = "HTTP/1.0 302 Found\r\n\r\n";
	assert_true(reaches_health(b, SERVER_UP));
	log = rig_logged();
	assert_non_null(strstr(log, "ms, status: 1/2 DOWN."));
	assert_non_null(strstr(log, "ms, status: 3/3 UP.\n<133>Server app/s1 is UP. 1 active"));
	assert_int_equal(s->check_count, 4);
	assert_string_equal(s->check->text, "");
	stop(b);
}

static void test_without_the_option_the_line_has_the_reason(void **state)
{
	struct backend *b;

	(void)state;
	origin_open("HTTP/1.0 404 Not Found\r\n\r\n", true);
	b = checked(http);
	start(b);
	assert_true(reaches_health(b, SERVER_DOWN));
	assert_non_null(strstr(rig_logged(),
		"<129>Server app/s1 is DOWN, reason: Layer7 wrong status, code: 404, info: \"Not Found\", "
		"check duration: "));
	assert_string_equal(origin.request, "OPTIONS / HTTP/1.0\r\nConnection: close\r\n\r\n");
	origin.answer = "HTTP/1.1 204 No Content\r\n\r\n";
	assert_true(reaches_health(b, SERVER_UP));
	assert_non_null(strstr(rig_logged(),
		"<133>Server app/s1 is UP, reason: Layer7 check passed, code: 204, check duration: "));
	stop(b);
}

static void expect_result(const char *h, const char *answer, bool closes, enum check_status status, const char *text)
{
	struct backend *b;

	origin_open(answer, closes);
	b = checked(h);
	b->servers[0]->inter_ms = 60;
	start(b);
	if (!reaches(b, status))
		fail_msg("%s: got %s (%s)", answer ? answer : "silence",
			check_status_code(b->servers[0]->check->status), b->servers[0]->check->text);
	if (text)
		assert_string_equal(b->servers[0]->check->text, text);
	stop(b);
}

static void test_answers_that_are_none(void **state)
{
	(void)state;
	expect_result(http, NULL, false, CHECK_L7TOUT, "");
	expect_result(http, "", true, CHECK_SOCKERR, NULL);
	expect_result(http, "SSH-2.0-x\r\n\r\n", true, CHECK_L7RSP, NULL);
	expect_result(http, "HTTP/1.1 200 OK\r\nServer: x", true, CHECK_L7RSP,
		"the connection ended within the head of the response");
	expect_result(http, "HTTP/1.1 200 OK\r\nServer: x", false, CHECK_L7TOUT, "");
}

static void test_interim_answers_are_passed_over(void **state)
{
	(void)state;
	expect_result(http, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
		true, CHECK_L7STS, "No");
}

static void test_statuses_that_are_expected(void **state)
{
	const char *good = "http-check expect status 200,400-404", *bad = "http-check expect !status 200,400-404";

	(void)state;
	expect_result(good, "HTTP/1.0 404 x\r\n\r\n", true, CHECK_L7OK, "");
	expect_result(good, "HTTP/1.0 201 x\r\n\r\n", true, CHECK_L7STS, "x");
	expect_result(bad, "HTTP/1.0 404 x\r\n\r\n", true, CHECK_L7STS, "x");
	expect_result(bad, "HTTP/1.0 500 x\r\n\r\n", true, CHECK_L7OK, "");
	expect_result("http-check expect rstatus ^4.4", "HTTP/1.0 414 x\r\n\r\n", true, CHECK_L7OK, "");
}

static void test_a_string_in_the_body_is_expected(void **state)
{
	const char *alive = "http-check send meth GET\nhttp-check expect string alive";
	const char *with_four = "http-check send meth GET\nhttp-check expect min-recv 4 string alive";
	const char *not_alive = "http-check send meth GET\nhttp-check expect ! string alive";

	(void)state;
	expect_result(alive, "HTTP/1.0 200 OK\r\n\r\nI am alive.", true, CHECK_L7OK, NULL);
	/* A string found decides before the body ends; across chunks as well; whatever the status. */
	expect_result(alive, "HTTP/1.1 500 x\r\nContent-Length: 100\r\n\r\nI am alive.", false, CHECK_L7OK, NULL);
	expect_result(alive, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nali\r\n2\r\nve\r\n0\r\n\r\n",
		false, CHECK_L7OK, NULL);
	expect_result(alive, "HTTP/1.0 200 alive\r\nX: alive\r\n\r\ndead", true, CHECK_L7RSP,
		"HTTP content check did not match");
	expect_result(alive, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, CHECK_L7RSP,
		"HTTP content check could not find a response body");
	expect_result(alive, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndead", false, CHECK_L7TOUT, "");
	expect_result(with_four, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ndead", false, CHECK_L7RSP,
		"HTTP content check did not match");
	expect_result(not_alive, "HTTP/1.0 200 OK\r\n\r\nalive", true, CHECK_L7RSP,
		"HTTP check matched unwanted content");
	expect_result(not_alive, "HTTP/1.0 200 OK\r\n\r\ndead", true, CHECK_L7OK, NULL);
}

static void test_a_regex_waits_for_min_recv(void **state)
{
	const char *half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";

	(void)state;
	expect_result("http-check send meth GET\nhttp-check expect rstring ^a", half, false, CHECK_L7OK, NULL);
	expect_result("http-check send meth GET\nhttp-check expect min-recv 4 rstring ^a", half, false, CHECK_L7TOUT,
		NULL);
	expect_result("http-check send meth GET\nhttp-check expect min-recv 3 rstring ^a", half, false, CHECK_L7OK,
		NULL);
}

static void test_fields_are_expected_by_name_and_value(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nX-List: one, two\r\nSet-Cookie: sid=7\r\n"
				     "Content-Length: 0\r\n\r\n";
	static const struct {
		const char *match;
		bool passes;
	} cases[] = {
		{ "hdr name x-list", true },
		{ "hdr name x-lis", false },
		{ "hdr name -m beg X-LIS", true },
		{ "hdr name -m end cookie", true },
		{ "hdr name -m sub -COOK", true },
		{ "hdr name -m reg ^x-.*t$", true },
		{ "hdr name X-List value two", true },
		{ "hdr name X-List value Two", false },
		{ "hdr name X-List value -m beg tw", true },
		{ "fhdr name X-List value two", false },
		{ "fhdr name X-List value -m end two", true },
		{ "fhdr name X-List value one,_two", true },
		{ "hdr name X-List value -m reg ^o.e$", true },
		{ "! hdr name X-Other", true },
		{ "! hdr name X-List value one", false },
		{ "hdr name-lf X-%[str(List)] value-lf %[int(1)]", false },
		{ "hdr name-lf Set-%[str(Cookie)] value-lf -m beg si%[str(d)]=", true },
		/* what gives nothing is not found everywhere */
		{ "hdr name X-List value-lf -m sub %[res.hdr(none)]", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];
		snprintf(line, sizeof line, "http-check expect %s", cases[i].match);
		expect_result(line, answer, true, cases[i].passes ? CHECK_L7OK : CHECK_L7STS,
			cases[i].passes ? "" : "OK");
	}
}

static void test_rules_are_gone_through_in_order(void **state)
{
	static const char answer[] = "HTTP/1.1 404 None\r\nX-N: 77\r\nContent-Length: 5\r\n\r\nhello";

	(void)state;
	expect_result("http-check send meth GET\nhttp-check expect status 404\nhttp-check expect string ell", answer,
		true, CHECK_L7OK, "");
	expect_result("http-check send meth GET\nhttp-check expect status 404\nhttp-check expect string foo", answer,
		true, CHECK_L7RSP, "HTTP content check did not match");
	expect_result("http-check send meth GET\nhttp-check expect string ell\nhttp-check expect status 200", answer,
		true, CHECK_L7STS, "None");
	/* the first rule's body is there, the second's is not yet */
	expect_result("http-check send meth GET\nhttp-check expect string hel\nhttp-check expect string lo",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false, CHECK_L7TOUT, "");
}

static void test_what_a_result_is_called(void **state)
{
	static const char answer[] = "HTTP/1.1 404 None\r\nX-N: 77\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	expect_result("http-check expect comment my_comment status 200", answer, true, CHECK_L7STS,
		"None comment: my comment");
	expect_result("http-check comment before\nhttp-check expect status 200", answer, true, CHECK_L7STS,
		"None comment: before");
	expect_result("http-check expect error-status L4CON status 200", answer, true, CHECK_L4CON, "None");
	expect_result("http-check expect ok-status L6OK status 404", answer, true, CHECK_L6OK, "");
	expect_result("http-check expect ok-status L4OK status 404\nhttp-check expect hdr name X-N", answer, true,
		CHECK_L7OK, "");
	expect_result("http-check expect on-error e_%[res.hdr(x-n)] status 200", answer, true, CHECK_L7STS, "e 77");
	expect_result("http-check expect on-success o_%[status] status 404", answer, true, CHECK_L7OK, "o 404");
	expect_result("http-check expect tout-status L4TOUT status 404", NULL, false, CHECK_L4TOUT, "");
}

static void test_the_code_is_the_status_or_what_is_named(void **state)
{
	static const char answer[] = "HTTP/1.1 404 None\r\nX-N: 77\r\nContent-Length: 0\r\n\r\n";
	static const struct {
		const char *rule;
		enum check_status status;
		unsigned code;
	} cases[] = {
		{ "http-check expect status 404", CHECK_L7OK, 404 },
		{ "http-check expect status 200", CHECK_L7STS, 404 },
		{ "http-check expect string x", CHECK_L7RSP, 0 },
		{ "http-check expect ok-status L6OK status 404", CHECK_L6OK, 0 },
		{ "http-check expect status-code res.hdr(x-n) status 404", CHECK_L7OK, 77 },
		{ "http-check expect status-code res.hdr(x-n) string x", CHECK_L7RSP, 77 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct backend *b;
		origin_open(answer, true);
		b = checked(cases[i].rule);
		start(b);
		assert_true(reaches(b, cases[i].status));
		assert_int_equal(b->servers[0]->check->code, cases[i].code);
		stop(b);
	}
}

static void test_requests_are_made_anew_for_each_check(void **state)
{
	struct backend *b;

	(void)state;
	origin_open("HTTP/1.0 200 OK\r\n\r\n", true);
	b = checked(
		"http-check send meth POST uri-lf /%[str(a_b)]/%% ver HTTP/1.1 hdr X %[int(7)] body-lf n%[int(42)]");
	assert_null(b->checks.http->sealed[1].http_send.request.ptr);
	start(b);
	assert_true(reaches(b, CHECK_L7OK));
	assert_string_equal(origin.request,
		"POST /a%20b/% HTTP/1.1\r\nX: 7\r\nContent-Length: 3\r\nConnection: close\r\n\r\nn42");
	stop(b);
}

/* What this machine lacks says nothing of the server. */
static void test_a_check_without_a_descriptor_changes_nothing(void **state)
{
	struct rlimit limit, none;
	struct backend *b;
	int lowest;

	(void)state;
	origin_open(NULL, false);
	b = checked(NULL);
	start(b);
	assert_true(reaches(b, CHECK_L4OK));
	lowest = dup(0);
	close(lowest);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	run_for(200); /* ten checks, of which three would take it down */
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	assert_int_equal(b->servers[0]->check->status, CHECK_L4OK);
	assert_int_equal(b->servers[0]->check_failures, 0);
	assert_non_null(strstr(rig_logged(), "Health check for server app/s1 could not be made: Too many open files."));
	stop(b);
}

static void test_a_check_that_cannot_connect_in_time(void **state)
{
	struct backend *b;
	uint16_t port;
	int full = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[4];
	struct endpoint e = rig_address(0);
	socklen_t len = sizeof e.ip;

	(void)state;
	origin_open(NULL, false);
	/* A backlog that is full drops SYNs. */
	assert_int_equal(bind(full, &e.sa, e.len), 0);
	assert_int_equal(listen(full, 0), 0);
	assert_int_equal(getsockname(full, &e.sa, &len), 0);
	port = addr_port(&e.ip);
	for (int i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		connect(fill[i], &e.sa, e.len);
	}
	usleep(5000);
	b = checked(NULL);
	b->servers[0]->has_check_port = true;
	b->servers[0]->check_port = port;
	b->servers[0]->inter_ms = 200;
	b->set.timeout_connect_ms = 50; /* counts only with `timeout check` */
	b->set.timeout_check_ms = 1000;
	start(b);
	assert_true(reaches(b, CHECK_L4TOUT));
	assert_in_range(b->servers[0]->check->duration_ms, 45, 150);
	stop(b);
	for (int i = 0; i < 4; i++)
		close(fill[i]);
	close(full);
}

static void test_timeout_check_bounds_the_answer(void **state)
{
	struct backend *b;

	(void)state;
	origin_open(NULL, false);
	b = checked(http);
	b->servers[0]->inter_ms = 500;
	b->set.timeout_check_ms = 50;
	start(b);
	assert_true(reaches(b, CHECK_L7TOUT));
	assert_in_range(b->servers[0]->check->duration_ms, 45, 200);
	stop(b);
}

static void test_another_address_can_be_checked(void **state)
{
	struct backend *b;
	struct endpoint nowhere = rig_address(1);

	(void)state;
	origin_open(NULL, false);
	b = checked(NULL);
	assert_int_equal(server_set_target(b->servers[0], &nowhere), 0);
	b->servers[0]->check_addr = rig_address(origin.port);
	start(b);
	assert_true(reaches(b, CHECK_L4OK));
	stop(b);
	/* An address without a port is checked at the server's. */
	origin_open(NULL, false);
	b = checked(NULL);
	b->servers[0]->check_addr = rig_address(0);
	start(b);
	assert_true(reaches(b, CHECK_L4OK));
	stop(b);
}

static void test_maintenance_pauses_checks(void **state)
{
	struct backend *b;
	unsigned seen;

	(void)state;
	origin_open(NULL, false);
	b = checked(NULL);
	start(b);
	assert_true(reaches(b, CHECK_L4OK));
	server_set_admin(b->servers[0], SERVER_MAINT, 0);
	run_for(50);
	seen = origin.accepted;
	run_for(100);
	assert_int_equal(origin.accepted, seen);
	server_set_admin(b->servers[0], 0, SERVER_MAINT);
	assert_int_equal(b->servers[0]->check_count, b->servers[0]->rise);
	run_for(60);
	assert_true(origin.accepted > seen);
	assert_int_equal(b->servers[0]->check_count, 4);
	stop(b);
}

static void test_a_disabled_check_counts_the_server_as_up(void **state)
{
	struct backend *b;
	char buf[32];

	(void)state;
	origin_open("HTTP/1.0 500 x\r\n\r\n", true);
	b = checked(http);
	start(b);
	assert_true(reaches_health(b, SERVER_DOWN));
	check_set_enabled(b->servers[0], false);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	assert_string_equal(server_status_text(b->servers[0], buf, sizeof buf), "no check");
	run_for(60);
	assert_int_equal(b->servers[0]->health, SERVER_UP);
	check_set_enabled(b->servers[0], true);
	assert_true(reaches_health(b, SERVER_DOWN));
	stop(b);
}

static void test_intervals_follow_the_state(void **state)
{
	struct backend *b;
	unsigned seen;

	(void)state;
	origin_open("HTTP/1.0 200 x\r\n\r\n", true);
	b = checked(http);
	b->servers[0]->inter_ms = 300;
	b->servers[0]->fastinter_ms = 10;
	b->servers[0]->downinter_ms = 100;
	start(b);
	assert_true(reaches(b, CHECK_L7OK));
	seen = origin.accepted;
	run_for(150);
	assert_in_range(origin.accepted - seen, 0, 1); /* inter */
	origin.answer = "HTTP/1.0 500 x\r\n\r\n";
	assert_true(reaches(b, CHECK_L7STS));
	seen = origin.accepted;
	run_for(60);
	assert_int_equal(b->servers[0]->health, SERVER_DOWN); /* fastinter: two more within 60 ms */
	seen = origin.accepted;
	run_for(330);
	assert_in_range(origin.accepted - seen, 2, 4); /* downinter */
	stop(b);
}

static void test_checks_are_spread_over_the_interval(void **state)
{
	struct backend *b;
	uint64_t begin = clock_mono_ns();

	(void)state;
	origin_open(NULL, false);
	b = rig_backend(4, origin.port);
	for (unsigned i = 0; i < 4; i++) {
		b->servers[i]->check_enabled = true;
		b->servers[i]->inter_ms = 400;
	}
	start(b);
	for (unsigned i = 0; i < 4; i++) {
		while (!b->servers[i]->check->measured && clock_mono_ns() - begin < 1000000000u) {
			loop_turn(&rig_loop, 2);
			origin_turn();
		}
		assert_in_range((clock_mono_ns() - begin) / 1000000 + 5, i * 100, i * 100 + 65);
	}
	stop(b);
}

static void test_stopping_in_the_middle_leaves_nothing(void **state)
{
	struct backend *b;

	(void)state;
	origin_open(NULL, false);
	b = checked(http);
	b->servers[0]->inter_ms = 1000;
	start(b);
	for (int i = 0; i < 200 && !b->servers[0]->check->running; i++)
		loop_turn(&rig_loop, 5);
	assert_true(b->servers[0]->check->running);
	stop(b);
}

static void test_each_status_has_its_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CHECK_STATUS_COUNT; i++) {
		assert_non_null(check_status_code(i));
		assert_non_null(check_status_text(i));
	}
	assert_string_equal(check_status_code(CHECK_L4OK), "L4OK");
	assert_true(check_status_passed(CHECK_L7OK));
	assert_false(check_status_passed(CHECK_L7STS));
	assert_int_equal(check_status_number(CHECK_L4CON), 8);
	assert_int_equal(check_status_number(CHECK_L7RSP), 13);
	assert_int_equal(check_status_number(CHECK_SOCKERR), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_server_that_accepts_is_up),
		cmocka_unit_test(test_the_first_failure_after_the_start_takes_it_down),
		cmocka_unit_test(test_rise_and_fall_are_counted),
		cmocka_unit_test(test_without_the_option_the_line_has_the_reason),
		cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_interim_answers_are_passed_over),
		cmocka_unit_test(test_statuses_that_are_expected),
		cmocka_unit_test(test_a_string_in_the_body_is_expected),
		cmocka_unit_test(test_a_regex_waits_for_min_recv),
		cmocka_unit_test(test_fields_are_expected_by_name_and_value),
		cmocka_unit_test(test_rules_are_gone_through_in_order),
		cmocka_unit_test(test_what_a_result_is_called),
		cmocka_unit_test(test_the_code_is_the_status_or_what_is_named),
		cmocka_unit_test(test_requests_are_made_anew_for_each_check),
		cmocka_unit_test(test_a_check_without_a_descriptor_changes_nothing),
		cmocka_unit_test(test_a_check_that_cannot_connect_in_time),
		cmocka_unit_test(test_timeout_check_bounds_the_answer),
		cmocka_unit_test(test_another_address_can_be_checked),
		cmocka_unit_test(test_maintenance_pauses_checks),
		cmocka_unit_test(test_a_disabled_check_counts_the_server_as_up),
		cmocka_unit_test(test_intervals_follow_the_state),
		cmocka_unit_test(test_checks_are_spread_over_the_interval),
		cmocka_unit_test(test_stopping_in_the_middle_leaves_nothing),
		cmocka_unit_test(test_each_status_has_its_names),
	};
	diag_init(&diag);
	arena_init_heap(&arena);
	int failed = cmocka_run_group_tests(tests, rig_setup, rig_teardown);
	sample_release(&arena);
	arena_reset(&arena);
	diag_free(&diag);
	return failed;
}
