/* Lists of users: see userlist.h.  Passwords are compared by crypt(3), which knows from the stored text how it was hashed,
 * or byte by byte where they are stored as they are; neither tells by its time where they differ.
 */
#include "ballast/sample/userlist.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

#include "ballast/base/arena.h"
#include "ballast/base/strmap.h"
#include "ballast/sample/release.h"

enum { PASSWORD_MAX = 255, SLOW_MS = 20, CACHE_SLOTS = 256, SECRET_BYTES = 192 };

struct name {
	struct name *next;
	const char *text;
	struct place at;
};

struct group {
	struct name *users; /* as written, until resolved */
	const char *name;
	struct group *next;
};

struct userlist_user {
	const char *name;
	const char *stored; /* NULL: no password lets in */
	bool hashed;
	uint64_t id; /* of all users ever read: what a cache knows of one must never be taken for another's */
	struct name *groups;
	struct userlist_user *next;
};

struct userlist {
	struct userlist *next;
	const struct arena *of;
	struct arena *arena;
	const char *name;
	struct place named, defined;
	bool is_defined;
	struct userlist_user *users;
	struct group *groups;
	struct strmap by_name;
	bool was_timed; /* `hashed` passwords were */
};

static struct userlist *all;
static uint64_t last_id;

/* ---- by name ---- */

static void list_free(void *ptr)
{
	struct userlist **at = &all, *l = ptr;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	strmap_free(&l->by_name);
	free(l);
}

static struct userlist *find(const struct arena *a, struct slice name)
{
	for (struct userlist *l = all; l; l = l->next)
		if (l->of == a && slice_eq(slice_from_str(l->name), name))
			return l;
	return NULL;
}

struct userlist *userlist_refer(struct arena *a, struct slice name, const struct place *at)
{
	struct userlist *l = find(a, name);
	struct slice copy;

	if (l)
		return l;
	copy = arena_copy(a, name);
	l = copy.ptr ? calloc(1, sizeof *l) : NULL;
	if (!l)
		return NULL;
	l->of = l->arena = a;
	l->name = copy.ptr;
	if (at)
		l->named = *at;
	l->next = all;
	all = l;
	return sample_own(a, l, list_free) ? NULL : l;
}

struct userlist *userlist_define(struct arena *a, const struct token *name, struct diag *d)
{
	struct userlist *l = userlist_refer(a, token_slice(name), &name->at);

	if (l && l->is_defined) {
		diag_error(d, &name->at, NULL, "there is a userlist '%s' already", name->text);
		diag_add(d, DIAG_NOTE, &l->defined, NULL, "the first one is here");
		return NULL;
	}
	if (!l) {
		diag_error(d, &name->at, NULL, "out of memory");
		return NULL;
	}
	l->is_defined = true;
	l->defined = name->at;
	return l;
}

/* ---- reading ---- */

/* "a,b" of a word as names. */
static int read_names(struct userlist *l, const struct token *t, struct name **into, const char *what, struct diag *d)
{
	struct slice rest = token_slice(t);

	while (*into)
		into = &(*into)->next;
	for (;;) {
		ptrdiff_t comma = slice_find_byte(rest, ',');
		struct slice part = comma < 0 ? rest : slice_of(rest.ptr, (size_t)comma);
		struct name *n = arena_zalloc(l->arena, sizeof *n);
		if (!part.len) {
			diag_error(d, &t->at, NULL, "a %s's name is missing in '%s'", what, t->text);
			return -EINVAL;
		}
		if (!n || !(n->text = arena_copy(l->arena, part).ptr))
			return -ENOMEM;
		n->at = t->at;
		*into = n;
		into = &n->next;
		if (comma < 0)
			return 0;
		rest = slice_skip(rest, (size_t)comma + 1);
	}
}

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Whether crypt(3) hashes `password` to `stored`. */
__attribute__((noinline)) static bool hashes_to(const char *password, const char *stored)
{
	struct crypt_data data;
	const char *hash;
	size_t len = strlen(stored);
	unsigned differs = 0;

	memset(&data, 0, sizeof data);
	hash = crypt_r(password, stored, &data);
	if (!hash || hash[0] == '*' || strlen(hash) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned)(hash[i] ^ stored[i]);
	return !differs;
}

static bool is_known_hash(const char *stored)
{
	struct crypt_data data;
	const char *hash;

	memset(&data, 0, sizeof data);
	hash = crypt_r("", stored, &data);
	return hash && hash[0] != '*' && strlen(hash) == strlen(stored);
}

/* The first one of a list tells how long the others take. */
static int check_hash(struct userlist *l, const struct token *t, struct diag *d)
{
	uint64_t from = now_us(), ms;

	if (l->was_timed)
		return 0;
	l->was_timed = true;
	if (!is_known_hash(t->text)) {
		diag_error(d, &t->at, "insecure-password takes a password as it is; mkpasswd makes hashes",
			"this is no hash that crypt(3) of this system knows");
		return -EINVAL;
	}
	ms = (now_us() - from) / 1000;
	if (ms > SLOW_MS)
		diag_warn(d, &t->at, "hash with fewer rounds",
			"a password that was not seen lately takes %llu ms to check, in which its thread serves nobody",
			(unsigned long long)ms);
	return 0;
}

static int read_password(struct userlist *l, struct userlist_user *u, const struct token *t, bool hashed,
	struct diag *d)
{
	if (u->stored) {
		diag_error(d, &t->at, NULL, "user '%s' has a password already", u->name);
		return -EINVAL;
	}
	if (t->len > PASSWORD_MAX) {
		diag_error(d, &t->at, NULL, "a password has at most %d bytes", PASSWORD_MAX);
		return -EINVAL;
	}
	u->stored = t->text;
	u->hashed = hashed;
	return hashed ? check_hash(l, t, d) : 0;
}

static const struct token *argument(const struct line *l, size_t at, const char *what, struct diag *d)
{
	if (at < l->count && l->words[at].len)
		return &l->words[at];
	diag_error(d, &l->words[at < l->count ? at : l->count].at, NULL, "'%s' expects %s", l->words[at - 1].text,
		what);
	return NULL;
}

static int read_user_words(struct userlist *l, struct userlist_user *u, const struct line *line, struct diag *d)
{
	static const char *const words[] = { "password", "insecure-password", "groups", NULL };
	int rc = 0;

	for (size_t at = 2; at < line->count && rc == 0; at += 2) {
		unsigned word;
		if (token_choice(&line->words[at], "argument of 'user'", words, &word, d) < 0)
			return -EINVAL;
		const struct token *t = argument(line, at + 1, word == 2 ? "names of groups" : "a password", d);
		if (!t)
			return -EINVAL;
		rc = word == 2 ? read_names(l, t, &u->groups, "group", d) : read_password(l, u, t, word == 0, d);
	}
	return rc;
}

int userlist_add_user(struct userlist *l, const struct line *line, struct diag *d)
{
	const struct token *t = argument(line, 1, "a name", d);
	struct userlist_user *u = arena_zalloc(l->arena, sizeof *u);
	int rc;

	if (!t)
		return -EINVAL;
	if (!u)
		return -ENOMEM;
	u->name = t->text;
	u->id = ++last_id;
	rc = strmap_put(&l->by_name, token_slice(t), u);
	if (rc == -EEXIST) {
		diag_error(d, &t->at, NULL, "userlist '%s' has a user '%s' already", l->name, t->text);
		return -EINVAL;
	}
	u->next = l->users;
	l->users = u;
	return rc ? rc : read_user_words(l, u, line, d);
}

static struct group *find_group(const struct userlist *l, const char *name)
{
	for (struct group *g = l->groups; g; g = g->next)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

int userlist_add_group(struct userlist *l, const struct line *line, struct diag *d)
{
	const struct token *t = argument(line, 1, "a name", d), *users;
	struct group *g = arena_zalloc(l->arena, sizeof *g);

	if (!t)
		return -EINVAL;
	if (!g)
		return -ENOMEM;
	if (find_group(l, t->text)) {
		diag_error(d, &t->at, NULL, "userlist '%s' has a group '%s' already", l->name, t->text);
		return -EINVAL;
	}
	g->name = t->text;
	g->next = l->groups;
	l->groups = g;
	for (size_t at = 2; at < line->count; at += 2) {
		if (!token_is(&line->words[at], "users")) {
			diag_error(d, &line->words[at].at, NULL, "'%s' is not expected behind a group's name",
				line->words[at].text);
			return -EINVAL;
		}
		users = argument(line, at + 1, "names of users", d);
		int rc = users ? read_names(l, users, &g->users, "user", d) : -EINVAL;
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- when all is read ---- */

/* Names of a list that are nearest to what is not there. */
static void no_such_list(const struct userlist *l, struct diag *d)
{
	const char *names[64], *near;
	size_t count = 0;

	for (const struct userlist *o = all; o && count < 64; o = o->next)
		if (o->of == l->of && o->is_defined)
			names[count++] = o->name;
	near = diag_nearest(slice_from_str(l->name), names, count);
	diag_error(d, l->named.line ? &l->named : NULL,
		near ? arena_printf(&d->arena, "did you mean '%s'?", near).ptr : NULL, "there is no userlist '%s'",
		l->name);
}

static int put_into_group(struct userlist *l, const struct group *g, struct diag *d)
{
	for (const struct name *n = g->users; n; n = n->next) {
		struct userlist_user *u = strmap_get(&l->by_name, slice_from_str(n->text));
		if (!u) {
			diag_error(d, &n->at, NULL, "group '%s' names a user '%s' who is not in userlist '%s'", g->name,
				n->text, l->name);
			continue;
		}
		struct name *in = arena_zalloc(l->arena, sizeof *in);
		if (!in)
			return -ENOMEM;
		*in = (struct name){ u->groups, g->name, n->at };
		u->groups = in;
	}
	return 0;
}

static int resolve(struct userlist *l, struct diag *d)
{
	if (!l->is_defined) {
		no_such_list(l, d);
		return 0;
	}
	for (const struct userlist_user *u = l->users; u; u = u->next)
		for (const struct name *n = u->groups; n; n = n->next)
			if (!find_group(l, n->text))
				diag_error(d, &n->at, NULL,
					"user '%s' is to be in group '%s', which userlist '%s' has not", u->name,
					n->text, l->name);
	for (const struct group *g = l->groups; g; g = g->next) {
		int rc = put_into_group(l, g, d);
		if (rc)
			return rc;
	}
	return 0;
}

int userlists_resolve(const struct arena *a, struct diag *d)
{
	int rc = 0;

	for (struct userlist *l = all; l && !rc; l = l->next)
		if (l->of == a)
			rc = resolve(l, d);
	return rc;
}

/* ---- while running ---- */

/* What this thread tried lately.  Keyed, so that nobody can choose two passwords that are taken for one another, and
 * nothing of a password lies in memory. */
static __thread struct {
	bool ready;
	uint8_t secret[SECRET_BYTES];
	struct tried {
		uint64_t user;
		XXH128_hash_t password;
		bool good;
	} slot[CACHE_SLOTS];
} cache;

static bool check_hashed(const struct userlist_user *u, const char *password, size_t len)
{
	XXH128_hash_t key;
	struct tried *t;

	if (!cache.ready) {
		arc4random_buf(cache.secret, sizeof cache.secret);
		cache.ready = true;
	}
	key = XXH3_128bits_withSecret(password, len, cache.secret, sizeof cache.secret);
	t = &cache.slot[(key.low64 ^ u->id) % CACHE_SLOTS];
	if (t->user == u->id && XXH128_isEqual(t->password, key))
		return t->good;
	*t = (struct tried){ u->id, key, hashes_to(password, u->stored) };
	return t->good;
}

static bool check_plain(const struct userlist_user *u, const char *password, size_t len)
{
	size_t stored = strlen(u->stored);
	unsigned differs = stored != len;

	for (size_t i = 0; i < len; i++)
		differs |= (unsigned)(password[i] ^ u->stored[stored ? i % stored : 0]);
	return !differs;
}

const struct userlist_user *userlist_check(const struct userlist *l, struct slice name, struct slice password)
{
	const struct userlist_user *u = strmap_get(&l->by_name, name);
	char text[PASSWORD_MAX + 1];

	if (!u || !u->stored || password.len > PASSWORD_MAX)
		return NULL;
	if (password.len) {
		if (memchr(password.ptr, 0, password.len))
			return NULL;
		memcpy(text, password.ptr, password.len);
	}
	text[password.len] = 0;
	bool good = u->hashed ? check_hashed(u, text, password.len) : check_plain(u, text, password.len);
	explicit_bzero(text, password.len);
	return good ? u : NULL;
}

const char *userlist_group(const struct userlist_user *u, unsigned i)
{
	const struct name *n = u->groups;

	while (n && i--)
		n = n->next;
	return n ? n->text : NULL;
}
