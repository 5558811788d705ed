/* cookie: Cookie and Set-Cookie fields (RFC 6265): reading their pairs, taking some out.
 *
 * Names are compared with their case.  What has no '=' is no cookie, but stays where it is.  ';' and ',' end a pair
 * unless they stand between quotes.  Slices point into the field's value. */
#ifndef BALLAST_HTTP_COOKIE_H
#define BALLAST_HTTP_COOKIE_H

#include "ballast/http/msg.h"

struct cookie_pair {
	struct slice name;  /* ptr NULL where there is no '=' */
	struct slice value; /* with its quotes, without white space around it */
	struct slice whole; /* without white space around it */
};

/* The next pair of a Cookie field's value, which moves on behind it. False: there is none. */
bool cookie_next(struct slice *field, struct cookie_pair *pair);
/* The cookie that a Set-Cookie field's value sets. False: none. */
bool cookie_of_set_cookie(struct slice field, struct cookie_pair *pair);
/* Takes all cookies of that name out of the request's Cookie fields; a field that gets empty is deleted. 0 or -ENOMEM. */
int cookie_remove(struct msg *m, struct slice name, struct arena *a);
/* Takes what is before the first `delimiter`, and itself, out of the values of that name's cookies. 0 or -ENOMEM. */
int cookie_strip_prefix(struct msg *m, struct slice name, char delimiter, struct arena *a);

#endif
