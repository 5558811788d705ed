/* test_converter_crypto: digests and codes as HAProxy 3.2 gave them, AES-GCM there and back, wrong keys. */
#include "ballast/sample/release.h"
#include "ballast/sample/var.h"
#include "sample_test.h"

static int teardown(void **state)
{
	sample_release(&world.config);
	return world_teardown(state);
}

static void set_var(const char *name, const char *value)
{
	static struct vars vars;
	const struct var_name *n;
	struct sample s = { .type = SAMPLE_STR, .str = slice_from_str(value) };
	if (!world.ctx.vars) {
		vars = (struct vars){ 0 };
		world.ctx.vars = &vars;
	}
	assert_null(var_intern(slice_from_str(name), &n));
	assert_int_equal(var_set(&world.ctx, n, 0, &s), 0);
}

static void test_digests(void **state)
{
	(void)state;
	assert_eval("str(abc),sha1,hex", "A9993E364706816ABA3E25717850C26C9CD0D89D");
	assert_eval("str(abc),sha2,hex", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD");
	assert_eval("str(abc),sha2(224),hex", "23097D223405D8228642A477BDA255B32AADBCE4BDA0B3F7E36C9DA7");
	assert_eval("str(abc),digest(md5),hex", "900150983CD24FB0D6963F7D28E17F72");
	assert_eval("str(abc),digest(sha3-256),hex",
		"3A985DA74FE225B2045C172D6BD390BD855F086E3E9D525B46BFE24511431532");
	assert_eval("str(),sha1,hex", "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
	assert_eval("str(abc),sha2(100)", "error: converter 'sha2' expects 224, 256, 384 or 512 bits");
	assert_eval("str(abc),digest(nope)",
		"error: converter 'digest' expects a digest that OpenSSL knows, such as sha256");
}

static void test_authentication_codes(void **state)
{
	(void)state;
	assert_eval("str(abc),hmac(sha256,a2V5),hex",
		"9C196E32DC0175F86F4B1CB89289D6619DE6BEE699E4C378E68309ED97A1A6AB");
	set_var("txn.key", "a2V5");
	assert_eval("str(abc),hmac(sha256,txn.key),hex",
		"9C196E32DC0175F86F4B1CB89289D6619DE6BEE699E4C378E68309ED97A1A6AB");
	assert_eval("str(abc),hmac(sha256,txn.none),hex", "(none)");
	set_var("txn.key", "###");
	assert_eval("str(abc),hmac(sha256,txn.key),hex", "(none)");
	assert_eval("str(abc),hmac(sha256,###)", "error: converter 'hmac' expects its key in base64, or a variable");
}

/* RFC 4231 test case 6: a key longer than the block. */
static void test_a_long_key_is_hashed_first(void **state)
{
	char key[131], text[400];
	struct sample s = { .type = SAMPLE_BIN, .str = { key, sizeof key } };
	(void)state;
	memset(key, 0xaa, sizeof key);
	set_var("txn.data", "Test Using Larger Than Block-Size Key - Hash Key First");
	const struct converter_row *row = sample_converter_find(SLICE("base64"));
	assert_int_equal(row->run(&world.ctx, NULL, &s), 0);
	snprintf(text, sizeof text, "var(txn.data),hmac(sha256,%.*s),hex", (int)s.str.len, s.str.ptr);
	assert_eval(text, "60E431591EE0B67F0D8A26AACBF5B77F8E0BC6213728C5140546040F0EE37F54");
}

#define KEY "Zm9vb2Zvb29mb29wZm9vbw==" /* 16 bytes */
#define NONCE "bm9uY2Vub25jZTEy"

static void test_aes_there_and_back(void **state)
{
	(void)state;
	set_var("txn.tag", "");
	assert_eval("str(hello),aes_gcm_enc(128," NONCE "," KEY ",txn.tag),aes_gcm_dec(128," NONCE "," KEY ",txn.tag)",
		"hello");
	assert_eval("str(),aes_gcm_enc(128," NONCE "," KEY ",txn.tag),aes_gcm_dec(128," NONCE "," KEY ",txn.tag)", "");
	assert_eval("var(txn.tag),b64dec,length", "16");
}

static void test_aes_with_a_wrong_tag_key_or_nonce_gives_nothing(void **state)
{
	(void)state;
	assert_eval("str(hello),aes_gcm_enc(128," NONCE "," KEY ",txn.tag),aes_gcm_dec(128," NONCE
		    ",Zm9vb2Zvb29mb29wZm9vYg==,txn.tag)",
		"(none)");
	set_var("txn.tag", "AAAAAAAAAAAAAAAAAAAAAA==");
	assert_eval("str(hello),aes_gcm_dec(128," NONCE "," KEY ",txn.tag)", "(none)");
	assert_eval("str(hello),aes_gcm_enc(256," NONCE "," KEY ",txn.tag)", "(none)"); /* the key is too short */
	assert_eval("str(hello),aes_gcm_enc(128," NONCE "," KEY ",abc)",
		"error: converter 'aes_gcm_enc' expects a variable for the tag");
	assert_eval("str(hello),aes_gcm_enc(100," NONCE "," KEY ",txn.tag)",
		"error: converter 'aes_gcm_enc' expects 128, 192 or 256 bits");
	assert_eval("str(hello),aes_gcm_dec(128,#," KEY ",txn.tag)",
		"error: converter 'aes_gcm_dec' expects its nonce in base64, or a variable");
}

#define crypto_test(f) cmocka_unit_test_setup_teardown(f, world_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		crypto_test(test_digests),
		crypto_test(test_authentication_codes),
		crypto_test(test_a_long_key_is_hashed_first),
		crypto_test(test_aes_there_and_back),
		crypto_test(test_aes_with_a_wrong_tag_key_or_nonce_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
