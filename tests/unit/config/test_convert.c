/* lb.cfg as YAML and back: the same lines; and the schema of YAML. */
#include "config.h"

#include "../cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/config/convert.h"
#include "ballast/config/source.h"
#include "config/convert.h"

static char folder[64];
static char lines[1 << 20];

static const char *path_of(const char *name)
{
	static char path[2][128];
	static unsigned turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void write_text(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int on_line(void *arg, struct line *line)
{
	size_t len = strlen(lines);

	(void)arg;
	for (size_t i = 0; i < line->count && len < sizeof(lines); i++)
		len += (size_t)snprintf(lines + len, sizeof(lines) - len, "%s%s", i ? "|" : "", line->words[i].text);
	if (len < sizeof(lines))
		snprintf(lines + len, sizeof(lines) - len, "\n");
	return 0;
}

/* The words of the file's lines; to be freed. */
static char *words_of(const char *path)
{
	struct config_env env;
	struct config_source src;
	struct arena a;
	struct diag d;

	diag_init(&d);
	arena_init_heap(&a);
	assert_int_equal(config_env_init(&env, NULL), 0);
	config_source_init(&src, &env);
	src.is_section = convert_is_section;
	assert_int_equal(config_source_add(&src, path), 0);
	lines[0] = '\0';
	if (config_read(&src, &a, &d, on_line, NULL))
		fail_msg("%s", diag_render(&d, DIAG_NOTE).ptr);
	config_source_free(&src);
	config_env_free(&env);
	arena_reset(&a);
	diag_free(&d);
	return strdup(lines);
}

/* The other form of the file at `path`, in the file `name`; what it says where it is refused, to be freed. */
static char *convert(const char *path, const char *name)
{
	struct diag d;
	FILE *f = fopen(path_of(name), "w");

	diag_init(&d);
	assert_non_null(f);
	int err = config_convert(path, f, &d);
	fclose(f);
	assert_int_equal(err, d.count[DIAG_ALERT] ? -EINVAL : 0);
	char *said = err ? strdup(diag_render(&d, DIAG_NOTE).ptr) : NULL;
	diag_free(&d);
	return said;
}

static void converted(const char *path, const char *name)
{
	char *said = convert(path, name);

	if (said)
		fail_msg("%s", said);
}

static char *text_of(const char *name)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path_of(name), "r");

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

/* lb.cfg of `cfg` is `yaml`. */
static void is_yaml(const char *cfg, const char *yaml)
{
	write_text("in.cfg", cfg);
	converted(path_of("in.cfg"), "out.yaml");
	char *text = text_of("out.yaml");
	assert_string_equal(text, yaml);
	free(text);
}

static void refused(const char *name, const char *text, const char *message)
{
	write_text(name, text);
	char *said = convert(path_of(name), "out");
	assert_non_null(said);
	if (!strstr(said, message))
		fail_msg("%s", said);
	free(said);
}

#ifdef HAVE_YAML

/* There, and there and back, the words are the same. */
static void makes_the_round(const char *path)
{
	char *before = words_of(path);

	converted(path, "there.yaml");
	char *there = words_of(path_of("there.yaml"));
	assert_string_equal(there, before);
	converted(path_of("there.yaml"), "back.cfg");
	char *back = words_of(path_of("back.cfg"));
	assert_string_equal(back, before);
	free(before);
	free(there);
	free(back);
}

static void test_every_example_makes_the_round(void **state)
{
	(void)state;
	const char *top = getenv("top_srcdir");
	char examples[512], path[1024];
	unsigned count = 0;

	snprintf(examples, sizeof(examples), "%s/examples", top ? top : ".");
	DIR *d = opendir(examples);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strstr(e->d_name, ".cfg"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", examples, e->d_name);
		makes_the_round(path);
		count++;
	}
	closedir(d);
	assert_true(count >= 15);
}

static void round_of(const char *cfg)
{
	write_text("in.cfg", cfg);
	makes_the_round(path_of("in.cfg"));
}

static void test_words_that_yaml_would_read_otherwise_make_the_round(void **state)
{
	(void)state;
	round_of("global\n    a true\n    b false\n    c null\n    d ~\n    e - x\n    f [x]\n    g {x}\n    h %ci\n   "
		 " i *x\n");
	round_of("global\n    a x: y\n    b x:\n    c 'it''s' \"a # b\"\n    d \\# x \\\\ y\\ z\n    e @x\n    f `x\n  "
		 "  g ''x\n");
	round_of("global\n    a \"${HOME-a b}\" x # c\n    b ...\n    c ? x\n    d | x\n    e > x\n    f a\tb   c\n    "
		 "g \"a\tb\"\n");
	round_of("global\n    a 'x # y' z # trailing\n    b !x\n    c &x\n    d 1\n    e 0x1\n    f \xc3\xa4\xc3\xb6\n "
		 "   'g' h\n");
}

static void test_sections_in_any_order_make_the_round(void **state)
{
	(void)state;
	round_of("defaults\n    a 1\nfrontend f\ndefaults\n    b 1\nfrontend g\n    c 1\n    d 1\n    c 2\n");
	round_of("defaults\n    a 1\n    b 1\n    a 2\n");
	round_of("defaults x\n    a 1\ndefaults y from x\nbackend b from y\n    a 1\nbackend c\nfrontend d\nbackend "
		 "e\n");
	round_of("http-errors x\n    errorfile 503 /x\nhttp-errors y\nglobal\n    no a b\n    no c\n    stats socket "
		 "/x\n");
	round_of("global\n    timeout a 1\n    timeout a 2\n    timeout b\nlisten \"l\"\n    timeout a 1\n    timeout "
		 "b 2 3\n");
	round_of("global\n    .if 1\n    x 1\n    .else\n    x 2\n    .endif\n    .notice \"hm\"\n");
	round_of("\xef\xbb\xbfglobal\r\n    x 1\r\n");
	round_of("backend a\"b\"\nbackend c\\x41\n");
	round_of("");
}

static void test_yaml_in_short_makes_lines(void **state)
{
	(void)state;
	write_text("in.yaml", "listen: ':80'   # door\n# servers\nbackends:\n- {host: h, port: 1, name: it's}\n"
			      "backend x:\n  log-format: [[\"a 'b' # ${c}\\n\", '', 'd e']]\n");
	converted(path_of("in.yaml"), "out.cfg");
	char *text = text_of("out.cfg");
	assert_string_equal(text,
		"# servers\nbackend x\n    log-format a\\ \\'b\\'\\ \\#\\ ${c}\\n '' 'd e'\n\ndefaults\n    mode http\n"
		"    timeout connect 5s\n    timeout client 30s\n    timeout server 30s\n\nfrontend web\n"
		"    bind :80\n    default_backend app\n\nbackend app\n    server it\\'s h:1\n");
	free(text);
}

static void test_yaml_that_is_wrong_is_refused(void **state)
{
	(void)state;
	refused("in.yaml", "frontnds: {}\n", "did you mean 'frontends'?");
	refused("in.yaml", "global: [", "a value was expected here");
	refused("in.yaml", "global: {}\nglobal: {}\n", "here a second time");
	refused("in.yaml", "global:\n  x: \"'a\\nb'\"\n", "a value of several lines with quotes");
}

static void test_comments_are_kept(void **state)
{
	(void)state;
	static const char text[] =
		"# one\nglobal # two\n    # three\n    x 1 # four\n\n# five\nfrontend f\n    y 2\n# six\n";

	write_text("in.cfg", text);
	converted(path_of("in.cfg"), "there.yaml");
	converted(path_of("there.yaml"), "back.cfg");
	char *back = text_of("back.cfg");
	assert_string_equal(back, text);
	free(back);
}

#endif

static void test_lines_become_yaml(void **state)
{
	(void)state;
	is_yaml("global\n    nbthread 2\n", "global:\n  nbthread: 2\n");
	is_yaml("backend a\n    server x 1:2\n    server y 1:3\n\n# b's\nbackend b\n",
		"backends:\n  a:\n    server:\n      - x 1:2\n      - y 1:3\n\n  # b's\n  b: {}\n");
	is_yaml("frontend a\n    x 1\n    y\n    x 2\nbackend b\nfrontend c\n",
		"frontend a:\n  - x: 1\n  - y: true\n  - x: 2\nbackends:\n  b: {}\nfrontend c: {}\n");
	is_yaml("defaults\n    timeout client 1s # c\n    log-format \"%ci: x\"\ndefaults\n",
		"- defaults:\n    timeout:\n      client: 1s # c\n    log-format: '\"%ci: x\"'\n- defaults: {}\n");
}

static void test_what_yaml_cannot_say_is_refused(void **state)
{
	(void)state;
	refused("in.cfg", "x 1\nglobal\n", "in.cfg:1:1: error: a line before any section cannot be written in YAML");
	refused("in.cfg", "global\n.if 1\nfrontend f\n.endif\n", "in.cfg:3:1: error: a section within .if cannot");
	refused("in.cfg", "global\n    x \xff\n", "in.cfg:2:7: error: this byte cannot be written in YAML");
	refused("in.cfg", "global\n# a\rb\n", "in.cfg:2:4: error: this byte cannot be written in YAML");
	refused("in.cfg", "listen\n", "in.cfg:1:1: error: a section without its name");
	refused("in.cfg", "'global'\n", "in.cfg:1:1: error: a section's kind in quotes");
	refused("in.cfg", "listen a\n    from b\n", "in.cfg:2:1: error: a directive of this name");
	refused("in.cfg", "global\n    x 'a\n", "in.cfg:2:7: error: the quote (') is not closed");
}

static void test_a_file_that_is_not_there_is_told(void **state)
{
	(void)state;
	char *said = convert("/nowhere/lb.cfg", "out");

	assert_string_equal(said, "error: cannot read '/nowhere/lb.cfg': No such file or directory\n");
	free(said);
}

static void test_the_schema_has_each_directive(void **state)
{
	(void)state;
	FILE *f = fopen(path_of("schema"), "w+");

	assert_non_null(f);
	assert_int_equal(config_schema(f), 0);
	rewind(f);
	json_t *s = json_loadf(f, 0, NULL), *defs = json_object_get(s, "$defs"), *file = json_object_get(defs, "file");
	fclose(f);
	assert_non_null(json_object_get(json_object_get(file, "properties"), "frontends"));
	assert_non_null(json_object_get(json_object_get(file, "properties"), "health_check"));
	json_t *global = json_array_get(json_object_get(json_object_get(defs, "global"), "anyOf"), 1);
	assert_non_null(json_object_get(json_object_get(global, "properties"), "nbthread"));
	assert_non_null(json_object_get(json_object_get(global, "properties"), "stats socket"));
	assert_null(json_object_get(json_object_get(global, "properties"), "server"));
	json_decref(s);
}

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ballast-convert-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "in.cfg", "in.yaml", "out", "out.yaml", "out.cfg", "there.yaml",
		"back.cfg", "schema" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(path_of(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef HAVE_YAML
		cmocka_unit_test(test_every_example_makes_the_round),
		cmocka_unit_test(test_words_that_yaml_would_read_otherwise_make_the_round),
		cmocka_unit_test(test_sections_in_any_order_make_the_round),
		cmocka_unit_test(test_yaml_in_short_makes_lines),
		cmocka_unit_test(test_yaml_that_is_wrong_is_refused),
		cmocka_unit_test(test_comments_are_kept),
#endif
		cmocka_unit_test(test_lines_become_yaml),
		cmocka_unit_test(test_what_yaml_cannot_say_is_refused),
		cmocka_unit_test(test_a_file_that_is_not_there_is_told),
		cmocka_unit_test(test_the_schema_has_each_directive),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
