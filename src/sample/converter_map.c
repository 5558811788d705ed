/* The converters map, map_str, map_beg_int ...: what a list's entry that matches says (HAProxy's manual, section 7.3.1).
 *
 * A row for each match and output; all of them do the same. */
#include "ballast/sample/regex.h"
#include "pattern_list.h"
#include "private.h"

enum map_output { OUT_STR, OUT_INT, OUT_IP, OUT_KEY, OUT_EXPANDED };

struct map {
	const struct pattern_index *index;
	uint8_t output; /* enum map_output */
	bool has_default;
	struct sample otherwise;
};

static int set_value(struct sample *s, enum map_output output, struct slice value)
{
	switch (output) {
	case OUT_INT: return sample_set_int(s, text_to_int(value));
	case OUT_IP: return text_to_addr(value, s);
	default: return sample_set_str(s, value);
	}
}

static const char *prepare(struct args *args, struct arena *a, enum match_kind kind, enum map_output output)
{
	struct map *m = arena_zalloc(a, sizeof *m);
	const char *wrong = "is out of memory";
	struct diag d;
	if (!m)
		return wrong;
	args->data = m;
	m->output = (uint8_t)output;
	m->has_default = args->v[1].type != ARG_NONE;
	if (m->has_default && set_value(&m->otherwise, output, args->v[1].str))
		return "expects an address as default";
	diag_init(&d);
	struct pattern_list *l = pattern_list_get(a, args->v[0].str.ptr, true, NULL, &d);
	m->index = l ? pattern_list_index(l, kind, false, NULL, &d) : NULL;
	if (!m->index && d.first)
		wrong = arena_printf(a, "cannot be used: %s", d.first->text).ptr;
	diag_free(&d);
	return m->index ? NULL : wrong;
}

/* The entry's regular expression matches again, for its groups. */
static int expand(struct sample_ctx *ctx, const struct pattern_entry *e, struct sample *s)
{
	struct slice group[REGEX_GROUPS];
	char error[REGEX_ERROR_TEXT], text[16384];
	struct strbuf out;
	struct regex *r = regex_new(e->key, false, error);
	bool found = r && regex_find(r, s->str, 0, group);
	regex_free(r);
	if (!found)
		return -ENOENT;
	strbuf_init_fixed(&out, text, sizeof text);
	regex_expand(e->value, group, &out);
	s->str = arena_copy(ctx->arena, strbuf_slice(&out));
	s->type = SAMPLE_STR;
	return !s->str.ptr ? -ENOMEM : out.incomplete ? -ENOENT : 0;
}

static int run_map(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	const struct map *m = args->data;
	const struct pattern_entry *e = pattern_index_find(m->index, s);
	if (!e && m->has_default)
		*s = m->otherwise;
	if (!e)
		return m->has_default ? 0 : -ENOENT;
	if (m->output == OUT_EXPANDED)
		return expand(ctx, e, s);
	return set_value(s, m->output, m->output == OUT_KEY ? e->key : e->value);
}

#define MATCHES(X) \
	X(beg, MATCH_BEG, SAMPLE_STR, "the longest beginning") \
	X(dir, MATCH_DIR, SAMPLE_STR, "the first part between slashes") \
	X(dom, MATCH_DOM, SAMPLE_STR, "the first part between dots") \
	X(end, MATCH_END, SAMPLE_STR, "the first end") \
	X(int, MATCH_INT, SAMPLE_INT, "the number or range") \
	X(ip, MATCH_IP, SAMPLE_ADDR, "the narrowest network") \
	X(reg, MATCH_REG, SAMPLE_STR, "the first regular expression") \
	X(str, MATCH_STR, SAMPLE_STR, "the text") \
	X(sub, MATCH_SUB, SAMPLE_STR, "the first text inside it")

#define PREPARE(name, kind, output) \
	static const char *name(struct args *args, struct arena *a) \
	{ \
		return prepare(args, a, kind, output); \
	}
#define PREPARES(match, kind, in, help) \
	PREPARE(prepare_##match##_str, kind, OUT_STR) \
	PREPARE(prepare_##match##_int, kind, OUT_INT) \
	PREPARE(prepare_##match##_ip, kind, OUT_IP) \
	PREPARE(prepare_##match##_key, kind, OUT_KEY)
MATCHES(PREPARES)
PREPARE(prepare_expanded, MATCH_REG, OUT_EXPANDED)

#define ROW(name, in, out, prepare, help) \
	{ \
		name, { "<file>[,<default>]", 1, 2, { ARG_STR, ARG_STR } }, in, out, run_map, prepare, help \
	}
#define ROWS(match, kind, in, help) \
	ROW("map_" #match, in, SAMPLE_STR, prepare_##match##_str, "value in a map of " help), \
		ROW("map_" #match "_int", in, SAMPLE_INT, prepare_##match##_int, "integer in a map of " help), \
		ROW("map_" #match "_ip", in, SAMPLE_ADDR, prepare_##match##_ip, "address in a map of " help), \
		ROW("map_" #match "_key", in, SAMPLE_STR, prepare_##match##_key, "key in a map of " help),

/* clang-format off */
const struct converter_row converter_map_rows[] = {
	ROW("map", SAMPLE_STR, SAMPLE_STR, prepare_str_str, "value in a map of the text"),
	ROW("map_regm", SAMPLE_STR, SAMPLE_STR, prepare_expanded,
		"value in a map of the first regular expression, with \\1 to \\9 filled in"),
	MATCHES(ROWS)
	{ 0 },
};
/* clang-format on */
