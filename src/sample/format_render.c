/* Rendering log-formats: each item is appended raw, then what must not stand there is escaped in place.
 *
 * In logs (section 8.6 of HAProxy's manual) only 0x20 to 0x7e go out, without '"' and '#', so that a client can forge
 * neither lines nor fields; in header fields and the like only controls are replaced. */
#include "format_private.h"
#include "private.h"

enum { UNSAFE_LOG = 1, UNSAFE_VALUE = 2, UNSAFE_ESCAPE = 4 };

static const uint8_t unsafe[256] = {
	[0 ... '\t' - 1] = UNSAFE_LOG | UNSAFE_VALUE,
	['\t'] = UNSAFE_LOG,
	['\t' + 1 ... 31] = UNSAFE_LOG | UNSAFE_VALUE,
	['"'] = UNSAFE_LOG | UNSAFE_ESCAPE,
	['#'] = UNSAFE_LOG,
	['\\'] = UNSAFE_ESCAPE,
	[']'] = UNSAFE_ESCAPE,
	[127] = UNSAFE_LOG | UNSAFE_VALUE,
	[128 ... 255] = UNSAFE_LOG,
};

/* Bytes that `c` becomes: itself, "\c", or "#XX". */
static unsigned escaped_width(unsigned char c, unsigned mask)
{
	unsigned bits = unsafe[c] & mask;
	return !bits ? 1 : bits & UNSAFE_ESCAPE ? 2 : 3;
}

static void write_escaped(char *to, unsigned char c, unsigned width, char prefix)
{
	static const char digits[] = "0123456789ABCDEF";
	if (width == 2) {
		to[0] = '\\';
		to[1] = (char)c;
	} else if (width == 3) {
		to[0] = prefix;
		to[1] = digits[c >> 4];
		to[2] = digits[c & 15];
	} else {
		to[0] = (char)c;
	}
}

/* Escapes what was appended behind `start`, from its end to its start as it only grows. */
static void escape(struct strbuf *out, size_t start, enum format_kind kind, unsigned flags)
{
	unsigned mask = (kind == FORMAT_LOG ? UNSAFE_LOG : UNSAFE_VALUE) | (flags & FORMAT_ESCAPE ? UNSAFE_ESCAPE : 0);
	size_t extra = 0, end = out->len;
	for (size_t i = start; i < end; i++)
		extra += escaped_width((unsigned char)out->ptr[i], mask) - 1;
	if (!extra)
		return;
	if (!strbuf_reserve(out, extra)) {
		for (size_t i = start; i < end; i++)
			if (unsafe[(unsigned char)out->ptr[i]] & mask)
				out->ptr[i] = '?';
		return;
	}
	size_t to = end + extra;
	for (size_t from = end; from > start; from--) {
		unsigned char c = (unsigned char)out->ptr[from - 1];
		unsigned width = escaped_width(c, mask);
		to -= width;
		write_escaped(out->ptr + to, c, width, kind == FORMAT_LOG ? '#' : '%');
	}
	strbuf_commit(out, extra);
}

static void append_sample(const struct sample *s, struct strbuf *out)
{
	char text[ADDR_TEXT_MAX];
	const char *nul;
	switch (s->type) {
	case SAMPLE_BOOL:
	case SAMPLE_INT: strbuf_i64(out, s->num); return;
	case SAMPLE_IPV4:
	case SAMPLE_IPV6: strbuf_add(out, sample_addr_text(s, text)); return;
	case SAMPLE_BIN:
		nul = s->str.len ? memchr(s->str.ptr, 0, s->str.len) : NULL;
		strbuf_add(out, slice_of(s->str.ptr, nul ? (size_t)(nul - s->str.ptr) : s->str.len));
		return;
	default: strbuf_add(out, s->str);
	}
}

/* Appends the raw value; whether it is text, to be escaped and quoted. */
static bool append_value(const struct item *item, struct sample_ctx *ctx, struct strbuf *out)
{
	struct sample s;
	if (item->kind == ITEM_VAR) {
		item->var->run(ctx, item->flags, out);
		return (item->var->kind & ~LOG_VAR_PASSING) != LOG_VAR_PLAIN;
	}
	if (expr_eval(item->expr, ctx, SAMPLE_ANY, &s))
		append_sample(&s, out);
	return true;
}

static bool is_list(const struct item *item)
{
	return item->kind == ITEM_VAR && item->var->kind == LOG_VAR_LIST;
}

static bool is_words(const struct item *item)
{
	return item->kind == ITEM_VAR && item->var->kind == LOG_VAR_WORDS;
}

static void render_item(const struct item *item, enum format_kind kind, struct sample_ctx *ctx, struct strbuf *out)
{
	bool quote = item->flags & FORMAT_QUOTE;
	size_t start = out->len;
	if (is_words(item)) {
		item->var->run(ctx, item->flags, out);
		return;
	}
	if (quote)
		strbuf_byte(out, '"');
	size_t value = out->len;
	bool text = append_value(item, ctx, out);
	bool empty = out->len == value;
	if (text)
		escape(out, value, kind, item->flags);
	if (quote && (text || empty)) {
		strbuf_byte(out, '"');
	} else if (quote) {
		/* a number: takes back the quote before it */
		memmove(out->ptr + start, out->ptr + value, out->len - value);
		strbuf_truncate(out, out->len - (value - start));
	} else if (empty && kind == FORMAT_LOG && !is_list(item)) {
		strbuf_byte(out, '-');
	}
}

/* Spaces in a row are one, also where nothing came between them. */
static struct slice text_behind(const struct strbuf *out, struct slice text, bool left_out)
{
	bool space_last = !out->len || out->ptr[out->len - 1] == ' ';
	return left_out && space_last && text.len && text.ptr[0] == ' ' ? slice_skip(text, 1) : text;
}

void format_render(const struct format *f, struct sample_ctx *ctx, struct strbuf *out)
{
	bool left_out = false;

	for (uint32_t i = 0; i < f->count; i++) {
		const struct item *item = &f->items[i];
		size_t start = out->len;
		if (item->kind == ITEM_TEXT)
			strbuf_add(out, f->kind == FORMAT_LOG ? text_behind(out, item->text, left_out) : item->text);
		else
			render_item(item, f->kind, ctx, out);
		left_out = out->len == start;
	}
}
