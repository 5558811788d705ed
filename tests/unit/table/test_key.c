/* Keys of each type: of samples, of a person's words, and as they are shown. */
#include "../sample/sample_test.h"

#include "ballast/table/table.h"

static struct table table;

static void type(enum table_type t, uint32_t bytes)
{
	table = (struct table){ .set = { .type = (uint8_t)t, .key_bytes = bytes } };
}

/* What `show table` prints of the key that the text stands for, or "(none)". */
static const char *shown(struct slice key, int rc)
{
	struct table_entry *e;
	struct strbuf to;

	if (rc)
		return rc == -EINVAL ? "(invalid)" : "(none)";
	e = arena_zalloc(&world.config, sizeof *e + key.len);
	e->key_len = (uint16_t)key.len;
	memcpy(e->bytes, key.ptr, key.len);
	strbuf_init_fixed(&to, world.text, sizeof world.text);
	table_entry_key_text(&table, e, &to);
	return world.text;
}

static const char *of_text(const char *text)
{
	struct slice key = { 0 };
	int rc = table_key_of_text(&table, text, &world.exchange, &key);

	return shown(key, rc);
}

static const char *of_string(const char *bytes, size_t len)
{
	struct sample s = { .type = SAMPLE_BIN, .str = slice_of(bytes, len) };
	struct slice key = { 0 };
	int rc = table_key_of(&table, &s, &world.exchange, &key);

	return shown(key, rc);
}

static void test_addresses(void **state)
{
	(void)state;
	type(TABLE_IP, 4);
	assert_string_equal(of_text("192.0.2.1"), "192.0.2.1");
	assert_string_equal(of_text("::ffff:192.0.2.1"), "192.0.2.1");
	assert_string_equal(of_text("2001:db8::1"), "(invalid)");
	assert_string_equal(of_text("192.0.2"), "(invalid)");
	type(TABLE_IPV6, 16);
	assert_string_equal(of_text("2001:DB8::1"), "2001:db8::1");
	assert_string_equal(of_text("192.0.2.1"), "::ffff:192.0.2.1");
}

static void test_integers_have_32_bits(void **state)
{
	(void)state;
	type(TABLE_INTEGER, 4);
	assert_string_equal(of_text("0"), "0");
	assert_string_equal(of_text("4294967295"), "4294967295");
	assert_string_equal(of_text("-1"), "4294967295");
	assert_string_equal(of_text("4294967296"), "(invalid)");
	assert_string_equal(of_text("7x"), "(invalid)");
	assert_string_equal(of_text(""), "(invalid)");
}

static void test_strings_are_cut_and_shown_as_one_word(void **state)
{
	(void)state;
	type(TABLE_STRING, 8);
	assert_string_equal(of_text("abcdefghijk"), "abcdefgh");
	assert_string_equal(of_text("a b=c\\"), "a\\ b\\=c\\\\");
	assert_string_equal(of_text("a\nb\x7f"), "a\\x0ab\\x7f");
	assert_string_equal(of_text(""), "(invalid)");
}

static void test_blocks_are_cut_or_filled_up(void **state)
{
	(void)state;
	type(TABLE_BINARY, 4);
	assert_string_equal(of_string("\x01\x02\x03\x04\x05", 5), "01020304");
	assert_string_equal(of_string("\x01", 1), "01000000");
	assert_string_equal(of_string("", 0), "(none)");
	assert_string_equal(of_text("0aFF"), "0aff0000");
	assert_string_equal(of_text("0a0"), "(invalid)");
	assert_string_equal(of_text("0g"), "(invalid)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_addresses, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_integers_have_32_bits, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(test_strings_are_cut_and_shown_as_one_word, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(test_blocks_are_cut_or_filled_up, world_setup, world_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
