/* capture: the last refused message of each proxy, for `show errors`.  One of each frontend (requests) and backend
 * (responses) is kept; any thread may ask. */
#ifndef BALLAST_PROXY_CAPTURE_H
#define BALLAST_PROXY_CAPTURE_H

#include "ballast/http/h1.h"
#include "ballast/net/addr.h"

struct frontend;
struct backend;
struct server;

struct error_capture {
	struct error_capture *next;
	struct frontend *frontend;
	struct backend *backend; /* NULL where it was not chosen yet */
	struct server *server;   /* responses only */
	union addr peer;         /* the client */
	uint64_t exchange_id;
	uint64_t wall_us;
	uint32_t number; /* errors before this one */
	bool response;
	uint16_t error;    /* enum h1_error */
	uint32_t error_at; /* offset of the refused byte */
	uint64_t total;    /* bytes that were there */
	uint32_t len;      /* bytes kept */
	char bytes[4096];
};

/* Calls `show` for each; nothing changes meanwhile. */
void capture_each(void (*show)(const struct error_capture *k, void *arg), void *arg);

#endif
