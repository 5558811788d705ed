/* `show|get|add|del|clear acl|map`, `set map`: lists of patterns that are read from files, or made while running. */
#include "ballast/sample/map.h"

#include <string.h>

#include "internal.h"

/* The list that "#3", or a name, stands for; NULL after an answer. */
static struct pattern_list *find_list(struct admin_session *s, const char *word, bool map)
{
	const struct arena *a = &command_graph(s)->arena;
	int64_t id = -1;

	if (!*word) {
		command_say(s, "Missing %s identifier.", map ? "map" : "ACL");
		return NULL;
	}
	if (*word == '#' && !parse_number(word + 1, &id))
		id = -1;
	for (struct pattern_list *l = pattern_list_next(a, NULL); l; l = pattern_list_next(a, l))
		if (pattern_list_is_map(l) == map &&
			(id >= 0 ? pattern_list_id(l) == id : strcmp(pattern_list_name(l), word) == 0))
			return l;
	command_say(s, "Unknown %s identifier. Please use #<id> or <name>.", map ? "map" : "ACL");
	return NULL;
}

static void show_entry(void *arg, uintptr_t id, struct slice key, struct slice value)
{
	strbuf_printf(arg, "%#lx %.*s%s%.*s\n", (unsigned long)id, (int)key.len, key.ptr, value.len ? " " : "",
		(int)value.len, value.ptr);
}

static void show(struct admin_session *s, const char *word, bool map)
{
	const struct arena *a = &command_graph(s)->arena;

	if (*word) {
		struct pattern_list *one = find_list(s, word, map);
		if (one)
			pattern_list_each(one, show_entry, command_out(s));
		return;
	}
	command_say(s, "# id (file) description");
	for (struct pattern_list *l = pattern_list_next(a, NULL); l; l = pattern_list_next(a, l))
		if (pattern_list_is_map(l) == map)
			command_say(s, "%u (%s) pattern loaded from file '%s'. curr_ver=0 next_ver=0 entry_cnt=%zu",
				pattern_list_id(l), pattern_list_name(l), pattern_list_name(l), pattern_list_count(l));
}

static void get(struct admin_session *s, char **args, bool map)
{
	struct pattern_list *l = find_list(s, args[0], map);
	struct slice key = { 0 }, value = { 0 };
	const char *kind;
	bool found;

	if (!l)
		return;
	if (!*args[1]) {
		command_say(s, "Missing key.");
		return;
	}
	for (unsigned i = 0; pattern_list_probe(l, i, slice_from_str(args[1]), &kind, &found, &key, &value); i++) {
		if (!found)
			command_say(s, "type=%s, match=no", kind);
		else if (map)
			command_say(s, "type=%s, match=yes, key=\"%.*s\", value=\"%.*s\", type=\"str\"", kind,
				(int)key.len, key.ptr, (int)value.len, value.ptr);
		else
			command_say(s, "type=%s, match=yes, pattern=\"%.*s\"", kind, (int)key.len, key.ptr);
	}
}

/* A value of several words, cut at spaces, is one again. */
static struct slice rest_of(char **args, int count, struct strbuf *out)
{
	for (int i = 0; i < count; i++) {
		if (i)
			strbuf_byte(out, ' ');
		strbuf_str(out, args[i]);
	}
	return strbuf_slice(out);
}

static void add(struct admin_session *s, char **args, int count, bool map)
{
	struct pattern_list *l = find_list(s, args[0], map);
	struct strbuf value;

	if (!l)
		return;
	if (count < (map ? 3 : 2)) {
		command_say(s, map ? "'add map' expects three parameters (map identifier, key and value)."
				   : "'add acl' expects two parameters: ACL identifier and pattern.");
		return;
	}
	strbuf_init(&value);
	const char *wrong = map ? pattern_list_add(l, slice_from_str(args[1]), rest_of(args + 2, count - 2, &value))
	                        : pattern_list_add(l, rest_of(args + 1, count - 1, &value), slice_of("", 0));
	strbuf_free(&value);
	if (wrong)
		command_say(s, "'%s' %s.", args[1], wrong);
}

static void del(struct admin_session *s, char **args, bool map)
{
	struct pattern_list *l = find_list(s, args[0], map);

	int err = l ? pattern_list_delete(l, slice_from_str(args[1])) : 0;
	if (err)
		command_say(s, err == -ENOENT ? "Key not found." : "Out of memory.");
}

static void clear(struct admin_session *s, const char *word, bool map)
{
	struct pattern_list *l = find_list(s, word, map);

	if (l && pattern_list_clear(l))
		command_say(s, "Out of memory.");
}

static void run_set_map(struct admin_session *s, char **args, int count)
{
	struct pattern_list *l = find_list(s, args[0], true);
	struct strbuf value;

	if (!l)
		return;
	if (count < 3) {
		command_say(s, "'set map' expects three parameters: map identifier, key and value.");
		return;
	}
	strbuf_init(&value);
	int err = pattern_list_set(l, slice_from_str(args[1]), rest_of(args + 2, count - 2, &value));
	if (err)
		command_say(s, err == -ENOENT ? "entry not found" : "Out of memory.");
	strbuf_free(&value);
}

#define BOTH(verb, call_acl, call_map) \
	static void run_##verb##_acl(struct admin_session *s, char **args, int count) \
	{ \
		(void)count; \
		call_acl; \
	} \
	static void run_##verb##_map(struct admin_session *s, char **args, int count) \
	{ \
		(void)count; \
		call_map; \
	}
BOTH(show, show(s, args[0], false), show(s, args[0], true))
BOTH(get, get(s, args, false), get(s, args, true))
BOTH(add, add(s, args, count, false), add(s, args, count, true))
BOTH(del, del(s, args, false), del(s, args, true))
BOTH(clear, clear(s, args[0], false), clear(s, args[0], true))

static const struct command_row rows[] = {
	{ { "add", "acl" }, "<acl> <pattern>", "add an acl entry", LEVEL_ADMIN, run_add_acl },
	{ { "add", "map" }, "<map> <key> <val>", "add a map entry", LEVEL_ADMIN, run_add_map },
	{ { "clear", "acl" }, "<acl>", "clear the contents of this acl", LEVEL_ADMIN, run_clear_acl },
	{ { "clear", "map" }, "<map>", "clear the contents of this map", LEVEL_ADMIN, run_clear_map },
	{ { "del", "acl" }, "<acl> <key>", "delete acl entries matching <key>", LEVEL_ADMIN, run_del_acl },
	{ { "del", "map" }, "<map> <key>", "delete map entries matching <key>", LEVEL_ADMIN, run_del_map },
	{ { "get", "acl" }, "<acl> <value>", "report the patterns matching a sample for an ACL", LEVEL_USER,
		run_get_acl },
	{ { "get", "map" }, "<map> <value>", "report the keys and values matching a sample for a map", LEVEL_USER,
		run_get_map },
	{ { "set", "map" }, "<map> <key> <value>", "modify a map entry", LEVEL_ADMIN, run_set_map },
	{ { "show", "acl" }, "[<acl>]", "report available acls or dump an acl's contents", LEVEL_USER, run_show_acl },
	{ { "show", "map" }, "[<map>]", "report available maps or dump a map's contents", LEVEL_USER, run_show_map },
};
const struct command_table map_commands = { rows, sizeof rows / sizeof *rows };
