/* h1_fields: the fields that frame and route a message (RFC 9110 sections 7.2, 7.6.1, 7.8, 8.6, 10.1; RFC 9112
 * sections 3.2, 6.1 and 9.6).
 *
 * Each is read when its line ends; what they mean together is decided when the head is whole.  A value that two
 * readers could take in two ways is refused, never mended, but for repeated identical lengths, which RFC 9110
 * section 8.6 lets one replace with a single one.
 */
#include "ballast/base/simd.h"
#include "ballast/http/uri.h"
#include "h1_private.h"

static bool is_token(struct slice s)
{
	return s.len && simd_find_non_token(s.ptr, s.ptr + s.len) == s.ptr + s.len;
}

/* The next member of a list; an empty value has one empty member. */
static bool next_member(const char **at, const char *end, struct slice *member)
{
	if (!*at)
		return false;
	const char *comma = *at < end ? memchr(*at, ',', (size_t)(end - *at)) : NULL;
	*member = slice_trim_ows(slice_of(*at, (size_t)((comma ? comma : end) - *at)));
	*at = comma ? comma + 1 : NULL;
	return true;
}

/* "005" is a valid 5, and octal to those who read it so: only the digits that count are sent on. */
static struct slice without_leading_zeros(struct slice digits)
{
	while (digits.len > 1 && digits.ptr[0] == '0')
		digits = slice_skip(digits, 1);
	return digits;
}

/* A length above 2^63-1 is refused, so that sums of a few never overflow. */
static enum h1_error read_length(struct h1_parser *p, struct field *f)
{
	struct msg *m = p->msg;
	const char *at = f->value, *end = f->value + f->value_len;
	struct slice member, first = { NULL, 0 };
	bool repeated = p->seen & SEEN_LENGTH;

	while (next_member(&at, end, &member)) {
		uint64_t n;
		if (slice_to_u64(member, &n) != 0 || n > INT64_MAX)
			return H1_ERR_CONTENT_LENGTH;
		if (p->seen & SEEN_LENGTH && n != m->content_length)
			return H1_ERR_CONTENT_LENGTH;
		if (!first.ptr)
			first = without_leading_zeros(member);
		m->content_length = n;
		p->seen |= SEEN_LENGTH;
	}
	if (repeated)
		f->flags |= FIELD_DELETED;
	else if (first.len != f->value_len)
		msg_set_value_at(m, (int)(f - m->fields), first);
	return H1_OK;
}

static enum h1_error read_codings(struct h1_parser *p, const struct field *f)
{
	const char *at = f->value, *end = f->value + f->value_len;
	struct slice coding;

	p->seen |= SEEN_CODING;
	while (next_member(&at, end, &coding)) {
		if (!is_token(coding) || p->seen & SEEN_CHUNKED || slice_eq_icase(coding, SLICE("identity")))
			return H1_ERR_TRANSFER_ENCODING;
		p->seen |= slice_eq_icase(coding, SLICE("chunked")) ? SEEN_CHUNKED : SEEN_OTHER_CODING;
	}
	return H1_OK;
}

static enum h1_error read_connection(struct h1_parser *p, const struct field *f)
{
	const char *at = f->value, *end = f->value + f->value_len;
	struct slice option;

	while (next_member(&at, end, &option)) {
		if (!option.len)
			continue;
		if (!is_token(option))
			return H1_ERR_CONNECTION;
		if (slice_eq_icase(option, SLICE("close")))
			p->seen |= SEEN_CLOSE;
		else if (slice_eq_icase(option, SLICE("keep-alive")))
			p->seen |= SEEN_KEEP_ALIVE;
		else if (slice_eq_icase(option, SLICE("upgrade")))
			p->seen |= SEEN_UPGRADE_OPTION;
	}
	return H1_OK;
}

/* h2 is spoken by other means (RFC 9113 section 3.1); passed on, it would be a tunnel around every rule. */
static void read_upgrade(struct h1_parser *p, const struct field *f)
{
	const char *at = f->value, *end = f->value + f->value_len;
	struct slice protocol;

	while (next_member(&at, end, &protocol))
		if (slice_eq_icase(protocol, SLICE("h2c")) || slice_eq_icase(protocol, SLICE("h2")))
			p->seen |= SEEN_H2C;
		else if (protocol.len)
			p->seen |= SEEN_UPGRADE;
}

static enum h1_error read_host(struct h1_parser *p, const struct field *f)
{
	if (p->msg->flags & MSG_RESPONSE)
		return H1_OK;
	if (p->seen & SEEN_HOST || !uri_host_valid(field_value(f)))
		return H1_ERR_HOST;
	p->seen |= SEEN_HOST;
	if (!(p->msg->flags & (MSG_ABSOLUTE_FORM | MSG_AUTHORITY_FORM)))
		p->msg->authority = field_value(f);
	return H1_OK;
}

/* A list that holds `word`, without a parameter. */
static bool lists(const struct field *f, struct slice word)
{
	const char *at = f->value, *end = f->value + f->value_len;
	struct slice member;

	while (next_member(&at, end, &member))
		if (slice_eq_icase(member, word))
			return true;
	return false;
}

enum h1_error h1_field_read(struct h1_parser *p, int index)
{
	struct field *f = &p->msg->fields[index];

	switch (f->id) {
	case FIELD_HOST: return read_host(p, f);
	case FIELD_CONNECTION: return read_connection(p, f);
	case FIELD_CONTENT_LENGTH: return read_length(p, f);
	case FIELD_TRANSFER_ENCODING: return read_codings(p, f);
	case FIELD_UPGRADE: read_upgrade(p, f); break;
	case FIELD_EXPECT: p->seen |= lists(f, SLICE("100-continue")) ? SEEN_CONTINUE : 0; break;
	case FIELD_TE: p->seen |= lists(f, SLICE("trailers")) ? SEEN_TE_TRAILERS : 0; break;
	default: break;
	}
	return H1_OK;
}
