/* fuzz_proxy_protocol: any bytes as a PROXY protocol header.
 *
 * Checked beyond memory: what is used lies within what was given, a part of a valid header is never refused, and
 * addresses that were read come back from what is written of them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/net/proxy_protocol.h"

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static void write_and_read(const struct proxy_header *h, unsigned version)
{
	char text[PROXY_WRITE_BYTES];
	struct proxy_header again;
	size_t len = proxy_write(text, version, &h->src, &h->dst, SLICE("h2"), false);

	expect(proxy_parse(text, len, &again) == (ssize_t)len, "what was written is a header");
	expect(again.has_addresses && addr_equal(&again.src, &h->src, true) && addr_equal(&again.dst, &h->dst, true),
		"with the same addresses");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *at = (const char *)data;
	struct proxy_header h, part;
	ssize_t used = proxy_parse(at, len, &h);

	expect(used <= (ssize_t)len, "what is used was given");
	for (ssize_t i = 0; i < used && i < 200; i++)
		expect(proxy_parse(at, (size_t)i, &part) == 0, "a part waits for the rest");
	if (used > 0 && h.has_addresses) {
		write_and_read(&h, 1);
		write_and_read(&h, 2);
	}
	return 0;
}
