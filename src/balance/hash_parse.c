/* hash_parse: `hash-type ...` and the options of `balance uri`. */
#include <errno.h>

#include "ballast/balance/hash_key.h"
#include "ballast/balance/pick.h"

static int not_supported(const struct token *t, struct diag *d)
{
	diag_error(d, &t->at, NULL, "'hash-type %s' is not supported by Ballast (yet)", t->text);
	return -EINVAL;
}

static int parse_function(const struct token *t, struct hash_options *o, struct diag *d)
{
	static const char *const names[] = {
		[HASH_FUNCTION_SDBM] = "sdbm",
		[HASH_FUNCTION_DJB2] = "djb2",
		[HASH_FUNCTION_CRC32] = "crc32",
		[HASH_FUNCTION_NONE] = "none",
		[HASH_FUNCTION_COUNT] = NULL,
	};
	unsigned function = 0;

	if (token_is(t, "wt6"))
		return not_supported(t, d);
	if (token_choice(t, "hash function", names, &function, d) < 0)
		return -EINVAL;
	o->function = (enum hash_function)function;
	return 0;
}

static int parse_method(const struct token *t, struct hash_options *o, struct diag *d)
{
	enum { METHODS_MAX = 8 };
	const char *names[METHODS_MAX + 1];
	const struct pick_method *m;
	unsigned which = 0, n = 0;

	while (n < METHODS_MAX && (m = pick_method_at(n)))
		names[n++] = m->name;
	names[n] = NULL;
	if (token_choice(t, "hash method", names, &which, d) < 0)
		return -EINVAL;
	o->method = pick_method_at(which);
	return 0;
}

int hash_type_parse(const struct line *l, struct hash_options *o, struct diag *d)
{
	static const char *const modifiers[] = { "avalanche", NULL };
	unsigned which;

	o->function = HASH_FUNCTION_SDBM;
	if (line_args(l, 1, 3, d) < 0 || parse_method(&l->words[1], o, d) < 0)
		return -EINVAL;
	o->avalanche = l->count == 2 && o->method->avalanche;
	if (l->count == 2)
		return 0;
	if (parse_function(&l->words[2], o, d) < 0)
		return -EINVAL;
	if (l->count > 3 && token_choice(&l->words[3], "hash modifier", modifiers, &which, d) < 0)
		return -EINVAL;
	o->avalanche = l->count > 3;
	return 0;
}

int hash_uri_parse(const struct line *l, size_t first, struct hash_options *o, struct diag *d)
{
	enum { LEN, DEPTH, WHOLE, PATH_ONLY };
	static const char *const words[] = { "len", "depth", "whole", "path-only", NULL };
	int64_t number;
	unsigned which;

	o->uri_len = o->uri_depth = 0;
	o->uri_whole = o->uri_path_only = false;
	for (size_t i = first; i < l->count; i++) {
		if (token_choice(&l->words[i], "option of 'balance uri'", words, &which, d) < 0)
			return -EINVAL;
		if (which == WHOLE)
			o->uri_whole = true;
		if (which == PATH_ONLY)
			o->uri_path_only = true;
		if (which == WHOLE || which == PATH_ONLY)
			continue;
		/* The word after the last is the empty one at the line's end, where the number is missed. */
		if (token_int(&l->words[++i], words[which], 1, INT32_MAX, &number, d) < 0)
			return -EINVAL;
		*(which == LEN ? &o->uri_len : &o->uri_depth) = (uint32_t)number;
	}
	return 0;
}
