/* Actions that answer in the server's place: return, deny, tarpit (HAProxy's manual, section 4.4).
 *
 * Files are read and checked while loading.  Three kinds of answers: a page of the proxy's error pages, a whole response
 * from a file, or one made of a status, a body and fields, each of which may be a format.
 */
#include <string.h>

#include "action.h"
#include "internal.h"

enum payload { PAYLOAD_NONE, PAYLOAD_PAGES, PAYLOAD_SECTION, PAYLOAD_RESPONSE, PAYLOAD_BODY };

struct return_field {
	struct return_field *next;
	struct slice name;
	struct action_value value;
};

struct return_rule {
	unsigned status;
	bool has_status, denies;
	enum payload payload;
	const char *payload_word;
	struct slice content_type;     /* of PAYLOAD_BODY */
	struct action_value body;      /* of PAYLOAD_BODY */
	const struct answer *response; /* of PAYLOAD_RESPONSE */
	struct errors *section;        /* of PAYLOAD_SECTION */
	struct return_field *fields;
	unsigned field_count;
	const struct token *content_type_at, *fields_at; /* while loading */
};

/* ---- parsing ---- */

enum argument {
	ARG_STATUS,
	ARG_TYPE,
	ARG_PAGES,
	ARG_ERRORFILE,
	ARG_ERRORFILES,
	ARG_FILE,
	ARG_LF_FILE,
	ARG_STRING_,
	ARG_LF_STRING,
	ARG_HDR
};

static const struct {
	const char *word;
	enum argument argument;
} arguments[] = {
	{ "status", ARG_STATUS },
	{ "deny_status", ARG_STATUS },
	{ "content-type", ARG_TYPE },
	{ "default-errorfiles", ARG_PAGES },
	{ "errorfile", ARG_ERRORFILE },
	{ "errorfiles", ARG_ERRORFILES },
	{ "file", ARG_FILE },
	{ "lf-file", ARG_LF_FILE },
	{ "string", ARG_STRING_ },
	{ "lf-string", ARG_LF_STRING },
	{ "hdr", ARG_HDR },
};

struct return_parse {
	struct return_rule *to;
	const struct rule *rule;
	const struct line *l;
	size_t *at;
	const struct token *word; /* the argument's own */
	struct arena *a;
	struct diag *d;
};

static int parse_status(struct return_parse *p)
{
	const struct token *t = action_arg(p->l, p->at, "a status from 200 to 599", p->d);
	int64_t status;

	if (!t || token_int(t, "status", 200, 599, &status, p->d) < 0)
		return -EINVAL;
	p->to->status = (unsigned)status;
	p->to->has_status = true;
	return 0;
}

static int parse_content_type(struct return_parse *p)
{
	const struct token *t = action_arg(p->l, p->at, "a content type", p->d);

	if (!t)
		return -EINVAL;
	if (!field_value_valid(token_slice(t)) || !t->len) {
		diag_error(p->d, &t->at, NULL, "this is no content type");
		return -EINVAL;
	}
	p->to->content_type = token_slice(t);
	p->to->content_type_at = t;
	return 0;
}

static int parse_response(struct return_parse *p)
{
	const struct token *t = action_arg(p->l, p->at, "a file", p->d);
	struct answer *response;

	if (!t || answer_load(t->text, t, &response, p->a, p->d) < 0)
		return -EINVAL;
	p->to->response = response;
	return 0;
}

static int parse_section(struct return_parse *p)
{
	const struct token *t = action_arg(p->l, p->at, "the name of a section http-errors", p->d);

	p->to->section = t ? errors_refer(p->a, t, p->d) : NULL;
	return p->to->section ? 0 : -EINVAL;
}

static int check_size(const struct return_parse *p, const struct token *t)
{
	if (p->to->body.literal.len <= answer_limit())
		return 0;
	diag_error(p->d, &t->at, NULL, "this text is larger than a buffer (%zu bytes, tune.bufsize)", answer_limit());
	return -EINVAL;
}

/* `is_file`: the word names a file with the text; `is_format`: the text is a format. */
static int parse_body(struct return_parse *p, bool is_file, bool is_format)
{
	const struct token *t = action_arg(p->l, p->at, is_file ? "a file" : "a text", p->d);
	struct slice text;

	if (!t)
		return -EINVAL;
	text = token_slice(t);
	if (is_file && answer_read_file(t->text, t, p->a, &text, p->d) < 0)
		return -EINVAL;
	p->to->body.literal = text;
	if (is_format && memchr(text.ptr, 0, text.len)) {
		diag_error(p->d, &t->at, NULL, "a format cannot hold NUL");
		return -EINVAL;
	}
	if (is_format && action_value_parse_text(&p->to->body, text.ptr, t, VALUE_BODY, p->rule->set, p->a, p->d) < 0)
		return -EINVAL;
	return check_size(p, t);
}

static bool is_ours(enum field_id id)
{
	return id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING;
}

static int parse_field(struct return_parse *p)
{
	const struct token *name = action_arg(p->l, p->at, "the name of a header field", p->d), *value;
	struct return_field *f = arena_zalloc(p->a, sizeof *f), **last = &p->to->fields;

	if (!f)
		return -ENOMEM;
	if (!name || action_field_name(name, &f->name, p->d) < 0)
		return -EINVAL;
	if (is_ours(field_id_of(f->name))) {
		diag_error(p->d, &name->at, NULL, "'%s' tells where a message ends; rules cannot set it", name->text);
		return -EINVAL;
	}
	value = action_arg(p->l, p->at, "the field's value", p->d);
	if (!value || action_value_parse(&f->value, value, VALUE_FIELD, p->rule->set, p->a, p->d) < 0)
		return -EINVAL;
	if (++p->to->field_count > ANSWER_FIELDS_MAX) {
		diag_error(p->d, &name->at, NULL, "an answer may have at most %d fields", ANSWER_FIELDS_MAX);
		return -EINVAL;
	}
	while (*last)
		last = &(*last)->next;
	*last = f;
	p->to->fields_at = p->word;
	return 0;
}

static int set_payload(struct return_parse *p, enum payload payload)
{
	if (p->to->payload != PAYLOAD_NONE) {
		diag_error(p->d, &p->word->at, NULL, "'%s' cannot stand beside '%s'", p->word->text,
			p->to->payload_word);
		return -EINVAL;
	}
	p->to->payload = payload;
	p->to->payload_word = p->word->text;
	return 0;
}

static int parse_payload(struct return_parse *p, enum argument argument)
{
	static const enum payload payloads[] = { [ARG_PAGES] = PAYLOAD_PAGES,
		[ARG_ERRORFILES] = PAYLOAD_SECTION,
		[ARG_ERRORFILE] = PAYLOAD_RESPONSE,
		[ARG_FILE] = PAYLOAD_BODY,
		[ARG_LF_FILE] = PAYLOAD_BODY,
		[ARG_STRING_] = PAYLOAD_BODY,
		[ARG_LF_STRING] = PAYLOAD_BODY };

	if (set_payload(p, payloads[argument]) < 0)
		return -EINVAL;
	if (argument == ARG_PAGES)
		return 0;
	if (argument == ARG_ERRORFILE)
		return parse_response(p);
	if (argument == ARG_ERRORFILES)
		return parse_section(p);
	return parse_body(p, argument == ARG_FILE || argument == ARG_LF_FILE,
		argument == ARG_LF_FILE || argument == ARG_LF_STRING);
}

static int parse_argument(struct return_parse *p)
{
	const char *words[sizeof arguments / sizeof arguments[0] + 1] = { NULL };
	unsigned choice;

	for (size_t i = 0; i < sizeof arguments / sizeof arguments[0]; i++)
		words[i] = arguments[i].word;
	p->word = &p->l->words[(*p->at)++];
	if (token_choice(p->word, "argument", words, &choice, p->d) < 0)
		return -EINVAL;
	switch (arguments[choice].argument) {
	case ARG_STATUS: return parse_status(p);
	case ARG_TYPE: return parse_content_type(p);
	case ARG_HDR: return parse_field(p);
	default: return parse_payload(p, arguments[choice].argument);
	}
}

/* ---- checks of the whole ---- */

static int check_page_status(const struct return_rule *to, const struct token *t, struct diag *d)
{
	struct slice hint;

	if (errors_has(to->status))
		return 0;
	hint = arena_printf(&d->arena, "statuses with an error page are %s", errors_status_list());
	diag_error(d, &t->at, hint.ptr, "status %u has no error page", to->status);
	return -EINVAL;
}

static int check_body(const struct return_rule *to, const struct token *t, struct diag *d)
{
	bool empty = !to->body.format && !to->body.literal.len;

	if (!empty && (to->status == 204 || to->status == 205 || to->status == 304)) {
		diag_error(d, &t->at, NULL, "a response with status %u has no body", to->status);
		return -EINVAL;
	}
	if (!empty && !to->content_type.len) {
		diag_error(d, &t->at, "content-type text/plain", "'%s' needs a 'content-type'", to->payload_word);
		return -EINVAL;
	}
	return 0;
}

static void warn_of_ignored(const struct return_rule *to, struct diag *d)
{
	bool has_body = to->payload == PAYLOAD_BODY && (to->body.format || to->body.literal.len);

	if (to->content_type_at && !has_body)
		diag_warn(d, &to->content_type_at->at, NULL, "'content-type' has no effect without a body");
	if (to->fields_at && to->payload != PAYLOAD_NONE && to->payload != PAYLOAD_BODY)
		diag_warn(d, &to->fields_at->at, NULL, "'hdr' has no effect beside '%s'", to->payload_word);
}

static int check(struct return_rule *to, const struct token *t, struct diag *d)
{
	int rc = 0;

	/* for compatibility: `deny` and `deny deny_status N` send error pages */
	if (to->denies && to->payload == PAYLOAD_NONE && !to->fields_at && !to->content_type_at)
		to->payload = PAYLOAD_PAGES;
	if (to->payload == PAYLOAD_PAGES || to->payload == PAYLOAD_SECTION ||
		(to->payload == PAYLOAD_RESPONSE && to->has_status))
		rc = check_page_status(to, t, d);
	else if (to->payload == PAYLOAD_BODY)
		rc = check_body(to, t, d);
	if (rc == 0)
		warn_of_ignored(to, d);
	return rc;
}

static int parse_all(struct rule *r, const struct line *l, size_t *at, struct return_rule *to, struct arena *a,
	struct diag *d)
{
	struct return_parse p = { .to = to, .rule = r, .l = l, .at = at, .a = a, .d = d };

	while (!action_args_end(l, *at)) {
		int rc = parse_argument(&p);
		if (rc < 0)
			return rc;
	}
	return check(to, &l->words[1], d);
}

static int parse(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d, bool denies,
	unsigned status)
{
	struct return_rule *to = arena_zalloc(a, sizeof *to);

	if (!to)
		return -ENOMEM;
	r->arg = to;
	to->denies = denies;
	to->status = status;
	return parse_all(r, l, at, to, a, d);
}

/* The page that `http-error` describes. */
static int set_error(struct errors **into, const struct return_rule *from, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct answer *page;

	if (from->payload == PAYLOAD_PAGES)
		return errors_set(into, from->status, NULL, t, a, d);
	if (from->payload == PAYLOAD_SECTION)
		return errors_import(into, from->section, from->status, t, a, d);
	if (from->payload == PAYLOAD_RESPONSE)
		return errors_set(into, from->status, from->response, t, a, d);
	page = arena_zalloc(a, sizeof *page);
	if (!page)
		return -ENOMEM;
	page->status = from->status;
	page->reply = from;
	return errors_set(into, from->status, page, t, a, d);
}

int http_error_parse(struct errors **into, const struct line *l, struct arena *a, struct diag *d)
{
	struct rule as = { .set = RULES_HTTP_REQUEST }; /* what its formats may look at */
	struct return_rule *to = arena_zalloc(a, sizeof *to);
	size_t at = 1;
	int rc;

	if (!to)
		return -ENOMEM;
	rc = parse_all(&as, l, &at, to, a, d);
	if (rc < 0)
		return rc;
	if (at < l->count) {
		diag_error(d, &l->words[at].at, NULL, "'http-error' takes no condition");
		return -EINVAL;
	}
	if (!to->has_status) {
		diag_error(d, &l->words[0].at, NULL, "'http-error' expects 'status' and a status");
		return -EINVAL;
	}
	return set_error(into, to, &l->words[1], a, d);
}

static int parse_return(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, a, d, false, 200);
}

static int parse_deny(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, a, d, true, r->set == RULES_HTTP_REQUEST ? 403 : 502);
}

static int parse_tarpit(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse(r, l, at, a, d, true, 500);
}

/* ---- running ---- */

static int make_answer(struct exchange *x, const struct return_rule *from, struct answer *to)
{
	*to = (struct answer){ .status = from->status };
	if (from->payload == PAYLOAD_BODY && !action_value_render(&from->body, x, VALUE_BODY, &to->body))
		return -EINVAL;
	if (to->body.len)
		to->content_type = from->content_type;
	for (const struct return_field *f = from->fields; f; f = f->next) {
		struct answer_field *field = &to->field[to->field_count++];
		field->name = f->name;
		if (!action_value_render(&f->value, x, VALUE_FIELD, &field->value))
			return -EINVAL;
		if (field_id_of(f->name) == FIELD_CONNECTION && answer_says_close(field->value))
			to->close = true;
	}
	return 0;
}

/* A page that is made now; where that fails, the plain one. */
static const struct answer *whole_page(struct exchange *x, const struct answer *page)
{
	struct answer *made;

	if (BL_LIKELY(!page->reply))
		return page;
	made = arena_alloc(&x->arena, sizeof *made);
	if (made && make_answer(x, page->reply, made) == 0)
		return made;
	return errors_answer(NULL, NULL, page->status);
}

const struct answer *exchange_error_page(struct exchange *x, unsigned status)
{
	return whole_page(x, errors_answer(x->backend ? x->backend->errors : NULL, x->frontend->errors, status));
}

static enum rule_result answer(struct exchange *x, const struct rule *r)
{
	const struct return_rule *from = r->arg;
	struct answer *made;

	if (from->payload == PAYLOAD_RESPONSE)
		return action_answer(x, r, from->response);
	if (from->payload == PAYLOAD_PAGES)
		return action_answer(x, r, exchange_error_page(x, from->status));
	if (from->payload == PAYLOAD_SECTION) {
		const struct answer *page = errors_only(from->section, from->status);
		return action_answer(x, r, page ? whole_page(x, page) : exchange_error_page(x, from->status));
	}
	made = arena_alloc(&x->arena, sizeof *made);
	if (!made || make_answer(x, from, made) < 0)
		return RULE_ERROR;
	return action_answer(x, r, made);
}

static void count_denied(struct exchange *x, const struct rule *r)
{
	enum counter which = r->set == RULES_HTTP_REQUEST ? COUNT_DENIED_REQ : COUNT_DENIED_RESP;

	count_add(frontend_counters(x->frontend), which, 1);
	if (x->backend)
		count_add(backend_counters(x->backend), which, 1);
	if (x->server)
		count_add(server_counters(x->server), which, 1);
	x->cause = CAUSE_PROXY;
	x->phase_letter = r->set == RULES_HTTP_REQUEST ? 'R' : 'H';
}

static enum rule_result run_return(struct exchange *x, const struct rule *r)
{
	return answer(x, r);
}

static enum rule_result run_deny(struct exchange *x, const struct rule *r)
{
	count_denied(x, r);
	exchange_count_client_error(x);
	return answer(x, r);
}

/* The answer waits, so that whoever tries again and again is held up. */
static enum rule_result run_tarpit(struct exchange *x, const struct rule *r)
{
	uint32_t ms = x->backend ? x->backend->set.timeout_tarpit_ms : x->frontend->set.timeout_tarpit_ms;

	if (x->tarpitted)
		return answer(x, r);
	x->tarpitted = true;
	count_denied(x, r);
	exchange_count_client_error(x);
	x->phase_letter = 'T';
	x->t_queue = loop_self->now_ns; /* the log tells the delay as time in a queue */
	if (!ms)
		return answer(x, r);
	exchange_pause(x, ms);
	return RULE_SUSPEND_AGAIN;
}

const struct action_row return_action_rows[] = {
	{ "deny", RULES_BOTH, "[status|deny_status <code>] [content-type <type>] [<payload>] [hdr <name> <fmt>]*",
		"refuses the request or response: 403 or 502 with an error page, or an answer as that of 'return'",
		parse_deny, run_deny, true },
	{ "return", RULES_BOTH,
		"[status <code>] [content-type <type>] [default-errorfiles | errorfile <file> | errorfiles <name> | "
		"file <file> | lf-file "
		"<file> | "
		"string <text> | lf-string <fmt>] [hdr <name> <fmt>]*",
		"answers in the server's place", parse_return, run_return, true },
	{ "tarpit", RULES_REQUEST, "[status|deny_status <code>] [content-type <type>] [<payload>] [hdr <name> <fmt>]*",
		"refuses the request as 'deny' does, with 500, when 'timeout tarpit' is over", parse_tarpit, run_tarpit,
		true },
};
const size_t return_action_count = sizeof return_action_rows / sizeof return_action_rows[0];
