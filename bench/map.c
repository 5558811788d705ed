/* bench/map: loads a million entries, and looks them up at random: ns of CPU a look-up for each kind of match. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ballast/sample/expr.h"
#include "ballast/sample/release.h"

enum { ENTRIES = 1000000, LOOKUPS = 1000000 };

static uint64_t state = 88172645463325252u;

/* Not the clock on the wall: others may use the machine. */
static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint32_t next_random(void)
{
	state ^= state << 13, state ^= state >> 7, state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void key_text(char *out, size_t room, const char *kind, uint32_t n)
{
	uint32_t h = n * 2654435761u;
	if (strcmp(kind, "ip") == 0)
		snprintf(out, room, "%u.%u.%u.%u", h >> 24, h >> 16 & 255, h >> 8 & 255, h & 255);
	else if (strcmp(kind, "net") == 0)
		snprintf(out, room, "%u.%u.%u.0", h >> 24, h >> 16 & 255, h >> 8 & 255);
	else
		snprintf(out, room, "/%08x/%u/", h, n);
}

static int measure(const char *kind, const char *converter)
{
	char path[] = "/tmp/bench-map-XXXXXX", text[256];
	struct arena config, exchange;
	struct sample_ctx ctx = { .arena = &exchange };
	struct diag d;
	FILE *f = fdopen(mkstemp(path), "w");
	if (!f)
		return 1;
	for (uint32_t i = 0; i < ENTRIES; i++) {
		key_text(text, sizeof text, kind, i);
		fprintf(f, "%s%s v%u\n", text, strcmp(kind, "net") == 0 ? "/24" : "", i);
	}
	fclose(f);
	arena_init_heap(&config);
	arena_init_heap(&exchange);
	diag_init(&d);
	snprintf(text, sizeof text, "str(x),%s(%s)", converter, path);
	struct token t = { text, strlen(text), { 0 } };
	uint64_t begun = cpu_ns();
	struct expr *e = expr_parse_token(&t, PHASE_REQUEST, &config, &d);
	uint64_t loaded = cpu_ns() - begun;
	unlink(path);
	if (!e) {
		fprintf(stderr, "%s\n", d.first ? d.first->text : "?");
		return 1;
	}
	const struct converter_row *row = sample_converter_find(slice_from_str(converter));
	struct args args = { .count = 1 };
	args.v[0] = (struct arg){ .type = ARG_STR, .str = slice_from_str(path) };
	if (row->prepare(&args, &config))
		return 1;
	struct sample *s = calloc(LOOKUPS, sizeof *s);
	for (uint32_t i = 0; s && i < LOOKUPS; i++) {
		key_text(text, sizeof text, kind, next_random() % ENTRIES);
		s[i] = (struct sample){ .type = SAMPLE_STR, .str = arena_copy(&config, slice_from_str(text)) };
		sample_cast(&s[i], row->in, &config);
	}
	uint64_t found = 0;
	begun = cpu_ns();
	for (uint32_t i = 0; s && i < LOOKUPS; i++)
		found += row->run(&ctx, &args, &s[i]) == 0;
	double ns = (double)(cpu_ns() - begun) / LOOKUPS;
	printf("%-4s %-8s load %4" PRIu64 " ms, look-up %4.0f ns (%" PRIu64 " found)\n", kind, converter,
		loaded / 1000000, ns, found);
	free(s);
	sample_release(&config);
	arena_reset(&config);
	arena_reset(&exchange);
	diag_free(&d);
	return 0;
}

int main(void)
{
	return measure("str", "map_str") || measure("ip", "map_ip") || measure("net", "map_ip") ||
	       measure("beg", "map_beg") || measure("end", "map_end") || measure("sub", "map_sub");
}
