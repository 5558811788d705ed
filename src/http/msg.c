/* msg: looking for fields, adding and deleting them (RFC 9110 sections 5 and 7.6.1).
 *
 * A field is never taken out of the array: a deleted one is marked, so indices stay good while rules run
 * and the raw runs of the head can still be found when it is sent.
 */
#include "ballast/http/msg.h"

#include <errno.h>

void msg_reset(struct msg *m)
{
	struct field *fields = m->fields;
	uint16_t field_max = m->field_max;

	*m = (struct msg){ .fields = fields, .field_max = field_max };
}

int msg_find_id(const struct msg *m, enum field_id id, int from)
{
	for (int i = from; i < m->field_count; i++)
		if (m->fields[i].id == id && !(m->fields[i].flags & FIELD_DELETED))
			return i;
	return -1;
}

int msg_find(const struct msg *m, struct slice name, int from)
{
	enum field_id id = field_id_of(name);

	if (id != FIELD_OTHER)
		return msg_find_id(m, id, from);
	for (int i = from; i < m->field_count; i++) {
		const struct field *f = &m->fields[i];
		if (f->name_len == name.len && f->id == FIELD_OTHER && !(f->flags & FIELD_DELETED) &&
			slice_eq_icase(field_name(f), name))
			return i;
	}
	return -1;
}

int msg_add(struct msg *m, struct slice name, struct slice value)
{
	if (m->field_count >= m->field_max || name.len > UINT16_MAX || value.len > UINT32_MAX)
		return -ENOSPC;
	m->fields[m->field_count++] = (struct field){
		.name = name.ptr,
		.name_len = (uint16_t)name.len,
		.value = value.ptr,
		.value_len = (uint32_t)value.len,
		.id = (uint8_t)field_id_of(name),
	};
	return 0;
}

void msg_set_value_at(struct msg *m, int index, struct slice value)
{
	struct field *f = &m->fields[index];

	f->value = value.ptr;
	f->value_len = (uint32_t)value.len;
	f->flags &= (uint8_t)~FIELD_RAW;
}

void msg_delete_at(struct msg *m, int index)
{
	m->fields[index].flags |= FIELD_DELETED;
}

int msg_delete(struct msg *m, struct slice name)
{
	int count = 0;

	for (int i = msg_find(m, name, 0); i >= 0; i = msg_find(m, name, i + 1)) {
		msg_delete_at(m, i);
		count++;
	}
	return count;
}

static void delete_id(struct msg *m, enum field_id id)
{
	for (int i = msg_find_id(m, id, 0); i >= 0; i = msg_find_id(m, id, i + 1))
		msg_delete_at(m, i);
}

/* A peer must not make us drop what framing and routing stand on by naming it in Connection. */
static bool may_be_connection_option(enum field_id id)
{
	return id != FIELD_HOST && id != FIELD_CONTENT_LENGTH && id != FIELD_UPGRADE;
}

static void delete_named(struct msg *m, struct slice options)
{
	struct slice option;

	while (slice_next_member(&options, &option))
		if (option.len && may_be_connection_option(field_id_of(option)))
			msg_delete(m, option);
}

_Static_assert(FIELD_ID_COUNT <= 32, "msg_remove_hop_by_hop keeps the ids in 32 bits");

void msg_remove_hop_by_hop(struct msg *m)
{
	uint32_t present = 0;

	for (int i = 0; i < m->field_count; i++)
		present |= 1u << m->fields[i].id;
	if (present & 1u << FIELD_CONNECTION)
		for (int i = msg_find_id(m, FIELD_CONNECTION, 0); i >= 0; i = msg_find_id(m, FIELD_CONNECTION, i + 1)) {
			msg_delete_at(m, i);
			delete_named(m, field_value(&m->fields[i]));
		}
	if (present & (1u << FIELD_KEEP_ALIVE | 1u << FIELD_PROXY_CONNECTION | 1u << FIELD_TE |
			      1u << FIELD_TRANSFER_ENCODING)) {
		delete_id(m, FIELD_KEEP_ALIVE);
		delete_id(m, FIELD_PROXY_CONNECTION);
		delete_id(m, FIELD_TE);
		delete_id(m, FIELD_TRANSFER_ENCODING);
	}
	if (present & 1u << FIELD_UPGRADE && !(m->flags & MSG_UPGRADE))
		delete_id(m, FIELD_UPGRADE);
}

static void rebase(const char **ptr, const char *old, size_t len, const char *now)
{
	uintptr_t offset = (uintptr_t)*ptr - (uintptr_t)old;

	if (offset < len)
		*ptr = now + offset;
}

void msg_rebase(struct msg *m, const char *old, size_t len, const char *now)
{
	struct slice *slices[] = { &m->start_line, &m->method_name, &m->target, &m->path, &m->query, &m->scheme,
		&m->authority, &m->reason };

	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++)
		rebase(&slices[i]->ptr, old, len, now);
	rebase(&m->fields_start, old, len, now);
	rebase(&m->fields_end, old, len, now);
	for (int i = 0; i < m->field_count; i++) {
		rebase(&m->fields[i].name, old, len, now);
		rebase(&m->fields[i].value, old, len, now);
	}
}
