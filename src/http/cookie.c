/* cookie: pairs of Cookie and Set-Cookie fields (RFC 6265 sections 4.1 and 4.2), and the edits that persistence needs.
 *
 * Fields are edited as text: what is not taken out stays byte for byte, its separators too. */
#include "ballast/http/cookie.h"

#include <errno.h>
#include <string.h>

/* End of the pair at `s`: ';' or ',' outside a quoted value. */
static size_t pair_end(struct slice s)
{
	bool quoted = false;
	size_t i = 0;

	for (; i < s.len && (quoted || (s.ptr[i] != ';' && s.ptr[i] != ',')); i++)
		if (s.ptr[i] == '"')
			quoted = !quoted;
	return i;
}

static void split(struct slice text, struct cookie_pair *pair)
{
	ptrdiff_t equals = slice_find_byte(text, '=');

	*pair = (struct cookie_pair){ .whole = slice_trim_ows(text) };
	if (equals < 0)
		return;
	pair->name = slice_trim_ows(slice_of(text.ptr, (size_t)equals));
	pair->value = slice_trim_ows(slice_skip(text, (size_t)equals + 1));
}

bool cookie_next(struct slice *field, struct cookie_pair *pair)
{
	size_t end;

	if (!field->len)
		return false;
	end = pair_end(*field);
	split(slice_of(field->ptr, end), pair);
	*field = slice_skip(*field, end < field->len ? end + 1 : end);
	return true;
}

bool cookie_of_set_cookie(struct slice field, struct cookie_pair *pair)
{
	split(slice_of(field.ptr, pair_end(field)), pair);
	return pair->name.ptr && pair->name.len;
}

static bool is_named(const struct cookie_pair *p, struct slice name)
{
	return p->name.ptr && slice_eq(p->name, name);
}

static bool field_has(struct slice field, struct slice name)
{
	struct cookie_pair p;

	while (cookie_next(&field, &p))
		if (is_named(&p, name))
			return true;
	return false;
}

/* ---- edits ---- */

struct edit {
	char *to;
	size_t len;
};

static void add(struct edit *e, const char *from, const char *end)
{
	memcpy(e->to + e->len, from, (size_t)(end - from));
	e->len += (size_t)(end - from);
}

/* The field without these cookies (`delimiter` 0), or without their prefixes, at e->to, which has room for it. */
static void rewrite(struct edit *e, struct slice field, struct slice name, char delimiter)
{
	const char *from = field.ptr; /* the separator before the next pair, and the pair */
	struct slice rest = field;
	struct cookie_pair p;

	while (cookie_next(&rest, &p)) {
		const char *end = p.whole.ptr + p.whole.len;
		ptrdiff_t mark = -1;
		bool hit = is_named(&p, name);

		if (hit && delimiter)
			mark = slice_find_byte(p.value, delimiter);
		if (!hit || delimiter) {
			if (!e->len) /* no separator before the first one that is left */
				from = p.whole.ptr;
			add(e, from, mark < 0 ? end : p.value.ptr);
			if (mark >= 0)
				add(e, p.value.ptr + mark + 1, end);
		}
		from = end;
	}
}

static int edit_fields(struct msg *m, struct slice name, char delimiter, struct arena *a)
{
	for (int i = msg_find_id(m, FIELD_COOKIE, 0); i >= 0; i = msg_find_id(m, FIELD_COOKIE, i + 1)) {
		struct slice field = field_value(&m->fields[i]);
		struct edit e = { 0 };

		if (!field_has(field, name))
			continue;
		e.to = arena_alloc(a, field.len + 1);
		if (!e.to)
			return -ENOMEM;
		rewrite(&e, field, name, delimiter);
		if (e.len)
			msg_set_value_at(m, i, slice_of(e.to, e.len));
		else
			msg_delete_at(m, i);
	}
	return 0;
}

int cookie_remove(struct msg *m, struct slice name, struct arena *a)
{
	return edit_fields(m, name, '\0', a);
}

int cookie_strip_prefix(struct msg *m, struct slice name, char delimiter, struct arena *a)
{
	return edit_fields(m, name, delimiter, a);
}
