/* tls: the words of `bind` and `server` lines that are about TLS, and how contexts come of them.
 *
 * Words are only noted while a line is read.  When all files were read (defaults of the global section may stand behind
 * their use), make_tls() makes the contexts, which the graph owns.
 */
#ifndef SRC_CONFIG_TLS_H
#define SRC_CONFIG_TLS_H

#include "ballast/tls/tls.h"

struct cfg_context;
struct line;
struct proxy;
struct server;

/* Of one line, or of `default-server`. */
struct tls_words {
	bool on, has_verify, no_alpn, tickets, no_strict_sni; /* the last three undo a default */
	struct place on_at, first_at;                         /* `ssl`; any word, for a warning where `ssl` lacks */
	struct tls_settings set;
	struct tls_file **last_crt;
};

/* `ssl-default-*`, `ca-base` and so on. */
struct tls_defaults {
	const char *ca_base, *crt_base;
	struct tls_settings bind, server;
	bool servers_unverified; /* ssl-server-verify none */
};

/* A context that the graph owns, in its arena. */
struct tls_owned {
	struct tls_owned *next;
	struct tls_context *context;
};

/* Parse functions of keyword rows; `into` begins with a struct tls_words. */
#define TLS_WORD(name) int name(struct cfg_context *c, void *into, const struct line *l, size_t *at)
TLS_WORD(tls_word_ssl);
TLS_WORD(tls_word_no_ssl);
TLS_WORD(tls_word_crt);
TLS_WORD(tls_word_ca_file);
TLS_WORD(tls_word_crl_file);
TLS_WORD(tls_word_bind_verify);
TLS_WORD(tls_word_server_verify);
TLS_WORD(tls_word_verifyhost);
TLS_WORD(tls_word_no_verifyhost);
TLS_WORD(tls_word_alpn);
TLS_WORD(tls_word_no_alpn);
TLS_WORD(tls_word_ciphers);
TLS_WORD(tls_word_ciphersuites);
TLS_WORD(tls_word_curves);
TLS_WORD(tls_word_min_version);
TLS_WORD(tls_word_max_version);
TLS_WORD(tls_word_no_sslv3);
TLS_WORD(tls_word_no_tlsv10);
TLS_WORD(tls_word_no_tlsv11);
TLS_WORD(tls_word_no_tlsv12);
TLS_WORD(tls_word_no_tlsv13);
TLS_WORD(tls_word_no_tickets);
TLS_WORD(tls_word_tickets);
TLS_WORD(tls_word_strict_sni);
TLS_WORD(tls_word_no_strict_sni);
TLS_WORD(tls_word_no_reuse);
TLS_WORD(tls_word_reuse);

/* Rows for both tables, and those of one side. */
#define TLS_ROWS_BOTH \
	{ "alpn", "<protocol>[,...]", "protocols to agree on, preferred first", tls_word_alpn }, \
		{ "ca-file", "<file>", "authorities that certificates of the other side must come from", \
			tls_word_ca_file }, \
		{ "ciphers", "<list>", "algorithms up to TLS 1.2", tls_word_ciphers }, \
		{ "ciphersuites", "<list>", "algorithms of TLS 1.3", tls_word_ciphersuites }, \
		{ "crl-file", "<file>", "certificates that were revoked", tls_word_crl_file }, \
		{ "curves", "<list>", "groups of the key exchange", tls_word_curves }, \
		{ "no-sslv3", NULL, "never there anyway", tls_word_no_sslv3 }, \
		{ "no-tls-tickets", NULL, "sessions are resumed by their number only", tls_word_no_tickets }, \
		{ "no-tlsv10", NULL, "TLS 1.1 and later", tls_word_no_tlsv10 }, \
		{ "no-tlsv11", NULL, "TLS 1.2 and later", tls_word_no_tlsv11 }, \
		{ "no-tlsv12", NULL, "TLS 1.3 only", tls_word_no_tlsv12 }, \
		{ "no-tlsv13", NULL, "up to TLS 1.2", tls_word_no_tlsv13 }, { "ssl", NULL, "TLS", tls_word_ssl }, \
		{ "ssl-max-ver", "<version>", "newest version of TLS", tls_word_max_version }, \
		{ "ssl-min-ver", "<version>", "oldest version of TLS", tls_word_min_version }, \
	{ \
		"tls-tickets", NULL, "undoes 'no-tls-tickets'", tls_word_tickets \
	}

/* --- tls_make.c --- */

/* Notes a line's words for make_tls: listeners [first, end) of `p`, or a server. 0 or -ENOMEM. */
int tls_note_bind(struct cfg_context *c, struct proxy *p, uint32_t first, uint32_t end, const struct tls_words *w);
int tls_note_server(struct cfg_context *c, struct proxy *p, struct server *s, const struct tls_words *w, bool checks);
/* Once all files were read. Faults are in the diag. */
void make_tls(struct cfg_context *c);

#endif
