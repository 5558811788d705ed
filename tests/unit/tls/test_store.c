/* Certificates are found by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "certificates.h"
#include "tls/private.h"

static struct tls_store *store;
static struct diag diag;
static struct tls_file files[4];
static char paths[4][256];

/* A store of these files, in this order. */
static void load(unsigned count)
{
	struct tls_settings set = { .crts = files };

	for (unsigned i = 0; i < count; i++)
		files[i] = (struct tls_file){ i + 1 < count ? &files[i + 1] : NULL, paths[i], { 0 } };
	tls_store_free(store);
	store = tls_store_load(&set, &diag);
}

static void make(unsigned i, const char *common, const char *names, bool rsa)
{
	char file[16];

	snprintf(file, sizeof file, "%u.pem", i);
	strcpy(paths[i], cert_make(file, common, names, rsa));
}

/* The common name of the certificate that a name gets; "" without one. */
static const char *found(const char *name)
{
	static char text[64];
	SSL_CTX *ctx = tls_store_find(store, name);
	X509 *x = ctx ? SSL_CTX_get0_certificate(ctx) : NULL;

	text[0] = '\0';
	if (x)
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, text, sizeof text);
	return text;
}

static void test_names_and_wildcards_find_their_certificate(void **state)
{
	(void)state;
	make(0, "first", "DNS:a.test,DNS:*.wild.test", false);
	make(1, "second", "DNS:x.wild.test,DNS:UPPER.test", false);
	make(2, "cn.test", NULL, false);
	load(3);
	assert_non_null(store);
	assert_string_equal(found("a.test"), "first");
	assert_string_equal(found("A.TEST"), "first");
	assert_string_equal(found("a.test."), "first");
	assert_string_equal(found("y.wild.test"), "first");
	assert_string_equal(found("x.wild.test"), "second"); /* the exact one counts before the wildcard */
	assert_string_equal(found("upper.test"), "second");
	assert_string_equal(found("cn.test"), "cn.test");
	assert_string_equal(found("y.x.wild.test"), "");
	assert_string_equal(found("wild.test"), "");
	assert_string_equal(found(".wild.test"), "");
	assert_string_equal(found("b.test"), "");
	assert_string_equal(found(""), "");
	assert_ptr_equal(tls_store_default(store), tls_store_find(store, "a.test"));
}

static void test_of_two_for_one_name_the_first_counts(void **state)
{
	(void)state;
	make(0, "first", "DNS:a.test", false);
	make(1, "second", "DNS:a.test,DNS:b.test", false);
	load(2);
	assert_string_equal(found("a.test"), "first");
	assert_string_equal(found("b.test"), "second");
}

static void test_keys_of_two_types_share_a_name(void **state)
{
	SSL_CTX *ctx;

	(void)state;
	make(0, "ec", "DNS:a.test,DNS:ec.test", false);
	make(1, "rsa", "DNS:a.test,DNS:rsa.test", true);
	load(2);
	ctx = tls_store_find(store, "a.test");
	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_FIRST), 1);
	assert_int_equal(SSL_CTX_set_current_cert(ctx, SSL_CERT_SET_NEXT), 1); /* the second one */
	assert_ptr_equal(tls_store_default(store), ctx);
	assert_ptr_not_equal(tls_store_find(store, "ec.test"), ctx);
	assert_string_equal(found("rsa.test"), "rsa");
}

static void test_a_file_without_a_key_is_refused(void **state)
{
	FILE *f;

	(void)state;
	make(0, "a", NULL, false);
	snprintf(paths[1], sizeof paths[1], "%s/empty", cert_folder);
	f = fopen(paths[1], "w");
	fclose(f);
	load(2);
	assert_null(store);
	assert_true(diag.count[DIAG_ALERT] > 0);
}

static void test_very_long_names_are_not_found(void **state)
{
	char name[5000];

	(void)state;
	make(0, "a", "DNS:*.a.test", false);
	load(1);
	memset(name, 'x', sizeof name - 1);
	strcpy(name + sizeof name - 8, ".a.test");
	assert_string_equal(found(name), "");
	assert_string_equal(found(name + sizeof name - 9 - 200), "a");
}

static int setup(void **state)
{
	(void)state;
	cert_folder_make();
	diag_init(&diag);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tls_store_free(store);
	diag_free(&diag);
	cert_folder_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_wildcards_find_their_certificate),
		cmocka_unit_test(test_of_two_for_one_name_the_first_counts),
		cmocka_unit_test(test_keys_of_two_types_share_a_name),
		cmocka_unit_test(test_a_file_without_a_key_is_refused),
		cmocka_unit_test(test_very_long_names_are_not_found),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
