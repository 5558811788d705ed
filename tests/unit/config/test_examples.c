/* All of examples/ loads without a word; and the tables of the language hang together. */
#include "config.h"
#include "load_text.h"

#include <dirent.h>

#include "config/directive.h"

#ifdef HAVE_OPENSSL
#include "../tls/certificates.h"

/* What examples/tls.cfg looks for. */
static bool make_certificates(void)
{
	cert_make("site.pem", "localhost", NULL, false);
	return cert_make("ca.pem", "localhost", NULL, false);
}
#else
static const char cert_folder[] = "";

static bool make_certificates(void)
{
	return false;
}
#endif

#ifdef HAVE_YAML
static bool is_example(struct slice name)
{
	return slice_ends_with(name, SLICE(".cfg")) || slice_ends_with(name, SLICE(".yaml"));
}
#else
static bool is_example(struct slice name)
{
	return slice_ends_with(name, SLICE(".cfg"));
}
#endif

static void test_every_example_loads_without_a_word(void **state)
{
	(void)state;
	const char *top = getenv("top_srcdir");
	char folder[512], path[1024];
	unsigned count = 0;

#ifdef HAVE_OPENSSL
	cert_folder_make();
#endif
	snprintf(folder, sizeof(folder), "%s/examples", top ? top : ".");
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		struct loaded l;
		if (!is_example(slice_from_str(e->d_name)))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (strcmp(e->d_name, "tls.cfg") == 0 && !make_certificates())
			continue;
		load_file_with(&l, path, "CERTS", cert_folder);
		diag_print(&l.diag, stderr, DIAG_NOTE);
		assert_non_null(l.graph);
		assert_null(l.diag.first);
		loaded_free(&l);
		count++;
	}
	closedir(d);
	assert_true(count >= 6);
#ifdef HAVE_OPENSSL
	cert_folder_remove();
#endif
}

static const struct unsupported *const refused[WORD_KIND_COUNT] = {
	[WORD_OPTION] = unsupported_options,
	[WORD_BIND] = unsupported_bind,
	[WORD_SERVER] = unsupported_server,
	[WORD_ALGORITHM] = unsupported_algorithms,
};

static void count_and_check(const struct config_word *w, void *arg)
{
	unsigned *count = arg;

	count[w->kind]++;
	assert_true(w->name[0] && w->help[0]);
	if (refused[w->kind])
		assert_null(unsupported_find(refused[w->kind], w->name));
	if (w->kind == WORD_DIRECTIVE && w->sections == SECTION_GLOBAL)
		assert_null(unsupported_find(unsupported_global, w->name));
	if (w->kind == WORD_DIRECTIVE && w->sections & SECTION_PROXY)
		assert_null(unsupported_find(unsupported_proxy, w->name));
}

static void test_no_word_is_both_known_and_refused(void **state)
{
	(void)state;
	unsigned count[WORD_KIND_COUNT] = { 0 };

	config_words(count_and_check, count);
	assert_true(count[WORD_DIRECTIVE] >= 60);
	assert_true(count[WORD_OPTION] >= 24);
	assert_true(count[WORD_BIND] >= 12 && count[WORD_SERVER] >= 20 && count[WORD_STATS_SOCKET] >= 4);
	assert_int_equal(count[WORD_ALGORITHM], 12);
}

static void test_lists_of_sections_are_readable(void **state)
{
	(void)state;
	char text[64];

	assert_string_equal(config_sections_text(SECTION_GLOBAL, text, sizeof(text)), "global");
	assert_string_equal(config_sections_text(SECTION_BACK, text, sizeof(text)), "defaults, listen and backend");
	assert_string_equal(config_sections_text(0, text, sizeof(text)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_example_loads_without_a_word),
		cmocka_unit_test(test_no_word_is_both_known_and_refused),
		cmocka_unit_test(test_lists_of_sections_are_readable),
	};

	return cmocka_run_group_tests(tests, register_rows, NULL);
}
