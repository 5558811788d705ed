/* userlist: sections of users, passwords and groups; the room `sample` keeps and asks them. */
#include "ballast/sample/userlist.h"

#include <errno.h>

#include "directive.h"

int userlist_begin(struct cfg_context *c, const struct line *l)
{
	if (need_word(c, l, 1, "userlist", "a name") || no_more_words(c, l, 1))
		return -EINVAL;
	c->userlist = userlist_define(c->arena, &l->words[1], c->diag);
	return c->userlist ? 0 : -EINVAL;
}

static int parse_user(struct cfg_context *c, const struct line *l)
{
	int err = userlist_add_user(c->userlist, l, c->diag);
	return err == -ENOMEM ? out_of_memory(c, &l->words[0].at) : err;
}

static int parse_group(struct cfg_context *c, const struct line *l)
{
	int err = userlist_add_group(c->userlist, l, c->diag);
	return err == -ENOMEM ? out_of_memory(c, &l->words[0].at) : err;
}

const struct directive userlist_directives[] = {
	{ "user", SECTION_USERLIST, "<name> [password|insecure-password <password>] [groups <group>[,<group>...]]",
		"a user; 'password' is a hash of crypt(3)", parse_user, false, false },
	{ "group", SECTION_USERLIST, "<name> [users <user>[,<user>...]]", "a group of users", parse_group, false,
		false },
	{ 0 },
};
