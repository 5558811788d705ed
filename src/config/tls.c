/* tls: reads the words about TLS behind `bind`, `server`, `default-server` and `ssl-default-*-options`. */
#include "tls.h"

#include <errno.h>

#include "directive.h"

static struct tls_words *words_of(void *into, const struct line *l, const size_t *at)
{
	struct tls_words *w = into;

	if (!w->first_at.line)
		w->first_at = l->words[*at - 1].at;
	return w;
}

TLS_WORD(tls_word_ssl)
{
	struct tls_words *w = into;

	(void)c;
	w->on = true;
	w->on_at = l->words[*at - 1].at;
	return 0;
}

TLS_WORD(tls_word_no_ssl)
{
	(void)c, (void)l, (void)at;
	((struct tls_words *)into)->on = false;
	return 0;
}

/* A text that is checked when the context is made. */
#define TLS_TEXT(name, field) \
	TLS_WORD(name) \
	{ \
		(void)c; \
		words_of(into, l, at)->set.field = l->words[*at].text; \
		++*at; \
		return 0; \
	}

TLS_TEXT(tls_word_ca_file, ca_file)
TLS_TEXT(tls_word_crl_file, crl_file)
TLS_TEXT(tls_word_verifyhost, verify_host)
TLS_TEXT(tls_word_ciphers, ciphers)
TLS_TEXT(tls_word_ciphersuites, ciphersuites)
TLS_TEXT(tls_word_curves, curves)

TLS_WORD(tls_word_alpn)
{
	struct tls_words *w = words_of(into, l, at);

	(void)c;
	w->set.alpn = l->words[(*at)++].text;
	w->no_alpn = false;
	return 0;
}

TLS_WORD(tls_word_no_alpn)
{
	struct tls_words *w = words_of(into, l, at);

	(void)c;
	w->set.alpn = NULL;
	w->no_alpn = true;
	return 0;
}

TLS_WORD(tls_word_no_verifyhost)
{
	(void)c;
	words_of(into, l, at)->set.verify_host = NULL;
	return 0;
}

/* Of a `bind` line they add up. */
TLS_WORD(tls_word_crt)
{
	struct tls_words *w = words_of(into, l, at);
	struct tls_file *f = arena_zalloc(c->arena, sizeof(*f));
	const struct token *t = &l->words[(*at)++];

	if (!f)
		return out_of_memory(c, &t->at);
	f->path = t->text;
	f->at = t->at;
	if (w->last_crt)
		*w->last_crt = f;
	else
		w->set.crts = f;
	w->last_crt = &f->next;
	return 0;
}

static int verify_word(struct cfg_context *c, struct tls_words *w, const struct token *t, unsigned count)
{
	static const char *const names[] = { "none", "required", "optional" };
	static const enum tls_verify values[] = { TLS_VERIFY_NONE, TLS_VERIFY_REQUIRED, TLS_VERIFY_OPTIONAL };

	for (unsigned i = 0; i < count; i++)
		if (token_is(t, names[i])) {
			w->set.verify = values[i];
			w->has_verify = true;
			return 0;
		}
	w->has_verify = true; /* one message is enough */
	diag_error(c->diag, &t->at, NULL, "verify must be none%s or required, not '%s'", count > 2 ? ", optional" : "",
		t->text);
	return -EINVAL;
}

TLS_WORD(tls_word_bind_verify)
{
	struct tls_words *w = words_of(into, l, at);
	return verify_word(c, w, &l->words[(*at)++], 3);
}

TLS_WORD(tls_word_server_verify)
{
	struct tls_words *w = words_of(into, l, at);
	return verify_word(c, w, &l->words[(*at)++], 2);
}

static int version_word(struct cfg_context *c, const struct token *t, enum tls_version *out)
{
	static const char *const names[] = { "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3" };

	for (unsigned i = 0; i < 4; i++)
		if (token_is(t, names[i])) {
			*out = TLS_V1_0 + i;
			return 0;
		}
	diag_error(c->diag, &t->at, "versions are TLSv1.0, TLSv1.1, TLSv1.2 and TLSv1.3", "%s is no version of TLS%s",
		t->text, token_is(t, "SSLv3") ? " that may be used" : "");
	return -EINVAL;
}

TLS_WORD(tls_word_min_version)
{
	struct tls_words *w = words_of(into, l, at);
	return version_word(c, &l->words[(*at)++], &w->set.min_version);
}

TLS_WORD(tls_word_max_version)
{
	struct tls_words *w = words_of(into, l, at);
	return version_word(c, &l->words[(*at)++], &w->set.max_version);
}

TLS_WORD(tls_word_no_sslv3)
{
	(void)c, (void)into, (void)l, (void)at;
	return 0;
}

static int at_least(struct tls_words *w, enum tls_version v)
{
	if (w->set.min_version < v)
		w->set.min_version = v;
	return 0;
}

TLS_WORD(tls_word_no_tlsv10)
{
	(void)c;
	struct tls_words *w = words_of(into, l, at);
	return w->set.min_version ? at_least(w, TLS_V1_1) : 0; /* the default is higher */
}

TLS_WORD(tls_word_no_tlsv11)
{
	(void)c;
	return at_least(words_of(into, l, at), TLS_V1_2);
}

TLS_WORD(tls_word_no_tlsv12)
{
	(void)c;
	return at_least(words_of(into, l, at), TLS_V1_3);
}

TLS_WORD(tls_word_no_tlsv13)
{
	(void)c;
	words_of(into, l, at)->set.max_version = TLS_V1_2;
	return 0;
}

TLS_WORD(tls_word_no_tickets)
{
	(void)c;
	words_of(into, l, at)->set.no_tickets = true;
	return 0;
}

TLS_WORD(tls_word_tickets)
{
	struct tls_words *w = words_of(into, l, at);

	(void)c;
	w->set.no_tickets = false;
	w->tickets = true;
	return 0;
}

TLS_WORD(tls_word_strict_sni)
{
	(void)c;
	words_of(into, l, at)->set.strict_sni = true;
	return 0;
}

TLS_WORD(tls_word_no_strict_sni)
{
	struct tls_words *w = words_of(into, l, at);

	(void)c;
	w->set.strict_sni = false;
	w->no_strict_sni = true;
	return 0;
}

TLS_WORD(tls_word_no_reuse)
{
	(void)c;
	words_of(into, l, at)->set.no_reuse = true;
	return 0;
}

TLS_WORD(tls_word_reuse)
{
	(void)c;
	words_of(into, l, at)->set.no_reuse = false;
	return 0;
}
