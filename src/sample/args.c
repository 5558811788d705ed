/* Arguments of fetches and converters: `(a,"b,c",24)` (HAProxy's manual, section 2.2, second level of quoting).
 *
 * Unquoted words end at ',' or ')'; '...' is taken as it is; "..." and unquoted text know \n \r \t and escapes of
 * space, quotes and backslash, any other backslash stands for itself. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "ballast/sample/var.h"
#include "private.h"

struct args_job {
	struct reader *r;
	const struct arg_spec *spec;
	const char *kind;
	struct slice name;
	struct arena *a;
	struct diag *d;
};

/* What `\c` stands for, or 0 where the backslash stands for itself. */
static char escaped(char c)
{
	switch (c) {
	case 'n': return '\n';
	case 'r': return '\r';
	case 't': return '\t';
	case ' ':
	case '"':
	case '\'':
	case '\\': return c;
	default: return 0;
	}
}

static int refuse(struct args_job *j, const char *from, size_t len, const char *what, const char *hint)
{
	struct place at = reader_place(j->r, from, len);
	diag_error(j->d, &at, hint, "%s '%.*s' %s", j->kind, (int)j->name.len, j->name.ptr, what);
	return -EINVAL;
}

/* Reads one word into `out`, which has room for what is left of the reader's. */
static int read_word(struct args_job *j, char *out, size_t *len)
{
	const char *at = j->r->at, *opened = at;
	char quote = 0;
	size_t n = 0;
	for (; *at && (quote || (*at != ',' && *at != ')')); at++) {
		if (*at == quote) {
			quote = 0;
		} else if (!quote && (*at == '"' || *at == '\'')) {
			quote = *at;
			opened = at;
		} else if (*at == '\\' && quote != '\'' && escaped(at[1])) {
			out[n++] = escaped(*++at);
		} else {
			out[n++] = *at;
		}
	}
	if (quote)
		return refuse(j, opened, 1, "has a quote that is never closed", NULL);
	if (!*at)
		return refuse(j, j->r->at, (size_t)(at - j->r->at), "lacks a ')' behind its arguments", NULL);
	out[n] = 0;
	*len = n;
	j->r->at = at;
	return 0;
}

static int to_int(struct slice word, int64_t *out)
{
	size_t sign = word.len && (word.ptr[0] == '-' || word.ptr[0] == '+');
	if (word.len == sign)
		return -EINVAL;
	for (size_t i = sign; i < word.len; i++)
		if ((unsigned char)(word.ptr[i] - '0') > 9)
			return -EINVAL;
	*out = text_to_int(word);
	return 0;
}

/* Bits of a prefix: at most `max`; -EINVAL where it is no number. */
static int to_bits(struct slice word, unsigned max, unsigned *out)
{
	uint64_t bits;
	if (slice_to_u64(word, &bits) || bits > max)
		return -EINVAL;
	*out = (unsigned)bits;
	return 0;
}

static int to_mask4(struct slice word, struct in_addr *out)
{
	unsigned bits;
	if (to_bits(word, 32, &bits))
		return inet_pton(AF_INET, word.ptr, out) == 1 ? 0 : -EINVAL;
	out->s_addr = bits ? htonl(~0u << (32 - bits)) : 0;
	return 0;
}

static int to_mask6(struct slice word, struct in6_addr *out)
{
	unsigned bits;
	if (to_bits(word, 128, &bits))
		return inet_pton(AF_INET6, word.ptr, out) == 1 ? 0 : -EINVAL;
	for (unsigned i = 0; i < 16; i++, bits -= bits < 8 ? bits : 8)
		out->s6_addr[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);
	return 0;
}

static int to_var(struct slice word, struct arg *out)
{
	out->type = ARG_VAR;
	return var_intern(word, &out->var) ? -EINVAL : 0;
}

static int to_int_or_var(struct slice word, struct arg *out)
{
	out->type = ARG_INT;
	return to_int(word, &out->num) == 0 ? 0 : to_var(word, out);
}

/* A variable where the text could name one; else it stands for itself. */
static int to_str_or_var(struct slice word, struct arg *out)
{
	if (to_var(word, out) == 0)
		return 0;
	out->type = ARG_STR;
	out->str = word;
	return 0;
}

bool arg_int(struct sample_ctx *ctx, const struct arg *arg, int64_t *out)
{
	struct sample s;
	if (arg->type == ARG_VAR) {
		if (!var_get(ctx, arg->var, &s) || sample_cast(&s, SAMPLE_INT, ctx->arena))
			return false;
		*out = s.num;
		return true;
	}
	*out = arg->num;
	return true;
}

static int to_arg(struct slice word, unsigned type, struct arg *out)
{
	out->type = (uint8_t)type;
	switch (type) {
	case ARG_INT: return to_int(word, &out->num);
	case ARG_IPV4: return inet_pton(AF_INET, word.ptr, &out->ip4) == 1 ? 0 : -EINVAL;
	case ARG_IPV6: return inet_pton(AF_INET6, word.ptr, &out->ip6) == 1 ? 0 : -EINVAL;
	case ARG_MASK4: return to_mask4(word, &out->ip4);
	case ARG_MASK6: return to_mask6(word, &out->ip6);
	case ARG_VAR: return to_var(word, out);
	case ARG_INT_OR_VAR: return to_int_or_var(word, out);
	case ARG_STR_OR_VAR: return to_str_or_var(word, out);
	default: out->str = word; return 0;
	}
}

static int read_arg(struct args_job *j, unsigned index, struct arg *out)
{
	static const char *const wanted[] = {
		[ARG_INT] = "expects a whole number here",
		[ARG_IPV4] = "expects an IPv4 address here",
		[ARG_IPV6] = "expects an IPv6 address here",
		[ARG_MASK4] = "expects an IPv4 mask here, such as 24 or 255.255.255.0",
		[ARG_MASK6] = "expects an IPv6 mask here, such as 64 or ffff:ffff::",
		[ARG_VAR] = "expects a variable here: a scope (proc, sess, txn, req, res), a dot and a name",
		[ARG_INT_OR_VAR] = "expects a whole number or a variable here",
	};
	const char *from = j->r->at;
	char *text = arena_alloc(j->a, strlen(from) + 1);
	size_t len = 0;
	if (!text)
		return -ENOMEM;
	int err = read_word(j, text, &len);
	if (err)
		return err;
	unsigned type = j->spec->types[index];
	if (len == 0 && (index >= j->spec->min || type == ARG_NONE))
		return 0;
	if (to_arg(slice_of(text, len), type, out))
		return refuse(j, from, (size_t)(j->r->at - from), wanted[type], NULL);
	return 0;
}

static int read_args(struct args_job *j, struct args *out)
{
	const char *opened = j->r->at;
	do {
		j->r->at++;
		if (out->count == (j->spec->max ? j->spec->max : 1)) {
			const char *from = j->r->at;
			return refuse(j, from, strcspn(from, ")"), "has too many arguments", j->spec->text);
		}
		if (j->spec->max == 0 && *j->r->at != ')')
			return refuse(j, j->r->at, strcspn(j->r->at, ")"), "takes no arguments", NULL);
		int err = read_arg(j, out->count, &out->v[out->count]);
		if (err)
			return err;
		out->count++;
	} while (*j->r->at == ',');
	j->r->at++;
	if (out->count < j->spec->min)
		return refuse(j, opened, (size_t)(j->r->at - opened), "has too few arguments", j->spec->text);
	return 0;
}

static __thread struct place preparing;

const struct place *args_place(void)
{
	return &preparing;
}

int args_parse(struct reader *r, const struct arg_spec *spec, args_prepare *prepare, const char *kind,
	struct slice name, struct args *out, struct arena *a, struct diag *d)
{
	struct args_job job = { r, spec, kind, name, a, d };
	const char *from = r->at;
	*out = (struct args){ 0 };
	for (unsigned i = 0; i < ARGS_MAX; i++)
		out->v[i].str = SLICE("");
	if (*from == '(') {
		int err = read_args(&job, out);
		if (err)
			return err;
	} else if (spec->min) {
		return refuse(&job, from - name.len, name.len, "needs arguments", spec->text);
	}
	preparing = reader_place(r, from, r->at > from ? (size_t)(r->at - from) : 1);
	const char *wrong = prepare ? prepare(out, a) : NULL;
	if (wrong)
		return refuse(&job, from, (size_t)(r->at - from), wrong, spec->text);
	return 0;
}
