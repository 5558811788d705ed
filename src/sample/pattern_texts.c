/* Texts that a value begins with, ends with, or contains, found by hashes: what is there is in cache, or not looked at.
 *
 * Beginnings and ends: the value is hashed once, byte by byte, and at each length that a text of the list has the hash so
 * far is looked up.  Texts inside: they are put in classes by length, from one power of two to the next; a hash rolls over
 * the value (Karp and Rabin, 'Efficient randomized pattern-matching algorithms', 1987) with the class's shortest length, and
 * only where a text of the list begins so is it followed to its end.  A filter of two bits for each text (Bloom) stands
 * before the tables, so that a place where nothing begins costs one word of memory.  Every hit is compared byte by byte; the
 * hash has a base of its own in each process, so nobody can send a value that hits often without being in the list.
 */
#include <stdlib.h>

#include "pattern_list.h"
#include "private.h"

enum { CLASSES = 32, BATCH = 32 };

struct whole {
	uint64_t hash;
	const struct pattern_entry *entry; /* NULL: free */
};

struct start {
	uint64_t hash;
	uint32_t longest; /* of the texts that begin so; 0: free */
};

struct pattern_texts {
	enum match_kind kind;
	bool fold;
	uint64_t base;
	const struct pattern_entry *empty; /* the text without bytes */
	struct whole *whole;
	struct start *start; /* of the classes; NULL where texts stand at an end */
	uint32_t mask;       /* of both tables */
	uint64_t *filter;
	uint32_t filter_mask;
	uint64_t *lengths; /* bit n: some text has n bytes */
	uint32_t longest;
	uint32_t classes;          /* bit k: texts of 2^k to 2^(k+1)-1 bytes */
	uint64_t leaving[CLASSES]; /* base to the power of 2^k: what leaves the hash */
};

void pattern_texts_free(struct pattern_texts *t)
{
	if (!t)
		return;
	free(t->whole);
	free(t->start);
	free(t->filter);
	free(t->lengths);
	free(t);
}

/* `count` texts of at most `longest` bytes will be added. */
struct pattern_texts *pattern_texts_new(enum match_kind kind, bool fold, size_t count, size_t longest)
{
	struct pattern_texts *t = calloc(1, sizeof *t);
	uint32_t size = 16, words = 16;

	if (!t)
		return NULL;
	while (size < 2 * count)
		size *= 2;
	while (words < count / 2) /* 32 bits a text, which sets four at most */
		words *= 2;
	t->kind = kind;
	t->fold = fold;
	t->mask = size - 1;
	t->filter_mask = words - 1;
	t->longest = (uint32_t)longest;
	arc4random_buf(&t->base, sizeof t->base);
	t->base |= 1;
	t->whole = calloc(size, sizeof *t->whole);
	t->start = kind == MATCH_SUB ? calloc(size, sizeof *t->start) : NULL;
	t->filter = calloc(words, sizeof *t->filter);
	t->lengths = calloc(longest / 64 + 1, sizeof *t->lengths);
	if (t->whole && t->filter && t->lengths && (t->start || kind != MATCH_SUB))
		return t;
	pattern_texts_free(t);
	return NULL;
}

/* ---- hashes ---- */

/* Byte `i` from where matching starts: ends are read backwards. */
static inline uint64_t byte_at(const struct pattern_texts *t, struct slice s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[t->kind == MATCH_END ? s.len - 1 - i : i];
	return (t->fold ? ascii_lower(c) : c) + 1u;
}

/* Spreads it over all bits; `salt` tells lengths and classes apart. */
static inline uint64_t spread(uint64_t h, uint64_t salt)
{
	h = (h ^ salt * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	h = (h ^ h >> 32) * 0xc4ceb9fe1a85ec53u;
	return h ^ h >> 29;
}

static inline uint64_t start_salt(unsigned class)
{
	return UINT64_C(1) << 40 | class;
}

static inline uint64_t filter_bits(uint64_t h)
{
	return UINT64_C(1) << (h >> 58) | UINT64_C(1) << (h >> 52 & 63);
}

static inline bool may_be_there(const struct pattern_texts *t, uint64_t h)
{
	uint64_t bits = filter_bits(h);
	return (t->filter[h & t->filter_mask] & bits) == bits;
}

static void note(struct pattern_texts *t, uint64_t h)
{
	t->filter[h & t->filter_mask] |= filter_bits(h);
}

static bool has_length(const struct pattern_texts *t, size_t len)
{
	return t->lengths[len / 64] >> (len % 64) & 1;
}

/* ---- tables ---- */

static bool same(const struct pattern_texts *t, struct slice a, struct slice b)
{
	return t->fold ? slice_eq_icase(a, b) : slice_eq(a, b);
}

/* The entry of this text, or the free place for it. */
static struct whole *find_whole(const struct pattern_texts *t, uint64_t h, struct slice text)
{
	uint32_t at = (uint32_t)(h >> 20) & t->mask;
	while (t->whole[at].entry && !(t->whole[at].hash == h && same(t, t->whole[at].entry->key, text)))
		at = (at + 1) & t->mask;
	return &t->whole[at];
}

static struct start *find_start(const struct pattern_texts *t, uint64_t h)
{
	uint32_t at = (uint32_t)(h >> 20) & t->mask;
	while (t->start[at].longest && t->start[at].hash != h)
		at = (at + 1) & t->mask;
	return &t->start[at];
}

static unsigned class_of(size_t len)
{
	return 31u - (unsigned)__builtin_clz((uint32_t)len);
}

static void add_start(struct pattern_texts *t, unsigned class, uint64_t h, size_t len)
{
	h = spread(h, start_salt(class));
	struct start *s = find_start(t, h);
	if (len > s->longest)
		*s = (struct start){ h, (uint32_t)len };
	note(t, h);
}

void pattern_texts_add(struct pattern_texts *t, const struct pattern_entry *e)
{
	size_t len = e->key.len;
	uint64_t h = 0, power = 1;

	if (!len) {
		t->empty = t->empty ? t->empty : e;
		return;
	}
	unsigned class = class_of(len);
	for (size_t i = 0; i < len; i++) {
		h = h * t->base + byte_at(t, e->key, i);
		power *= t->base;
		if (t->start && i + 1 == (size_t)1 << class) {
			add_start(t, class, h, len);
			t->leaving[class] = power;
			t->classes |= 1u << class;
		}
	}
	h = spread(h, len);
	struct whole *w = find_whole(t, h, e->key);
	if (!w->entry)
		*w = (struct whole){ h, e };
	note(t, h);
	t->lengths[len / 64] |= UINT64_C(1) << (len % 64);
}

/* ---- finding ---- */

/* Places that are asked together, so that the memory of all of them is on its way before the first is looked at. */
struct asked {
	uint64_t hash[BATCH]; /* rolled, not spread */
	uint64_t key[BATCH];  /* what the filter and the tables know */
	uint32_t at[BATCH];   /* length, or place */
	unsigned count;
};

static inline void ask(const struct pattern_texts *t, struct asked *q, uint64_t h, uint64_t salt, size_t at)
{
	uint64_t key = spread(h, salt);
	__builtin_prefetch(&t->filter[key & t->filter_mask]);
	q->hash[q->count] = h;
	q->key[q->count] = key;
	q->at[q->count++] = (uint32_t)at;
}

static const struct pattern_entry *first_of(const struct pattern_entry *a, const struct pattern_entry *b)
{
	return !a || (b && b->order < a->order) ? b : a;
}

/* Of beginnings the longest wins, which is the last that was asked. */
static const struct pattern_entry *answer_ends(const struct pattern_texts *t, struct asked *q, struct slice text,
	const struct pattern_entry *best)
{
	while (q->count--) {
		size_t len = q->at[q->count];
		const char *from = t->kind == MATCH_END ? text.ptr + text.len - len : text.ptr;
		if (!may_be_there(t, q->key[q->count]))
			continue;
		const struct pattern_entry *found = find_whole(t, q->key[q->count], slice_of(from, len))->entry;
		if (found && t->kind == MATCH_BEG)
			return found;
		best = first_of(best, found);
	}
	return best;
}

static const struct pattern_entry *find_at_end(const struct pattern_texts *t, struct slice text)
{
	size_t most = text.len < t->longest ? text.len : t->longest;
	const struct pattern_entry *best = t->empty;
	struct asked q;
	uint64_t h = 0;

	q.count = 0;
	for (size_t i = 0; i < most; i++) {
		h = h * t->base + byte_at(t, text, i);
		if (!has_length(t, i + 1))
			continue;
		ask(t, &q, h, i + 1, i + 1);
		if (q.count == BATCH) {
			best = answer_ends(t, &q, text, best);
			q.count = 0;
		}
	}
	return answer_ends(t, &q, text, best);
}

/* Texts of a class that begin at `at`, whose first bytes have the hash `h`. */
static const struct pattern_entry *follow(const struct pattern_texts *t, unsigned class, uint64_t h, uint32_t longest,
	struct slice at, const struct pattern_entry *best)
{
	size_t len = (size_t)1 << class, most = longest < at.len ? longest : at.len;

	while (len <= most) {
		uint64_t key = has_length(t, len) ? spread(h, len) : 0;
		if (key && may_be_there(t, key))
			best = first_of(best, find_whole(t, key, slice_of(at.ptr, len))->entry);
		if (len < most)
			h = h * t->base + byte_at(t, at, len);
		len++;
	}
	return best;
}

static const struct pattern_entry *answer_inside(const struct pattern_texts *t, unsigned class, struct asked *q,
	struct slice text, const struct pattern_entry *best)
{
	for (unsigned i = 0; i < q->count; i++)
		if (may_be_there(t, q->key[i]))
			best = follow(t, class, q->hash[i], find_start(t, q->key[i])->longest,
				slice_skip(text, q->at[i]), best);
	q->count = 0;
	return best;
}

static const struct pattern_entry *find_in_class(const struct pattern_texts *t, unsigned class, struct slice text,
	const struct pattern_entry *best)
{
	size_t width = (size_t)1 << class;
	struct asked q;
	uint64_t h = 0;

	q.count = 0;
	for (size_t i = 0; i < width; i++)
		h = h * t->base + byte_at(t, text, i);
	for (size_t i = 0;; i++) {
		ask(t, &q, h, start_salt(class), i);
		if (q.count == BATCH)
			best = answer_inside(t, class, &q, text, best);
		if (i + width == text.len)
			return answer_inside(t, class, &q, text, best);
		h = h * t->base + byte_at(t, text, i + width) - t->leaving[class] * byte_at(t, text, i);
	}
}

static const struct pattern_entry *find_inside(const struct pattern_texts *t, struct slice text)
{
	const struct pattern_entry *best = t->empty;

	for (uint32_t left = t->classes; left; left &= left - 1) {
		unsigned class = (unsigned)__builtin_ctz(left);
		if ((size_t)1 << class > text.len)
			break;
		best = find_in_class(t, class, text, best);
	}
	return best;
}

const struct pattern_entry *pattern_texts_find(const struct pattern_texts *t, struct slice text)
{
	return t->kind == MATCH_SUB ? find_inside(t, text) : find_at_end(t, text);
}
