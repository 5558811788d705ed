/* Actions on addresses and packets: set-src, set-src-port, set-dst, set-dst-port, set-fc-mark, set-fc-tos (HAProxy's
 * manual, section 4.4).
 *
 * A rule on the connection changes its addresses for all that follows; one on a request those of this request.  The
 * addresses are what fetches, logs, hashes and PROXY headers tell; the socket itself stays as it is.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "action.h"
#include "ballast/sample/expr.h"
#include "internal.h"

/* ---- set-src <expr> and its kin ---- */

static int parse_expr(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	const struct token *t = action_arg(l, at, "an expression", d);
	struct expr *e = t ? expr_parse_token(t, rule_phases(r->set), a, d) : NULL;

	r->arg = e;
	return e ? 0 : -EINVAL;
}

static bool outlives_request(const struct rule *r)
{
	return r->set == RULES_TCP_CONNECTION || r->set == RULES_TCP_SESSION;
}

static enum rule_result change_src(struct exchange *x, const struct rule *r, const union addr *to)
{
	union addr *own;

	if (outlives_request(r)) {
		x->client->peer = *to;
		return RULE_CONTINUE;
	}
	own = arena_alloc(&x->arena, sizeof *own);
	if (!own)
		return RULE_ERROR;
	*own = *to;
	x->sample.src = own;
	return RULE_CONTINUE;
}

static enum rule_result change_dst(struct exchange *x, const struct rule *r, const union addr *to)
{
	struct client *c = x->client;
	union addr *own;

	if (outlives_request(r) && !c->dst)
		c->dst = malloc(sizeof *c->dst);
	own = outlives_request(r) ? c->dst : arena_alloc(&x->arena, sizeof *own);
	if (!own)
		return RULE_ERROR;
	*own = *to;
	x->sample.dst = own;
	return RULE_CONTINUE;
}

/* The port stays, where there was one. */
static bool take_address(union addr *a, const struct sample *s)
{
	unsigned port = a->family == AF_INET || a->family == AF_INET6 ? addr_port(a) : 0;

	memset(a, 0, sizeof *a);
	if (s->type == SAMPLE_IPV4) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_addr = s->ip4;
	} else if (s->type == SAMPLE_IPV6) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_addr = s->ip6;
	} else {
		return false;
	}
	addr_set_port(a, (uint16_t)port);
	return true;
}

/* An address without ports becomes 0.0.0.0. */
static bool take_port(union addr *a, const struct sample *s)
{
	if (s->num < 0 || s->num > UINT16_MAX)
		return false;
	if (a->family != AF_INET && a->family != AF_INET6) {
		memset(a, 0, sizeof *a);
		a->v4.sin_family = AF_INET;
	}
	addr_set_port(a, (uint16_t)s->num);
	return true;
}

static union addr present_dst(const struct exchange *x)
{
	union addr a;

	if (x->sample.dst)
		return *x->sample.dst;
	conn_local_addr(&x->client->conn, &a);
	return a;
}

static enum rule_result run_src(struct exchange *x, const struct rule *r)
{
	union addr a = *x->sample.src;
	struct sample s;

	if (!expr_eval(r->arg, &x->sample, SAMPLE_ADDR, &s) || !take_address(&a, &s))
		return RULE_CONTINUE;
	return change_src(x, r, &a);
}

static enum rule_result run_src_port(struct exchange *x, const struct rule *r)
{
	union addr a = *x->sample.src;
	struct sample s;

	if (!expr_eval(r->arg, &x->sample, SAMPLE_INT, &s) || !take_port(&a, &s))
		return RULE_CONTINUE;
	return change_src(x, r, &a);
}

static enum rule_result run_dst(struct exchange *x, const struct rule *r)
{
	union addr a = present_dst(x);
	struct sample s;

	if (!expr_eval(r->arg, &x->sample, SAMPLE_ADDR, &s) || !take_address(&a, &s))
		return RULE_CONTINUE;
	return change_dst(x, r, &a);
}

static enum rule_result run_dst_port(struct exchange *x, const struct rule *r)
{
	union addr a = present_dst(x);
	struct sample s;

	if (!expr_eval(r->arg, &x->sample, SAMPLE_INT, &s) || !take_port(&a, &s))
		return RULE_CONTINUE;
	return change_dst(x, r, &a);
}

/* ---- set-fc-mark { <mark> | <expr> }, set-fc-tos { <tos> | <expr> } ---- */

struct packet_value {
	const struct expr *expr; /* NULL: value */
	uint32_t value;
};

static int parse_value(struct rule *r, const struct line *l, size_t *at, uint32_t most, struct arena *a, struct diag *d)
{
	const struct token *t = action_arg(l, at, "a number or an expression", d);
	struct packet_value *v = arena_zalloc(a, sizeof *v);
	char *end;

	if (!t)
		return -EINVAL;
	if (!v)
		return -ENOMEM;
	r->arg = v;
	if (t->text[0] < '0' || t->text[0] > '9') {
		v->expr = expr_parse_token(t, rule_phases(r->set), a, d);
		return v->expr ? 0 : -EINVAL;
	}
	errno = 0;
	unsigned long long n = strtoull(t->text, &end, 0);
	if (*end || errno || n > most) {
		diag_error(d, &t->at, "decimal, or hexadecimal behind 0x", "'%s' expects a number from 0 to %u",
			l->words[1].text, most);
		return -EINVAL;
	}
	v->value = (uint32_t)n;
	return 0;
}

static int parse_mark(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse_value(r, l, at, UINT32_MAX, a, d);
}

static int parse_tos(struct rule *r, const struct line *l, size_t *at, struct arena *a, struct diag *d)
{
	return parse_value(r, l, at, UINT8_MAX, a, d);
}

static bool value_of(const struct packet_value *v, struct exchange *x, int64_t most, int *out)
{
	struct sample s = { .num = v->value };

	if (v->expr && !expr_eval(v->expr, &x->sample, SAMPLE_INT, &s))
		return false;
	*out = (int)(uint32_t)s.num;
	return s.num >= 0 && s.num <= most;
}

/* Without the right to (CAP_NET_ADMIN) the packets stay unmarked. */
static enum rule_result run_mark(struct exchange *x, const struct rule *r)
{
	int mark;

	if (value_of(r->arg, x, UINT32_MAX, &mark))
		setsockopt(x->client->conn.watch.fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
	return RULE_CONTINUE;
}

/* The two lower bits are those of congestion control (RFC 3168). */
static enum rule_result run_tos(struct exchange *x, const struct rule *r)
{
	int fd = x->client->conn.watch.fd, tos;

	if (!value_of(r->arg, x, UINT8_MAX, &tos))
		return RULE_CONTINUE;
	tos &= 0xfc;
	setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
	setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
	return RULE_CONTINUE;
}

#define ADDRESS_SETS (RULES_TCP_REQUEST | RULES_REQUEST)
#define PACKET_SETS (RULES_TCP | RULES_BOTH)

const struct action_row address_action_rows[] = {
	{ "set-dst", ADDRESS_SETS, "<expr>", "another address that the client connected to", parse_expr, run_dst,
		false },
	{ "set-dst-port", ADDRESS_SETS, "<expr>", "another port that the client connected to", parse_expr, run_dst_port,
		false },
	{ "set-fc-mark", PACKET_SETS, "<mark> | <expr>", "netfilter's mark of packets to the client", parse_mark,
		run_mark, false },
	{ "set-fc-tos", PACKET_SETS, "<tos> | <expr>", "TOS field of packets to the client", parse_tos, run_tos,
		false },
	{ "set-mark", PACKET_SETS, "<mark> | <expr>", "set-fc-mark", parse_mark, run_mark, false },
	{ "set-src", ADDRESS_SETS, "<expr>", "another address of the client", parse_expr, run_src, false },
	{ "set-src-port", ADDRESS_SETS, "<expr>", "another port of the client", parse_expr, run_src_port, false },
	{ "set-tos", PACKET_SETS, "<tos> | <expr>", "set-fc-tos", parse_tos, run_tos, false },
};
const size_t address_action_count = sizeof address_action_rows / sizeof address_action_rows[0];
