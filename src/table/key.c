/* Keys: what a sample or a person's word is in a table of each type, and back. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/table/table.h"

static const struct key_row {
	const char *name;
	uint8_t sample;
} key_rows[TABLE_TYPE_COUNT] = {
	[TABLE_IP] = { "ip", SAMPLE_IPV4 },
	[TABLE_IPV6] = { "ipv6", SAMPLE_IPV6 },
	[TABLE_INTEGER] = { "integer", SAMPLE_INT },
	[TABLE_STRING] = { "string", SAMPLE_STR },
	[TABLE_BINARY] = { "binary", SAMPLE_BIN },
};

unsigned table_key_sample(enum table_type type)
{
	return key_rows[type].sample;
}

const char *table_type_name(enum table_type type)
{
	return key_rows[type].name;
}

/* ---- from samples ---- */

/* Cut to, or filled up with zeros to, the length of the table's keys. */
static int key_of_binary(const struct table *t, struct slice s, struct arena *a, struct slice *key)
{
	char *padded;

	if (s.len >= t->set.key_bytes) {
		*key = slice_of(s.ptr, t->set.key_bytes);
		return 0;
	}
	padded = arena_zalloc(a, t->set.key_bytes);
	if (!padded)
		return -ENOMEM;
	if (s.len)
		memcpy(padded, s.ptr, s.len);
	*key = slice_of(padded, t->set.key_bytes);
	return 0;
}

int table_key_of(const struct table *t, struct sample *s, struct arena *a, struct slice *key)
{
	unsigned type = key_rows[t->set.type].sample;
	uint32_t number;
	int rc = s->type == type ? 0 : sample_cast(s, type, a);

	if (rc)
		return rc;
	switch ((enum table_type)t->set.type) {
	case TABLE_IP: *key = slice_of((const char *)&s->ip4, sizeof s->ip4); return 0;
	case TABLE_IPV6: *key = slice_of((const char *)&s->ip6, sizeof s->ip6); return 0;
	case TABLE_INTEGER:
		number = (uint32_t)s->num;
		memcpy(&s->num, &number, sizeof number);
		*key = slice_of((const char *)&s->num, sizeof number);
		return 0;
	case TABLE_STRING:
		*key = slice_of(s->str.ptr, s->str.len < t->set.key_bytes ? s->str.len : t->set.key_bytes);
		return key->len ? 0 : -ENOENT;
	default: return s->str.len ? key_of_binary(t, s->str, a, key) : -ENOENT;
	}
}

/* ---- from a person's word ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(const char *text, struct arena *a, struct slice *out)
{
	size_t len = strlen(text);
	char *bytes = arena_alloc(a, len / 2 + 1);

	if (!bytes)
		return -ENOMEM;
	if (len % 2)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i / 2] = (char)(high << 4 | low);
	}
	*out = slice_of(bytes, len / 2);
	return 0;
}

static int read_number(const char *text, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || end == text || *end || *out < INT32_MIN || *out > UINT32_MAX ? -EINVAL : 0;
}

/* An IPv4 address also where IPv6 is meant: the table then has its mapped form (RFC 4291 section 2.5.5.2). */
static int read_address(const char *text, struct sample *s)
{
	s->type = SAMPLE_IPV4;
	if (inet_pton(AF_INET, text, &s->ip4) == 1)
		return 0;
	s->type = SAMPLE_IPV6;
	return inet_pton(AF_INET6, text, &s->ip6) == 1 ? 0 : -EINVAL;
}

int table_key_of_text(const struct table *t, const char *text, struct arena *a, struct slice *key)
{
	struct sample *s = arena_zalloc(a, sizeof *s); /* the key may lie in it */
	int rc = 0;

	if (!s)
		return -ENOMEM;
	switch ((enum table_type)t->set.type) {
	case TABLE_IP:
	case TABLE_IPV6: rc = read_address(text, s); break;
	case TABLE_INTEGER:
		s->type = SAMPLE_INT;
		rc = read_number(text, &s->num);
		break;
	case TABLE_STRING: sample_set_str(s, slice_from_str(text)); break;
	default:
		s->type = SAMPLE_BIN;
		rc = read_hex(text, a, &s->str);
		break;
	}
	if (rc == 0)
		rc = table_key_of(t, s, a, key);
	return rc == -ENOENT ? -EINVAL : rc;
}

/* ---- and back ---- */

void table_entry_key(const struct table *t, const struct table_entry *e, struct sample *out)
{
	uint32_t number;

	out->type = key_rows[t->set.type].sample;
	switch ((enum table_type)t->set.type) {
	case TABLE_IP: memcpy(&out->ip4, e->bytes, sizeof out->ip4); break;
	case TABLE_IPV6: memcpy(&out->ip6, e->bytes, sizeof out->ip6); break;
	case TABLE_INTEGER:
		memcpy(&number, e->bytes, sizeof number);
		out->num = number;
		break;
	default: out->str = slice_of(e->bytes, e->key_len); break;
	}
}

/* So that a key is one word, and no byte of it can end the line. */
static void write_text(struct strbuf *to, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c < ' ' || c >= 127)
			strbuf_printf(to, "\\x%02x", c);
		else if (c == ' ' || c == '\\' || c == '=')
			strbuf_printf(to, "\\%c", c);
		else
			strbuf_byte(to, (char)c);
	}
}

void table_entry_key_text(const struct table *t, const struct table_entry *e, struct strbuf *to)
{
	char text[INET6_ADDRSTRLEN];
	struct sample s;

	table_entry_key(t, e, &s);
	switch ((enum table_type)t->set.type) {
	case TABLE_IP: strbuf_str(to, inet_ntop(AF_INET, &s.ip4, text, sizeof text)); break;
	case TABLE_IPV6: strbuf_str(to, inet_ntop(AF_INET6, &s.ip6, text, sizeof text)); break;
	case TABLE_INTEGER: strbuf_i64(to, s.num); break;
	case TABLE_STRING: write_text(to, s.str); break;
	default:
		for (size_t i = 0; i < s.str.len; i++)
			strbuf_printf(to, "%02x", (unsigned char)s.str.ptr[i]);
		break;
	}
}
