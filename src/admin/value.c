/* Writing values: bare, typed, and as JSON (management guide, section 9.2). */
#include "value.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static const char *const type_names[] = {
	[VALUE_U32] = "u32",
	[VALUE_U64] = "u64",
	[VALUE_S32] = "s32",
	[VALUE_STR] = "str",
	[VALUE_FLT] = "flt",
};

struct tag {
	char letter;
	const char *name;
};
static const struct tag origins[] = { { 'M', "Metric" }, { 'S', "Status" }, { 'K', "Key" }, { 'C', "Config" },
	{ 'P', "Product" }, { 0, "" } };
static const struct tag natures[] = { { 'A', "Age" }, { 'a', "Avg" }, { 'C', "Counter" }, { 'D', "Duration" },
	{ 'G', "Gauge" }, { 'L', "Limit" }, { 'M', "Max" }, { 'm', "Min" }, { 'N', "Name" }, { 'O', "Output" },
	{ 'R', "Rate" }, { 'T', "Time" }, { 0, "" } };
static const struct tag scopes[] = { { 'C', "Cluster" }, { 'P', "Process" }, { 'S', "Service" }, { 's', "System" },
	{ 0, "" } };

static const char *tag_name(const struct tag *list, char letter)
{
	while (list->letter && list->letter != letter)
		list++;
	return list->name;
}

/* As few digits as tell it: 12, 2.5, 1795561741.500554. */
static void print_real(struct strbuf *to, double real)
{
	char text[48];
	size_t len = (size_t)snprintf(text, sizeof text, "%.6f", real);

	while (len && text[len - 1] == '0')
		len--;
	if (len && text[len - 1] == '.')
		len--;
	strbuf_add(to, slice_of(text, len));
}

void value_print(struct strbuf *to, struct value_kind k, struct value v)
{
	switch (k.type) {
	case VALUE_STR: strbuf_str(to, v.text); break;
	case VALUE_FLT: print_real(to, v.real); break;
	case VALUE_S32: strbuf_i64(to, (int64_t)v.number); break;
	case VALUE_U32:
	case VALUE_U64: strbuf_u64(to, v.number); break;
	}
}

void value_print_typed(struct strbuf *to, struct value_kind k, struct value v)
{
	strbuf_printf(to, ":%.3s:%s:", k.tags, type_names[k.type]);
	value_print(to, k, v);
}

void value_print_json(struct strbuf *to, struct value_kind k, struct value v)
{
	strbuf_printf(to,
		"\"processNum\":1,\"tags\":{\"origin\":\"%s\",\"nature\":\"%s\",\"scope\":\"%s\"},"
		"\"value\":{\"type\":\"%s\",\"value\":",
		tag_name(origins, k.tags[0]), tag_name(natures, k.tags[1]), tag_name(scopes, k.tags[2]),
		type_names[k.type]);
	if (k.type == VALUE_STR)
		strbuf_json(to, slice_from_str(v.text));
	else
		value_print(to, k, v);
	strbuf_byte(to, '}');
}

void value_print_date(struct strbuf *to, uint64_t wall_us, unsigned digits)
{
	time_t seconds = (time_t)(wall_us / 1000000);
	unsigned fraction = (unsigned)(wall_us % 1000000);
	struct tm tm;
	char text[64];

	localtime_r(&seconds, &tm);
	strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S", &tm);
	strbuf_printf(to, "[%s.%0*u]", text, (int)digits, digits == 3 ? fraction / 1000 : fraction);
}
