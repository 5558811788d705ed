/* test_msg: looking up, adding, deleting fields; hop-by-hop fields; moving a head. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "http_parse.h"

static void test_field_is_found_by_name_in_any_case(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\n\r\n");
	assert_int_equal(msg_find(&p.msg, SLICE("X-ONE"), 0), 1);
	assert_int_equal(msg_find(&p.msg, SLICE("x-one"), 2), 2);
	assert_int_equal(msg_find(&p.msg, SLICE("x-one"), 3), -1);
	assert_int_equal(msg_find(&p.msg, SLICE("hOST"), 0), 0);
	assert_int_equal(msg_find(&p.msg, SLICE("x-on"), 0), -1);
	assert_int_equal(msg_find_id(&p.msg, FIELD_HOST, 0), 0);
	assert_int_equal(msg_find_id(&p.msg, FIELD_HOST, 1), -1);
}

static void test_every_known_name_has_its_id(void **state)
{
	static const char *const names[] = { "Host", "Connection", "Content-Length", "Transfer-Encoding", "TE",
		"Trailer", "Upgrade", "Keep-Alive", "Proxy-Connection", "Expect", "Cookie", "Set-Cookie", "Date",
		"Server", "Via", "X-Forwarded-For", "Authorization", "Location", "Content-Type", "Content-Encoding",
		"Accept-Encoding", "Cache-Control", "Retry-After", "User-Agent", "Referer", "HTTP2-Settings" };

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(field_id_of(slice_from_str(names[i])), i + 1);
	assert_int_equal(sizeof(names) / sizeof(names[0]), FIELD_ID_COUNT - 1);
}

static void test_near_names_have_no_id(void **state)
{
	static const char *const names[] = { "", "H", "Hos", "Hosts", "Hpst", "Content-Lengti", "ContentxLength", "T",
		"TX", "Vib", "Transfer_Encoding", "Content\rLength", "Age", "Etag", "Accept", "X-Forwarded-Fox" };

	(void)state;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(field_id_of(slice_from_str(names[i])), FIELD_OTHER);
}

static void test_methods_are_case_sensitive(void **state)
{
	(void)state;
	for (enum http_method m = METHOD_GET; m < METHOD_COUNT; m++)
		assert_int_equal(method_of(slice_from_str(method_name(m))), m);
	assert_int_equal(method_of(SLICE("get")), METHOD_OTHER);
	assert_int_equal(method_of(SLICE("GETS")), METHOD_OTHER);
	assert_string_equal(method_name(METHOD_OTHER), "OTHER");
}

static void test_added_field_is_sent_last(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(msg_add(&p.msg, SLICE("Via"), SLICE("1.1 b")), 0);
	assert_int_equal(msg_add(&p.msg, SLICE("X-Empty"), SLICE("")), 0);
	assert_int_equal(p.msg.fields[1].id, FIELD_VIA);
	assert_sent(&p, "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 b\r\nX-Empty: \r\n", 2);
}

static void test_add_without_room_is_refused(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	p.msg.field_max = 1;
	assert_int_equal(msg_add(&p.msg, SLICE("A"), SLICE("b")), -ENOSPC);
	assert_int_equal(p.msg.field_count, 1);
}

static void test_deleted_fields_are_neither_found_nor_sent(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nA: 1\r\nHost: a\r\na: 2\r\nB: 3\r\n\r\n");
	assert_int_equal(msg_delete(&p.msg, SLICE("A")), 2);
	assert_int_equal(msg_delete(&p.msg, SLICE("A")), 0);
	assert_int_equal(msg_find(&p.msg, SLICE("A"), 0), -1);
	assert_sent(&p, "GET / HTTP/1.1\r\nHost: a\r\nB: 3\r\n", 3);
}

static void test_new_value_replaces_the_raw_line(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nA: 1\r\nHost: a\r\nB: 3\r\n\r\n");
	msg_set_value_at(&p.msg, 1, SLICE("other"));
	assert_sent(&p, "GET / HTTP/1.1\r\nA: 1\r\nHost: other\r\nB: 3\r\n", 3);
}

static void test_hop_by_hop_named_field_added_by_a_rule_goes_too(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\nConnection: x-rule\r\n\r\n");
	msg_add(&p.msg, SLICE("X-Rule"), SLICE("1"));
	msg_remove_hop_by_hop(&p.msg);
	assert_sent(&p, "GET / HTTP/1.1\r\nHost: a\r\n", 1);
}

static void test_upgrade_stays_only_where_it_is_one(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
	assert_true(p.msg.flags & MSG_UPGRADE);
	p.msg.flags &= ~(uint32_t)MSG_UPGRADE;
	msg_remove_hop_by_hop(&p.msg);
	assert_sent(&p, "GET / HTTP/1.1\r\nHost: a\r\n", 1);
}

static void test_moved_head_serialises_the_same(void **state)
{
	const char *text = "GET http://b/c?d HTTP/1.1\r\nHost: a\r\nX: y\r\nEmpty:\r\nConnection: close\r\n\r\n";
	struct parsed p;
	char copy[256];

	(void)state;
	parse_request(&p, text);
	memcpy(copy, p.buf, p.len);
	msg_rebase(&p.msg, p.buf, p.len, copy);
	memset(p.buf, '#', p.len);
	assert_ptr_equal(p.msg.fields_start, copy + 27);
	assert_memory_equal(p.msg.authority.ptr, "b", 1);
	assert_memory_equal(p.msg.target.ptr, "http://b/c?d", 12);
	msg_remove_hop_by_hop(&p.msg);
	assert_sent(&p, "GET /c?d HTTP/1.1\r\nHost: b\r\nX: y\r\nEmpty:\r\n", 3);
}

static void test_rebase_leaves_other_memory_alone(void **state)
{
	struct parsed p;
	const char *literal = "elsewhere";
	char other[64];

	(void)state;
	parse_request(&p, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	msg_add(&p.msg, SLICE("A"), slice_from_str(literal));
	msg_rebase(&p.msg, p.buf, p.len, other);
	assert_ptr_equal(p.msg.fields[1].value, literal);
	assert_null(p.msg.query.ptr);
}

static void test_reset_keeps_the_field_array(void **state)
{
	struct parsed p;

	(void)state;
	parse_request(&p, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
	msg_reset(&p.msg);
	assert_int_equal(p.msg.field_count, 0);
	assert_int_equal(p.msg.flags, 0);
	assert_ptr_equal(p.msg.fields, p.fields);
	assert_int_equal(p.msg.field_max, PARSED_FIELDS);
}

static void test_reasons(void **state)
{
	(void)state;
	assert_string_equal(status_reason(200), "OK");
	assert_string_equal(status_reason(431), "Request Header Fields Too Large");
	assert_string_equal(status_reason(599), "Unknown");
	assert_string_equal(status_reason(99), "Unknown");
	assert_string_equal(status_reason(0), "Unknown");
	assert_string_equal(status_reason(65535), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_field_is_found_by_name_in_any_case),
		cmocka_unit_test(test_every_known_name_has_its_id),
		cmocka_unit_test(test_near_names_have_no_id),
		cmocka_unit_test(test_methods_are_case_sensitive),
		cmocka_unit_test(test_added_field_is_sent_last),
		cmocka_unit_test(test_add_without_room_is_refused),
		cmocka_unit_test(test_deleted_fields_are_neither_found_nor_sent),
		cmocka_unit_test(test_new_value_replaces_the_raw_line),
		cmocka_unit_test(test_hop_by_hop_named_field_added_by_a_rule_goes_too),
		cmocka_unit_test(test_upgrade_stays_only_where_it_is_one),
		cmocka_unit_test(test_moved_head_serialises_the_same),
		cmocka_unit_test(test_rebase_leaves_other_memory_alone),
		cmocka_unit_test(test_reset_keeps_the_field_array),
		cmocka_unit_test(test_reasons),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
