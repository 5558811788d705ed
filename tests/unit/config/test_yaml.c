/* Which lines of the dialect a YAML file is. */
#include "config.h"

#include "../cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ballast/config/source.h"

#ifdef HAVE_YAML

static char path[64];
static struct config_env env;
static char got[65536];

static bool is_section(const char *word)
{
	static const char *const kinds[] = { "global", "defaults", "frontend", "backend", "listen", "http-errors" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(word, kinds[i]) == 0)
			return true;
	return false;
}

/* Words with '|' between them. */
static int on_line(void *arg, struct line *line)
{
	size_t len = strlen(got);

	(void)arg;
	if (token_is(&line->words[0], "setenv"))
		config_env_set(&env, line->words[1].text, line->words[2].text);
	for (size_t i = 0; i < line->count && len < sizeof(got); i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? "|" : "", line->words[i].text);
	if (len < sizeof(got))
		snprintf(got + len, sizeof(got) - len, "\n");
	return 0;
}

/* Reads `text` as a YAML file into `got`. */
static int read_text(const char *text, struct diag *d, struct arena *a)
{
	struct config_source src;
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	got[0] = '\0';
	config_source_init(&src, &env);
	src.is_section = is_section;
	assert_int_equal(config_source_add(&src, path), 0);
	int err = config_read(&src, a, d, on_line, NULL);
	config_source_free(&src);
	return err;
}

static void gives(const char *text, const char *lines)
{
	struct arena a;
	struct diag d;

	arena_init_heap(&a);
	diag_init(&d);
	int err = read_text(text, &d, &a);
	if (err || d.first)
		fail_msg("%s\n%d %s", text, err, diag_render(&d, DIAG_NOTE).ptr);
	assert_string_equal(got, lines);
	diag_free(&d);
	arena_reset(&a);
}

static void refused(const char *text, const char *message)
{
	struct arena a;
	struct diag d;

	arena_init_heap(&a);
	diag_init(&d);
	assert_int_equal(read_text(text, &d, &a), -EINVAL);
	struct slice said = diag_render(&d, DIAG_NOTE);
	if (!strstr(said.ptr, message))
		fail_msg("%s", said.ptr);
	diag_free(&d);
	arena_reset(&a);
}

static void test_a_key_with_a_word_is_a_line(void **state)
{
	(void)state;
	gives("global:\n  nbthread: 2\n  log: stdout format raw daemon\n",
		"global\nnbthread|2\nlog|stdout|format|raw|daemon\n");
	gives("", "");
	gives("# nothing\n", "");
	gives("global:\n", "global\n");
	gives("global: {}\n", "global\n");
	gives("{global: {nbthread: 2}}", "global\nnbthread|2\n");
}

static void test_a_list_is_several_lines(void **state)
{
	(void)state;
	gives("frontend web:\n  bind: [':80', ':81 name x']\n  acl:\n  - a src 1.2.3.4\n  - b path /\n",
		"frontend|web\nbind|:80\nbind|:81|name|x\nacl|a|src|1.2.3.4\nacl|b|path|/\n");
	gives("frontend web:\n  bind: []\n", "frontend|web\n");
}

static void test_a_list_within_a_list_is_words_as_they_stand(void **state)
{
	(void)state;
	gives("global:\n  x: [[a, 'b c', \"d # $e\", true], f]\n", "global\nx|a|b c|d # $e|true\nx|f\n");
}

static void test_a_map_is_lines_that_begin_alike(void **state)
{
	(void)state;
	gives("defaults:\n  timeout: {connect: 5s, client: 30s}\n  option: [httplog, {httpchk: GET /, redispatch: "
	      "true}]\n",
		"defaults\ntimeout|connect|5s\ntimeout|client|30s\noption|httplog\noption|httpchk|GET|/"
		"\noption|redispatch\n");
	gives("backend a:\n  server: {s1: 1.2.3.4:80 check, s2: {1.2.3.5:80: backup}}\n",
		"backend|a\nserver|s1|1.2.3.4:80|check\nserver|s2|1.2.3.5:80|backup\n");
}

static void test_true_needs_no_word_and_false_says_no(void **state)
{
	(void)state;
	gives("listen a:\n  disabled: true\n  enabled:\n  quiet: ~\n  option: {httplog: false, b: null}\n  no option "
	      "c: true\n"
	      "  x: 'true'\n  y: yes\n",
		"listen|a\ndisabled\nenabled\nquiet\nno|option|httplog\noption|b\nno|option|c\nx|true\ny|yes\n");
}

static void test_a_section_may_be_a_list_to_keep_an_order(void **state)
{
	(void)state;
	gives("frontend web:\n- bind: ':80'\n- http-request: deny if a\n- acl: b src 1.2.3.4\n- http-request: deny if "
	      "b\n",
		"frontend|web\nbind|:80\nhttp-request|deny|if|a\nacl|b|src|1.2.3.4\nhttp-request|deny|if|b\n");
}

static void test_sections_are_named_in_groups_or_one_by_one(void **state)
{
	(void)state;
	gives("frontends: {a: {x: 1}, b: }\nbackends: {c: {from: base, x: 2}}\nhttp-errors: {e: {errorfile: 503 /f}}\n",
		"frontend|a\nx|1\nfrontend|b\nbackend|c|from|base\nx|2\nhttp-errors|e\nerrorfile|503|/f\n");
	gives("- backend a from base: {x: 1}\n- listen b:\n  - x: 2\n  - x: 3\n- defaults: {y: 1}\n- defaults: {y: "
	      "2}\n",
		"backend|a|from|base\nx|1\nlisten|b\nx|2\nx|3\ndefaults\ny|1\ndefaults\ny|2\n");
	gives("frontends: ~\nglobal: ~\n", "global\n");
}

static void test_defaults_may_be_several(void **state)
{
	(void)state;
	gives("defaults: [{name: base, mode: http}, {from: base, x: 1}]\ndefaults other: {y: 1}\n",
		"defaults|base\nmode|http\ndefaults|from|base\nx|1\ndefaults|other\ny|1\n");
}

static void test_words_are_cut_as_in_any_configuration(void **state)
{
	(void)state;
	gives("global:\n  setenv: NAME 'two words'\n  x: a\\ b \"${NAME}\" '${NAME}'\n  y: \"\\\"${.LINE}\\\" "
	      "\\\"${.SECTION}\\\"\"\n",
		"global\nsetenv|NAME|two words\nx|a b|two words|${NAME}\ny|4|global\n");
	gives("global:\n  x: >\n    a\n    b\n  y: |\n    c\n    d\n", "global\nx|a|b\ny|c|d\n");
}

static void test_an_alias_is_what_its_anchor_names(void **state)
{
	(void)state;
	gives("backend a:\n  x: &x [1, 2]\n  z: *x\nbackend b:\n  y: *x\n",
		"backend|a\nx|1\nx|2\nz|1\nz|2\nbackend|b\ny|1\ny|2\n");
}

static void test_conditions_are_heard(void **state)
{
	(void)state;
	gives("global:\n- .if: 0\n- x: 1\n- .else:\n- x: 2\n- .endif:\n", "global\nx|2\n");
}

static void test_the_short_form_is_a_frontend_and_a_backend(void **state)
{
	(void)state;
	gives("listen: ':80'\nstrategy: leastconn\nbackends:\n- {host: h, port: 1, weight: 2, backup: true, disabled: "
	      "false}\n"
	      "- {host: '::1', port: 2, name: n}\n- h:3\n",
		"defaults\nmode|http\ntimeout|connect|5s\ntimeout|client|30s\ntimeout|server|30s\nfrontend|web\nbind|:"
		"80\n"
		"default_backend|app\nbackend|app\nbalance|leastconn\nserver|s1|h:1|weight|2|backup\nserver|n|[::1]:2\n"
		"server|s3|h:3\n");
	gives("listen: [':80', ':81']\ntls: c.pem\nsticky: SID\nhealth_check: {path: /h, status: 204, interval: 1s, "
	      "rise: 1}\n"
	      "defaults: {mode: http}\nbackends: [h:1]\n",
		"defaults\nmode|http\nfrontend|web\nbind|:80|ssl|crt|c.pem\nbind|:81|ssl|crt|c.pem\ndefault_backend|"
		"app\n"
		"backend|app\noption|httpchk|GET|/h\nhttp-check|expect|status|204\ndefault-server|inter|1s|rise|1\n"
		"cookie|SID|insert|indirect|nocache|httponly\nserver|s1|h:1|check|cookie|s1\n");
}

static void test_a_file_with_other_line_ends_and_a_mark_is_read(void **state)
{
	(void)state;
	gives("\xef\xbb\xbfglobal:\r\n  x: 1\r\n", "global\nx|1\n");
	refused("\xef\xbb\xbfglobal:\r\n  x: \"a\xe2\x80\xa8 b\"\r\n  y: 'a \"'\r\n",
		":4:9: error: the quote (\") is not closed");
}

/* Each list names the one before it ten times. */
static void test_aliases_that_multiply_are_an_error(void **state)
{
	(void)state;
	char text[4096] = "global:\n  x0: &a0 [q, q, q, q, q, q, q, q, q, q]\n";

	for (int i = 1; i < 9; i++) {
		size_t len = strlen(text);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "  x%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "{b: *a%d}, ", i - 1);
		snprintf(text + len, sizeof(text) - len, "]\n");
	}
	refused(text, "the aliases of this file repeat more than 16384 values");
}

static void test_depth_is_bounded(void **state)
{
	(void)state;
	char text[1024] = "global: ", *at = text + strlen(text);

	memset(at, '[', 31);
	memset(at + 31, ']', 31);
	refused(text, "an item of a section's list is a directive");
	memset(at, '[', 400);
	refused(text, "lists and maps are more than 32 deep");
}

static void test_words_of_a_line_are_bounded(void **state)
{
	(void)state;
	char text[1024] = "global: {x: [[";

	for (int i = 0; i < 63; i++)
		strcat(text, "a,");
	strcat(text, "a]]}");
	refused(text, "more than 64 words in a line");
	strcpy(text, "global: {x: '");
	for (int i = 0; i < 64; i++)
		strcat(text, "a ");
	strcat(text, "'}");
	refused(text, "more than 64 words in a line");
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/ballast-yaml-%ld.yaml", (long)getpid());
	return config_env_init(&env, NULL);
}

static int teardown(void **state)
{
	(void)state;
	config_env_free(&env);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_with_a_word_is_a_line),
		cmocka_unit_test(test_a_list_is_several_lines),
		cmocka_unit_test(test_a_list_within_a_list_is_words_as_they_stand),
		cmocka_unit_test(test_a_map_is_lines_that_begin_alike),
		cmocka_unit_test(test_true_needs_no_word_and_false_says_no),
		cmocka_unit_test(test_a_section_may_be_a_list_to_keep_an_order),
		cmocka_unit_test(test_sections_are_named_in_groups_or_one_by_one),
		cmocka_unit_test(test_defaults_may_be_several),
		cmocka_unit_test(test_words_are_cut_as_in_any_configuration),
		cmocka_unit_test(test_an_alias_is_what_its_anchor_names),
		cmocka_unit_test(test_conditions_are_heard),
		cmocka_unit_test(test_the_short_form_is_a_frontend_and_a_backend),
		cmocka_unit_test(test_a_file_with_other_line_ends_and_a_mark_is_read),
		cmocka_unit_test(test_aliases_that_multiply_are_an_error),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_words_of_a_line_are_bounded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

#else

int main(void)
{
	return 0; /* built without libyaml */
}

#endif
