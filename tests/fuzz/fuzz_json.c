/* fuzz_json: paths and documents of any bytes, with a line end between them: what is found lies in the document, and what
 * follows it does not change it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/base/arena.h"
#include "sample/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void expect(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void unescape(struct slice text)
{
	char *out = malloc(text.len + 1);
	long len = json_unescape(text, out);

	expect(len <= (long)text.len, "a text without its escapes is no longer");
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice all = slice_of((const char *)data, len), doc;
	ptrdiff_t end = slice_find_byte(all, '\n');
	struct json_path *path;
	struct json_value v, again;
	struct arena a;

	if (end < 0)
		return 0;
	arena_init_heap(&a);
	doc = slice_skip(all, (size_t)end + 1);
	if (!json_path_parse(slice_of(all.ptr, (size_t)end), &a, &path) && json_find(doc, path, &v)) {
		expect(v.text.ptr >= doc.ptr && v.text.ptr + v.text.len <= doc.ptr + doc.len,
			"it lies in the document");
		if (v.kind == JSON_STRING)
			unescape(v.text);
		if (v.kind != JSON_NUMBER) {
			doc.len = (size_t)(v.text.ptr + v.text.len - doc.ptr) + (v.kind == JSON_STRING);
			expect(json_find(doc, path, &again) && again.text.ptr == v.text.ptr,
				"what follows does not matter");
		}
	}
	arena_reset(&a);
	return 0;
}
