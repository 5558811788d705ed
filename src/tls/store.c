/* Certificates by name.
 *
 * Files are read first; then each name that any of them is for gets the set of them that fit it, at most one of each type
 * of key, the first in the order of the line.  A set is one context of OpenSSL, which picks by what the client can
 * verify.  Names with the same set share it.  A lookup is one step in a hash table, and another for the wildcard.
 */
#include <dirent.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "private.h"

enum { NAME_MAX_BYTES = 255 };

struct certificate {
	struct certificate *next;
	const struct place *at;
	char *path;
	X509 *x;
	EVP_PKEY *key;
	STACK_OF(X509) * chain;
	unsigned type; /* < TLS_KEY_TYPES */
};

struct cert_set {
	struct cert_set *next;
	struct certificate *of[TLS_KEY_TYPES];
	SSL_CTX *ctx;
	bool used;
};

struct tls_store {
	struct arena arena;  /* names */
	struct strmap names; /* lower case, wildcards as "*.example.com"; values: struct cert_set */
	struct certificate *certificates, **last;
	struct cert_set *sets, *first;
	const struct tls_settings *set; /* while loading */
};

/* ---- one file ---- */

/* Keys must not wait for a password on the terminal. */
static int no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return 0;
}

static EVP_PKEY *read_key(const char *path)
{
	BIO *b = BIO_new_file(path, "r");
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;

	BIO_free(b);
	return key;
}

/* In the file itself, or beside it with ".key". */
static EVP_PKEY *find_key(const char *path)
{
	EVP_PKEY *key = read_key(path);
	char beside[4096];

	if (key)
		return key;
	snprintf(beside, sizeof beside, "%s.key", path);
	if (access(beside, F_OK) == 0) {
		ERR_clear_error();
		key = read_key(beside);
	}
	return key;
}

static int read_certificates(struct certificate *c)
{
	BIO *b = BIO_new_file(c->path, "r");
	X509 *x;

	if (!b)
		return -ENOENT;
	c->x = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL);
	c->chain = sk_X509_new_null();
	while (c->x && c->chain && (x = PEM_read_bio_X509(b, NULL, no_password, NULL)))
		sk_X509_push(c->chain, x);
	BIO_free(b);
	if (c->x)
		ERR_clear_error(); /* the end of the file */
	return c->x ? 0 : -EINVAL;
}

static unsigned type_of(const EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS") ? 0 : EVP_PKEY_is_a(key, "EC") ? 1 : 2;
}

static void certificate_free(struct certificate *c)
{
	if (!c)
		return;
	X509_free(c->x);
	EVP_PKEY_free(c->key);
	sk_X509_pop_free(c->chain, X509_free);
	free(c->path);
	free(c);
}

static struct certificate *certificate_read(const char *path, const struct place *at, struct diag *d)
{
	struct certificate *c = calloc(1, sizeof *c);

	if (!c || !(c->path = strdup(path))) {
		certificate_free(c);
		diag_error(d, at, NULL, "out of memory");
		return NULL;
	}
	c->at = at;
	if (read_certificates(c))
		tls_diag(d, at, "cannot read a certificate from '%s'", path);
	else if (!(c->key = find_key(path)))
		tls_diag(d, at, "cannot read a private key from '%s'", path);
	else if (X509_check_private_key(c->x, c->key) != 1)
		tls_diag(d, at, "the private key of '%s' is not that of its certificate", path);
	else {
		c->type = type_of(c->key);
		return c;
	}
	certificate_free(c);
	return NULL;
}

static int use(SSL_CTX *ctx, const struct certificate *c, struct diag *d)
{
	if (SSL_CTX_use_cert_and_key(ctx, c->x, c->key, c->chain, 1) == 1)
		return 0;
	tls_diag(d, c->at, "cannot use the certificate of '%s'", c->path);
	return -EINVAL;
}

int tls_use_file(SSL_CTX *ctx, const struct tls_file *f, struct diag *d)
{
	struct certificate *c = certificate_read(f->path, &f->at, d);
	int err = c ? use(ctx, c, d) : -EINVAL;

	certificate_free(c);
	return err;
}

/* ---- files and folders ---- */

static int add_file(struct tls_store *s, const char *path, const struct place *at, struct diag *d)
{
	struct certificate *c = certificate_read(path, at, d);

	if (!c)
		return -EINVAL;
	*s->last = c;
	s->last = &c->next;
	return 0;
}

/* Not hidden, and not what stands beside a certificate. */
static int is_certificate_file(const struct dirent *e)
{
	static const char *const others[] = { ".issuer", ".ocsp", ".sctl", ".key" };
	const char *dot = strrchr(e->d_name, '.');

	if (e->d_name[0] == '.')
		return 0;
	for (unsigned i = 0; dot && i < 4; i++)
		if (strcmp(dot, others[i]) == 0)
			return 0;
	return 1;
}

static int add_folder(struct tls_store *s, const struct tls_file *f, struct diag *d)
{
	struct dirent **names;
	int count = scandir(f->path, &names, is_certificate_file, alphasort), err = 0;

	if (count < 0) {
		diag_error(d, &f->at, NULL, "cannot read the folder '%s': %s", f->path, strerror(errno));
		return -errno;
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", f->path, names[i]->d_name);
		if (!err && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			err = add_file(s, path, &f->at, d);
		free(names[i]);
	}
	free(names);
	return err;
}

/* "crt a.pem" where there are a.pem.rsa, a.pem.ecdsa (and maybe a.pem as well): all of them. */
static int add_bundle(struct tls_store *s, const struct tls_file *f, struct diag *d)
{
	static const char *const types[] = { "", ".rsa", ".ecdsa" };
	char path[4096];
	int found = 0, err = 0;

	for (unsigned i = 0; i < 3 && !err; i++) {
		snprintf(path, sizeof path, "%s%s", f->path, types[i]);
		if (access(path, F_OK) == 0) {
			found++;
			err = add_file(s, path, &f->at, d);
		}
	}
	return err || found ? err : add_file(s, f->path, &f->at, d); /* says what is wrong */
}

static int add_path(struct tls_store *s, const struct tls_file *f, struct diag *d)
{
	struct stat st;

	if (stat(f->path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(s, f, d);
	return add_bundle(s, f, d);
}

/* ---- names ---- */

static struct cert_set *find_set(struct tls_store *s, struct certificate *const of[TLS_KEY_TYPES])
{
	struct cert_set *k;

	for (k = s->sets; k; k = k->next)
		if (memcmp(k->of, of, sizeof k->of) == 0)
			return k;
	k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	memcpy(k->of, of, sizeof k->of);
	k->next = s->sets;
	s->sets = k;
	return k;
}

/* The certificate joins those of a name. */
static int add_name(struct tls_store *s, struct certificate *c, const char *name, size_t len)
{
	char lower[NAME_MAX_BYTES + 1];
	struct certificate *of[TLS_KEY_TYPES] = { NULL };
	struct cert_set *had;
	struct slice key;

	if (!len || len > NAME_MAX_BYTES || memchr(name, '\0', len))
		return 0;
	for (size_t i = 0; i < len; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	key = slice_of(lower, len);
	had = strmap_remove(&s->names, key);
	if (had)
		memcpy(of, had->of, sizeof of);
	if (!of[c->type])
		of[c->type] = c;
	had = find_set(s, of);
	key = arena_copy(&s->arena, key);
	return had && key.ptr ? strmap_put(&s->names, key, had) : -ENOMEM;
}

static int add_common_name(struct tls_store *s, struct certificate *c)
{
	X509_NAME *subject = X509_get_subject_name(c->x);
	int at = -1, err = 0;

	while (!err && (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
		unsigned char *text = NULL;
		int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
		if (len > 0)
			err = add_name(s, c, (char *)text, (size_t)len);
		OPENSSL_free(text);
	}
	return err;
}

static int add_names(struct tls_store *s, struct certificate *c)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(c->x, NID_subject_alt_name, NULL, NULL);
	int err = 0;

	for (int i = 0; !err && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
		if (n->type == GEN_DNS)
			err = add_name(s, c, (const char *)ASN1_STRING_get0_data(n->d.dNSName),
				(size_t)ASN1_STRING_length(n->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return err ? err : add_common_name(s, c);
}

/* The set of the first certificate, and of those for the same names beside it. */
static int choose_first(struct tls_store *s)
{
	struct certificate *c = s->certificates, *of[TLS_KEY_TYPES] = { NULL };

	if (!c)
		return 0;
	for (struct cert_set *k = s->sets; k && !s->first; k = k->next)
		if (k->of[c->type] == c) /* the newest has most in it */
			s->first = k;
	if (!s->first) {
		of[c->type] = c;
		s->first = find_set(s, of);
	}
	return s->first ? 0 : -ENOMEM;
}

/* Sets that were only a step on the way to a larger one are left out. */
static int make_contexts(struct tls_store *s, struct diag *d)
{
	if (s->first)
		s->first->used = true;
	strmap_for_each(e, &s->names)
		((struct cert_set *)e->value)->used = true;
	for (struct cert_set *k = s->sets; k; k = k->next) {
		if (!k->used)
			continue;
		k->ctx = tls_ctx_new(s->set, true, d);
		for (unsigned i = 0; k->ctx && i < TLS_KEY_TYPES; i++)
			if (k->of[i] && use(k->ctx, k->of[i], d))
				return -EINVAL;
		if (!k->ctx)
			return -EINVAL;
	}
	return 0;
}

struct tls_store *tls_store_load(const struct tls_settings *set, struct diag *d)
{
	struct tls_store *s = calloc(1, sizeof *s);
	int err = s ? 0 : -ENOMEM;

	if (!s)
		goto out;
	arena_init_heap(&s->arena);
	s->last = &s->certificates;
	s->set = set;
	for (const struct tls_file *f = set->crts; f; f = f->next)
		if (add_path(s, f, d))
			err = -EINVAL;
	for (struct certificate *c = s->certificates; c && !err; c = c->next)
		err = add_names(s, c);
	if (!err)
		err = choose_first(s);
	if (!err)
		err = make_contexts(s, d);
	if (!err)
		return s;
out:
	if (err == -ENOMEM)
		diag_error(d, &set->at, NULL, "out of memory");
	tls_store_free(s);
	return NULL;
}

void tls_store_free(struct tls_store *s)
{
	if (!s)
		return;
	while (s->sets) {
		struct cert_set *k = s->sets;
		s->sets = k->next;
		SSL_CTX_free(k->ctx);
		free(k);
	}
	while (s->certificates) {
		struct certificate *c = s->certificates;
		s->certificates = c->next;
		certificate_free(c);
	}
	strmap_free(&s->names);
	arena_reset(&s->arena);
	free(s);
}

SSL_CTX *tls_store_default(const struct tls_store *s)
{
	return s->first ? s->first->ctx : NULL;
}

SSL_CTX *tls_store_find(const struct tls_store *s, const char *name)
{
	char lower[NAME_MAX_BYTES + 1];
	size_t len = strlen(name);
	const struct cert_set *k;
	char *dot;

	if (len && name[len - 1] == '.')
		len--;
	if (!len || len > NAME_MAX_BYTES)
		return NULL;
	for (size_t i = 0; i < len; i++)
		lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
	k = strmap_get(&s->names, slice_of(lower, len));
	dot = k ? NULL : memchr(lower, '.', len);
	if (dot && dot > lower) {
		dot[-1] = '*'; /* the first label, as RFC 6125 section 6.4.3 has it */
		k = strmap_get(&s->names, slice_of(dot - 1, len - (size_t)(dot - 1 - lower)));
	}
	return k ? k->ctx : NULL;
}
