/* json: finding one value in JSON text (RFC 8259) by a path, without making a tree of it (json.c). */
#ifndef BALLAST_SAMPLE_JSON_H
#define BALLAST_SAMPLE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "ballast/base/slice.h"

struct arena;
struct json_path;

enum json_kind { JSON_NULL, JSON_TRUE, JSON_FALSE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
	enum json_kind kind;
	struct slice text; /* as it stands there; of a string what is between its quotes, escapes and all */
};

/* `$`, `$.name.other`, `$.list[2]`, `$['a name']`; a backslash takes its meaning from the byte behind it. NULL, or what is
 * wrong (static text, one sentence without full stop). */
const char *json_path_parse(struct slice text, struct arena *a, struct json_path **out);
/* The first value at that path.  False: there is none, or what stands before it is no JSON, or is nested too deeply. What
 * stands behind it is not looked at. */
bool json_find(struct slice doc, const struct json_path *path, struct json_value *out);
/* Writes the text of a string without its escapes, in UTF-8; `out` has room for text.len bytes. Its length, or -1 where an
 * escape is none. */
long json_unescape(struct slice text, char *out);

#endif
