/* test_converter_jwt: tokens of each algorithm, and none that was changed, cut, or signed with another key. */
#include <unistd.h>

#include "ballast/sample/release.h"
#include "jwt_samples.h"
#include "sample_test.h"

static char folder[] = "/tmp/test_jwt_XXXXXX";

static void write_key(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_keys(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	write_key("rsa", rsa_spki);
	write_key("rsa1", rsa_pkcs1);
	write_key("256", ec_256);
	write_key("384", ec_384);
	write_key("512", ec_521);
	write_key("bad", "no key");
	return 0;
}

static int remove_keys(void **state)
{
	static const char *const names[] = { "rsa", "rsa1", "256", "384", "512", "bad" };
	char path[128];
	(void)state;
	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	return rmdir(folder);
}

static int teardown(void **state)
{
	sample_release(&world.config);
	return world_teardown(state);
}

/* What `alg` with the right key, or `key`, says of the token. */
static const char *verify(const char *token, const char *alg, const char *key)
{
	static char head[2048];
	char text[256];
	snprintf(head, sizeof head, "GET / HTTP/1.1\r\nHost: h\r\nJ: %s\r\n\r\n", token);
	set_request(head);
	if (key)
		snprintf(text, sizeof text, "req.fhdr(j),jwt_verify(%s,%s)", alg, key);
	else if (alg[0] == 'H')
		snprintf(text, sizeof text, "req.fhdr(j),jwt_verify(%s,secret)", alg);
	else
		snprintf(text, sizeof text, "req.fhdr(j),jwt_verify(%s,%s/%s)", alg, folder,
			alg[0] == 'E' ? alg + 2 : "rsa");
	return eval(text);
}

enum { SAMPLES = sizeof samples / sizeof *samples };

static void test_a_token_of_each_algorithm_is_good(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++)
		if (strcmp(verify(samples[i].token, samples[i].alg, NULL), "1") != 0)
			fail_msg("%s: %s", samples[i].alg, world.text);
}

static void test_no_algorithm_takes_the_token_of_another(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++)
		for (unsigned k = 0; k < SAMPLES; k++)
			if (i != k && strcmp(verify(samples[i].token, samples[k].alg, NULL), "0") != 0)
				fail_msg("%s by %s: %s", samples[i].alg, samples[k].alg, world.text);
}

static void test_a_token_that_was_changed_is_bad(void **state)
{
	char token[1024];
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		snprintf(token, sizeof token, "%s", samples[i].token);
		char *dot = strchr(token, '.');
		dot[1] = dot[1] == 'e' ? 'f' : 'e';
		assert_string_equal(verify(token, samples[i].alg, NULL), "0");
		snprintf(token, sizeof token, "%s", samples[i].token);
		char *last = strrchr(token, '.') + 3;
		*last = *last == 'A' ? 'B' : 'A';
		assert_string_equal(verify(token, samples[i].alg, NULL), "0");
	}
}

static void test_what_is_no_token_is_told_by_a_negative_number(void **state)
{
	(void)state;
	assert_string_equal(verify("a.b", "HS256", NULL), "-3");
	assert_string_equal(verify("a", "HS256", NULL), "-3");
	assert_string_equal(verify("..", "HS256", NULL), "-3");
	assert_string_equal(verify("a.b.", "HS256", NULL), "-3");
	assert_string_equal(verify("a.b.!", "HS256", NULL), "-3");
	assert_string_equal(verify("a.b.YQ.YQ", "HS256", NULL), "-3");
	assert_string_equal(verify("a.b.YQ", "txn.alg", "secret"), "-1");
	assert_string_equal(verify("a.b.YQ", "RS256", "txn.key"), "-5");
}

static void test_none_takes_what_is_not_signed(void **state)
{
	(void)state;
	assert_string_equal(verify("eyJhbGciOiJub25lIn0.eyJpc3MiOiJtZSJ9.", "none", "x"), "1");
	assert_string_equal(verify("eyJhbGciOiJub25lIn0.eyJpc3MiOiJtZSJ9.YQ", "none", "x"), "0");
}

static void test_keys_are_read_in_both_forms(void **state)
{
	char path[128];
	(void)state;
	for (unsigned i = 0; i < SAMPLES; i++) {
		if (samples[i].alg[0] != 'R' && samples[i].alg[0] != 'P')
			continue;
		snprintf(path, sizeof path, "%s/rsa1", folder);
		assert_string_equal(verify(samples[i].token, samples[i].alg, path), "1");
	}
}

static void test_what_is_no_key_is_refused(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/bad", folder);
	assert_string_equal(verify("a.b.c", "RS256", path),
		"error: converter 'jwt_verify' cannot read a public key from that file");
	assert_string_equal(verify("a.b.c", "XX256", "k"), "error: converter 'jwt_verify' expects an algorithm of RFC "
							   "7518, such as HS256, RS256, PS256 or ES256, or a "
							   "variable");
}

#define jwt_test(f) cmocka_unit_test_setup_teardown(f, world_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		jwt_test(test_a_token_of_each_algorithm_is_good),
		jwt_test(test_no_algorithm_takes_the_token_of_another),
		jwt_test(test_a_token_that_was_changed_is_bad),
		jwt_test(test_what_is_no_token_is_told_by_a_negative_number),
		jwt_test(test_none_takes_what_is_not_signed),
		jwt_test(test_keys_are_read_in_both_forms),
		jwt_test(test_what_is_no_key_is_refused),
	};
	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
