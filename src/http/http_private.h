/* http_private: what the files of the room http share. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include "ballast/http/msg.h"

/* Makes m->authority the value of the Host field (RFC 9112 section 3.2.2: a proxy ignores the Host that came with
 * an absolute-form target and replaces it).  0, or -ENOSPC where one was to be added and there is no room. */
int http_reconcile_host(struct msg *m);

#endif
