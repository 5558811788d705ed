/* An exchange without sockets: see fixture.h. */
#include "fixture.h"

struct fixture fx;

/* ---- a client that writes down what it is given ---- */

static void put(const void *at, size_t len)
{
	assert_true(fx.sent_len + len < sizeof fx.sent);
	if (len)
		memcpy(fx.sent + fx.sent_len, at, len);
	fx.sent_len += len;
	fx.sent[fx.sent_len] = '\0';
}

static int fake_head(struct exchange *x, struct msg *m)
{
	struct iovec v[64];
	int n = msg_serialize_head(m, v, 64, &x->arena);

	assert_true(n > 0);
	for (int i = 0; i < n; i++)
		put(v[i].iov_base, v[i].iov_len);
	put("\r\n", 2);
	x->status = m->status;
	x->flags |= XF_HEAD_SENT;
	return 0;
}

static int fake_data(struct exchange *x, struct slice payload)
{
	(void)x;
	put(payload.ptr, payload.len);
	return 0;
}

static int fake_flush(struct exchange *x, bool more)
{
	(void)x, (void)more;
	return 0;
}

static size_t fake_pending(const struct exchange *x)
{
	(void)x;
	return 0;
}

static const struct client_ops fake_ops = { .name = "fake",
	.head = fake_head,
	.data = fake_data,
	.flush = fake_flush,
	.pending = fake_pending };

/* ---- set up ---- */

static void make_addresses(void)
{
	fx.client.peer.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(4660),
		.sin_addr.s_addr = htonl(0xc0000201) }; /* 192.0.2.1 */
	fx.target.at.ip.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(8080),
		.sin_addr.s_addr = htonl(0x0a000005) };
	fx.target.at.len = sizeof(struct sockaddr_in);
	strcpy(fx.target.text, "10.0.0.5:8080");
	atomic_store(&fx.server.target, &fx.target);
}

static void make_proxies(void)
{
	fx.frontend.name = "fe";
	fx.frontend.id = 7;
	fx.frontend.mode = MODE_HTTP;
	fx.frontend.thread = &fx.frontend_thread;
	lineage_init(&fx.frontend.lineage, &fx.frontend);
	fx.frontend.live = &fx.frontend_live;
	atomic_store(&fx.frontend_live.connections, 3);
	log_targets_init(&fx.frontend.log);
	fx.backend.name = "be";
	fx.backend.id = 8;
	fx.backend.mode = MODE_HTTP;
	fx.backend.thread = &fx.backend_thread;
	fx.backend.counters = &fx.backend_counters;
	lineage_init(&fx.backend.lineage, &fx.backend);
	lineage_init(&fx.server.lineage, &fx.server);
	fx.backend.threads = 1;
	fx.server.name = "srv";
	fx.server.id = 9;
	fx.server.backend = &fx.backend;
	fx.server.thread = &fx.server_thread;
}

static void make_exchange(void)
{
	struct exchange *x = &fx.x;

	fx.client.ops = &fake_ops;
	fx.client.frontend = &fx.frontend;
	fx.client.conn.watch.fd = -1;
	x->client = &fx.client;
	x->frontend = &fx.frontend;
	x->cause = CAUSE_NONE;
	x->phase_letter = '-';
	x->state = X_RULES;
	x->id = 41;
	x->request.fields = fx.request_fields;
	x->response.fields = fx.response_fields;
	x->request.field_max = x->response.field_max = 32;
	x->t_accept = loop_self->now_ns;
	arena_init(&x->arena);
	x->sample = (struct sample_ctx){ .arena = &x->arena,
		.client = &fx.client.conn,
		.src = &fx.client.peer,
		.exchange = x,
		.phase = PHASE_CONNECTION };
}

int fixture_setup(void **state)
{
	(void)state;
	memset(&fx, 0, sizeof fx);
	assert_int_equal(hazard_thread_enter(), 0);
	assert_int_equal(loop_init(&fx.loop, 0), 0);
	loop_enter(&fx.loop);
	assert_int_equal(exchange_thread_init(), 0);
	arena_init_heap(&fx.arena);
	diag_init(&fx.diag);
	acl_set_init(&fx.acls);
	make_addresses();
	make_proxies();
	make_exchange();
	return 0;
}

int fixture_teardown(void **state)
{
	(void)state;
	arena_reset(&fx.x.arena);
	arena_reset(&fx.arena);
	diag_free(&fx.diag);
	exchange_thread_free();
	loop_enter(NULL);
	loop_free(&fx.loop);
	hazard_thread_exit();
	return 0;
}

/* ---- messages ---- */

void fixture_request(const char *text)
{
	struct exchange *x = &fx.x;
	struct h1_parser p;

	assert_true(strlen(text) < sizeof fx.head);
	strcpy(fx.head, text);
	h1_request_init(&p, &x->request, &exchange_h1_limits);
	assert_int_equal(h1_parse_head(&p, fx.head, strlen(fx.head)), H1_DONE);
	x->head_len = p.head_len;
	x->flags |= XF_REQUEST_DONE;
	x->t_first = x->t_head = loop_self->now_ns;
	x->log_request = x->request.start_line;
	x->log_method = x->request.method_name;
	x->log_target = x->request.target;
	x->sample.req = &x->request;
	x->sample.phase = PHASE_REQUEST;
}

void fixture_response(const char *text)
{
	struct exchange *x = &fx.x;
	struct h1_parser p;

	x->backend = &fx.backend;
	x->server = &fx.server;
	h1_response_init(&p, &x->response, METHOD_GET, &exchange_h1_limits);
	assert_int_equal(h1_parse_head(&p, text, strlen(text)), H1_DONE);
	x->sample.res = &x->response;
	x->sample.phase = PHASE_RESPONSE;
	x->flags |= XF_RESPONSE_HEAD;
	x->state = X_ANSWERING;
}

const char *fixture_head(struct msg *m)
{
	static char text[8192];
	struct iovec v[64];
	size_t len = 0;
	int n = msg_serialize_head(m, v, 64, &fx.x.arena);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		assert_true(len + v[i].iov_len < sizeof text);
		memcpy(text + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	text[len] = '\0';
	return text;
}

/* ---- rules ---- */

static const char *next_word(const char **at)
{
	char *word = arena_alloc(&fx.arena, strlen(*at) + 1), *to = word;
	bool quoted = false;

	for (; **at && (quoted || **at != ' '); ++*at) {
		if (**at == '"')
			quoted = !quoted;
		else
			*to++ = **at;
	}
	*to = '\0';
	return word;
}

struct line fixture_line(const char *text)
{
	enum { WORDS_MAX = 40 };
	struct token *words = arena_zalloc(&fx.arena, WORDS_MAX * sizeof *words);
	struct line l = { .words = words };
	const char *at = text;

	while (*at) {
		struct token *t = &words[l.count];
		t->at = (struct place){ .file = "lb.cfg",
			.line_text = text,
			.line = 1,
			.column = (unsigned)(at - text) + 1,
			.width = 1 };
		t->text = next_word(&at);
		t->len = strlen(t->text);
		assert_true(++l.count < WORDS_MAX);
		while (*at == ' ')
			at++;
	}
	words[l.count] = (struct token){ .text = "", .at = { .file = "lb.cfg", .line_text = text, .line = 1 } };
	return l;
}

int fixture_rule(const char *text)
{
	struct line l = fixture_line(text);
	struct rule_lists lists = { .of = { NULL } };
	enum rule_set set = 0;
	int rc;

	while (strncmp(text, rule_set_rows[set].name, strlen(rule_set_rows[set].name)) != 0)
		assert_true(++set < RULES_SET_COUNT);
	lists.of[set] = fx.rules;
	rc = rules_parse(&lists, set, &l, &fx.acls, &fx.arena, &fx.diag);
	fx.rules = lists.of[set];
	return rc;
}

enum rule_result fixture_run(void)
{
	uint32_t at = 0;
	return rules_run(fx.rules, &fx.x, &at);
}

const char *fixture_messages(void)
{
	return diag_render(&fx.diag, DIAG_NOTE).ptr;
}

void assert_refused(const char *rule, const char *part)
{
	unsigned before = fx.diag.count[DIAG_ALERT];
	const char *messages;

	if (fixture_rule(rule) == 0)
		fail_msg("'%s' was accepted", rule);
	messages = fixture_messages();
	if (fx.diag.count[DIAG_ALERT] != before + 1 || !strstr(messages, part))
		fail_msg("'%s' was not refused with '%s' but with:\n%s", rule, part, messages);
}
