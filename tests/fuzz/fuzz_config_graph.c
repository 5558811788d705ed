/* fuzz_config_graph: any bytes as a whole configuration, through sections, directives and validation.
 *
 * Checked beyond memory: it is refused exactly where an error was added, each message can be shown, and whatever was
 * taken refers to what is in the graph.
 */
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "ballast/config/graph.h"
#include "ballast/proxy/register.h"
#include "ballast/table/register.h"

/* No name has an address: the network is not asked. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	(void)node, (void)service, (void)hints, (void)res;
	return EAI_NONAME;
}

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static int is_backend_of(const struct graph *g, const struct backend *wanted)
{
	const struct backend *b = g->backends;

	while (b && b != wanted)
		b = b->next;
	return b != NULL;
}

static void check_graph(struct graph *g)
{
	graph_set_maxconn(g, 1000);
	for (const struct frontend *f = g->frontends; f; f = f->next) {
		expect(f->id > 0, "the id of a frontend");
		expect(!f->default_backend || is_backend_of(g, f->default_backend), "a default_backend");
		for (uint32_t i = 0; i < f->use_backend_count && !f->disabled; i++)
			expect(is_backend_of(g, f->use_backends[i].backend), "a use_backend");
	}
	for (const struct backend *b = g->backends; b; b = b->next) {
		expect(b->id > 0 && b->set.fullconn > 0 && b->algorithm, "a backend");
		for (uint32_t i = 0; i < b->server_count; i++)
			expect(b->servers[i]->id > 0 && b->servers[i]->slot == i, "the id of a server");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int registered;
	struct config_env env;
	struct config_source src;
	struct diag diag;

	if (!registered)
		expect(table_register() == 0 && proxy_register() == 0, "registering");
	registered = 1;
	if (size > 4096) /* many ranges of ports take memory */
		return 0;
	diag_init(&diag);
	expect(config_env_init(&env, NULL) == 0, "the environment");
	config_source_init(&src, &env);
	config_source_add(&src, "-");
	src.input = arena_copy(&src.arena, slice_of((const char *)data, size)); /* as if it had come from there */
	src.input_read = true;
	struct graph *g = graph_load(&src, &diag);
	expect((g == NULL) == (diag.count[DIAG_ALERT] != 0), "it is refused where there is an error");
	if (g)
		check_graph(g);
	diag_render(&diag, DIAG_NOTE);
	graph_free(g);
	diag_free(&diag);
	config_source_free(&src);
	config_env_free(&env);
	return 0;
}
