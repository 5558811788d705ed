/* test_format_render: quotes, escapes, empty values, and what no log line may hold. */
#include "format_test.h"

static void test_strings_are_quoted(void **state)
{
	(void)state;
	string_value = "text";
	assert_log("%{+Q}r %r", "\"text\" text");
	assert_log("%{+Q,-Q}r", "text");
	assert_log("%{+Q}[str(a)] %{+Q}[int(5)]", "\"a\" \"5\"");
	assert_log("%{+Q}ST|%{+Q,+X}ST", "255|FF");
}

static void test_flags_for_all_items(void **state)
{
	(void)state;
	string_value = "text";
	assert_log("%r %{+Q}o%r %[int(5)] %{-Q}r %ST", "text \"text\" \"5\" text 255");
	assert_log("%{+Q}o%r %{-Q}o%r", "\"text\" text");
	assert_log("%{+X}o%ST %{-X}ST", "FF 255");
}

static void test_empty_values(void **state)
{
	(void)state;
	assert_log("%s|%sp|%{+Q}s|%{+Q}sp", "-|-|\"\"|\"\"");
	assert_log("%[env(NO_SUCH)]|%[str()]|%{+Q}[str()]", "-|-|\"\"");
	assert_value("<%[env(NO_SUCH)]|%[str()]|%{+Q}[str()]>", "<||\"\">");
}

static void test_logs_hold_no_unsafe_byte(void **state)
{
	(void)state;
	string_value = "a\"b#c\n\x01\t\x7f\xe9~ {|}";
	assert_log("%r", "a#22b#23c#0A#01#09#7F#E9~ {|}");
	assert_log("%{+Q}r", "\"a#22b#23c#0A#01#09#7F#E9~ {|}\"");
	assert_log("%[str(a\\nb)]", "a#0Ab");
}

static void test_escape_flag(void **state)
{
	(void)state;
	string_value = "a\"b]c\\d#";
	assert_log("%{+E}r", "a\\\"b\\]c\\\\d#23");
	assert_log("%{+Q,+E}r", "\"a\\\"b\\]c\\\\d#23\"");
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX: a\"]\\\r\n\r\n");
	assert_value("%{+E}[req.hdr(x)]", "a\\\"\\]\\\\");
}

static void test_values_hold_no_controls(void **state)
{
	(void)state;
	set_request("GET / HTTP/1.1\r\nHost: h\r\nX: a%0d%0aB:%01%7f%80%22#\t\r\n\r\n");
	assert_value("%[req.hdr(x),url_dec]", "a%0D%0AB:%01%7F\x80\"#");
	string_value = "a\tb\"%\n";
	assert_value("%r", "a\tb\"%%0A");
}

static void test_literals_are_not_escaped(void **state)
{
	(void)state;
	assert_log("lit\"eral#{|}\n", "lit\"eral#{|}\n");
	assert_value("a\nb", "a\nb");
}

static void test_types_of_samples(void **state)
{
	(void)state;
	set_request("FOO / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_value("%[method] %[src] %[src_port] %[always_true] %[ipv6(::1)] %[int(-5)]",
		"FOO 192.0.2.7 40000 1 ::1 -5");
	assert_value("<%[bin(410042)]>", "<A>");
	assert_value("<%[bin(00)]>", "<>");
}

static void test_growing_buffer_holds_escapes(void **state)
{
	struct strbuf out;
	(void)state;
	char value[1001];
	memset(value, '\n', 1000);
	value[1000] = 0;
	string_value = value;
	struct format *f = parse("<%r>", FORMAT_LOG, PHASE_LOG);
	strbuf_init(&out);
	format_render(f, &world.ctx, &out);
	assert_int_equal(out.len, 3002);
	for (unsigned i = 0; i < 1000; i++)
		assert_memory_equal(out.ptr + 1 + 3 * i, "#0A", 3);
	assert_false(out.incomplete);
	strbuf_free(&out);
}

/* What does not fit is cut, and still holds no unsafe byte. */
static void test_full_buffer_is_cut_and_safe(void **state)
{
	(void)state;
	string_value = "a\nb\nc\n\"d\"e";
	for (size_t size = 1; size < 40; size++) {
		char array[40];
		struct strbuf out;
		struct format *f = parse("<%{+Q}r>%r", FORMAT_LOG, PHASE_LOG);
		strbuf_init_fixed(&out, array, size);
		format_render(f, &world.ctx, &out);
		assert_true(out.len < size);
		assert_null(memchr(out.ptr, '\n', out.len));
		assert_true(out.incomplete);
	}
}

/* As HAProxy does with captures: no dash, and one space. */
static void test_lists_are_left_out_where_there_are_none(void **state)
{
	(void)state;
	assert_log("%ST %hsl %hsl %ST", "255 255");
	assert_log("%hsl %ST", "255");
	assert_log("%ST/%hsl/%ST", "255//255");
	assert_log("%ST %{+Q}hsl %ST", "255 \"\" 255");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_strings_are_quoted),
		world_test(test_flags_for_all_items),
		world_test(test_empty_values),
		world_test(test_logs_hold_no_unsafe_byte),
		world_test(test_escape_flag),
		world_test(test_values_hold_no_controls),
		world_test(test_literals_are_not_escaped),
		world_test(test_types_of_samples),
		world_test(test_growing_buffer_holds_escapes),
		world_test(test_full_buffer_is_cut_and_safe),
		world_test(test_lists_are_left_out_where_there_are_none),
	};
	return cmocka_run_group_tests(tests, register_rows, NULL);
}
