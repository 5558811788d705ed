/* A TLS hello as it lies in a stream. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ballast/net/tls_hello.h"

static char hello[4096], room[TLS_HELLO_BYTES_MAX];
static size_t hello_len;
static struct tls_hello h;

/* ---- made ---- */

static void put(const void *bytes, size_t len)
{
	memcpy(hello + hello_len, bytes, len);
	hello_len += len;
}

static void put_number(unsigned n, unsigned bytes)
{
	while (bytes--)
		hello[hello_len++] = (char)(n >> 8 * bytes);
}

/* Room for a length of so many bytes, written by end(). */
static size_t begin(unsigned bytes)
{
	put_number(0, bytes);
	return hello_len;
}

static void end(size_t from, unsigned bytes)
{
	size_t behind = hello_len;

	hello_len = from - bytes;
	put_number((unsigned)(behind - from), bytes);
	hello_len = behind;
}

static void put_extension(unsigned type, const void *body, size_t len)
{
	put_number(type, 2);
	put_number((unsigned)len, 2);
	put(body, len);
}

/* A client's hello that asks for `name`, in one record. */
static void make_hello(const char *name)
{
	size_t record, message, extensions, sni, list, host;

	hello_len = 0;
	put("\x16\x03\x01", 3);
	record = begin(2);
	put_number(TLS_CLIENT_HELLO, 1);
	message = begin(3);
	put("\x03\x03", 2);
	put("01234567890123456789012345678901", 32);
	put("\x04SESS", 5);
	put("\x00\x04\x13\x01\x13\x02", 6);
	put("\x01\x00", 2);
	extensions = begin(2);
	put_extension(0xffff, "??", 2);
	put_number(0, 2);
	sni = begin(2);
	list = begin(2);
	put_number(0, 1);
	host = begin(2);
	put(name, strlen(name));
	end(host, 2);
	end(list, 2);
	end(sni, 2);
	put_extension(10, "\x00\x04\x00\x1d\x00\x17", 6);
	put_extension(16, "\x00\x0c\x02h2\x08http/1.1", 14);
	put_extension(35, "", 0);
	end(extensions, 2);
	end(message, 3);
	end(record, 2);
}

/* The same bytes in records of `part` bytes each. */
static size_t cut_records(char *out, size_t part)
{
	size_t used = 0;

	for (size_t at = 5; at < hello_len; at += part) {
		size_t len = hello_len - at < part ? hello_len - at : part;
		memcpy(out + used, hello, 3);
		out[used + 3] = (char)(len >> 8);
		out[used + 4] = (char)len;
		memcpy(out + used + 5, hello + at, len);
		used += 5 + len;
	}
	return used;
}

static int parse(void)
{
	return tls_hello_parse(hello, hello_len, room, &h);
}

static void assert_slice(struct slice s, const char *text, size_t len)
{
	assert_int_equal(s.len, len);
	assert_memory_equal(s.ptr, text, len);
}

/* ---- tests ---- */

static void test_a_hello_tells_what_its_client_wants(void **state)
{
	(void)state;
	make_hello("www.example.com");
	assert_int_equal(parse(), 1);
	assert_int_equal(h.type, TLS_CLIENT_HELLO);
	assert_int_equal(h.record_version, 0x0301);
	assert_int_equal(h.version, 0x0303);
	assert_slice(h.sni, "www.example.com", 15);
	assert_slice(h.session_id, "SESS", 4);
	assert_slice(h.ciphers, "\x13\x01\x13\x02", 4);
	assert_slice(h.groups, "\x00\x1d\x00\x17", 4);
	assert_slice(h.alpn, "\x02h2\x08http/1.1", 12);
	assert_non_null(h.ticket.ptr);
	assert_int_equal(h.ticket.len, 0);
	assert_null(h.key_share.ptr);
}

static void test_every_part_of_a_hello_waits_for_the_rest(void **state)
{
	(void)state;
	make_hello("www.example.com");
	for (size_t len = 0; len < hello_len; len++)
		assert_int_equal(tls_hello_parse(hello, len, room, &h), 0);
}

static void test_bytes_behind_the_hello_are_not_looked_at(void **state)
{
	(void)state;
	make_hello("a");
	put("\x17\xff", 2);
	assert_int_equal(parse(), 1);
	assert_slice(h.sni, "a", 1);
}

static void test_a_hello_in_many_records_is_put_together(void **state)
{
	static char records[8192];
	(void)state;
	make_hello("www.example.com");
	for (size_t part = 5; part < hello_len - 5; part++) {
		size_t len = cut_records(records, part);
		assert_int_equal(tls_hello_parse(records, len, room, &h), 1);
		assert_slice(h.sni, "www.example.com", 15);
		for (size_t at = 0; at < len; at++)
			assert_int_equal(tls_hello_parse(records, at, room, &h), 0);
	}
}

static void test_more_records_than_anybody_sends_are_refused(void **state)
{
	static char records[8192];
	(void)state;
	make_hello("www.example.com");
	assert_int_equal(tls_hello_parse(records, cut_records(records, 1), room, &h), -EPROTO);
}

static void test_what_is_no_hello_is_refused_at_its_first_wrong_byte(void **state)
{
	(void)state;
	assert_int_equal(tls_hello_parse("G", 1, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x16\x04", 2, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x17\x03\x03", 3, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x16\x03\x01\x00\x00", 5, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x16\x03\x01\xff\xff", 5, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x16\x03\x01\x00\x10\x0b", 6, room, &h), -EPROTO);
	assert_int_equal(tls_hello_parse("\x16\x03\x01\x00\x10\x01\x01\x00\x00", 9, room, &h), -EPROTO);
}

static void test_lengths_that_lie_are_refused(void **state)
{
	enum { SESSION_ID = 5 + 4 + 2 + 32 };
	(void)state;
	make_hello("www.example.com");
	hello[SESSION_ID] = 33;
	assert_int_equal(parse(), -EPROTO);
	make_hello("www.example.com");
	hello[SESSION_ID + 5] = (char)0xff; /* ciphers */
	assert_int_equal(parse(), -EPROTO);
	make_hello("www.example.com");
	hello[SESSION_ID + 5 + 6 + 2 + 1]++; /* extensions */
	assert_int_equal(parse(), -EPROTO);
	make_hello("www.example.com");
	hello[SESSION_ID + 5 + 6 + 2 + 2 + 6 + 8]++; /* the host name's */
	assert_int_equal(parse(), -EPROTO);
}

static void test_a_server_answers_with_one_cipher(void **state)
{
	static const char text[] = "\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03"
				   "01234567890123456789012345678901"
				   "\x00\x13\x01\x00\x00\x00";
	(void)state;
	assert_int_equal(tls_hello_parse(text, sizeof text - 1, room, &h), 1);
	assert_int_equal(h.type, TLS_SERVER_HELLO);
	assert_slice(h.ciphers, "\x13\x01", 2);
}

static void test_the_hello_of_sslv2_is_known(void **state)
{
	static const char text[] = "\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10\x00\x00\x2f"
				   "0123456789012345";
	(void)state;
	assert_int_equal(tls_hello_parse(text, sizeof text - 1, room, &h), 1);
	assert_true(h.is_sslv2);
	assert_int_equal(h.version, 0x0301);
	for (size_t len = 0; len < sizeof text - 1; len++)
		assert_int_equal(tls_hello_parse(text, len, room, &h), 0);
	assert_int_equal(tls_hello_parse("\x80\x1c\x02", 3, room, &h), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hello_tells_what_its_client_wants),
		cmocka_unit_test(test_every_part_of_a_hello_waits_for_the_rest),
		cmocka_unit_test(test_bytes_behind_the_hello_are_not_looked_at),
		cmocka_unit_test(test_a_hello_in_many_records_is_put_together),
		cmocka_unit_test(test_more_records_than_anybody_sends_are_refused),
		cmocka_unit_test(test_what_is_no_hello_is_refused_at_its_first_wrong_byte),
		cmocka_unit_test(test_lengths_that_lie_are_refused),
		cmocka_unit_test(test_a_server_answers_with_one_cipher),
		cmocka_unit_test(test_the_hello_of_sslv2_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
