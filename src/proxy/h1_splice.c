/* Bodies of a known length, moved between two plain sockets through a pipe.
 *
 * The kernel copies nothing, but a pipe costs system calls of its own: below SPLICE_MIN_BYTES a copy through the scratch
 * buffer is cheaper.  `option splice-auto`, `splice-request` and `splice-response` ask for it from SPLICE_ASKED_BYTES on.
 */
#include "ballast/net/splice.h"
#include "internal.h"

enum { SPLICE_MIN_BYTES = 192 * 1024, SPLICE_ASKED_BYTES = 32 * 1024 };

static bool pays(const struct exchange *x, const struct h1_body *b, bool asked)
{
	if (b->kind != H1_BODY_LENGTH || b->left < (asked ? SPLICE_ASKED_BYTES : SPLICE_MIN_BYTES))
		return false;
	return x->client->ops == &h1_client_ops && conn_can_splice(&x->client->conn) && conn_can_splice(&x->sc->conn);
}

bool h1_splices_response(struct exchange *x)
{
	const struct frontend_settings *f = &x->frontend->set;
	const struct backend_settings *b = &x->backend->set;

	if (x->pipe)
		return true;
	if (!(x->flags & XF_RESPONSE_HEAD) || x->server_in || x->client->out.bytes)
		return false;
	if (!pays(x, &x->response_body, f->splice_auto || b->splice_auto || f->splice_response || b->splice_response))
		return false;
	x->pipe = splice_pipe_take();
	return x->pipe;
}

bool h1_splices_request(struct exchange *x)
{
	const struct frontend_settings *f = &x->frontend->set;
	const struct backend_settings *b = &x->backend->set;

	if (x->request_pipe)
		return true;
	if (x->client->in.data || x->server_out.bytes)
		return false;
	if (!pays(x, &x->request_body, f->splice_auto || b->splice_auto || f->splice_request || b->splice_request))
		return false;
	x->request_pipe = splice_pipe_take();
	return x->request_pipe;
}

/* May the kernel hold back the end of a piece for a moment, to fill its packet with the next one? */
static bool may_hold(const struct exchange *x)
{
	return !x->frontend->set.http_no_delay && !x->backend->set.http_no_delay;
}

enum splice_result h1_splice(const struct exchange *x, const struct h1_flow *f, uint64_t *moved)
{
	struct splice_pipe *p = f->pipe;
	struct h1_body *b = f->body;
	bool hold = may_hold(x);

	for (uint64_t end = *moved + TURN_BYTES; *moved < end;) {
		ssize_t in = 0, out;
		if (p->filled < p->capacity && b->left) {
			in = splice_in(p, f->from, b->left);
			if (in > 0)
				h1_body_skip(b, (uint64_t)in);
			else if (in != -EAGAIN && !p->filled)
				return in == 0 ? SPLICE_SOURCE_ENDED : SPLICE_SOURCE_BROKE;
		}
		if (!p->filled)
			return b->left ? SPLICE_SOURCE_EMPTY : SPLICE_DONE;
		out = splice_out(p, f->to, hold && b->left > 0);
		if (out == -EAGAIN)
			return SPLICE_TARGET_FULL;
		if (out < 0)
			return SPLICE_TARGET_BROKE;
		*moved += (uint64_t)out;
	}
	return SPLICE_TURN_OVER;
}

size_t exchange_server_pending(const struct exchange *x)
{
	return x->server_out.bytes + (x->request_pipe ? x->request_pipe->filled : 0);
}
