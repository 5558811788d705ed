/* Compiling and running expressions: a fetch, then converters, each with the cast that leads to it.
 *
 * What can be known before is decided at load: names, arguments, whether types can follow one another.  Running is
 * then a walk over a flat array; only casts whose need depends on the value (address families) are looked at again. */
#include <ctype.h>

#include "private.h"

struct step {
	const struct converter_row *row;
	struct args args;
};

struct expr {
	const struct fetch_row *fetch;
	uint8_t type; /* of the result: enum sample_type, or SAMPLE_ADDR */
	uint16_t step_count;
	struct step *steps;
	struct args args;
};

enum { STEPS_MAX = 64 };

size_t expr_name_length(const char *at)
{
	size_t n = 0;
	while (isalnum((unsigned char)at[n]) || (at[n] && strchr("._-+", at[n])))
		n++;
	return n;
}

/* ---- places ---- */

/* What the configuration's lexer makes of a backslash and `c`; 0 where the backslash stays. \xHH is left out: such a
 * word is marked whole. */
static char lexer_escape(char c, bool quoted)
{
	switch (c) {
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case '$': return quoted ? c : 0;
	default: return c && strchr(" \t#\\'\"", c) ? c : 0;
	}
}

/* The byte that the lexer makes of what stands at *at, which moves on; -1 for none (a quote). */
static int lexed_byte(const char **at, char *quote)
{
	char c = *(*at)++;
	char escaped = c == '\\' && *quote != '\'' ? lexer_escape(**at, *quote) : 0;
	if (escaped) {
		(*at)++;
		return (unsigned char)escaped;
	}
	if (c == *quote) {
		*quote = 0;
		return -1;
	}
	if (!*quote && (c == '"' || c == '\'')) {
		*quote = c;
		return -1;
	}
	return (unsigned char)c;
}

/* Where in the line the byte `offset` of the word stands: NULL where line and word cannot be matched. */
static const char *line_position(const struct reader *r, size_t offset)
{
	const struct place *p = r->place;
	if (!p->line_text || !p->column || p->column > strlen(p->line_text) + 1)
		return NULL;
	const char *at = p->line_text + p->column - 1;
	char quote = 0;
	for (size_t i = 0;;) {
		const char *here = at;
		if (i == offset && (!*at || r->start[i] == 0))
			return here;
		if (!*at)
			return NULL;
		int c = lexed_byte(&at, &quote);
		if (c < 0)
			continue;
		if (c != (unsigned char)r->start[i])
			return NULL;
		if (i++ == offset)
			return here;
	}
}

struct place reader_place(const struct reader *r, const char *from, size_t len)
{
	if (!r->place)
		return (struct place){ 0 };
	struct place p = *r->place;
	const char *first = line_position(r, (size_t)(from - r->start));
	if (!first)
		return p;
	const char *last = len > 1 ? line_position(r, (size_t)(from - r->start) + len - 1) : first;
	p.column = (unsigned)(first - p.line_text) + 1;
	p.width = last && last >= first ? (unsigned)(last - first) + 1 : 1;
	return p;
}

/* ---- compiling ---- */

static const char *phase_name(unsigned phase)
{
	switch (phase) {
	case PHASE_CONNECTION: return "when a connection is accepted";
	case PHASE_REQUEST: return "on requests";
	case PHASE_RESPONSE: return "on responses";
	case PHASE_LOG: return "in logs";
	default: return "in checks";
	}
}

static int parse_fetch(struct reader *r, const struct fetch_row *row, unsigned phases, struct expr *e, struct arena *a,
	struct diag *d)
{
	struct slice name = slice_of(r->at, expr_name_length(r->at));
	struct place at = reader_place(r, name.ptr, name.len);
	if (!name.len) {
		diag_error(d, &at, NULL, "expected a fetch (where a value comes from)");
		return -EINVAL;
	}
	e->fetch = row ? row : sample_fetch_find(name);
	if (!e->fetch) {
		known_refuse(KNOWN_FETCH, name, &at, d);
		return -EINVAL;
	}
	unsigned missing = phases & ~e->fetch->phases;
	if (missing) {
		diag_error(d, &at, NULL, "fetch '%s' is not available %s", e->fetch->name,
			phase_name(missing & -missing));
		return -EINVAL;
	}
	r->at += name.len;
	e->type = e->fetch->type;
	return args_parse(r, &e->fetch->args, e->fetch->prepare, "fetch", name, &e->args, a, d);
}

static bool is_address(unsigned type)
{
	return type == SAMPLE_IPV4 || type == SAMPLE_IPV6;
}

static int parse_step(struct reader *r, struct expr *e, struct step *s, struct arena *a, struct diag *d)
{
	struct slice name = slice_of(r->at, expr_name_length(r->at));
	struct place at = reader_place(r, name.ptr, name.len);
	if (!name.len) {
		diag_error(d, &at, NULL, "expected a converter behind ','");
		return -EINVAL;
	}
	s->row = sample_converter_find(name);
	if (!s->row) {
		known_refuse(KNOWN_CONVERTER, name, &at, d);
		return -EINVAL;
	}
	if (!sample_can_cast(e->type, s->row->in)) {
		diag_error(d, &at, NULL, "converter '%s' takes %s, but gets %s", s->row->name,
			sample_type_name(s->row->in), sample_type_name(e->type));
		return -EINVAL;
	}
	r->at += name.len;
	if (s->row->out != SAMPLE_SAME)
		e->type = s->row->out;
	else if (s->row->in < SAMPLE_TYPE_COUNT || (s->row->in == SAMPLE_ADDR && !is_address(e->type)))
		e->type = s->row->in;
	return args_parse(r, &s->row->args, s->row->prepare, "converter", name, &s->args, a, d);
}

static int parse_chain(struct reader *r, const struct fetch_row *row, unsigned phases, struct expr *e, struct arena *a,
	struct diag *d)
{
	struct step steps[STEPS_MAX];
	int err = parse_fetch(r, row, phases, e, a, d);
	while (!err && *r->at == ',') {
		r->at++;
		if (e->step_count == STEPS_MAX) {
			struct place at = reader_place(r, r->at, 1);
			diag_error(d, &at, NULL, "more than %d converters in a row", STEPS_MAX);
			return -EINVAL;
		}
		err = parse_step(r, e, &steps[e->step_count++], a, d);
	}
	if (err || !e->step_count)
		return err;
	e->steps = arena_alloc(a, e->step_count * sizeof *steps);
	if (!e->steps)
		return -ENOMEM;
	memcpy(e->steps, steps, e->step_count * sizeof *steps);
	return 0;
}

struct expr *expr_parse_as(struct reader *r, const struct fetch_row *row, unsigned phases, struct arena *a,
	struct diag *d)
{
	struct expr *e = arena_zalloc(a, sizeof *e);
	if (!e || parse_chain(r, row, phases, e, a, d))
		return NULL;
	return e;
}

struct expr *expr_parse(struct reader *r, unsigned phases, struct arena *a, struct diag *d)
{
	return expr_parse_as(r, NULL, phases, a, d);
}

struct expr *expr_parse_token(const struct token *t, unsigned phases, struct arena *a, struct diag *d)
{
	struct reader r = reader_of(t);
	struct expr *e = expr_parse(&r, phases, a, d);
	if (e && *r.at) {
		struct place at = reader_place(&r, r.at, strlen(r.at));
		diag_error(d, &at, NULL, "unexpected text behind an expression");
		return NULL;
	}
	return e;
}

/* ---- running ---- */

static bool run_steps(const struct expr *e, struct sample_ctx *ctx, unsigned wanted, struct sample *s)
{
	for (unsigned i = 0; i < e->step_count; i++) {
		const struct step *step = &e->steps[i];
		if (step->row->in != s->type && sample_cast(s, step->row->in, ctx->arena))
			return false;
		if (step->row->run(ctx, &step->args, s))
			return false;
	}
	return wanted == s->type || sample_cast(s, wanted, ctx->arena) == 0;
}

bool expr_eval(const struct expr *e, struct sample_ctx *ctx, unsigned wanted, struct sample *out)
{
	return e->fetch->run(ctx, &e->args, out, NULL) == 0 && run_steps(e, ctx, wanted, out);
}

bool expr_eval_next(const struct expr *e, struct sample_ctx *ctx, unsigned wanted, struct sample *out,
	struct sample_cursor *cursor)
{
	bool many = e->fetch->flags & FETCH_MANY;
	while (many || !cursor->count) {
		int err = e->fetch->run(ctx, &e->args, out, many ? cursor : NULL);
		cursor->count++;
		if (err)
			return false;
		if (run_steps(e, ctx, wanted, out))
			return true;
	}
	return false;
}

unsigned expr_type(const struct expr *e)
{
	return e->type;
}

bool expr_has_converters(const struct expr *e)
{
	return e->step_count != 0;
}

const struct fetch_row *expr_fetch(const struct expr *e)
{
	return e->fetch;
}

unsigned expr_phases(const struct expr *e)
{
	return e->fetch->phases;
}

const char *expr_fetch_name(const struct expr *e)
{
	return e->fetch->name;
}
