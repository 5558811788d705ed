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

/* Of the newest configuration, since one that began before a reload goes with its exchanges. */
static void fill(struct error_capture *k, const struct exchange *x, bool response)
{
	struct server *s = response ? server_current(x->server) : NULL;

	k->number = next_number++;
	k->frontend = x->frontend->lineage.current;
	k->backend = x->backend ? x->backend->lineage.current : NULL;
	k->server = s && !s->retired ? s : NULL;
	k->peer = x->client->peer;
	k->exchange_id = x->id;
	k->wall_us = loop_self->wall_us;
	k->response = response;
}

/* There is nothing to show it with where the proxy is gone. */
static bool is_gone(const struct exchange *x)
{
	const struct frontend *f = x->frontend->lineage.current;
	const struct backend *b = x->backend ? x->backend->lineage.current : NULL;

	return f->retired || (b && b->retired);
}

void capture_error(struct exchange *x, bool response, enum h1_error e, uint32_t at, const char *bytes, size_t len)
{
	if (is_gone(x))
		return;
	pthread_mutex_lock(&lock); /* errors only: never on a good request's path */
	struct error_capture *k =
		slot_for(x->frontend->lineage.current, x->backend ? x->backend->lineage.current : NULL, response);
	if (k) {
		fill(k, x, response);
		k->error = (uint16_t)e;
		k->error_at = at;
		k->total = len;
		k->len = (uint32_t)(len < sizeof k->bytes ? len : sizeof k->bytes);
		if (k->len)
			memcpy(k->bytes, bytes, k->len);
	}
	pthread_mutex_unlock(&lock);
}

static bool follow(struct error_capture *k)
{
	if (k->server)
		k->server = server_current(k->server);
	if (k->backend)
		k->backend = k->backend->lineage.current;
	k->frontend = k->frontend->lineage.current;
	return !(k->frontend->retired || (k->backend && k->backend->retired) || (k->server && k->server->retired));
}

void captures_follow(void)
{
	pthread_mutex_lock(&lock);
	for (struct error_capture **at = &captures, *k; (k = *at);) {
		if (follow(k)) {
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
