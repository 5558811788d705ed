/* errors: which answer is sent for an error: the pages that Ballast has, and those that a configuration puts in their place.
 *
 * A page is a response of its own (errorfile, errorloc), one that is made when it is needed (http-error), or that of a section
 * `http-errors`, which may stand behind those that refer to it: so it is looked up there each time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/proxy/answer.h"
#include "ballast/sample/release.h"

#define PAGE(code, title, text) \
	{ \
		.status = code, .content_type = { "text/html", 9 }, .field_count = 1, \
		.field = { { { "Cache-Control", 13 }, { "no-cache", 8 } } }, .body = { \
			"<html><body><h1>" #code " " title "</h1>\n" text "\n</body></html>\n", \
			sizeof("<html><body><h1>" #code " " title "</h1>\n" text "\n</body></html>\n") - 1 \
		} \
	}

static const struct answer pages[] = {
	PAGE(200, "OK", "Service ready."),
	PAGE(400, "Bad Request", "The request could not be understood."),
	PAGE(401, "Unauthorized", "A valid user name and password are needed to see this."),
	PAGE(403, "Forbidden", "The rules of this service do not allow this request."),
	PAGE(404, "Not Found", "There is nothing at this address."),
	PAGE(405, "Method Not Allowed", "What this address names does not support the method of this request."),
	PAGE(407, "Proxy Authentication Required", "A valid user name and password are needed to use this proxy."),
	PAGE(408, "Request Timeout", "The request was not complete in time."),
	PAGE(410, "Gone", "What was at this address is no longer available."),
	PAGE(413, "Content Too Large", "The content of the request is larger than is accepted here."),
	PAGE(414, "URI Too Long", "The address is longer than is accepted here."),
	PAGE(425, "Too Early", "The request came as early data."),
	PAGE(429, "Too Many Requests", "Too many requests came in too short a time."),
	PAGE(431, "Request Header Fields Too Large", "The header of the request is larger than is accepted here."),
	PAGE(500, "Internal Server Error", "Something went wrong here."),
	PAGE(501, "Not Implemented", "The request needs something that is not supported here."),
	PAGE(502, "Bad Gateway", "The server's response was invalid or incomplete."),
	PAGE(503, "Service Unavailable", "No server is available to handle this request."),
	PAGE(504, "Gateway Timeout", "The server did not respond in time."),
	/* those below have no errorfile */
	PAGE(505, "HTTP Version Not Supported", "This version of HTTP is not supported here."),
};

enum {
	PAGE_COUNT = sizeof pages / sizeof pages[0],
	ERRORFILE_COUNT = PAGE_COUNT - 1,
};

struct page {
	const struct answer *answer; /* NULL: the one of `pages` */
	struct errors *from;         /* a section whose page comes first, where it has one; NULL: none */
};

struct errors {
	struct page page[ERRORFILE_COUNT];
};

static int find_page(unsigned status)
{
	for (int i = 0; i < PAGE_COUNT; i++)
		if (pages[i].status == status)
			return i;
	return -1;
}

bool errors_has(unsigned status)
{
	int i = find_page(status);
	return i >= 0 && i < ERRORFILE_COUNT;
}

const char *errors_status_list(void)
{
	return "200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 425, 429, 431, 500, 501, 502, 503 and 504";
}

/* The place of a status, in *into, which is made where NULL. NULL after a diagnosis at `t`. */
static struct page *page_of(struct errors **into, unsigned status, const struct token *t, struct arena *a,
	struct diag *d)
{
	if (!errors_has(status)) {
		struct slice hint = arena_printf(&d->arena, "statuses with an error page are %s", errors_status_list());
		diag_error(d, &t->at, hint.ptr, "there is no error page for status %u", status);
		return NULL;
	}
	if (!*into)
		*into = arena_zalloc(a, sizeof **into);
	if (!*into)
		diag_error(d, &t->at, NULL, "out of memory");
	return *into ? &(*into)->page[find_page(status)] : NULL;
}

int errors_set(struct errors **into, unsigned status, const struct answer *answer, const struct token *t,
	struct arena *a, struct diag *d)
{
	struct page *p = page_of(into, status, t, a, d);

	if (!p)
		return -EINVAL;
	*p = (struct page){ .answer = answer };
	return 0;
}

int errors_load(struct errors **into, unsigned status, const char *path, const struct token *t, struct arena *a,
	struct diag *d)
{
	struct answer *answer;

	if (!page_of(into, status, t, a, d))
		return -EINVAL;
	int rc = answer_load(path, t, &answer, a, d);
	return rc ? rc : errors_set(into, status, answer, t, a, d);
}

int errors_redirect(struct errors **into, unsigned status, unsigned by, struct slice url, const struct token *t,
	struct arena *a, struct diag *d)
{
	struct answer *answer = arena_zalloc(a, sizeof *answer);

	if (!answer)
		return -ENOMEM;
	answer->status = by;
	answer->field[0] = (struct answer_field){ SLICE("Cache-Control"), SLICE("no-cache") };
	answer->field[1] = (struct answer_field){ SLICE("Location"), url };
	answer->field_count = 2;
	return errors_set(into, status, answer, t, a, d);
}

int errors_import(struct errors **into, struct errors *from, unsigned status, const struct token *t, struct arena *a,
	struct diag *d)
{
	for (int i = 0; !status && i < ERRORFILE_COUNT; i++) {
		struct page *p = page_of(into, pages[i].status, t, a, d);
		if (!p)
			return -EINVAL;
		p->from = from;
	}
	struct page *p = status ? page_of(into, status, t, a, d) : NULL;
	if (p)
		p->from = from;
	return status && !p ? -EINVAL : 0;
}

struct errors *errors_inherit(const struct errors *from, struct arena *a)
{
	struct errors *copy = from ? arena_alloc(a, sizeof *copy) : NULL;
	if (copy)
		*copy = *from;
	return copy;
}

static const struct answer *page_in(const struct errors *e, int i)
{
	const struct page *p = e ? &e->page[i] : NULL;

	if (!p)
		return NULL;
	return p->from && p->from->page[i].answer ? p->from->page[i].answer : p->answer;
}

const struct answer *errors_answer(const struct errors *first, const struct errors *second, unsigned status)
{
	int i = find_page(status);
	const struct answer *found = NULL;

	if (i < 0)
		i = find_page(status >= 400 && status < 500 ? 400 : 500);
	if (i < ERRORFILE_COUNT) {
		found = page_in(first, i);
		found = found ? found : page_in(second, i);
	}
	return found ? found : &pages[i];
}

const struct answer *errors_only(const struct errors *e, unsigned status)
{
	int i = find_page(status);
	return i >= 0 && i < ERRORFILE_COUNT ? page_in(e, i) : NULL;
}

/* ---- sections by name ---- */

struct section {
	struct section *next;
	const struct arena *of;
	const char *name;
	struct place named, defined;
	bool is_defined;
	struct errors errors;
};

static struct section *sections;

static void section_free(void *ptr)
{
	struct section **at = &sections, *s = ptr;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

static struct section *section_of(struct arena *a, const struct token *name)
{
	struct section *s = sections;

	while (s && (s->of != a || strcmp(s->name, name->text) != 0))
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct section){ .next = sections, .of = a, .name = name->text, .named = name->at };
	sections = s;
	return sample_own(a, s, section_free) ? NULL : s;
}

struct errors *errors_refer(struct arena *a, const struct token *name, struct diag *d)
{
	struct section *s = section_of(a, name);

	if (!s)
		diag_error(d, &name->at, NULL, "out of memory");
	return s ? &s->errors : NULL;
}

struct errors *errors_define(struct arena *a, const struct token *name, struct diag *d)
{
	struct section *s = section_of(a, name);

	if (s && s->is_defined) {
		diag_error(d, &name->at, NULL, "there is a section 'http-errors %s' already", name->text);
		diag_add(d, DIAG_NOTE, &s->defined, NULL, "which is here");
		return NULL;
	}
	if (!s) {
		diag_error(d, &name->at, NULL, "out of memory");
		return NULL;
	}
	s->is_defined = true;
	s->defined = name->at;
	return &s->errors;
}

void errors_resolve(const struct arena *a, struct diag *d)
{
	for (const struct section *s = sections; s; s = s->next)
		if (s->of == a && !s->is_defined)
			diag_error(d, &s->named, NULL, "there is no section 'http-errors %s'", s->name);
}
