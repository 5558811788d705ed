/* value: a number or text of `show info` and `show stat` with what it means: origin, nature, scope and type, as HAProxy's
 * management guide lists them (section 9.2), so that aggregators know what to do with it. */
#ifndef BALLAST_ADMIN_VALUE_H
#define BALLAST_ADMIN_VALUE_H

#include "ballast/base/strbuf.h"

enum value_type { VALUE_U32, VALUE_U64, VALUE_S32, VALUE_STR, VALUE_FLT };

struct value_kind {
	char tags[4]; /* "MCP": metric, counter, process */
	enum value_type type;
};

struct value {
	bool set;
	union {
		uint64_t number; /* also of VALUE_S32, as two's complement */
		double real;
		const char *text; /* must live as long as the value is shown */
	};
};

static inline struct value value_number(uint64_t n)
{
	return (struct value){ .set = true, .number = n };
}
static inline struct value value_text(const char *text)
{
	return (struct value){ .set = true, .text = text };
}
static inline struct value value_real(double real)
{
	return (struct value){ .set = true, .real = real };
}

/* The bare value. */
void value_print(struct strbuf *to, struct value_kind k, struct value v);
/* ":MCP:u64:12" */
void value_print_typed(struct strbuf *to, struct value_kind k, struct value v);
/* "processNum":1,"tags":{...},"value":{...} */
void value_print_json(struct strbuf *to, struct value_kind k, struct value v);
/* "[24/Nov/2026:23:10:13.845]" in local time; 3 or 6 digits of the second's fraction. */
void value_print_date(struct strbuf *to, uint64_t wall_us, unsigned digits);

#endif
