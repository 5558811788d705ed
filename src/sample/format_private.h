/* The compiled form of a log-format, which format.c makes and format_render.c walks. */
#ifndef BALLAST_SAMPLE_FORMAT_PRIVATE_H
#define BALLAST_SAMPLE_FORMAT_PRIVATE_H

#include "ballast/sample/expr.h"
#include "ballast/sample/format.h"

enum item_kind { ITEM_TEXT, ITEM_EXPR, ITEM_VAR };

struct item {
	uint8_t kind;  /* enum item_kind */
	uint8_t flags; /* enum format_flags */
	union {
		struct slice text;
		const struct expr *expr;
		const struct log_var_row *var;
	};
};

struct format {
	enum format_kind kind;
	bool needs_http;
	uint32_t count;
	struct item *items;
};

#endif
