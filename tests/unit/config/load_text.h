/* load_text: a graph from a configuration in a string, for tests of the graph. */
#ifndef TESTS_UNIT_CONFIG_LOAD_TEXT_H
#define TESTS_UNIT_CONFIG_LOAD_TEXT_H

#include "../cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "ballast/config/graph.h"
#include "ballast/proxy/register.h"
#include "ballast/table/register.h"

/* A load with all that must outlive its graph. */
struct loaded {
	struct config_env env;
	struct config_source src;
	struct diag diag;
	struct graph *graph; /* NULL: refused */
};

/* From the file at `path`; ended by loaded_free(). */
static inline void load_file_with(struct loaded *l, const char *path, const char *variable, const char *value)
{
	diag_init(&l->diag);
	assert_int_equal(config_env_init(&l->env, NULL), 0);
	if (variable)
		assert_int_equal(config_env_set(&l->env, variable, value), 0);
	config_source_init(&l->src, &l->env);
	assert_int_equal(config_source_add(&l->src, path), 0);
	l->graph = graph_load(&l->src, &l->diag);
}

static inline void load_file(struct loaded *l, const char *path)
{
	load_file_with(l, path, NULL, NULL);
}

/* From a text; whether it is taken is for the test to see. */
static inline void load_any(struct loaded *l, const char *text)
{
	char path[] = "/tmp/ballast-graph-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	load_file(l, path);
	unlink(path);
}

/* From a text that must be taken without a word. */
static inline struct graph *load_text(struct loaded *l, const char *text)
{
	load_any(l, text);
	if (!l->graph || l->diag.first)
		diag_print(&l->diag, stderr, DIAG_NOTE);
	assert_non_null(l->graph);
	assert_null(l->diag.first);
	return l->graph;
}

static inline void loaded_free(struct loaded *l)
{
	graph_free(l->graph);
	diag_free(&l->diag);
	config_source_free(&l->src);
	config_env_free(&l->env);
}

static inline int register_rows(void **state)
{
	(void)state;
	int rc = table_register();

	return rc ? rc : proxy_register();
}

#endif
