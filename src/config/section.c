/* section: the lines that begin a section: its kind, its name, the defaults section that it starts from.
 *
 * A header with a fault still opens its section, so that the lines behind it are checked too; only what is unknown as a
 * kind is passed over as a whole.
 */
#include <errno.h>
#include <stdio.h>

#include "ballast/proxy/log_capture.h"
#include "directive.h"

unsigned section_kind(const char *word)
{
	for (unsigned bit = 1; bit <= SECTION_LAST; bit <<= 1)
		if (strcmp(word, section_name(bit)) == 0)
			return bit;
	return 0;
}

void section_end(struct cfg_context *c)
{
	c->section = 0;
	c->proxy = NULL;
	c->skip = false;
}

static struct proxy *defaults_named(const struct cfg_context *c, const char *name)
{
	for (struct proxy *p = c->defaults; p; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void no_such_defaults(struct cfg_context *c, const struct token *t)
{
	struct names n = { .count = 0 };

	for (const struct proxy *p = c->defaults; p; p = p->next)
		if (*p->name)
			names_add(&n, p->name);
	unknown_word(c, t, "defaults section", &n);
}

/* The section behind `from`, or the last one where there is no such word; NULL: none. */
static struct proxy *find_origin(struct cfg_context *c, unsigned kind, const struct line *l, size_t at)
{
	if (at >= l->count) {
		struct proxy *last = kind == SECTION_DEFAULTS ? NULL : c->current_defaults;
		if (last)
			last->used_as_last = true;
		return last;
	}
	if (!token_is(&l->words[at], "from")) {
		no_more_words(c, l, at - 1);
		return c->current_defaults;
	}
	if (need_word(c, l, at + 1, "from", "the name of a defaults section"))
		return c->current_defaults;
	no_more_words(c, l, at + 1);
	const struct token *t = &l->words[at + 1];
	struct proxy *p = defaults_named(c, t->text);
	if (!p) {
		no_such_defaults(c, t);
		return c->current_defaults;
	}
	if (p->duplicate) {
		diag_error(c->diag, &t->at, NULL, "there is more than one defaults section '%s'", t->text);
		diag_add(c->diag, DIAG_NOTE, &p->at, NULL, "the first one is here");
	}
	p->used_by_name = true;
	return p;
}

static void warn_mixed_use(struct cfg_context *c, struct proxy *origin, const struct place *at)
{
	if (!origin || !origin->used_by_name || !origin->used_as_last || origin->mix_told)
		return;
	origin->mix_told = true;
	diag_warn(c->diag, at, "use 'from' everywhere, or give the others a defaults section of their own",
		"defaults section '%s' is used by its name and, as the last one, also without it", origin->name);
}

static bool has_rules(const struct proxy *p)
{
	for (unsigned set = 0; set < RULES_SET_COUNT; set++)
		if (p->rules->of[set])
			return true;
	return false;
}

/* Rules of a defaults section run before those of whoever uses it; then all must be of one side. */
static void check_rule_sides(struct cfg_context *c, struct proxy *p, struct proxy *origin)
{
	bool front = p->kind & (SECTION_FRONTEND | SECTION_LISTEN), back = p->kind & (SECTION_BACKEND | SECTION_LISTEN);

	origin->used_by_front |= front;
	origin->used_by_back |= back;
	if (origin->used_by_front && origin->used_by_back && has_rules(origin))
		diag_error(c->diag, &p->at, NULL,
			"defaults section '%s' has rules, so frontends and backends cannot both use it", origin->name);
}

static int inherit_rules(struct cfg_context *c, struct proxy *p, const struct proxy *origin)
{
	*p->rules = *origin->rules;
	for (unsigned set = 0; set < RULES_SET_COUNT; set++) {
		const struct rules *from = origin->rules->of[set];
		struct rules *to = from ? arena_alloc(c->arena, sizeof(*to)) : NULL;
		if (from && !to)
			return -ENOMEM;
		p->rules->of[set] = to;
		if (!to)
			continue;
		*to = *from;
		to->room = to->count; /* the next one that is appended moves the array */
	}
	return 0;
}

static int inherit(struct cfg_context *c, struct proxy *p, struct proxy *origin)
{
	if (!origin) {
		proxy_settings_init(&p->set);
		return 0;
	}
	check_rule_sides(c, p, origin);
	if (p->back)
		p->back->checks = origin->back->checks;
	int err = inherit_rules(c, p, origin);
	return err ? err : proxy_settings_copy(&p->set, &origin->set, c->arena);
}

/* Overlap of what two sections are: frontends with frontends, backends with backends. */
static bool overlap(unsigned a, unsigned b)
{
	unsigned front = SECTION_FRONTEND | SECTION_LISTEN, back = SECTION_BACKEND | SECTION_LISTEN;

	return (a & front && b & front) || (a & back && b & back);
}

static void check_duplicate(struct cfg_context *c, struct proxy *p)
{
	struct proxy *first = p->kind == SECTION_DEFAULTS ? c->defaults : c->proxies;

	for (; first && first != p; first = first->next) {
		bool same = p->kind == SECTION_DEFAULTS ? *p->name : overlap(first->kind, p->kind);
		if (!same || strcmp(first->name, p->name) != 0)
			continue;
		p->duplicate = true;
		if (p->kind == SECTION_DEFAULTS) { /* an error only where somebody asks for it by name */
			first->duplicate = true;
			return;
		}
		diag_error(c->diag, &p->at, NULL, "%s '%s' has the same name as another %s", section_name(p->kind),
			p->name, section_name(first->kind));
		diag_add(c->diag, DIAG_NOTE, &first->at, NULL, "which is here");
		return;
	}
}

static void check_name(struct cfg_context *c, struct proxy *p)
{
	if (is_name(p->name))
		return;
	diag_error(c->diag, &p->at, "letters, digits, '-', '_', '.' and ':' may be in it",
		"'%s' cannot be the name of a section", p->name);
	p->nameless = true;
}

static int make_sides(struct proxy *p)
{
	if (p->kind & (SECTION_FRONTEND | SECTION_LISTEN))
		p->front = frontend_new(p->name);
	if (p->kind != SECTION_FRONTEND)
		p->back = backend_new(p->name);
	bool ok = (p->kind & (SECTION_BACKEND | SECTION_DEFAULTS) || p->front) &&
	          (p->kind == SECTION_FRONTEND || p->back);
	return ok ? 0 : -ENOMEM;
}

static void append(struct cfg_context *c, struct proxy *p)
{
	struct proxy ***last = p->kind == SECTION_DEFAULTS ? &c->last_defaults : &c->last_proxy;

	**last = p;
	*last = &p->next;
}

/* Reads the name, if it has one; *at moves on to `from`. */
static void read_name(struct cfg_context *c, struct proxy *p, const struct line *l, size_t *at)
{
	p->name = "";
	p->at = l->words[0].at;
	*at = 1;
	bool named = l->count > 1 && l->words[1].len > 0 &&
	             !(token_is(&l->words[1], "from") && (p->kind == SECTION_DEFAULTS || l->count == 3));
	if (named) {
		p->name = l->words[1].text;
		p->at = l->words[1].at;
		*at = 2;
		if (p->kind != SECTION_DEFAULTS)
			check_name(c, p);
		return;
	}
	p->nameless = true;
	if (p->kind == SECTION_DEFAULTS)
		return;
	*at = l->count; /* `from` without a name: nothing more to say */
	need_word(c, l, 1, l->words[0].text, "a name");
	if (l->count > 1 && l->words[1].len > 0)
		diag_error(c->diag, &l->words[1].at, NULL, "'%s' needs a name before 'from'", l->words[0].text);
}

static int begin_proxy(struct cfg_context *c, unsigned kind, const struct line *l)
{
	struct proxy *p = arena_zalloc(c->arena, sizeof(*p));
	size_t at;

	if (!p)
		return out_of_memory(c, &l->words[0].at);
	p->kind = kind;
	read_name(c, p, l, &at);
	append(c, p);
	p->acls = arena_alloc(c->arena, sizeof(*p->acls));
	p->rules = arena_zalloc(c->arena, sizeof(*p->rules));
	struct log_captures *captures = arena_zalloc(c->arena, sizeof(*captures));
	if (make_sides(p) || !p->acls || !p->rules || !captures)
		return out_of_memory(c, &p->at);
	acl_set_init(p->acls);
	if (!p->nameless)
		check_duplicate(c, p);
	struct proxy *origin = find_origin(c, kind, l, at);
	warn_mixed_use(c, origin, &p->at);
	if (inherit(c, p, origin))
		return out_of_memory(c, &p->at);
	if (kind & (SECTION_FRONTEND | SECTION_LISTEN))
		p->rules->captures = captures;
	if (kind == SECTION_DEFAULTS)
		c->current_defaults = p;
	c->proxy = p;
	return 0;
}

/* Sections that are no proxies. */
static const struct {
	unsigned kind;
	int (*begin)(struct cfg_context *c, const struct line *l);
} others[] = {
	{ SECTION_USERLIST, userlist_begin },
	{ SECTION_HTTP_ERRORS, http_errors_begin },
};

/* Where it has no name there is nothing that its lines could be put into. */
static int begin_other(struct cfg_context *c, const struct line *l,
	int (*begin)(struct cfg_context *c, const struct line *l))
{
	int err = begin(c, l);

	if (err) {
		c->section = 0;
		c->skip = true;
	}
	return err;
}

int section_begin(struct cfg_context *c, unsigned kind, const struct line *l)
{
	section_end(c);
	const struct unsupported *u = kind ? NULL : unsupported_find(unsupported_sections, l->words[0].text);
	if (u) {
		c->skip = true;
		return unsupported_word(c, &l->words[0].at, u);
	}
	c->section = kind;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].kind == kind)
			return begin_other(c, l, others[i].begin);
	if (kind != SECTION_GLOBAL)
		return begin_proxy(c, kind, l);
	return no_more_words(c, l, 0);
}
