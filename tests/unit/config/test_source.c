/* Where configuration comes from: files, directories and standard input, their order and their errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "ballast/config/source.h"

static char folder[64];
static struct config_env env;
static struct config_source src;
static struct arena arena;
static struct diag diag;
static char got[65536]; /* the lines that were let through */
static const char *last_file;
static unsigned file_changes;

static bool is_section(const char *word)
{
	return strcmp(word, "global") == 0 || strcmp(word, "defaults") == 0 || strcmp(word, "frontend") == 0;
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ballast-source-XXXXXX");
	arena_init_heap(&arena);
	diag_init(&diag);
	got[0] = '\0';
	last_file = NULL;
	file_changes = 0;
	if (!mkdtemp(folder) || config_env_init(&env, NULL))
		return -1;
	config_source_init(&src, &env);
	src.is_section = is_section;
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	config_source_free(&src);
	config_env_free(&env);
	diag_free(&diag);
	arena_reset(&arena);
	return system(command);
}

static const char *path_of(const char *name)
{
	return arena_printf(&arena, "%s/%s", folder, name).ptr;
}

static void write_bytes(const char *name, const char *bytes, size_t len)
{
	FILE *f = fopen(path_of(name), "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static void add(const char *name)
{
	assert_int_equal(config_source_add(&src, path_of(name)), 0);
}

static int on_line(void *arg, struct line *line)
{
	size_t len = strlen(got);

	assert_null(arg);
	file_changes += line->words[0].at.file != last_file;
	last_file = line->words[0].at.file;
	if (token_is(&line->words[0], "setenv"))
		config_env_set(&env, line->words[1].text, line->words[2].text);
	for (size_t i = 0; i < line->count; i++)
		len += (size_t)snprintf(got + len, sizeof(got) - len, "%s%s", i ? " " : "", line->words[i].text);
	snprintf(got + len, sizeof(got) - len, "\n");
	return token_is(&line->words[0], "stop") ? -ECANCELED : 0;
}

static int read_all(void)
{
	got[0] = '\0';
	return config_read(&src, &arena, &diag, on_line, NULL);
}

/* The file lb.cfg with these bytes. */
static int read_text(const char *text)
{
	write_text("lb.cfg", text);
	if (!src.count)
		add("lb.cfg");
	return read_all();
}

static void gives(const char *text, const char *lines)
{
	int err = read_text(text);

	if (err)
		fail_msg("'%s': %d %s", text, err, diag_render(&diag, DIAG_NOTE).ptr);
	assert_string_equal(got, lines);
}

/* Exactly these messages, as "line:column text". */
static void tells(enum diag_level level, const char *messages)
{
	struct slice text = SLICE("");

	for (const struct diag_entry *e = diag.first; e; e = e->next)
		if (e->level == level)
			text = arena_printf(&arena, "%s%u:%u %s\n", text.ptr, e->at.line, e->at.column, e->text);
	assert_string_equal(text.ptr, messages);
	diag_free(&diag);
}

static void fails(const char *text, const char *messages)
{
	assert_int_equal(read_text(text), -EINVAL);
	tells(DIAG_ALERT, messages);
}

static void test_lines_come_in_order_without_comments_and_empty_ones(void **state)
{
	(void)state;
	gives("\n# x\nglobal\n\tdaemon # y\n\n   \nfrontend \"a b\"\n", "global\ndaemon\nfrontend a b\n");
}

static void test_an_empty_file_has_no_lines(void **state)
{
	(void)state;
	gives("", "");
	gives("\n\n", "");
}

static void test_carriage_returns_at_line_ends_do_not_count(void **state)
{
	(void)state;
	gives("global\r\n daemon\r\n\r\n log-tag 'x'\r\r\n", "global\ndaemon\nlog-tag x\n");
}

static void test_a_byte_order_mark_is_skipped(void **state)
{
	(void)state;
	gives("\xef\xbb\xbfglobal\n", "global\n");
}

static void test_a_missing_last_line_feed_is_an_error(void **state)
{
	(void)state;
	fails("global\n daemon", "2:8 the last line has no line feed: the file may have been cut short\n");
	assert_string_equal(got, "global\ndaemon\n");
	fails("  ", "1:3 the last line has no line feed: the file may have been cut short\n");
}

static void test_a_nul_byte_ends_the_file_with_one_error(void **state)
{
	(void)state;
	write_bytes("lb.cfg", "global\n a\0b\n \0\n", 15);
	add("lb.cfg");
	assert_int_equal(read_all(), -EINVAL);
	tells(DIAG_ALERT, "2:3 a NUL byte\n");
	assert_string_equal(got, "global\n");
}

static void test_faults_of_all_lines_are_told(void **state)
{
	(void)state;
	fails("global\n a \"b\n c \\x\n d\n",
		"2:4 the quote (\") is not closed\n3:4 \\x needs two hexadecimal digits behind it\n");
	assert_string_equal(got, "global\nd\n");
}

static void test_a_section_with_a_fault_is_still_a_section(void **state)
{
	(void)state;
	fails("frontend \"x\n bind\n", "1:10 the quote (\") is not closed\n");
	assert_string_equal(got, "frontend x\nbind\n");
}

static void test_places_point_into_the_file(void **state)
{
	(void)state;
	assert_int_equal(read_text("a\n\n  b \"c\n"), -EINVAL);
	assert_string_equal(diag.first->at.line_text, "  b \"c");
	assert_string_equal(diag.first->at.file, path_of("lb.cfg"));
	assert_int_equal(diag.first->at.line, 3);
}

static void test_a_true_branch_is_read_and_others_are_not(void **state)
{
	(void)state;
	gives(".if 1\na\n.else\nb\n.endif\nc\n", "a\nc\n");
	gives(".if 0\na\n.else\nb\n.endif\nc\n", "b\nc\n");
	gives(".if 0\na\n.elif 1\nb\n.elif 1\nc\n.else\nd\n.endif\n", "b\n");
	gives(".if 0\na\n.elif 0\nb\n.else\nd\n.endif\n", "d\n");
	gives(".if 1\na\n.elif 1\nb\n.endif\n", "a\n");
	gives(".if\na\n.else\nb\n.endif\n", "b\n");
	gives("  .if 1 && feature(THREAD)   ||     0 # x\na\n  .endif # y\n", "a\n");
}

static void test_blocks_nest(void **state)
{
	(void)state;
	gives(".if 1\n.if 0\na\n.else\nb\n.endif\nc\n.else\n.if 1\nd\n.endif\n.endif\n", "b\nc\n");
	gives(".if 0\n.if 1\na\n.else\nb\n.endif\n.elif 1\nc\n.endif\n", "c\n");
}

static void test_blocks_nest_without_limit(void **state)
{
	char *text = malloc(16 * 2000), *at = text;

	(void)state;
	for (int i = 0; i < 1000; i++)
		at = stpcpy(at, ".if 1\n");
	at = stpcpy(at, "x\n");
	for (int i = 0; i < 1000; i++)
		at = stpcpy(at, ".endif\n");
	gives(text, "x\n");
	free(text);
}

static void test_conditions_that_do_not_matter_are_not_asked(void **state)
{
	(void)state;
	gives(".if 1\n.elif garbage(\n.endif\n", "");
	gives(".if 0\n.elif 1\na\n.elif garbage(\nb\n.endif\n", "a\n");
	gives(".if 0\n.if garbage(\n.elif garbage(\n.endif\n.foo\n.alert x\n.endif\n", "");
}

static void test_a_faulty_condition_is_false(void **state)
{
	(void)state;
	fails(" .if 1 && garbage\na\n.else\nb\n.endif\n", "1:11 unknown predicate 'garbage'\n");
	assert_string_equal(got, "b\n");
	fails(".if \"1\n.alert x\n.endif\n", "1:5 the quote (\") is not closed\n");
}

static void test_lexical_faults_in_unread_text_are_errors(void **state)
{
	(void)state;
	fails(".if 0\n \"x\n.endif\n", "2:2 the quote (\") is not closed\n");
}

static void test_unread_text_gives_no_warnings(void **state)
{
	(void)state;
	gives(".if 0\n a \"\" b\n.endif\n", "");
	assert_int_equal(diag.count[DIAG_WARNING], 0);
	gives("a \"\" b\n", "a  b\n");
	assert_int_equal(diag.count[DIAG_WARNING], 1);
}

static void test_lone_block_lines_are_refused(void **state)
{
	(void)state;
	fails(".endif\n.else\n .elif 1\n", "1:1 '.endif' without an '.if' before it\n"
					   "2:1 '.else' without an '.if' before it\n"
					   "3:2 '.elif' without an '.if' before it\n");
}

static void test_nothing_but_endif_follows_else(void **state)
{
	(void)state;
	fails(".if 0\n.else\n.else\na\n.elif 1\nb\n.endif\n", "3:1 '.else' after '.else'\n5:1 '.elif' after '.else'\n");
	assert_string_equal(got, "a\nb\n");
}

static void test_else_and_endif_take_no_arguments(void **state)
{
	(void)state;
	assert_int_equal(read_text(".if 1\n.else x\n.endif y\n"), -EINVAL);
	assert_int_equal(diag.count[DIAG_ALERT], 2);
	assert_int_equal(diag.first->at.column, 7);
}

static void test_open_blocks_are_told_where_they_began(void **state)
{
	(void)state;
	fails("a\n.if 1\n .if 0\n",
		"3:2 the block that begins here is not closed\n2:1 the block that begins here is not closed\n");
}

static void test_a_block_cannot_go_on_in_the_next_file(void **state)
{
	(void)state;
	write_text("1.cfg", ".if 0\n");
	write_text("2.cfg", "a\n.endif\n");
	add("1.cfg");
	add("2.cfg");
	assert_int_equal(read_all(), -EINVAL);
	assert_string_equal(got, "a\n");
	assert_int_equal(diag.count[DIAG_ALERT], 2);
}

static void test_messages_are_told_at_their_level(void **state)
{
	(void)state;
	gives(".notice \"a note\"\n.warning w\n.diag d\n.notice\n", "");
	assert_int_equal(diag.count[DIAG_WARNING], 1);
	tells(DIAG_NOTE, "1:1 a note\n4:1 \n");
	fails(".alert \"SSL support is mandatory\"\n", "1:1 SSL support is mandatory\n");
}

static void test_diag_speaks_only_when_asked(void **state)
{
	(void)state;
	gives(".diag d\n", "");
	assert_null(diag.first);
	src.diagnostics = true;
	gives(".diag d\n", "");
	tells(DIAG_WARNING, "1:1 d\n");
}

static void test_a_message_is_one_word(void **state)
{
	(void)state;
	fails(".notice a b\n", "1:11 '.notice' takes one message\n");
	fails(".diag a b\n", "1:9 '.diag' takes one message\n");
}

static void test_unknown_dot_words_are_refused(void **state)
{
	(void)state;
	assert_int_equal(read_text(" .fi 1\n .endfi\n"), -EINVAL);
	assert_string_equal(diag.first->text, "unknown directive '.fi'");
	assert_string_equal(diag.first->next->hint, "did you mean '.endif'?");
}

static void test_a_variable_is_seen_by_the_next_line(void **state)
{
	(void)state;
	gives("global\n setenv A x\n setenv B \"$A$A\"\n a \"$B\"\n.if defined(B) && streq(\"$B\",xx)\n b\n.endif\n",
		"global\nsetenv A x\nsetenv B xx\na xx\nb\n");
}

static void test_pseudo_variables_follow_the_reading(void **state)
{
	(void)state;
	gives("a \"<${.SECTION}>\"\nglobal\n a \"${.SECTION}\"\nfrontend \"w${.SECTION}\"\n a "
	      "\"${.SECTION}\"\ndefaults from x\n"
	      " a \"${.SECTION}\" \"${.LINE}\"\n.if 0\nfrontend y\n.endif\n a \"${.SECTION}\"\n",
		"a <>\nglobal\na global\nfrontend wglobal\na wglobal\ndefaults from x\na defaults 7\na defaults\n");
}

static void test_several_files_come_in_the_order_given(void **state)
{
	(void)state;
	write_text("b", "global\n a \"${.LINE}\"\n");
	write_text("a", "x \"<${.SECTION}>\"\n");
	add("b");
	add("a");
	add("b");
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, "global\na 2\nx <>\nglobal\na 2\n");
	assert_int_equal(file_changes, 3);
	assert_string_equal(src.files[1], path_of("a"));
	assert_null(src.files[3]);
}

static void test_a_directory_gives_its_cfg_files_in_byte_order(void **state)
{
	(void)state;
	write_text("b.cfg", "b\n");
	write_text("a.cfg", "a\n");
	write_text("Z.cfg", "Z \"${.FILE}\"\n");
	write_text("10.cfg", "ten\n");
	write_text("9.cfg", "nine\n");
	write_text(".hidden.cfg", "no\n");
	write_text("c.conf", "no\n");
	write_text("cfg", "no\n");
	assert_int_equal(mkdir(path_of("d.cfg"), 0700), 0);
	add("");
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, arena_printf(&arena, "ten\nnine\nZ %s/Z.cfg\na\nb\n", folder).ptr);
}

static void test_a_link_in_a_directory_is_followed(void **state)
{
	(void)state;
	write_text("target", "x\n");
	assert_int_equal(symlink("target", path_of("l.cfg")), 0);
	assert_int_equal(symlink("nowhere", path_of("dead.cfg")), 0);
	assert_int_equal(config_source_add(&src, folder), 0);
	assert_int_equal(read_all(), -EINVAL);
	assert_string_equal(got, "x\n");
	assert_non_null(strstr(diag.first->text, "dead.cfg': No such file"));
}

static void test_all_unreadable_files_are_told(void **state)
{
	(void)state;
	write_text("lb.cfg", "a\n");
	add("no1.cfg");
	add("lb.cfg");
	add("no2.cfg");
	assert_int_equal(read_all(), -EINVAL);
	assert_string_equal(got, "a\n");
	assert_int_equal(diag.count[DIAG_ALERT], 2);
	assert_non_null(strstr(diag.first->text, "no1.cfg': No such file or directory"));
}

static void test_no_file_at_all_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(read_all(), -EINVAL);
	assert_non_null(strstr(diag.first->text, "no configuration file"));
	diag_free(&diag);
	assert_int_equal(config_source_add(&src, folder), 0);
	assert_int_equal(read_all(), -EINVAL);
	assert_non_null(strstr(diag.first->text, "no configuration file"));
}

static void test_a_file_beyond_the_bound_is_refused(void **state)
{
	(void)state;
	write_text("lb.cfg", "");
	assert_int_equal(truncate(path_of("lb.cfg"), (off_t)CONFIG_FILE_MAX + 1), 0);
	add("lb.cfg");
	assert_int_equal(read_all(), -EINVAL);
	assert_non_null(strstr(diag.first->text, "is larger than 64 MiB"));
}

static void test_standard_input_is_read_once_and_kept(void **state)
{
	int before = dup(STDIN_FILENO), ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "global\n a \"${.FILE}\"\n", 21), 21);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	assert_int_equal(config_source_add(&src, "-"), 0);
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, "global\na <stdin>\n");
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, "global\na <stdin>\n");
	dup2(before, STDIN_FILENO);
	close(before);
}

static void test_a_second_reading_sees_what_has_changed(void **state)
{
	(void)state;
	assert_int_equal(config_source_add(&src, folder), 0);
	write_text("a.cfg", "a\n");
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, "a\n");
	write_text("a.cfg", "aa\n");
	write_text("b.cfg", "b\n");
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, "aa\nb\n");
}

static void test_the_files_are_in_the_environment(void **state)
{
	(void)state;
	write_text("a.cfg", "a \"$HAPROXY_CFGFILES\"\n");
	write_text("b.cfg", "");
	assert_int_equal(config_source_add(&src, folder), 0);
	assert_int_equal(read_all(), 0);
	assert_string_equal(got, arena_printf(&arena, "a %s/a.cfg;%s/b.cfg\n", folder, folder).ptr);
}

static void test_a_negative_answer_stops_the_reading(void **state)
{
	(void)state;
	write_text("a.cfg", ".if 1\na\nstop\nb\n");
	write_text("b.cfg", "c\n");
	assert_int_equal(config_source_add(&src, folder), 0);
	assert_int_equal(read_all(), -ECANCELED);
	assert_string_equal(got, "a\nstop\n");
	assert_int_equal(diag.count[DIAG_ALERT], 0);
}

static void test_errors_of_earlier_readings_do_not_count(void **state)
{
	(void)state;
	assert_int_equal(read_text(".endif\n"), -EINVAL);
	assert_int_equal(read_text("a\n"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_lines_come_in_order_without_comments_and_empty_ones),
		T(test_an_empty_file_has_no_lines),
		T(test_carriage_returns_at_line_ends_do_not_count),
		T(test_a_byte_order_mark_is_skipped),
		T(test_a_missing_last_line_feed_is_an_error),
		T(test_a_nul_byte_ends_the_file_with_one_error),
		T(test_faults_of_all_lines_are_told),
		T(test_a_section_with_a_fault_is_still_a_section),
		T(test_places_point_into_the_file),
		T(test_a_true_branch_is_read_and_others_are_not),
		T(test_blocks_nest),
		T(test_blocks_nest_without_limit),
		T(test_conditions_that_do_not_matter_are_not_asked),
		T(test_a_faulty_condition_is_false),
		T(test_lexical_faults_in_unread_text_are_errors),
		T(test_unread_text_gives_no_warnings),
		T(test_lone_block_lines_are_refused),
		T(test_nothing_but_endif_follows_else),
		T(test_else_and_endif_take_no_arguments),
		T(test_open_blocks_are_told_where_they_began),
		T(test_a_block_cannot_go_on_in_the_next_file),
		T(test_messages_are_told_at_their_level),
		T(test_diag_speaks_only_when_asked),
		T(test_a_message_is_one_word),
		T(test_unknown_dot_words_are_refused),
		T(test_a_variable_is_seen_by_the_next_line),
		T(test_pseudo_variables_follow_the_reading),
		T(test_several_files_come_in_the_order_given),
		T(test_a_directory_gives_its_cfg_files_in_byte_order),
		T(test_a_link_in_a_directory_is_followed),
		T(test_all_unreadable_files_are_told),
		T(test_no_file_at_all_is_an_error),
		T(test_a_file_beyond_the_bound_is_refused),
		T(test_standard_input_is_read_once_and_kept),
		T(test_a_second_reading_sees_what_has_changed),
		T(test_the_files_are_in_the_environment),
		T(test_a_negative_answer_stops_the_reading),
		T(test_errors_of_earlier_readings_do_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
