/* routing: named ACLs and which backend a request goes to. */
#include <errno.h>

#include "directive.h"

static int parse_acl(struct cfg_context *c, const struct line *l)
{
	if (c->section == SECTION_DEFAULTS && !*c->proxy->name) {
		diag_error(c->diag, &l->words[0].at, "defaults NAME", "'acl' needs a defaults section with a name");
		return -EINVAL;
	}
	return acl_parse(l, c->proxy->acls, c->arena, c->diag);
}

static int parse_default_backend(struct cfg_context *c, const struct line *l)
{
	struct proxy_settings *s = &c->proxy->set;

	if (value_string(c, l, 1, "the name of a backend", &s->default_backend))
		return -EINVAL;
	s->default_backend_at = l->words[1].at;
	return 0;
}

/* The condition behind words[1], if there is one. */
static int read_condition(struct cfg_context *c, const struct line *l, struct use_backend *u)
{
	if (l->count == 2)
		return 0;
	if (cond_find(l, 2) != 2) {
		diag_error(c->diag, &l->words[2].at, NULL, "a condition begins with 'if' or 'unless', not '%s'",
			l->words[2].text);
		return -EINVAL;
	}
	u->cond = cond_parse(l, 2, c->proxy->acls, PHASE_REQUEST, c->arena, c->diag);
	return u->cond ? 0 : -EINVAL;
}

/* A name that is made for each request. */
static int read_format(struct cfg_context *c, struct use_backend *u)
{
	struct slice text;

	if (!strchr(u->name, '%'))
		return 0;
	struct format *f = format_parse(u->name, &u->at, FORMAT_VALUE, PHASE_REQUEST, c->arena, c->diag);
	if (!f)
		return -EINVAL;
	if (!format_is_literal(f, &text)) {
		u->format = f;
		return 0;
	}
	text = arena_copy(c->arena, text);
	u->name = text.ptr;
	return text.ptr ? 0 : out_of_memory(c, &u->at);
}

static int parse_use_backend(struct cfg_context *c, const struct line *l)
{
	struct proxy *p = c->proxy;
	struct use_backend u = { 0 };

	if (need_word(c, l, 1, "use_backend", "the name of a backend"))
		return -EINVAL;
	note_rule_order(c, l, ORDER_USE_BACKEND);
	u.name = l->words[1].text;
	u.at = l->words[1].at;
	int err = read_format(c, &u);
	if (!err)
		err = read_condition(c, l, &u);
	if (err)
		return err;
	struct use_backend *grown =
		array_room(c->arena, p->use_backends, p->use_backend_count, &p->use_backend_room, sizeof(u));
	if (!grown)
		return out_of_memory(c, &u.at);
	grown[p->use_backend_count++] = u;
	p->use_backends = grown;
	return 0;
}

const struct directive routing_directives[] = {
	{ "acl", SECTION_PROXY, "<name> <criterion> [<flags>] [<operator>] [<value>...]", "a named test", parse_acl,
		false, false },
	{ "default_backend", SECTION_FRONT, "<backend>", "where requests go that no use_backend takes",
		parse_default_backend, false, false },
	{ "use_backend", SECTION_FRONTEND | SECTION_LISTEN, "<backend> [if|unless <condition>]",
		"where requests go for which the condition holds", parse_use_backend, false, false },
	{ 0 },
};
