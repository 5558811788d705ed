/* Each configuration of tests/corpus/config/ says exactly what stands behind it. */
#include "config.h"
#include "load_text.h"

static char folder[64];
static const char *name = "lb.cfg";

static char *read_whole(const char *path)
{
	char *text = calloc(1, 1 << 20);
	FILE *f = fopen(path, "r");

	assert_non_null(text);
	if (!f)
		fail_msg("cannot open %s", path);
	assert_true(fread(text, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return text;
}

static char *corpus(const char *file)
{
	const char *top = getenv("top_srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/corpus/config/%s", top ? top : ".", file);
	return read_whole(path);
}

static void write_config(const char *text, size_t len)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	fclose(f);
}

/* What loading it says, as the caller's own; *valid tells whether it was taken. */
static char *load(bool *valid)
{
	struct loaded l;

	load_file(&l, name);
	struct slice said = diag_render(&l.diag, DIAG_NOTE);
	char *text = strndup(said.ptr ? said.ptr : "", said.len);
	*valid = l.graph;
	loaded_free(&l);
	return text;
}

/* One case, from behind "==== "; false where something else was said. */
static bool check_case(const char *title, size_t title_len, const char *config, const char *expected,
	size_t expected_len, bool should_be_valid)
{
	bool valid;

	write_config(config, (size_t)(expected - strlen("----\n") - config));
	char *said = load(&valid);
	bool same = strlen(said) == expected_len && memcmp(said, expected, expected_len) == 0;
	if (!same)
		print_error("==== %.*s\nexpected:\n%.*sgot:\n%s", (int)title_len, title, (int)expected_len, expected,
			said);
	if (valid != should_be_valid)
		print_error("==== %.*s: it was %s\n", (int)title_len, title, valid ? "taken" : "refused");
	free(said);
	return same && valid == should_be_valid;
}

/* Returns how many cases there are. */
static unsigned check_corpus(const char *file, bool should_be_valid)
{
	char *text = corpus(file), *at = strstr(text, "\n==== ");
	unsigned count = 0, wrong = 0;

	while (at) {
		const char *title = at + strlen("\n==== ");
		const char *config = strchr(title, '\n') + 1;
		const char *expected = strstr(config, "\n----\n");
		assert_non_null(expected);
		expected += strlen("\n----\n");
		at = strstr(expected - 1, "\n==== ");
		size_t len = at ? (size_t)(at + 1 - expected) : strlen(expected);
		wrong += !check_case(title, (size_t)(config - 1 - title), config, expected, len, should_be_valid);
		count++;
	}
	assert_int_equal(wrong, 0);
	free(text);
	return count;
}

static void test_each_mistake_is_told_as_documented(void **state)
{
	(void)state;
	assert_true(check_corpus("faults.txt", false) >= 120);
}

static void test_each_warning_is_told_as_documented(void **state)
{
	(void)state;
	assert_true(check_corpus("warnings.txt", true) >= 15);
}

static void test_each_mistake_in_yaml_is_told_as_documented(void **state)
{
	(void)state;
#ifdef HAVE_YAML
	name = "lb.yaml";
	assert_true(check_corpus("yaml-faults.txt", false) >= 60);
	unlink(name);
	name = "lb.cfg";
#else
	skip();
#endif
}

static void test_all_mistakes_are_told_in_one_run(void **state)
{
	(void)state;
	static const char text[] =
		"global\n    nbthread x\nbackend a\n    blance first\n    server s 192.0.2.1:99999\nbackend a\n";
	bool valid;

	write_config(text, sizeof(text) - 1);
	char *said = load(&valid);
	assert_false(valid);
	assert_non_null(strstr(said, "lb.cfg:2:14: error: nbthread"));
	assert_non_null(strstr(said, "lb.cfg:4:5: error: unknown directive 'blance'"));
	assert_non_null(strstr(said, "lb.cfg:5:24: error: port 99999"));
	assert_non_null(strstr(said, "lb.cfg:6:9: error: backend 'a' has the same name"));
	free(said);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ballast-messages-XXXXXX");
	return table_register() || proxy_register() || !mkdtemp(folder) || chdir(folder) ? -1 : 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink("lb.cfg");
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_mistake_is_told_as_documented),
		cmocka_unit_test(test_each_mistake_in_yaml_is_told_as_documented),
		cmocka_unit_test(test_each_warning_is_told_as_documented),
		cmocka_unit_test(test_all_mistakes_are_told_in_one_run),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
