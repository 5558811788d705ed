/* certificates: self-signed certificates in files of a temporary folder. */
#ifndef TESTS_UNIT_TLS_CERTIFICATES_H
#define TESTS_UNIT_TLS_CERTIFICATES_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char cert_folder[64];

static inline void cert_folder_make(void)
{
	strcpy(cert_folder, "/tmp/ballast-tls-XXXXXX");
	if (!mkdtemp(cert_folder))
		abort();
}

static inline void cert_folder_remove(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", cert_folder);
	if (system(command))
		abort();
}

/* names: "DNS:a.test,DNS:*.b.test", or NULL. The path, valid until the next call. */
static inline const char *cert_make(const char *file, const char *common, const char *names, bool rsa)
{
	static char path[256];
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	FILE *f;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), 3600);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0);
	X509_set_issuer_name(x, subject);
	X509_set_pubkey(x, key);
	if (names) {
		X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
		X509_add_ext(x, e, -1);
		X509_EXTENSION_free(e);
	}
	X509_sign(x, key, EVP_sha256());
	snprintf(path, sizeof path, "%s/%s", cert_folder, file);
	f = fopen(path, "w");
	PEM_write_X509(f, x);
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
	return path;
}

#endif
