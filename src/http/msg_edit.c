/* msg_edit: rules that rewrite the start line.
 *
 * Each edit makes a new target in the arena and splits it anew, so target, path and query always agree;
 * msg_serialize_head then makes the start line from them.
 */
#include "ballast/http/msg.h"
#include "ballast/http/uri.h"
#include "http_private.h"

#include <errno.h>

/* Rules may write what RFC 3986 forbids but servers understand ('|', '"'), never what ends or splits a target. */
static bool target_bytes_valid(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '#')
			return false;
	}
	return true;
}

static int set_target(struct msg *m, struct slice target)
{
	struct msg split = *m;

	if (!target_bytes_valid(target))
		return -EINVAL;
	split.flags &= ~(uint32_t)(MSG_ABSOLUTE_FORM | MSG_AUTHORITY_FORM | MSG_ASTERISK_FORM);
	split.flags |= MSG_START_LINE_EDITED;
	split.path = split.query = split.scheme = slice_of(NULL, 0);
	int err = uri_split_target(&split, target);
	if (err)
		return err;
	*m = split;
	return m->flags & (MSG_ABSOLUTE_FORM | MSG_AUTHORITY_FORM) ? http_reconcile_host(m) : 0;
}

int msg_set_target(struct msg *m, struct slice target, struct arena *a)
{
	target = arena_copy(a, target);
	return target.ptr ? set_target(m, target) : -ENOMEM;
}

/* path?query behind the scheme and authority that were there. */
static int rebuild(struct msg *m, struct slice path, struct slice query, struct arena *a)
{
	bool absolute = m->flags & MSG_ABSOLUTE_FORM;
	struct slice target;

	if (m->flags & MSG_AUTHORITY_FORM || path.len == 0 || path.ptr[0] != '/')
		return -EINVAL;
	/* Before printf, which would end at a NUL. */
	if (!target_bytes_valid(path) || !target_bytes_valid(query))
		return -EINVAL;
	target = arena_printf(a, "%.*s%s%.*s%.*s%s%.*s", absolute ? (int)m->scheme.len : 0,
		absolute ? m->scheme.ptr : "", absolute ? "://" : "", absolute ? (int)m->authority.len : 0,
		absolute ? m->authority.ptr : "", (int)path.len, path.ptr, query.ptr ? "?" : "", (int)query.len,
		query.ptr ? query.ptr : "");
	if (!target.ptr)
		return -ENOMEM;
	return set_target(m, target);
}

int msg_set_path(struct msg *m, struct slice path, struct arena *a)
{
	return rebuild(m, path, m->query, a);
}

int msg_set_query(struct msg *m, struct slice query, struct arena *a)
{
	if (query.len == 0) {
		if (!m->query.ptr)
			return 0;
		query = SLICE("");
	}
	return rebuild(m, m->path, query, a);
}

void msg_set_method(struct msg *m, struct slice method)
{
	m->method_name = method;
	m->method = (uint8_t)method_of(method);
	m->flags |= MSG_START_LINE_EDITED;
}

void msg_set_status(struct msg *m, unsigned status, struct slice reason)
{
	m->status = (uint16_t)status;
	m->reason = reason;
	m->flags |= MSG_START_LINE_EDITED;
}

int http_reconcile_host(struct msg *m)
{
	int i = msg_find_id(m, FIELD_HOST, 0);

	if (i < 0)
		return msg_add(m, SLICE("Host"), m->authority);
	if (!slice_eq_icase(field_value(&m->fields[i]), m->authority))
		msg_set_value_at(m, i, m->authority);
	return 0;
}
