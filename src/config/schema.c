/* schema: the YAML form as a JSON Schema (draft 2020-12), for editors that complete and check while one types.
 *
 * It knows the sections, the directives that each may have, and the shapes of their values; the words within a value are
 * for `ballast -c`.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "ballast/config/convert.h"
#include "directive.h"

/* A value of any shape: "#/$defs/value". */
static json_t *reference(const char *to)
{
	return json_pack("{s:s+}", "$ref", "#/$defs/", to);
}

static void describe(json_t *what, const struct config_word *w)
{
	char text[512];
	const char *args = w->args ? w->args : "";

	snprintf(text, sizeof(text), "%s%s%s: %s", w->name, *args ? " " : "", args, w->help);
	json_object_set_new(what, "description", json_string(text));
}

/* The object of the members of `word`, as in timeout: {connect: ...}. */
static json_t *members_of(json_t *properties, const char *word)
{
	json_t *at = json_object_get(properties, word), *both = json_object_get(at, "anyOf");

	if (!both) {
		json_t *other = at ? json_incref(at) : reference("value");
		both = json_pack("[o,{s:s,s:{}}]", other, "type", "object", "properties");
		json_object_set_new(properties, word, json_pack("{s:o}", "anyOf", both));
	}
	return json_object_get(json_array_get(both, 1), "properties");
}

struct maker {
	unsigned section;
	json_t *properties;
};

/* A directive of one word, of two, or an option. */
static void add_word(const struct config_word *w, void *arg)
{
	struct maker *m = arg;
	const char *space = strchr(w->name, ' ');
	char first[64], both[128];

	if (!(w->sections & m->section) || (w->kind != WORD_DIRECTIVE && w->kind != WORD_OPTION))
		return;
	json_t *value = reference("value");
	describe(value, w);
	if (w->kind == WORD_OPTION) {
		snprintf(both, sizeof(both), "option %s", w->name);
		json_object_set(members_of(m->properties, "option"), w->name, value);
		json_object_set_new(m->properties, both, value);
	} else if (space) {
		snprintf(first, sizeof(first), "%.*s", (int)(space - w->name), w->name);
		json_object_set(members_of(m->properties, first), space + 1, value);
		json_object_set_new(m->properties, w->name, value);
	} else if (!json_object_get(m->properties, w->name)) {
		json_object_set_new(m->properties, w->name, value);
	} else {
		json_decref(value);
	}
}

/* A section: a map of directives, or a list of such maps. */
static json_t *section_schema(unsigned section)
{
	struct maker m = { section, json_object() };

	config_words(add_word, &m);
	json_object_set_new(m.properties, "from", json_pack("{s:s}", "type", "string"));
	if (section == SECTION_DEFAULTS)
		json_object_set_new(m.properties, "name", json_pack("{s:s}", "type", "string"));
	json_t *map = json_pack("{s:s,s:o,s:{s:{},s:{},s:{}},s:b}", "type", "object", "properties", m.properties,
		"patternProperties", "^no ", "^default ", "^\\.(if|elif|else|endif|diag|notice|warning|alert)$",
		"additionalProperties", 0);
	return json_pack("{s:[{s:s},o,{s:s,s:o}]}", "anyOf", "type", "null", map, "type", "array", "items",
		json_deep_copy(map));
}

static json_t *short_form_schema(void)
{
	json_t *word = json_pack("{s:[s,s]}", "type", "string", "integer");
	json_t *words = json_pack("{s:[O,{s:s,s:O}]}", "anyOf", word, "type", "array", "items", word);
	json_t *health = json_pack("{s:[{s:[s,s]},{s:s,s:b,s:{s:O,s:O,s:O,s:O,s:O}}]}", "anyOf", "type", "string",
		"boolean", "type", "object", "additionalProperties", 0, "properties", "path", word, "status", word,
		"interval", word, "rise", word, "fall", word);
	json_t *server = json_pack("{s:[{s:s},{s:s,s:[s,s],s:{s:O,s:O,s:O}}]}", "anyOf", "type", "string", "type",
		"object", "required", "host", "port", "properties", "host", word, "port", word, "name", word);

	json_decref(word);
	return json_pack("{s:o,s:{s:s},s:o,s:{s:[s,s]},s:{s:s},s:{s:s,s:o}}", "listen", words, "strategy", "type",
		"string", "health_check", health, "sticky", "type", "string", "boolean", "tls", "type", "string",
		"short_backends", "type", "array", "items", server);
}

static json_t *value_schema(void)
{
	return json_pack("{s:[s,s,s,s,s,s]}", "type", "string", "number", "boolean", "null", "array", "object");
}

/* The groups (frontends: {NAME: ...}) and the sections by themselves ("frontend NAME"). */
static void add_sections(json_t *properties, json_t *patterns, json_t *defs)
{
	char name[64];

	for (unsigned bit = 1; bit <= SECTION_LAST; bit <<= 1) {
		const char *kind = section_name(bit);
		size_t len = strlen(kind);
		json_object_set_new(defs, kind, section_schema(bit));
		snprintf(name, sizeof(name), "^%s +[^ ]", kind);
		json_object_set_new(patterns, name, reference(kind));
		if (bit == SECTION_GLOBAL || bit == SECTION_DEFAULTS) {
			json_object_set_new(properties, kind, reference(kind));
			continue;
		}
		snprintf(name, sizeof(name), "%s%s", kind, kind[len - 1] == 's' ? "" : "s");
		json_object_set_new(properties, name,
			json_pack("{s:[s,s],s:o}", "type", "object", "null", "additionalProperties", reference(kind)));
	}
}

int config_schema(FILE *to)
{
	json_t *properties = short_form_schema(), *patterns = json_object(), *defs = json_object();

	json_object_set_new(defs, "value", value_schema());
	add_sections(properties, patterns, defs);
	json_t *brief = json_object_get(properties, "short_backends"),
	       *groups = json_object_get(properties, "backends");
	json_t *both = json_pack("{s:[O,O]}", "anyOf", groups, brief);
	json_object_set_new(properties, "backends", both);
	json_object_del(properties, "short_backends");
	json_t *top = json_pack("{s:s,s:o,s:o,s:b}", "type", "object", "properties", properties, "patternProperties",
		patterns, "additionalProperties", 0);
	json_object_set_new(defs, "file", top);
	json_t *schema = json_pack("{s:s,s:s,s:[{s:s},{s:s,s:{s:s}}],s:o}", "$schema",
		"https://json-schema.org/draft/2020-12/schema", "title", "A configuration of Ballast in YAML", "anyOf",
		"$ref", "#/$defs/file", "type", "array", "items", "$ref", "#/$defs/file", "$defs", defs);
	int err = schema && json_dumpf(schema, to, JSON_INDENT(1)) == 0 ? 0 : -ENOMEM;
	fputc('\n', to);
	json_decref(schema);
	return err;
}
