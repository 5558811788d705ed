/* param: parameters `name=value` as URLs and bodies of forms hold them, between '&' or ';'. Not decoded. */
#ifndef BALLAST_SAMPLE_PARAM_H
#define BALLAST_SAMPLE_PARAM_H

#include "ballast/sample/sample.h"

/* The next one in [c->at, c->end) whose name is `name` (ptr NULL: any; `fold`: in letters of either case). `delim`, if
 * not 0, separates them, too.  0 with *value, or -ENOENT behind the last. */
int param_next(struct sample_cursor *c, char delim, struct slice name, bool fold, struct slice *value);

#endif
