/* h1: what one head costs, in ns: parsed, and made ready to be sent on (hop-by-hop fields removed, serialised).
 *
 * Best of several rounds in one thread, at each SIMD level that this processor has.
 */
#include <stdio.h>

#include "ballast/base/clock.h"
#include "ballast/base/simd.h"
#include "ballast/http/h1.h"

enum { ROUNDS = 7, ROUND_NS = 3000000, FIELDS = 101 };

static const char small[] =
	"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: h2load/1.52.0\r\nAccept: */*\r\n\r\n";

static const char browser[] =
	"GET /products/list?category=books&sort=price&page=2 HTTP/1.1\r\n"
	"Host: www.example.com\r\n"
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
	"Accept-Language: en-US,en;q=0.5\r\n"
	"Accept-Encoding: gzip, deflate, br, zstd\r\n"
	"Referer: https://www.example.com/products/\r\n"
	"Connection: keep-alive\r\n"
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n"
	"Upgrade-Insecure-Requests: 1\r\n"
	"Sec-Fetch-Dest: document\r\n"
	"Sec-Fetch-Mode: navigate\r\n"
	"Sec-Fetch-Site: same-origin\r\n"
	"Priority: u=0, i\r\n"
	"Cache-Control: max-age=0\r\n\r\n";

static const char response[] = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Tue, 24 Nov 2026 22:49:10 GMT\r\n"
			       "Content-Type: text/plain\r\nContent-Length: 64\r\nConnection: keep-alive\r\n\r\n";

static const struct h1_limits limits = { .head_bytes = 16384, .fields = FIELDS, .trailer_bytes = 4096 };

static void once(struct msg *m, const char *text, size_t len, bool send)
{
	struct iovec pieces[8];
	struct h1_parser p;
	struct arena a;

	if (m->flags & MSG_RESPONSE)
		h1_response_init(&p, m, METHOD_GET, &limits);
	else
		h1_request_init(&p, m, &limits);
	if (h1_parse_head(&p, text, len) != H1_DONE)
		__builtin_trap();
	if (!send)
		return;
	arena_init(&a);
	msg_remove_hop_by_hop(m);
	if (msg_serialize_head(m, pieces, 8, &a) < 1)
		__builtin_trap();
	arena_reset(&a);
}

static double best_ns(const char *text, size_t len, uint32_t flags, bool send)
{
	struct field fields[FIELDS];
	struct msg m = { .fields = fields, .field_max = FIELDS };
	double best = 1e9;

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns(), now, n = 0;
		do {
			for (int i = 0; i < 100; i++, n++) {
				m.flags = flags;
				once(&m, text, len, send);
			}
			now = clock_mono_ns();
		} while (now - start < ROUND_NS);
		double ns = (double)(now - start) / (double)n;
		best = ns < best ? ns : best;
	}
	return best;
}

static void print_row(const char *what, const char *text, size_t len, uint32_t flags)
{
	printf("%-28s %5zu B  %7.1f  %7.1f\n", what, len, best_ns(text, len, flags, false),
		best_ns(text, len, flags, true));
}

int main(void)
{
	for (enum simd_level level = SIMD_PORTABLE; level <= simd_best(); level++) {
		simd_force(level);
		printf("%-28s %7s  %7s  %7s\n", simd_name(level), "", "parse", "+ send");
		print_row("request, 3 fields", small, sizeof(small) - 1, 0);
		print_row("request of a browser, 14", browser, sizeof(browser) - 1, 0);
		print_row("response, 5 fields", response, sizeof(response) - 1, MSG_RESPONSE);
	}
	return 0;
}
