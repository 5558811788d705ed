/* The last refused message of each frontend (requests) and backend (responses), for `show errors`. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/proxy/capture.h"
#include "ballast/proxy/inherit.h"
#include "internal.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct error_capture *captures;
static uint32_t next_number;

/* A capture names what is in the newest configuration. False: nothing there stands for what it names. */
static bool follow(struct frontend **f, struct backend **b, struct server **s)
{
	*f = (*f)->lineage.current;
	*b = *b ? (*b)->lineage.current : NULL;
	*s = *s ? server_current(*s) : NULL;
	return !((*f)->retired || (*b && (*b)->retired) || (*s && (*s)->retired));
}

static struct error_capture *slot_for(const struct frontend *f, const struct backend *b, bool response)
{
	struct error_capture *k;
	for (k = captures; k; k = k->next)
		if (k->response == response && (response ? k->backend == b : k->frontend == f))
			return k;
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->next = captures;
	captures = k;
	return k;
}

void capture_error(struct exchange *x, bool response, enum h1_error e, uint32_t at, const char *bytes, size_t len)
{
	struct frontend *f = x->frontend;
	struct backend *b = x->backend;
	struct server *s = response ? x->server : NULL;

	if (!follow(&f, &b, &s))
		return;
	pthread_mutex_lock(&lock); /* errors only: never on a good request's path */
	struct error_capture *k = slot_for(f, b, response);
	if (k) {
		k->number = next_number++;
		k->frontend = f;
		k->backend = b;
		k->server = s;
		k->peer = x->client->peer;
		k->exchange_id = x->id;
		k->wall_us = loop_self->wall_us;
		k->response = response;
		k->error = (uint16_t)e;
		k->error_at = at;
		k->total = len;
		k->len = (uint32_t)(len < sizeof k->bytes ? len : sizeof k->bytes);
		if (k->len)
			memcpy(k->bytes, bytes, k->len);
	}
	pthread_mutex_unlock(&lock);
}

void captures_follow(void)
{
	pthread_mutex_lock(&lock);
	for (struct error_capture **at = &captures, *k; (k = *at);) {
		if (follow(&k->frontend, &k->backend, &k->server)) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		free(k);
	}
	pthread_mutex_unlock(&lock);
}

void capture_each(void (*show)(const struct error_capture *k, void *arg), void *arg)
{
	pthread_mutex_lock(&lock);
	for (struct error_capture *k = captures; k; k = k->next)
		show(k, arg);
	pthread_mutex_unlock(&lock);
}
