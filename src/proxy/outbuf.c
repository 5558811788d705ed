/* What a connection did not take yet is copied once into pooled chunks; whoever fills it then stops reading from the
 * other side, so that a slow peer holds back at most one read. */
#include <stdio.h>
#include <string.h>

#include "internal.h"

static size_t chunk_room(void)
{
	return buffer_class_bytes(BUFFER_16K) - sizeof(struct out_chunk);
}

static int outbuf_append(struct outbuf *o, const char *at, size_t len)
{
	size_t room = chunk_room();

	while (len) {
		struct out_chunk *k = o->last;
		if (!k || k->end == room) {
			k = buffer_take(BUFFER_16K);
			if (!k)
				return -ENOMEM;
			k->next = NULL;
			k->start = k->end = 0;
			if (o->last)
				o->last->next = k;
			else
				o->first = k;
			o->last = k;
		}
		size_t n = len < room - k->end ? len : room - k->end;
		memcpy(k->data + k->end, at, n);
		k->end += (uint32_t)n;
		o->bytes += n;
		at += n;
		len -= n;
	}
	return 0;
}

static void outbuf_consume(struct outbuf *o, size_t n)
{
	o->bytes -= n;
	while (n) {
		struct out_chunk *k = o->first;
		size_t have = k->end - k->start;
		if (n < have) {
			k->start += (uint32_t)n;
			return;
		}
		n -= have;
		o->first = k->next;
		if (!o->first)
			o->last = NULL;
		buffer_give(BUFFER_16K, k);
	}
}

int outbuf_flush(struct outbuf *o, struct conn *c)
{
	while (o->bytes) {
		struct iovec v[16];
		int n = 0;
		for (struct out_chunk *k = o->first; k && n < 16; k = k->next)
			v[n++] = (struct iovec){ k->data + k->start, k->end - k->start };
		ssize_t sent = conn_sendv(c, v, n, false);
		if (sent == -EAGAIN)
			return FLOW_BLOCKED;
		if (sent < 0)
			return (int)sent;
		outbuf_consume(o, (size_t)sent);
		if (!(c->flags & CONN_WRITABLE) && o->bytes)
			return FLOW_BLOCKED;
	}
	return FLOW_OK;
}

/* Copies what is left of the batch behind its first `skip` bytes. */
static int batch_keep(struct outbuf *o, const struct batch *b, size_t skip)
{
	for (int i = 0; i < b->count; i++) {
		size_t len = b->v[i].iov_len;
		if (skip >= len) {
			skip -= len;
			continue;
		}
		int rc = outbuf_append(o, (const char *)b->v[i].iov_base + skip, len - skip);
		if (rc < 0)
			return rc;
		skip = 0;
	}
	return 0;
}

void batch_reset(struct batch *b)
{
	b->count = 0;
	b->text_used = 0;
	b->bytes = b->chunk_bytes = 0;
	b->chunk_at = -1;
}

void batch_chunk_data(struct batch *b, const void *at, size_t len)
{
	if (!len)
		return;
	if (b->chunk_at < 0) {
		b->chunk_at = b->count;
		b->v[b->count++] = (struct iovec){ 0 };
		b->chunk_bytes = 0;
	}
	batch_add(b, at, len);
	b->chunk_bytes += len;
}

void batch_chunk_close(struct batch *b)
{
	if (b->chunk_at < 0)
		return;
	char *text = b->text + b->text_used;
	int len = snprintf(text, BATCH_TEXT - b->text_used, "%zx\r\n", b->chunk_bytes);
	b->v[b->chunk_at] = (struct iovec){ text, (size_t)len };
	b->text_used += (uint32_t)len;
	b->bytes += (size_t)len;
	b->chunk_at = -1;
	batch_add(b, "\r\n", 2);
}

int batch_chunk_last(struct batch *b, const struct msg *trailers, struct arena *a)
{
	int n = 0;

	batch_chunk_close(b);
	batch_add(b, "0\r\n", 3);
	if (trailers)
		n = msg_serialize_fields(trailers, b->v + b->count, BATCH_PIECES - 1 - b->count, a);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		b->bytes += b->v[b->count + i].iov_len;
	b->count += n;
	batch_add(b, "\r\n", 2);
	return 0;
}

int outbuf_send(struct outbuf *o, struct conn *c, struct batch *b, bool more)
{
	size_t sent = 0;
	int rc = FLOW_OK;

	batch_chunk_close(b);
	if (o->bytes) {
		rc = outbuf_flush(o, c);
		if (rc < 0)
			goto out;
	}
	if (rc == FLOW_OK && b->count) {
		ssize_t n = conn_sendv(c, b->v, b->count, more);
		if (n < 0 && n != -EAGAIN) {
			rc = (int)n;
			goto out;
		}
		sent = n > 0 ? (size_t)n : 0;
	}
	if (sent < b->bytes) {
		rc = batch_keep(o, b, sent);
		/* A short write may only mean that one call takes no more: the next event tells. */
		if (rc == 0)
			rc = c->flags & CONN_WRITABLE ? outbuf_flush(o, c) : FLOW_BLOCKED;
	}
out:
	batch_reset(b);
	return rc;
}

void outbuf_free(struct outbuf *o)
{
	while (o->first) {
		struct out_chunk *k = o->first;
		o->first = k->next;
		buffer_give(BUFFER_16K, k);
	}
	o->last = NULL;
	o->bytes = 0;
}

void inbuf_free(struct inbuf *in)
{
	if (in->data)
		buffer_give(BUFFER_16K, in->data);
	*in = (struct inbuf){ 0 };
}

int inbuf_keep(struct inbuf *in, const char *at, size_t len)
{
	if (len > buffer_class_bytes(BUFFER_16K) - (in->data ? in->end : 0))
		return -ENOSPC;
	if (!in->data) {
		in->data = buffer_take(BUFFER_16K);
		if (!in->data)
			return -ENOMEM;
		in->start = in->end = 0;
	}
	memcpy(in->data + in->end, at, len);
	in->end += (uint32_t)len;
	return 0;
}
