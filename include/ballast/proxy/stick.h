/* stick: rules by which a key's requests stay with one server, `stick on` and its kin (HAProxy's manual, section 4.2). */
#ifndef BALLAST_PROXY_STICK_H
#define BALLAST_PROXY_STICK_H

#include "ballast/sample/acl.h"
#include "ballast/server/backend.h"
#include "ballast/table/reference.h"

struct stick;

/* Reads one `stick ...` line and appends it to *into (made where NULL).  0, -EINVAL after a diagnosis, -ENOMEM. */
int stick_parse(struct stick **into, const struct line *l, struct acl_set *acls, struct arena *a, struct diag *d);

#endif
