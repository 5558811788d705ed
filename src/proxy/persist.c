/* Requests that belong to one server: `use-server`, the persistence cookie, `force-persist`, `ignore-persist`
 * (HAProxy's manual, section 4.2).
 *
 * A cookie only ever names a server of this backend: what is forged, unknown or too old leaves the choice to the
 * algorithm.  Whoever had to leave the server of his cookie gets a new one.  Requests of a backend without any of this
 * never come here.
 */
#include "persist.h"

#include <inttypes.h>
#include <string.h>

#include "ballast/http/cookie.h"
#include "internal.h"

enum { DATE_CHARS = 5, FUTURE_MAX_S = 24 * 3600 };

static int64_t now_s(void)
{
	return (int64_t)(loop_self->wall_us / 1000000);
}

/* ---- dates in cookies: units of 4 s, rounded up, as five digits of base 64 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void date_write(int64_t seconds, char out[static DATE_CHARS + 1])
{
	uint64_t n = ((uint64_t)seconds + 3) >> 2;

	for (int i = DATE_CHARS - 1; i >= 0; i--, n >>= 6)
		out[i] = digits[n & 63];
	out[DATE_CHARS] = '\0';
}

/* 0: it is none. */
static int64_t date_read(struct slice s)
{
	uint64_t n = 0;

	if (s.len != DATE_CHARS)
		return 0;
	for (size_t i = 0; i < s.len; i++) {
		const char *at = s.ptr[i] ? strchr(digits, s.ptr[i]) : NULL;
		if (!at)
			return 0;
		n = n << 6 | (uint64_t)(at - digits);
	}
	return (int64_t)(n << 2);
}

static bool is_too_old(int64_t date, uint32_t limit_s)
{
	return limit_s && date && (now_s() - date > (int64_t)limit_s || date - now_s() > FUTURE_MAX_S);
}

/* ---- the server that a value names ---- */

/* The server's value in `text`; len 0: it has none. */
static struct slice server_value(const struct server *s, char text[static 17])
{
	uint64_t id = atomic_load_explicit(&s->dynamic_cookie, memory_order_relaxed);

	if (s->cookie)
		return slice_from_str(s->cookie);
	if (!id)
		return slice_of("", 0);
	snprintf(text, 17, "%016" PRIx64, id);
	return slice_of(text, 16);
}

static bool may_carry(const struct exchange *x, const struct server *s)
{
	return x->persist->forced || x->backend->set.persist_dead || server_takes(s);
}

/* The first one of that value which may carry the request; NULL, and the letter says why. */
static struct server *find_server(struct exchange *x, struct slice value)
{
	const struct backend *b = x->backend;
	char text[17];

	x->persist->in = 'I';
	for (uint32_t i = 0; value.len && i < b->server_count; i++) {
		struct server *s = b->servers[i];
		if (!slice_eq(server_value(s, text), value))
			continue;
		x->persist->in = server_takes(s) ? 'V' : 'D';
		if (may_carry(x, s))
			return s;
	}
	return NULL;
}

/* ---- the request's cookies ---- */

static struct slice before(struct slice s, char delimiter)
{
	ptrdiff_t at = slice_find_byte(s, delimiter);
	return at < 0 ? s : slice_of(s.ptr, (size_t)at);
}

static struct slice behind(struct slice s, char delimiter)
{
	ptrdiff_t at = slice_find_byte(s, delimiter);
	return at < 0 ? slice_of("", 0) : slice_skip(s, (size_t)at + 1);
}

/* VALUE, VALUE|LAST or VALUE|LAST|FIRST. False: too old. */
static bool read_dates(struct persist_state *p, const struct persist_cookie *k, struct slice value)
{
	struct slice dates = behind(value, '|');

	p->last_s = date_read(before(dates, '|'));
	p->first_s = date_read(behind(dates, '|'));
	if (is_too_old(p->last_s, k->maxidle_s))
		p->in = 'E';
	else if (is_too_old(p->first_s, k->maxlife_s))
		p->in = 'O';
	else
		return true;
	p->last_s = p->first_s = 0;
	return false;
}

static void read_cookie(struct exchange *x, const struct persist_cookie *k, struct slice value)
{
	struct persist_state *p = x->persist;

	if (p->server || p->ignored) {
		if (!p->by_cookie)
			p->in = 'U';
		return;
	}
	if (k->mode == COOKIE_INSERT && !read_dates(p, k, value))
		return;
	if (k->mode != COOKIE_REWRITE)
		value = before(value, k->mode == COOKIE_INSERT ? '|' : '~');
	p->server = find_server(x, value);
	p->by_cookie = p->server;
}

/* 0 or -ENOMEM. */
static int read_cookies(struct exchange *x, const struct persist_cookie *k)
{
	const struct msg *m = &x->request;
	bool seen = false;

	for (int i = msg_find_id(m, FIELD_COOKIE, 0); i >= 0; i = msg_find_id(m, FIELD_COOKIE, i + 1)) {
		struct slice rest = field_value(&m->fields[i]);
		struct cookie_pair pair;
		while (cookie_next(&rest, &pair)) {
			if (!pair.name.ptr || !slice_eq(pair.name, k->name))
				continue;
			seen = true;
			read_cookie(x, k, pair.value);
		}
	}
	if (seen && k->mode == COOKIE_PREFIX)
		return cookie_strip_prefix(&x->request, k->name, '~', &x->arena);
	if (seen && k->mode == COOKIE_INSERT && k->indirect)
		return cookie_remove(&x->request, k->name, &x->arena);
	return 0;
}

/* ---- the choice ---- */

static void run_rules(struct exchange *x, const struct persist *set)
{
	for (uint32_t i = 0; i < set->rule_count; i++) {
		if (!cond_eval(set->rules[i].cond, &x->sample))
			continue;
		x->persist->forced = set->rules[i].force;
		x->persist->ignored = !set->rules[i].force;
		return;
	}
}

static struct server *use_server(struct exchange *x, const struct persist *set)
{
	for (uint32_t i = 0; i < set->use_server_count; i++) {
		const struct use_server *u = &set->use_servers[i];
		if (cond_eval(u->cond, &x->sample) && may_carry(x, u->server))
			return u->server;
	}
	return NULL;
}

int persist_choose(struct exchange *x, struct server **s)
{
	const struct persist *set = x->backend->persist;
	const struct persist_cookie *k = x->flags & XF_TCP ? NULL : set->cookie;

	*s = NULL;
	x->persist = arena_zalloc(&x->arena, sizeof *x->persist);
	if (!x->persist)
		return -ENOMEM;
	x->persist->in = x->persist->out = k ? 'N' : '-';
	run_rules(x, set);
	x->persist->server = use_server(x, set);
	if (k && read_cookies(x, k) < 0)
		return -ENOMEM;
	*s = x->persist->server;
	return 0;
}

void persist_left(struct exchange *x)
{
	struct persist_state *p = x->persist;

	if (!p || !p->server)
		return;
	p->server = NULL;
	if (p->by_cookie && p->in == 'V')
		p->in = 'D';
}

bool persist_holds(const struct exchange *x)
{
	return persist_bound(x) && (x->persist->forced || x->backend->set.persist_dead);
}

/* ---- the response ---- */

/* Puts `value` in the place of the cookie's own, what stands before and behind it stays. */
static int set_value(struct exchange *x, int at, const struct cookie_pair *old, struct slice value, char delimiter)
{
	struct slice field = field_value(&x->response.fields[at]), now;
	const char *keep = old->value.ptr + (delimiter ? 0 : old->value.len);

	now = arena_printf(&x->arena, "%.*s%.*s%s%.*s", (int)(old->value.ptr - field.ptr), field.ptr, (int)value.len,
		value.ptr, delimiter ? "~" : "", (int)(field.ptr + field.len - keep), keep);
	if (!now.ptr)
		return -ENOMEM;
	msg_set_value_at(&x->response, at, now);
	return 0;
}

static int edit_set_cookie(struct exchange *x, const struct persist_cookie *k, int at, const struct cookie_pair *pair)
{
	char text[17];
	struct slice value = server_value(x->server, text);

	if (k->preserve) {
		x->persist->out = 'P';
		return 0;
	}
	if (k->mode == COOKIE_INSERT || (k->indirect && persist_bound(x))) {
		x->persist->out = 'D';
		msg_delete_at(&x->response, at);
		return 0;
	}
	x->persist->out = value.len ? 'R' : 'P';
	return value.len ? set_value(x, at, pair, value, k->mode == COOKIE_PREFIX ? '~' : '\0') : 0;
}

static int edit_set_cookies(struct exchange *x, const struct persist_cookie *k)
{
	const struct msg *m = &x->response;
	int rc = 0;

	for (int i = msg_find_id(m, FIELD_SET_COOKIE, 0); i >= 0 && rc == 0;
		i = msg_find_id(m, FIELD_SET_COOKIE, i + 1)) {
		struct cookie_pair pair;
		if (cookie_of_set_cookie(field_value(&m->fields[i]), &pair) && slice_eq(pair.name, k->name))
			rc = edit_set_cookie(x, k, i, &pair);
	}
	return rc;
}

/* Do the dates that the client's cookie has differ from those which it should have? */
static bool is_outdated(const struct persist_state *p, const struct persist_cookie *k)
{
	if ((k->maxidle_s || p->last_s) && p->last_s < now_s())
		return true;
	return (k->maxlife_s != 0) != (p->first_s != 0);
}

static bool wants_cookie(const struct exchange *x, const struct persist_cookie *k)
{
	const struct persist_state *p = x->persist;

	if (k->mode != COOKIE_INSERT || p->ignored || p->out == 'P')
		return false;
	if (k->postonly && x->request.method != METHOD_POST)
		return false;
	return !p->server || (p->by_cookie && is_outdated(p, k));
}

/* NAME=VALUE|LAST|FIRST; or, for a server without a value, the end of the client's cookie. */
static struct slice new_cookie(struct exchange *x, const struct persist_cookie *k, struct slice value)
{
	const struct persist_state *p = x->persist;
	char last[DATE_CHARS + 1], first[DATE_CHARS + 1];
	bool dated = k->maxidle_s || k->maxlife_s;

	if (!value.len)
		return arena_printf(&x->arena, "%.*s=; Expires=Thu, 01-Jan-1970 00:00:01 GMT%.*s", (int)k->name.len,
			k->name.ptr, (int)k->attributes.len, k->attributes.ptr);
	date_write(now_s(), last);
	date_write(p->first_s ? p->first_s : now_s(), first);
	return arena_printf(&x->arena, "%.*s=%.*s%s%s%s%s%.*s", (int)k->name.len, k->name.ptr, (int)value.len,
		value.ptr, dated ? "|" : "", dated ? last : "", k->maxlife_s ? "|" : "", k->maxlife_s ? first : "",
		(int)k->attributes.len, k->attributes.ptr);
}

/* May a shared cache keep it, for all that its Cache-Control says (RFC 9111 section 3)? */
static bool may_be_cached(const struct msg *m)
{
	for (int i = msg_find_id(m, FIELD_CACHE_CONTROL, 0); i >= 0; i = msg_find_id(m, FIELD_CACHE_CONTROL, i + 1)) {
		struct slice list = field_value(&m->fields[i]), member;
		while (slice_next_member(&list, &member))
			if (slice_eq_icase(member, SLICE("private")) || slice_eq_icase(member, SLICE("no-store")) ||
				slice_eq_icase(member, SLICE("no-cache")))
				return false;
	}
	return true;
}

static int insert(struct exchange *x, const struct persist_cookie *k)
{
	char text[17];
	struct slice value = new_cookie(x, k, server_value(x->server, text));
	int rc = value.ptr ? msg_add(&x->response, SLICE("Set-Cookie"), value) : -ENOMEM;

	x->persist->out = x->persist->server ? 'U' : 'I';
	if (rc == 0 && k->nocache && x->request.method != METHOD_POST && may_be_cached(&x->response))
		rc = msg_add(&x->response, SLICE("Cache-Control"), SLICE("private"));
	return rc;
}

int persist_response(struct exchange *x)
{
	const struct persist_cookie *k = x->backend->persist->cookie;
	int rc;

	if (!k)
		return 0;
	rc = edit_set_cookies(x, k);
	return rc == 0 && wants_cookie(x, k) ? insert(x, k) : rc;
}
