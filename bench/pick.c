/* pick: what one choice of a server costs, by algorithm, number of servers and SIMD level.
 *
 * Each figure is the best of several rounds in one thread, in ns a choice.  Weights differ (1..13) where the
 * algorithm minds; loads are such that no server is idle, the dearest case of leastconn.  `first` finds three
 * servers in four full.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ballast/balance/pick.h"
#include "ballast/base/clock.h"

enum { ROUNDS = 5, ROUND_NS = 3000000, BUILD_NS = 20000000, SERVERS_MAX = 10000 };

static const uint32_t counts[] = { 2, 4, 8, 16, 64, 256, 1024, SERVERS_MAX };
enum { COUNTS = sizeof(counts) / sizeof(*counts) };

static uint16_t weight[SERVERS_MAX];
static bool usable[SERVERS_MAX], backup[SERVERS_MAX];
static uint32_t id[SERVERS_MAX];
static _Atomic uint32_t load[SERVERS_MAX], maxconn[SERVERS_MAX];
static _Atomic uint64_t latency[SERVERS_MAX];

static void fill(uint32_t count, bool weighted)
{
	for (uint32_t i = 0; i < count; i++) {
		weight[i] = (uint16_t)(weighted ? 1 + i * 5 % 13 : 1);
		usable[i] = true;
		id[i] = i + 1;
		load[i] = 3 * weight[i] + i * 7919 % 5;
		maxconn[i] = i < count * 3 / 4 ? 1 : 1000;
		latency[i] = 0;
		pick_latency_note(&latency[i], 10000, 1000 + i * 7919 % 500, 1);
	}
}

/* By name, or with a method and a balance factor: "hash/consistent", "hash/consistent 150". */
static struct picker *build(const char *what, uint32_t count)
{
	char name[40] = "", method[40] = "";
	struct pick_input in = {
		.count = count,
		.weight = weight,
		.usable = usable,
		.backup = backup,
		.id = id,
		.load = load,
		.maxconn = maxconn,
		.latency = latency,
	};

	sscanf(what, "%39[^/]/%39s %u", name, method, &in.balance_factor);
	in.method = pick_method_find(slice_from_str(method));
	struct picker *p = pick_build(pick_algorithm_find(slice_from_str(name)), 0, &in, 1);
	if (!p)
		exit(1);
	return p;
}

static double best_ns(const struct picker *p)
{
	struct pick_thread t;
	double best = 1e9;
	int sink = 0;

	pick_thread_init(&t, 0);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t start = clock_mono_ns(), now, n = 0;

		do {
			for (int i = 0; i < 100; i++, n++) {
				struct pick_request r = { .thread = &t,
					.hash = n * 0x9e3779b97f4a7c15u >> 32,
					.has_hash = true };

				sink ^= pick_choose(p, &r);
			}
			now = clock_mono_ns();
		} while (now - start < ROUND_NS);
		double ns = (double)(now - start) / (double)n;
		best = ns < best ? ns : best;
	}
	/* The choices must not be optimised away. */
	__asm__ volatile("" : : "r"(sink));
	return best;
}

static void print_row(const char *name, const char *what, bool weighted)
{
	printf("%-20s  %-16s", name, what);
	for (unsigned c = 0; c < COUNTS; c++) {
		fill(counts[c], weighted);
		struct picker *p = build(name, counts[c]);

		printf(" %7.1f", best_ns(p));
		pick_free(p);
	}
	printf("\n");
}

static void print_levels(const char *name, bool weighted)
{
	char what[40];

	for (int level = SIMD_LEVEL_COUNT - 1; level >= SIMD_PORTABLE; level--) {
		if (!pick_simd_force((enum simd_level)level))
			continue;
		snprintf(what, sizeof(what), "%s %s", weighted ? "weights" : "equal",
			simd_name((enum simd_level)level));
		print_row(name, what, weighted);
	}
}

/* What a snapshot costs to build: its longest, different weights. */
static void print_build(const char *name)
{
	printf("%-20s  %-16s", name, "build, us");
	for (unsigned c = 0; c < COUNTS; c++) {
		fill(counts[c], true);
		uint64_t start = clock_mono_ns(), ns = 0;
		unsigned times = 0;

		for (; ns < BUILD_NS && times < 20; ns = clock_mono_ns() - start, times++)
			pick_free(build(name, counts[c]));
		printf(" %7.0f", (double)ns / times / 1000);
	}
	printf("\n");
}

int main(void)
{
	printf("ns a choice %26s", "servers:");
	for (unsigned c = 0; c < COUNTS; c++)
		printf(" %7u", counts[c]);
	printf("\n");
	print_row("roundrobin", "equal", false);
	print_row("roundrobin", "weights", true);
	print_levels("static-rr", true);
	print_levels("leastconn", false);
	print_levels("leastconn", true);
	print_levels("first", false);
	print_row("random", "equal", false);
	print_levels("random", true);
	print_levels("p2c", true);
	print_row("p2c", "equal", false);
	print_levels("ewma", true);
	print_row("ewma", "equal", false);
	print_row("source", "equal", false);
	print_row("source", "weights", true);
	print_row("hash/consistent", "equal", false);
	print_row("hash/consistent", "weights", true);
	print_levels("hash/consistent 150", true);
	print_row("hash/maglev", "weights", true);
	print_build("roundrobin");
	print_build("static-rr");
	print_build("leastconn");
	print_build("hash/consistent");
	print_build("hash/maglev");
	return 0;
}
