/* test_h1_corpus: each message of tests/corpus/h1, whole, byte by byte, and split at every position.
 *
 * A line of the corpus is: name | RFC section | kind [limits] | bytes | what must come out.
 *   kind:   request; response METHOD (the method that it answers); chunked (a body without its head)
 *   limits: head=BYTES fields=COUNT trailer=BYTES
 *   bytes:  as they are, with \r \n \t \s (space) \\ \xHH and \{N:c} (the byte c, N times)
 *   out:    words that the transcript must have (tests/lib/h1_transcript.h): `error NAME STATUS`, `more`,
 *           or `done` with exactly its flags and any of its key=value words
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../lib/h1_transcript.h"

static const char corpus[] = "tests/corpus/h1";

enum { FILES_MAX = 32, MESSAGES_MIN = 500, LINE_MAX_BYTES = 65536, COLUMNS = 5, NAMES_MAX = 4096, NAME_BYTES = 64 };

static unsigned messages;
static char message_names[NAMES_MAX][NAME_BYTES];

static bool next_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	while (rest->len && rest->ptr[0] == ' ')
		*rest = slice_skip(*rest, 1);
	while (n < rest->len && rest->ptr[n] != ' ')
		n++;
	*word = slice_of(rest->ptr, n);
	*rest = slice_skip(*rest, n);
	return n > 0;
}

static bool has_word(struct slice text, struct slice wanted)
{
	struct slice word;

	while (next_word(&text, &word))
		if (slice_eq(word, wanted))
			return true;
	return false;
}

static bool is_flag(struct slice word)
{
	return slice_find_byte(word, '=') < 0 && !slice_starts_with(word, SLICE("body-"));
}

/* Words before the first key=value. */
static unsigned count_flags(struct slice text, bool stop_at_value)
{
	struct slice word;
	unsigned count = 0;

	while (next_word(&text, &word)) {
		if (is_flag(word))
			count++;
		else if (stop_at_value)
			break;
	}
	return count;
}

static bool matches(struct slice transcript, struct slice wanted)
{
	struct slice rest = wanted, word;

	while (next_word(&rest, &word))
		if (!has_word(transcript, word))
			return false;
	return count_flags(wanted, false) == count_flags(transcript, true);
}

static unsigned hex(const char *at)
{
	char digits[3] = { at[0], at[1], 0 };

	return (unsigned)strtoul(digits, NULL, 16);
}

/* One byte of the corpus' notation at *at, which moves on. */
static char unescape_one(const char **at)
{
	const char *s = *at;

	*at += s[0] != '\\' ? 1 : s[1] == 'x' ? 4 : 2;
	if (s[0] != '\\')
		return s[0];
	switch (s[1]) {
	case 'r': return '\r';
	case 'n': return '\n';
	case 't': return '\t';
	case 's': return ' ';
	case 'x': return (char)hex(s + 2);
	default: return s[1];
	}
}

static size_t unescape(struct slice text, char *out)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	char *to = out;

	while (at < end) {
		unsigned long repeat = 1;
		bool run = at[0] == '\\' && at[1] == '{';
		if (run) {
			repeat = strtoul(at + 2, (char **)(uintptr_t)&at, 10);
			at++;
		}
		char c = unescape_one(&at);
		memset(to, c, repeat);
		to += repeat;
		at += run;
	}
	return (size_t)(to - out);
}

static bool read_limit(struct slice word, struct slice key, uint32_t *out)
{
	uint64_t n;

	if (!slice_starts_with(word, key) || slice_to_u64(slice_skip(word, key.len), &n) != 0)
		return false;
	*out = (uint32_t)n;
	return true;
}

static void read_kind(struct slice text, struct h1_input *in)
{
	struct slice word;
	uint32_t fields = 101;

	in->limits = (struct h1_limits){ .head_bytes = 16384, .trailer_bytes = 4096 };
	assert_true(next_word(&text, &word));
	in->kind = slice_eq(word, SLICE("request"))    ? H1_KIND_REQUEST
	           : slice_eq(word, SLICE("response")) ? H1_KIND_RESPONSE
	                                               : H1_KIND_CHUNKED;
	while (next_word(&text, &word))
		if (!read_limit(word, SLICE("head="), &in->limits.head_bytes) &&
			!read_limit(word, SLICE("fields="), &fields) &&
			!read_limit(word, SLICE("trailer="), &in->limits.trailer_bytes))
			in->to = method_of(word);
	in->limits.fields = (uint16_t)fields;
}

/* False, and words on standard error, where a differently cut input gave something else. */
static bool same_when_cut(const struct h1_input *in, const char *name, const char *whole, enum h1_cut cut, size_t at)
{
	struct h1_transcript t;

	h1_transcribe(&t, in, cut, at);
	bool same = strcmp(t.text, whole) == 0;
	if (!same)
		fprintf(stderr, "%s cut %s %zu:\n  whole: %s\n  cut:   %s\n", name,
			cut == H1_CUT_AT ? "at" : "to bytes", at, whole, t.text);
	h1_transcript_free(&t);
	return same;
}

/* Long messages are cut at every position near their ends and at some in between. */
static size_t next_cut(size_t at, size_t len)
{
	return len < 2500 || at < 1000 || at > len - 1000 ? at + 1 : at + 97;
}

static bool check_message(const struct h1_input *in, const char *name, struct slice wanted)
{
	struct h1_transcript whole;

	h1_transcribe(&whole, in, H1_CUT_WHOLE, 0);
	bool ok = matches(slice_of(whole.text, whole.len), wanted);
	if (!ok)
		fprintf(stderr, "%s:\n  wanted: %.*s\n  got:    %s\n", name, (int)wanted.len, wanted.ptr, whole.text);
	ok &= same_when_cut(in, name, whole.text, H1_CUT_BYTES, 0);
	for (size_t at = 1; ok && at < in->len; at = next_cut(at, in->len))
		ok &= same_when_cut(in, name, whole.text, H1_CUT_AT, at);
	h1_transcript_free(&whole);
	return ok;
}

static void split_columns(char *line, struct slice columns[COLUMNS])
{
	struct slice rest = slice_of(line, strcspn(line, "\n"));

	for (int i = 0; i < COLUMNS; i++) {
		ptrdiff_t bar = slice_find_byte(rest, '|');
		assert_int_equal(bar < 0, i == COLUMNS - 1);
		columns[i] = slice_trim_ows(bar < 0 ? rest : slice_of(rest.ptr, (size_t)bar));
		rest = slice_skip(rest, (size_t)bar + 1);
	}
}

static bool check_line(char *line, char *bytes)
{
	struct slice columns[COLUMNS];
	struct h1_input in = { .bytes = bytes };
	char name[NAME_BYTES];

	split_columns(line, columns);
	snprintf(name, sizeof(name), "%.*s", (int)columns[0].len, columns[0].ptr);
	read_kind(columns[2], &in);
	in.len = unescape(columns[3], bytes);
	if (messages < NAMES_MAX)
		snprintf(message_names[messages], NAME_BYTES, "%s", name);
	messages++;
	return check_message(&in, name, columns[4]);
}

static void test_file(void **state)
{
	char *line = malloc(LINE_MAX_BYTES), *bytes = malloc(LINE_MAX_BYTES);
	FILE *f = fopen(*state, "r");
	unsigned failed = 0;

	assert_non_null(f);
	while (fgets(line, LINE_MAX_BYTES, f))
		if (line[0] != '#' && line[0] != '\n')
			failed += !check_line(line, bytes);
	fclose(f);
	free(line);
	free(bytes);
	assert_int_equal(failed, 0);
}

static bool names_a_message(const char *pattern)
{
	for (unsigned i = 0; i < messages && i < NAMES_MAX; i++)
		if (fnmatch(pattern, message_names[i], 0) == 0)
			return true;
	return false;
}

/* The patterns of one line of rfc9112-musts.txt: how many of them name no message. */
static unsigned unproven(char *line)
{
	char *patterns = strrchr(line, '|'), *save = NULL;
	unsigned count = 0;

	assert_non_null(patterns);
	if (strstr(patterns, "connection:"))
		return 0;
	for (char *w = strtok_r(patterns + 1, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		if (!names_a_message(w)) {
			fprintf(stderr, "no message is named %s\n", w);
			count++;
		}
	return count;
}

static void test_corpus_has_every_must_of_rfc_9112(void **state)
{
	char *line = malloc(LINE_MAX_BYTES);
	FILE *f = fopen(*state, "r");
	unsigned failed = 0, lines = 0;

	assert_non_null(f);
	while (fgets(line, LINE_MAX_BYTES, f))
		if (line[0] != '#' && line[0] != '\n') {
			failed += unproven(line);
			lines++;
		}
	fclose(f);
	free(line);
	assert_int_equal(failed, 0);
	assert_true(lines > 40);
}

static void test_corpus_is_large(void **state)
{
	(void)state;
	assert_true(messages >= MESSAGES_MIN);
}

/* test_corpus_<file>, for each file of the corpus. */
static char *test_name(const char *file)
{
	char *name = malloc(strlen(file) + 16);

	sprintf(name, "test_corpus_%.*s", (int)strcspn(file, "."), file);
	for (char *c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

static struct CMUnitTest test_of(const char *folder, const char *file)
{
	char *path = malloc(strlen(folder) + strlen(file) + 2);

	sprintf(path, "%s/%s", folder, file);
	return (struct CMUnitTest){ test_name(file), test_file, NULL, NULL, path };
}

int main(void)
{
	struct CMUnitTest tests[FILES_MAX + 2] = { 0 };
	const char *top = getenv("top_srcdir");
	struct dirent **names;
	char folder[4096], musts[4096 + 32];

	snprintf(folder, sizeof(folder), "%s/%s", top ? top : ".", corpus);
	int count = scandir(folder, &names, NULL, alphasort), n = 0;

	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.' && n < FILES_MAX)
			tests[n++] = test_of(folder, names[i]->d_name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	snprintf(musts, sizeof(musts), "%s/../rfc9112-musts.txt", folder);
	tests[n] = (struct CMUnitTest)cmocka_unit_test(test_corpus_is_large);
	tests[n + 1] = (struct CMUnitTest)cmocka_unit_test_prestate(test_corpus_has_every_must_of_rfc_9112, musts);
	int failed = _cmocka_run_group_tests("h1_corpus", tests, (size_t)n + 2, NULL, NULL);
	for (int i = 0; i < n; i++) {
		free((char *)(uintptr_t)tests[i].name);
		free(tests[i].initial_state);
	}
	return failed;
}
