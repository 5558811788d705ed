/* Regular expressions over PCRE2: see regex.h.
 *
 * The limit counts what the matcher does from one start in the text; with JIT it costs about a millisecond to reach. */
#include "ballast/sample/regex.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/base/arena.h"
#include "ballast/sample/release.h"
#include "config.h"

#ifdef HAVE_PCRE2

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>

enum {
	MATCH_LIMIT = 20000,
	STACK_FIRST = 32 * 1024,
	STACK_MOST = 512 * 1024,
	OFFSETS = 64, /* groups beyond these are matched, but not remembered */
};

struct regex {
	pcre2_code *code;
	bool jit;
};

struct matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

static __thread struct matcher *matcher_self;
static pthread_key_t matcher_key;
static pthread_once_t matcher_once = PTHREAD_ONCE_INIT;

static void matcher_free(void *ptr)
{
	struct matcher *m = ptr;

	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	free(m);
}

static void key_make(void)
{
	pthread_key_create(&matcher_key, matcher_free);
}

/* Apart, as it is needed once in a thread. */
__attribute__((noinline)) static struct matcher *matcher_make(void)
{
	struct matcher *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	pthread_once(&matcher_once, key_make);
	m->data = pcre2_match_data_create(OFFSETS, NULL);
	m->context = pcre2_match_context_create(NULL);
	m->stack = pcre2_jit_stack_create(STACK_FIRST, STACK_MOST, NULL);
	if (!m->data || !m->context || !m->stack || pthread_setspecific(matcher_key, m)) {
		matcher_free(m);
		return NULL;
	}
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_jit_stack_assign(m->context, NULL, m->stack);
	matcher_self = m;
	return m;
}

static int find(const struct regex *r, struct slice text, size_t from, struct matcher **out)
{
	struct matcher *m = matcher_self ? matcher_self : matcher_make();

	*out = m;
	if (!m)
		return -1;
	PCRE2_SPTR at = (PCRE2_SPTR)(text.ptr ? text.ptr : "");
	if (r->jit)
		return pcre2_jit_match(r->code, at, text.len, from, 0, m->data, m->context);
	return pcre2_match(r->code, at, text.len, from, 0, m->data, m->context);
}

struct regex *regex_new(struct slice pattern, bool ignore_case, char *error)
{
	struct regex *r = malloc(sizeof *r);
	PCRE2_SIZE at = 0;
	int code = 0;

	if (!r) {
		snprintf(error, REGEX_ERROR_TEXT, "out of memory");
		return NULL;
	}
	r->code =
		pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, ignore_case ? PCRE2_CASELESS : 0, &code, &at, NULL);
	if (!r->code) {
		char text[200];
		pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
		snprintf(error, REGEX_ERROR_TEXT, "%s at byte %zu", text, at + 1);
		free(r);
		return NULL;
	}
	r->jit = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
	return r;
}

void regex_free(struct regex *r)
{
	if (r)
		pcre2_code_free(r->code);
	free(r);
}

bool regex_match(const struct regex *r, struct slice text)
{
	struct matcher *m;
	return find(r, text, 0, &m) >= 0;
}

bool regex_find(const struct regex *r, struct slice text, size_t from, struct slice group[REGEX_GROUPS])
{
	struct matcher *m;
	int count = find(r, text, from, &m);

	if (count < 0)
		return false;
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer(m->data);
	for (int i = 0; i < REGEX_GROUPS; i++) {
		bool there = i < (count ? count : OFFSETS) && at[2 * i] != PCRE2_UNSET && at[2 * i] <= at[2 * i + 1];
		group[i] = there ? slice_of(text.ptr + at[2 * i], at[2 * i + 1] - at[2 * i]) : slice_of(NULL, 0);
	}
	return group[0].ptr || !text.ptr;
}

bool regex_available(void)
{
	return true;
}

#else

struct regex *regex_new(struct slice pattern, bool ignore_case, char *error)
{
	(void)pattern, (void)ignore_case;
	snprintf(error, REGEX_ERROR_TEXT, "this Ballast was built without PCRE2");
	return NULL;
}

void regex_free(struct regex *r)
{
	(void)r;
}

bool regex_match(const struct regex *r, struct slice text)
{
	(void)r, (void)text;
	return false;
}

bool regex_find(const struct regex *r, struct slice text, size_t from, struct slice group[REGEX_GROUPS])
{
	(void)r, (void)text, (void)from, (void)group;
	return false;
}

bool regex_available(void)
{
	return false;
}

#endif

static void free_owned(void *r)
{
	regex_free(r);
}

struct regex *regex_new_in(struct arena *a, struct slice pattern, bool ignore_case, char *error)
{
	struct regex *r = regex_new(pattern, ignore_case, error);

	if (!r || sample_own(a, r, free_owned) == 0)
		return r;
	snprintf(error, REGEX_ERROR_TEXT, "out of memory");
	return NULL;
}

void regex_expand(struct slice format, const struct slice group[REGEX_GROUPS], struct strbuf *out)
{
	for (size_t i = 0; i < format.len; i++) {
		char c = format.ptr[i];
		if (c != '\\' || i + 1 == format.len) {
			strbuf_byte(out, c);
			continue;
		}
		c = format.ptr[++i];
		if (c >= '0' && c <= '9')
			strbuf_add(out, group[c - '0']);
		else
			strbuf_byte(out, c);
	}
}

bool regex_replace(const struct regex *r, struct slice text, struct slice format, bool all, struct strbuf *out)
{
	struct slice group[REGEX_GROUPS];
	size_t done = 0, from = 0;

	if (!regex_find(r, text, 0, group))
		return false;
	do {
		size_t start = group[0].ptr ? (size_t)(group[0].ptr - text.ptr) : 0, end = start + group[0].len;
		strbuf_add(out, slice_of(text.ptr + done, start - done));
		regex_expand(format, group, out);
		done = end;
		from = group[0].len ? end : end + 1; /* an empty match does not repeat where it was */
	} while (all && from <= text.len && !out->incomplete && regex_find(r, text, from, group));
	strbuf_add(out, slice_skip(text, done));
	return true;
}
