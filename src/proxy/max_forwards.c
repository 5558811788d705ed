/* Max-Forwards of OPTIONS and TRACE (RFC 9110 section 7.6.2): how many intermediaries may still pass a request on.
 *
 * Where none may, the request ends here and is answered as its last recipient does: OPTIONS with an empty 200, TRACE with
 * the head as it came, but for what the client would not want to see in a log (section 9.3.8).
 */
#include <string.h>

#include "internal.h"

static bool is_secret(const struct field *f)
{
	static const char *const names[] = { "authorization", "cookie", "proxy-authorization" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (slice_eq_icase(field_name(f), slice_from_str(names[i])))
			return true;
	return false;
}

static char *append(char *at, struct slice s)
{
	memcpy(at, s.ptr, s.len);
	return at + s.len;
}

/* The head in one piece, in the arena. NULL ptr: memory is out. */
static struct slice reflect(struct exchange *x)
{
	const struct msg *m = &x->request;
	size_t room = x->log_request.len + 4;
	char *text, *at;

	for (int i = 0; i < m->field_count; i++)
		room += (size_t)m->fields[i].name_len + m->fields[i].value_len + 4;
	text = at = arena_alloc(&x->arena, room);
	if (!text)
		return slice_of(NULL, 0);
	at = append(append(at, x->log_request), SLICE("\r\n"));
	for (int i = 0; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];
		if (f->flags & FIELD_DELETED || is_secret(f))
			continue;
		at = append(append(at, field_name(f)), SLICE(": "));
		if (f->value_len)
			at = append(at, field_value(f));
		at = append(at, SLICE("\r\n"));
	}
	at = append(at, SLICE("\r\n"));
	return slice_of(text, (size_t)(at - text));
}

static void answer(struct exchange *x)
{
	struct answer *a = arena_zalloc(&x->arena, sizeof *a);

	if (!a) {
		exchange_fail(x, 500, CAUSE_RESOURCE, 'R');
		return;
	}
	a->status = 200;
	if (x->request.method == METHOD_TRACE) {
		a->body = reflect(x);
		a->content_type = SLICE("message/http");
	}
	exchange_answer(x, a);
}

bool exchange_may_forward(struct exchange *x)
{
	struct msg *m = &x->request;
	int i = msg_find(m, SLICE("Max-Forwards"), 0);
	uint64_t left;

	if (i < 0 || slice_to_u64(field_value(&m->fields[i]), &left) != 0)
		return true;
	if (left == 0) {
		answer(x);
		return false;
	}
	struct slice fewer = arena_printf(&x->arena, "%llu", (unsigned long long)left - 1);
	if (!fewer.ptr) {
		exchange_fail(x, 500, CAUSE_RESOURCE, 'R');
		return false;
	}
	msg_set_value_at(m, i, fewer);
	return true;
}
