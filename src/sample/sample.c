/* The tables of fetches and converters as one: those of this room, and those that others registered.
 *
 * Looked up only while a configuration is read, so by plain search. */
#include <stdlib.h>

#include "private.h"

static const struct fetch_row *const own_fetches[] = {
	fetch_internal_rows,
	fetch_layer4_rows,
	fetch_content_rows,
	fetch_hello_rows,
	fetch_http_rows,
	fetch_header_rows,
	fetch_param_rows,
	fetch_cookie_rows,
	fetch_var_rows,
	fetch_auth_rows,
	fetch_whole_rows,
};
static const struct converter_row *const own_converters[] = {
	converter_int_rows,
	converter_string_rows,
	converter_binary_rows,
	converter_base64_rows,
	converter_digits_rows,
	converter_text_rows,
	converter_date_rows,
	converter_json_rows,
	converter_crypto_rows,
	converter_jwt_rows,
	converter_map_rows,
	converter_regex_rows,
	converter_var_rows,
};

/* What other rooms registered; written before any thread starts. */
static const struct fetch_row **more_fetches;
static unsigned more_fetch_count;
static const struct converter_row **more_converters;
static unsigned more_converter_count;

/* Adds `count` pointers to a list that malloc holds. */
static int list_grow(void *list_ptr, unsigned have, unsigned count)
{
	void **list = list_ptr;
	void *now = reallocarray(*list, have + count, sizeof(void *));
	if (!now)
		return -ENOMEM;
	*list = now;
	return 0;
}

int sample_register_fetches(const struct fetch_row *rows, unsigned count)
{
	int err = list_grow(&more_fetches, more_fetch_count, count);
	if (err)
		return err;
	for (unsigned i = 0; i < count; i++)
		more_fetches[more_fetch_count++] = &rows[i];
	return 0;
}

int sample_register_converters(const struct converter_row *rows, unsigned count)
{
	int err = list_grow(&more_converters, more_converter_count, count);
	if (err)
		return err;
	for (unsigned i = 0; i < count; i++)
		more_converters[more_converter_count++] = &rows[i];
	return 0;
}

/* The latest registered first, so that a room may replace a word. */
const struct fetch_row *sample_fetch_at(unsigned i)
{
	if (i < more_fetch_count)
		return more_fetches[more_fetch_count - 1 - i];
	i -= more_fetch_count;
	for (unsigned t = 0; t < sizeof own_fetches / sizeof *own_fetches; t++)
		for (const struct fetch_row *row = own_fetches[t]; row->name; row++)
			if (i-- == 0)
				return row;
	return NULL;
}

const struct converter_row *sample_converter_at(unsigned i)
{
	if (i < more_converter_count)
		return more_converters[more_converter_count - 1 - i];
	i -= more_converter_count;
	for (unsigned t = 0; t < sizeof own_converters / sizeof *own_converters; t++)
		for (const struct converter_row *row = own_converters[t]; row->name; row++)
			if (i-- == 0)
				return row;
	return NULL;
}

const struct fetch_row *sample_fetch_find(struct slice name)
{
	const struct fetch_row *row;
	for (unsigned i = 0; (row = sample_fetch_at(i)); i++)
		if (slice_eq(slice_from_str(row->name), name))
			return row;
	return NULL;
}

const struct converter_row *sample_converter_find(struct slice name)
{
	const struct converter_row *row;
	for (unsigned i = 0; (row = sample_converter_at(i)); i++)
		if (slice_eq(slice_from_str(row->name), name))
			return row;
	return NULL;
}
