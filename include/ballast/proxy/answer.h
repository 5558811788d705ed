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
	unsigned status;            /* 200..599 */
	struct slice reason;        /* len 0: the usual one */
	struct slice content_type;  /* len 0: none */
	struct slice body;
	struct answer_field field[ANSWER_FIELDS_MAX];
	unsigned field_count;
	bool close;                 /* end the connection behind it */
};

/* Files of `errorfile CODE FILE`, and `http-errors` later: whole raw HTTP/1 responses, checked while loading and
 * parsed into answers. */
struct errors;
/* Reads and checks the file (<= tune.bufsize); *into is made where NULL. 0 or -EINVAL. */
int errors_load(struct errors **into, unsigned status, const char *path, const struct token *t, struct arena *a, struct diag *d);
/* A copy for a section that inherits; NULL of NULL. */
struct errors *errors_inherit(const struct errors *from, struct arena *a);
/* The answer for a status: of the errorfile, else Ballast's own small HTML page with no-cache, as HAProxy's.
 * `first` then `second` are asked (backend, frontend); either may be NULL. Statuses as the manual lists them:
 * 200 400 401 403 404 405 407 408 410 413 414? 425 429 431? 500 501 502 503 504 505?; the nearest else. */
const struct answer *errors_answer(const struct errors *first, const struct errors *second, unsigned status);

#endif
