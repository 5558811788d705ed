/* fuzz_tls_hello: any bytes as the beginning of a TLS stream.
 *
 * Checked beyond memory: what is told lies in what was given or in the room for it, a part of a hello is never refused,
 * and a hello says the same however many records it comes in.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ballast/net/tls_hello.h"

static char room[TLS_HELLO_BYTES_MAX], room2[TLS_HELLO_BYTES_MAX], cut[65536];

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void expect_inside(struct slice part, const char *at, size_t len)
{
	bool given = part.ptr >= at && part.ptr + part.len <= at + len;
	bool joined = part.ptr >= room && part.ptr + part.len <= room + sizeof room;

	expect(!part.ptr || given || joined, "a part lies in what was given");
}

static bool same(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* One record into two. */
static void cut_in_two(const char *at, size_t len, const struct tls_hello *whole)
{
	struct tls_hello again;
	size_t payload = (uint8_t)at[3] << 8 | (uint8_t)at[4], first = payload / 2;

	if (whole->is_sslv2 || payload < 2 || payload + 5 > len || len + 5 > sizeof cut)
		return;
	memcpy(cut, at, 5 + first);
	cut[3] = (char)(first >> 8);
	cut[4] = (char)first;
	memcpy(cut + 5 + first, at, 3);
	cut[8 + first] = (char)((payload - first) >> 8);
	cut[9 + first] = (char)(payload - first);
	memcpy(cut + 10 + first, at + 5 + first, len - 5 - first);
	if (tls_hello_parse(cut, len + 5, room2, &again) == 1) /* else it has as many records as it may have */
		expect(same(again.sni, whole->sni) && same(again.alpn, whole->alpn), "records make no difference");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data;
	struct tls_hello h, part;
	int rc = tls_hello_parse(at, len, room, &h);

	if (rc != 1)
		return 0;
	expect_inside(h.sni, at, len);
	expect_inside(h.alpn, at, len);
	expect_inside(h.session_id, at, len);
	expect_inside(h.ciphers, at, len);
	expect_inside(h.key_share, at, len);
	expect_inside(h.ticket, at, len);
	for (size_t i = 0; i < len && i < 600; i++)
		expect(tls_hello_parse(at, i, room2, &part) >= 0, "a part of a hello is not refused");
	cut_in_two(at, len, &h);
	return 0;
}
