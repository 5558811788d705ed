/* Lists of patterns: read from files, indexed, changed: see ballast/sample/map.h. */
#include "ballast/base/file_list.h"
#include "pattern_list.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "ballast/sample/release.h"
#include "private.h"

struct pattern_index {
	struct pattern_index *next;
	enum match_kind kind;
	bool fold;
	bool has_table, has_built;
	const struct pattern_table *exact; /* where readers look */
	bool shared;                       /* exact text as it is: the list's own table */
	struct pattern_table table;        /* exact texts without case; single addresses */
	_Atomic(struct pattern_built *) built;
	struct pattern_built *fresh; /* prepared, not published yet */
};

/* What a file was when it was read; zeros: there was none. */
struct file_stamp {
	dev_t dev;
	ino_t inode;
	off_t size;
	struct timespec changed, touched;
};

struct pattern_list {
	unsigned users;      /* under registry.lock */
	struct arena *arena; /* of the configuration that read it, or took it over last */
	const char *name;
	unsigned id;
	bool map;
	struct file_stamp stamp;
	pthread_mutex_t lock;         /* writers */
	struct pattern_entry **entry; /* in order, with holes */
	size_t count, room, live;
	uint64_t next_order;
	bool repeats; /* some key may be there twice */
	struct pattern_table by_key;
	struct pattern_index *indexes, **last_index;
};

/* That a configuration uses a list. */
struct pattern_use {
	struct pattern_use *next;
	const struct arena *arena;
	struct pattern_list *list;
};

/* Configurations are read and given up by one thread while others look lists up. */
static struct {
	pthread_mutex_t lock;
	struct pattern_use *uses, **last;
	unsigned next_id;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER, .last = &registry.uses };

/* ---- the registry ---- */

struct pattern_list *pattern_list_next(const struct arena *a, const struct pattern_list *l)
{
	bool passed = !l;
	struct pattern_use *u;

	pthread_mutex_lock(&registry.lock);
	for (u = registry.uses; u && !(passed && u->arena == a); u = u->next)
		passed |= u->arena == a && u->list == l;
	pthread_mutex_unlock(&registry.lock);
	return u ? u->list : NULL;
}

const char *pattern_list_name(const struct pattern_list *l)
{
	return l->name;
}

unsigned pattern_list_id(const struct pattern_list *l)
{
	return l->id;
}

bool pattern_list_is_map(const struct pattern_list *l)
{
	return l->map;
}

size_t pattern_list_count(struct pattern_list *l)
{
	pthread_mutex_lock(&l->lock);
	size_t live = l->live;
	pthread_mutex_unlock(&l->lock);
	return live;
}

static void list_free(struct pattern_list *l)
{
	for (struct pattern_index *i = l->indexes, *next; i; i = next) {
		next = i->next;
		pattern_table_reset(&i->table);
		pattern_built_free(atomic_load(&i->built));
		free(i);
	}
	pattern_table_reset(&l->by_key);
	for (size_t i = 0; i < l->count; i++)
		free(l->entry[i]);
	free(l->entry);
	free((char *)l->name);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* When the configuration is given up: no reader of it is left. */
static void use_free(void *ptr)
{
	struct pattern_use *u = ptr, **at;
	bool last;

	pthread_mutex_lock(&registry.lock);
	for (at = &registry.uses; *at != u; at = &(*at)->next)
		;
	*at = u->next;
	if (registry.last == &u->next)
		registry.last = at;
	last = --u->list->users == 0;
	pthread_mutex_unlock(&registry.lock);
	if (last)
		list_free(u->list);
	free(u);
}

/* The list belongs to that configuration too; takes its place of a new list over. */
static struct pattern_list *use(struct arena *a, struct pattern_list *l)
{
	struct pattern_use *u = malloc(sizeof *u);

	if (!u) {
		if (!l->users)
			list_free(l);
		return NULL;
	}
	*u = (struct pattern_use){ .arena = a, .list = l };
	pthread_mutex_lock(&registry.lock);
	if (!l->users++)
		l->id = registry.next_id++;
	*registry.last = u;
	registry.last = &u->next;
	pthread_mutex_unlock(&registry.lock);
	l->arena = a;
	return sample_own(a, u, use_free) ? NULL : l;
}

static struct pattern_list *list_new(struct arena *a, const char *name, bool map, const struct file_stamp *stamp)
{
	struct pattern_list *l = calloc(1, sizeof *l);
	char *copy = strdup(name);
	if (!l || !copy) {
		free(l);
		free(copy);
		return NULL;
	}
	*l = (struct pattern_list){ .name = copy, .map = map, .stamp = *stamp };
	pthread_mutex_init(&l->lock, NULL);
	l->last_index = &l->indexes;
	return use(a, l);
}

/* The list that another configuration has of the same file as it is now, with what was changed in it since. */
static struct pattern_list *find_living(const char *name, bool map, const struct file_stamp *stamp)
{
	struct pattern_list *found = NULL;

	pthread_mutex_lock(&registry.lock);
	for (struct pattern_use *u = registry.uses; u; u = u->next)
		if (u->list->map == map && strcmp(u->list->name, name) == 0 &&
			memcmp(&u->list->stamp, stamp, sizeof *stamp) == 0)
			found = u->list;
	pthread_mutex_unlock(&registry.lock);
	return found;
}

/* The file's path in the name. */
static const char *path_of(const char *name)
{
	return name + (strncmp(name, "opt@", 4) == 0 ? 4 : strncmp(name, "file@", 5) == 0 ? 5 : 0);
}

/* ---- entries ---- */

static struct pattern_entry *entry_new(struct slice key, struct slice value)
{
	struct pattern_entry *e = malloc(sizeof *e + key.len + value.len + 2);
	struct ip_pattern ip;
	if (!e)
		return NULL;
	*e = (struct pattern_entry){ .key = slice_of(e->bytes, key.len),
		.value = slice_of(e->bytes + key.len + 1, value.len) };
	memcpy(e->bytes, key.ptr, key.len);
	e->bytes[key.len] = 0;
	if (value.len)
		memcpy(e->bytes + key.len + 1, value.ptr, value.len);
	e->bytes[key.len + 1 + value.len] = 0;
	if (ip_pattern_parse(key, &ip))
		return e;
	if (!ip.v6 && ip.v4_mask == ~0u) {
		uint32_t addr = htonl(ip.v4_addr);
		e->addr_bytes = 4;
		memcpy(e->addr, &addr, 4);
	} else if (ip.v6 && ip.v6_low == ip.v6_high) {
		e->addr_bytes = 16;
		for (int i = 0; i < 16; i++)
			e->addr[i] = (uint8_t)(ip.v6_low >> (120 - 8 * i));
	}
	return e;
}

static int append(struct pattern_list *l, struct pattern_entry *e)
{
	if (l->count == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		void *more = room < UINT32_MAX ? reallocarray(l->entry, room, sizeof *l->entry) : NULL;
		if (!more)
			return -ENOMEM;
		l->entry = more;
		l->room = room;
	}
	e->order = l->next_order++;
	e->place = (uint32_t)l->count;
	int err = pattern_table_add(&l->by_key, e);
	if (err < 0)
		return err;
	l->repeats |= err;
	l->entry[l->count++] = e;
	l->live++;
	return 0;
}

/* ---- indexes ---- */

static bool uses_table(const struct pattern_index *i, const struct pattern_entry *e)
{
	return i->has_table && !i->shared && (i->kind != MATCH_IP || e->addr_bytes);
}

/* All but exact texts. */
static const char *rebuild(struct pattern_list *l, struct pattern_index *i)
{
	struct pattern_built *now = NULL;
	const char *wrong = "is out of memory";
	if (pattern_build(i->kind, i->fold, l->entry, l->count, &now, &wrong))
		return wrong;
	pattern_built_retire(atomic_exchange(&i->built, now));
	return NULL;
}

static void give_up(struct pattern_list *l)
{
	for (struct pattern_index *i = l->indexes; i; i = i->next) {
		pattern_built_free(i->fresh);
		i->fresh = NULL;
	}
}

/* Builds what has to be built again for this entry (NULL: for all), beside what readers use: where that fails, nothing
 * may be freed that the old one names. */
static int prepare(struct pattern_list *l, const struct pattern_entry *e)
{
	const char *wrong;
	for (struct pattern_index *i = l->indexes; i; i = i->next)
		if (i->has_built && !(e && uses_table(i, e)) &&
			pattern_build(i->kind, i->fold, l->entry, l->count, &i->fresh, &wrong)) {
			give_up(l);
			return -ENOMEM;
		}
	return 0;
}

/* What was prepared takes its place. */
static void publish(struct pattern_list *l)
{
	for (struct pattern_index *i = l->indexes; i; i = i->next)
		if (i->fresh) {
			pattern_built_retire(atomic_exchange(&i->built, i->fresh));
			i->fresh = NULL;
		}
}

static int fill_table(struct pattern_list *l, struct pattern_index *i)
{
	struct pattern_table fresh = { .by = i->table.by };
	int err = 0;
	for (size_t k = 0; err >= 0 && !i->shared && k < l->count; k++)
		if (l->entry[k] && uses_table(i, l->entry[k]))
			err = pattern_table_add(&fresh, l->entry[k]);
	if (err < 0)
		pattern_table_reset(&fresh);
	else
		pattern_table_swap(&i->table, &fresh);
	return err < 0 ? err : 0;
}

static void refill_tables(struct pattern_list *l)
{
	for (struct pattern_index *i = l->indexes; i; i = i->next)
		if (i->has_table)
			fill_table(l, i);
}

/* Every index again, after many changes. */
static const char *rebuild_all(struct pattern_list *l)
{
	const char *wrong = NULL;
	for (struct pattern_index *i = l->indexes; i && !wrong; i = i->next) {
		if (i->has_table && fill_table(l, i))
			wrong = "is out of memory";
		else if (i->has_built)
			wrong = rebuild(l, i);
	}
	return wrong;
}

/* Which lines are wrong: said as for patterns that stand in a condition. */
static void tell_faults(struct pattern_list *l, const struct pattern_index *i, const struct place *at, struct diag *d)
{
	struct patterns *p = patterns_new(i->kind, l->arena);
	unsigned told = d->count[DIAG_ALERT];
	for (size_t k = 0; p && k < l->count; k++) {
		const struct pattern_entry *e = l->entry[k];
		char *text = arena_strdup(l->arena, e->key.ptr), *file = arena_strdup(l->arena, path_of(l->name));
		struct place line = { file, text, e->line, 1, (unsigned)e->key.len };
		if (text && file && pattern_entry_fault(i->kind, i->fold, e))
			patterns_add(p, slice_of(text, e->key.len), PATTERN_NO_DNS | (i->fold ? PATTERN_FOLD : 0),
				OP_EQ, &line, d);
	}
	if (told == d->count[DIAG_ALERT])
		diag_error(d, at, NULL, "the patterns of '%s' cannot be used", l->name);
}

struct pattern_index *pattern_list_index(struct pattern_list *l, enum match_kind kind, bool fold,
	const struct place *at, struct diag *d)
{
	bool exact = kind == MATCH_STR;
	for (struct pattern_index *i = l->indexes; i; i = i->next)
		if (i->kind == kind && i->fold == fold)
			return i;
	struct pattern_index *i = calloc(1, sizeof *i);
	if (!i)
		return NULL;
	*i = (struct pattern_index){ .kind = kind,
		.fold = fold,
		.has_table = exact || kind == MATCH_IP,
		.has_built = !exact };
	i->shared = exact && !fold;
	i->exact = i->shared ? &l->by_key : &i->table;
	i->table.by = kind == MATCH_IP ? KEY_ADDR : fold ? KEY_FOLDED : KEY_TEXT;
	pthread_mutex_lock(&l->lock); /* it may serve another configuration meanwhile */
	const char *wrong = i->has_table && fill_table(l, i) ? "is out of memory" : NULL;
	if (!wrong && i->has_built && (wrong = rebuild(l, i)))
		tell_faults(l, i, at, d);
	if (!wrong) {
		*l->last_index = i;
		l->last_index = &i->next;
	}
	pthread_mutex_unlock(&l->lock);
	if (!wrong)
		return i;
	pattern_table_reset(&i->table);
	pattern_built_free(atomic_load(&i->built));
	free(i);
	return NULL;
}

static const struct pattern_entry *find_addr(const struct pattern_table *t, const struct sample *s)
{
	const struct pattern_entry *e;
	struct in6_addr v6 = s->type == SAMPLE_IPV4 ? ipv4_to_ipv6(s->ip4) : s->ip6;
	struct in_addr v4 = s->ip4;
	bool has_v4 = s->type == SAMPLE_IPV4 || ipv6_to_ipv4(&s->ip6, &v4);
	e = has_v4 ? pattern_table_find(t, slice_of((const char *)&v4, 4)) : NULL;
	return e ? e : pattern_table_find(t, slice_of((const char *)&v6, 16));
}

const struct pattern_entry *pattern_index_find(const struct pattern_index *i, const struct sample *s)
{
	const struct pattern_entry *e = NULL;
	if (i->has_table)
		e = i->kind == MATCH_IP ? find_addr(i->exact, s) : pattern_table_find(i->exact, s->str);
	if (e || !i->has_built)
		return e;
	const struct pattern_built *b = atomic_load_explicit(&i->built, memory_order_acquire);
	return b ? pattern_built_find(b, s) : NULL;
}

/* ---- changes ---- */

/* What is wrong with a key for the matches that are asked of the list. */
static const char *entry_fault(const struct pattern_list *l, const struct pattern_entry *e)
{
	const char *wrong = NULL;
	for (const struct pattern_index *i = l->indexes; i && !wrong; i = i->next)
		wrong = pattern_entry_fault(i->kind, i->fold, e);
	return wrong;
}

static const char *index_one(struct pattern_list *l, const struct pattern_entry *e)
{
	const char *wrong = NULL;
	for (struct pattern_index *i = l->indexes; i && !wrong; i = i->next) {
		if (uses_table(i, e))
			wrong = pattern_table_add(&i->table, e) < 0 ? "is out of memory" : NULL;
		else if (i->has_built)
			wrong = rebuild(l, i);
	}
	return wrong;
}

static const char *add(struct pattern_list *l, struct slice key, struct slice value, bool index)
{
	struct pattern_entry *e = key.len ? entry_new(key, value) : NULL;
	const char *wrong = key.len ? "is out of memory" : "is empty";
	if (!e)
		return wrong;
	wrong = entry_fault(l, e);
	if (!wrong && append(l, e))
		wrong = "is out of memory";
	if (wrong) {
		free(e);
		return wrong;
	}
	return index ? index_one(l, e) : NULL;
}

const char *pattern_list_add(struct pattern_list *l, struct slice key, struct slice value)
{
	pthread_mutex_lock(&l->lock);
	const char *wrong = add(l, key, value, true);
	pthread_mutex_unlock(&l->lock);
	return wrong;
}

const char *pattern_list_add_once(struct pattern_list *l, struct slice key)
{
	const char *wrong = NULL;
	if (pattern_table_find(&l->by_key, key)) /* most often, and without the mutex */
		return NULL;
	pthread_mutex_lock(&l->lock);
	if (!pattern_table_find(&l->by_key, key))
		wrong = add(l, key, SLICE(""), true);
	pthread_mutex_unlock(&l->lock);
	return wrong;
}

/* Key and value of one line; an empty key where it holds none. */
static void split_line(const struct pattern_list *l, struct slice line, struct slice *key, struct slice *value)
{
	while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
		line.len--;
	if (line.len && line.ptr[0] == '#')
		line.len = 0;
	while (line.len && is_ows(line.ptr[0]))
		line = slice_skip(line, 1);
	*key = line;
	*value = SLICE("");
	if (!l->map)
		return;
	size_t end = 0;
	while (end < key->len && !is_ows(key->ptr[end]))
		end++;
	*value = slice_trim_ows(slice_skip(*key, end));
	key->len = end;
}

static bool next_line(struct slice *text, struct slice *line)
{
	if (!text->len)
		return false;
	ptrdiff_t end = slice_find_byte(*text, '\n');
	*line = end < 0 ? *text : slice_of(text->ptr, (size_t)end);
	*text = slice_skip(*text, end < 0 ? text->len : (size_t)end + 1);
	return true;
}

const char *pattern_list_add_lines(struct pattern_list *l, struct slice lines)
{
	struct slice line, key, value;
	const char *wrong = NULL;
	pthread_mutex_lock(&l->lock);
	while (!wrong && next_line(&lines, &line)) {
		split_line(l, line, &key, &value);
		wrong = key.len ? add(l, key, value, false) : NULL;
	}
	const char *fault = rebuild_all(l);
	pthread_mutex_unlock(&l->lock);
	return wrong ? wrong : fault;
}

/* The first entry of that key at or behind *at; NULL: no more. */
static struct pattern_entry *next_of(struct pattern_list *l, struct slice key, size_t *at)
{
	for (; *at < l->count; ++*at)
		if (l->entry[*at] && slice_eq(l->entry[*at]->key, key))
			return l->entry[(*at)++];
	return NULL;
}

static struct pattern_entry *first_of_key(struct pattern_list *l, struct slice key, size_t *at)
{
	const struct pattern_entry *e = pattern_table_find(&l->by_key, key);
	if (!e)
		return NULL;
	*at = l->repeats ? 0 : l->count; /* without repetition there is no other */
	return l->repeats ? next_of(l, key, at) : l->entry[e->place];
}

static void in_tables(struct pattern_list *l, const struct pattern_entry *e, const struct pattern_entry *with)
{
	pattern_table_replace(&l->by_key, e, with);
	for (struct pattern_index *i = l->indexes; i; i = i->next)
		if (uses_table(i, e))
			pattern_table_replace(&i->table, e, with);
}

/* The entry `e` becomes `now` everywhere, or nowhere. */
static int replace_entry(struct pattern_list *l, struct pattern_entry *e, struct pattern_entry *now)
{
	now->order = e->order;
	now->place = e->place;
	l->entry[e->place] = now;
	if (prepare(l, e)) {
		l->entry[e->place] = e;
		return -ENOMEM;
	}
	in_tables(l, e, now);
	publish(l);
	grace_retire(&e->grace, grace_free);
	return 0;
}

int pattern_list_set(struct pattern_list *l, struct slice key, struct slice value)
{
	struct pattern_entry *e, *now;
	size_t at = 0;
	int err = -ENOENT;
	pthread_mutex_lock(&l->lock);
	for (e = first_of_key(l, key, &at); e && err != -ENOMEM; e = next_of(l, key, &at)) {
		now = entry_new(e->key, value);
		err = now ? replace_entry(l, e, now) : -ENOMEM;
		if (err)
			free(now);
	}
	pthread_mutex_unlock(&l->lock);
	return err;
}

/* Closes the holes where they are half of it. */
static void compact(struct pattern_list *l)
{
	size_t to = 0;
	if (l->count < 64 || l->live > l->count / 2)
		return;
	for (size_t i = 0; i < l->count; i++)
		if (l->entry[i]) {
			l->entry[to] = l->entry[i];
			l->entry[to]->place = (uint32_t)to;
			to++;
		}
	l->count = to;
}

enum { DELETE_MAX = 256 };

/* Removes up to DELETE_MAX entries of that key, in a further round (`again`) such that are in no table. How many, or
 * -ENOMEM: none. */
static int delete_some(struct pattern_list *l, struct slice key, bool again)
{
	struct pattern_entry *e, *gone[DELETE_MAX];
	size_t at = 0;
	int count = 0;
	for (e = again ? next_of(l, key, &at) : first_of_key(l, key, &at); e; e = next_of(l, key, &at)) {
		if (count == DELETE_MAX)
			break;
		gone[count++] = e;
		l->entry[e->place] = NULL;
	}
	int err = count ? prepare(l, gone[0]) : 0;
	for (int i = 0; err && i < count; i++)
		l->entry[gone[i]->place] = gone[i];
	if (err)
		return err;
	for (int i = 0; i < count; i++)
		in_tables(l, gone[i], NULL);
	publish(l);
	l->live -= (size_t)count;
	if (count && l->repeats) /* another one may have been hidden behind it */
		refill_tables(l);
	for (int i = 0; i < count; i++)
		grace_retire(&gone[i]->grace, grace_free);
	return count;
}

int pattern_list_delete(struct pattern_list *l, struct slice key)
{
	bool found = false;
	int count;
	pthread_mutex_lock(&l->lock);
	do {
		count = delete_some(l, key, found);
		found = found || count > 0;
	} while (count == DELETE_MAX);
	compact(l);
	pthread_mutex_unlock(&l->lock);
	return count < 0 ? count : found ? 0 : -ENOENT;
}

int pattern_list_clear(struct pattern_list *l)
{
	pthread_mutex_lock(&l->lock);
	struct pattern_entry **gone = l->entry;
	size_t count = l->count;
	l->count = 0;
	int err = prepare(l, NULL);
	if (err) {
		l->count = count;
	} else {
		l->entry = NULL;
		l->room = l->live = 0;
		l->repeats = false;
		pattern_table_reset(&l->by_key);
		for (struct pattern_index *i = l->indexes; i; i = i->next)
			pattern_table_reset(&i->table);
		publish(l);
	}
	pthread_mutex_unlock(&l->lock);
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (gone[i])
			grace_retire(&gone[i]->grace, grace_free);
	free(gone);
	return 0;
}

void pattern_list_each(struct pattern_list *l,
	void (*show)(void *arg, uintptr_t id, struct slice key, struct slice value), void *arg)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < l->count; i++)
		if (l->entry[i])
			show(arg, (uintptr_t)l->entry[i], l->entry[i]->key, l->entry[i]->value);
	pthread_mutex_unlock(&l->lock);
}

bool pattern_list_probe(struct pattern_list *l, unsigned i, struct slice text, const char **kind, bool *found,
	struct slice *key, struct slice *value)
{
	struct pattern_index *index = l->indexes;
	struct sample s = { .type = SAMPLE_STR, .str = text };
	struct arena a;
	for (; index && i; i--)
		index = index->next;
	if (!index)
		return false;
	arena_init_heap(&a);
	*kind = match_names[index->kind];
	const struct pattern_entry *e =
		sample_cast(&s, match_type(index->kind), &a) ? NULL : pattern_index_find(index, &s);
	arena_reset(&a);
	*found = e;
	if (e) {
		*key = e->key;
		*value = e->value;
	}
	return true;
}

/* ---- files ---- */

static int read_file(struct pattern_list *l, const char *path, bool optional, const struct place *at, struct diag *d)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	unsigned number = 0;
	const char *wrong = NULL;
	if (!in && optional && errno == ENOENT)
		return 0;
	if (!in) {
		diag_error(d, at, NULL, "cannot open the pattern file '%s': %s", path, strerror(errno));
		return -EINVAL;
	}
	while (!wrong && (len = getline(&line, &size, in)) >= 0) {
		struct slice key, value;
		split_line(l, slice_of(line, (size_t)len), &key, &value);
		number++;
		wrong = key.len ? add(l, key, value, false) : NULL;
		if (key.len && !wrong)
			l->entry[l->count - 1]->line = number;
	}
	int unread = !wrong && ferror(in) ? errno : 0; /* a directory can be opened */
	free(line);
	fclose(in);
	if (wrong)
		diag_error(d, at, NULL, "a pattern of '%s' %s", path, wrong);
	if (unread)
		diag_error(d, at, NULL, "cannot read the pattern file '%s': %s", path, strerror(unread));
	return wrong || unread ? -EINVAL : 0;
}

static void take_stamp(const char *path, struct file_stamp *to)
{
	struct stat s;

	memset(to, 0, sizeof *to); /* also between its members: it is compared as bytes */
	if (stat(path, &s) < 0)
		return;
	to->dev = s.st_dev;
	to->inode = s.st_ino;
	to->size = s.st_size;
	to->changed = s.st_ctim;
	to->touched = s.st_mtim;
}

struct pattern_list *pattern_list_get(struct arena *a, const char *name, bool map, const struct place *at,
	struct diag *d)
{
	struct file_stamp stamp = { 0 };
	bool optional = strncmp(name, "opt@", 4) == 0, virtual = strncmp(name, "virt@", 5) == 0;
	for (struct pattern_list *l = pattern_list_next(a, NULL); l; l = pattern_list_next(a, l))
		if (l->map == map && strcmp(l->name, name) == 0)
			return l;
	if (!virtual) {
		file_list_note(path_of(name));
		take_stamp(path_of(name), &stamp);
	}
	struct pattern_list *l = find_living(name, map, &stamp);
	if (l)
		return use(a, l);
	l = list_new(a, name, map, &stamp);
	if (!l)
		return NULL;
	return !virtual && read_file(l, path_of(name), optional, at, d) ? NULL : l;
}
