/* answer: responses that Ballast makes itself: errors, `return`, `deny`, `redirect`, monitor pages, services.
 *
 * A service is whatever can answer a request inside the process (statistics page, metrics, a script): it makes a
 * `struct answer` and gives it to exchange_answer().  The body lives in the exchange's arena, a literal, or the graph.
 */
#ifndef BALLAST_PROXY_ANSWER_H
#define BALLAST_PROXY_ANSWER_H

#include "ballast/base/slice.h"
#include "ballast/base/token.h"

struct exchange;

enum { ANSWER_FIELDS_MAX = 32 };

struct answer_field {
	struct slice name, value;
};

struct answer {
	unsigned status;           /* 200..599; 0 (an empty errorfile): nothing is sent, the connection ends */
	struct slice reason;       /* len 0: the usual one */
	struct slice content_type; /* len 0: none */
	struct slice body;
	struct answer_field field[ANSWER_FIELDS_MAX];
	unsigned field_count;
	bool close;        /* end the connection behind it */
	const void *reply; /* of `http-error`: what it is made of when it is needed; NULL: it is whole */
};

/* Answers by status: those of a proxy, or of a section `http-errors`. Immutable once loaded.  Below, `into` is made where
 * NULL, and `t` is where messages point to: 0, or -EINVAL after one, -ENOMEM. */
struct errors;
int errors_set(struct errors **into, unsigned status, const struct answer *answer, const struct token *t,
	struct arena *a, struct diag *d);
/* `errorfile STATUS FILE`: a whole raw HTTP/1 response. */
int errors_load(struct errors **into, unsigned status, const char *path, const struct token *t, struct arena *a,
	struct diag *d);
/* `errorloc302`, `errorloc303`: a redirection with status `by`. */
int errors_redirect(struct errors **into, unsigned status, unsigned by, struct slice url, const struct token *t,
	struct arena *a, struct diag *d);
/* `errorfiles NAME [STATUS]`: the page of that section, where it has one; of all statuses where `status` is 0. */
int errors_import(struct errors **into, struct errors *from, unsigned status, const struct token *t, struct arena *a,
	struct diag *d);
/* A copy for a section that inherits; NULL of NULL. */
struct errors *errors_inherit(const struct errors *from, struct arena *a);
/* The section of that name in the configuration of `a`, which may be defined later; it lives as long as that. NULL after a
 * diagnosis. errors_resolve() tells of those that never were. */
struct errors *errors_refer(struct arena *a, const struct token *name, struct diag *d);
struct errors *errors_define(struct arena *a, const struct token *name, struct diag *d);
void errors_resolve(const struct arena *a, struct diag *d);
/* Its own answer for a status; NULL: it has none. */
const struct answer *errors_only(const struct errors *e, unsigned status);
/* The answer for a status: of the configuration, else Ballast's own small HTML page with `Cache-Control: no-cache`.
 * `first` then `second` are asked (backend, frontend); either may be NULL.  A status without a page of its own gets
 * that of 400 or 500. */
const struct answer *errors_answer(const struct errors *first, const struct errors *second, unsigned status);
/* Whether `errorfile` knows the status (HAProxy's manual, section 4.2). */
bool errors_has(unsigned status);
/* "200, 400, ... and 504", for messages. */
const char *errors_status_list(void);

/* The largest file or text that an answer is made of: tune.bufsize, 16384 before it is set.  While loading. */
void answer_set_limit(size_t bytes);
size_t answer_limit(void);
/* Reads `path` whole into the arena, with a NUL behind it; `t` is the word that named it.  0 or -EINVAL after a
 * diagnosis (cannot be read, larger than answer_limit()). */
int answer_read_file(const char *path, const struct token *t, struct arena *a, struct slice *out, struct diag *d);
/* Whether the value of a Connection field asks for the connection to end. */
bool answer_says_close(struct slice connection);
/* One raw HTTP/1 response as an answer; an empty file is one of status 0.  Length and connection fields are left to
 * whoever sends it.  0 or -EINVAL. */
int answer_load(const char *path, const struct token *t, struct answer **out, struct arena *a, struct diag *d);

#endif
