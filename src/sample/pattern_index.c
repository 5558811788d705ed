/* Indexes that are built as a whole: ranges of numbers, networks, trees of texts, regular expressions.
 *
 * Networks nest or are apart, so they are cut into disjoint segments, each with the narrowest network around it; ranges of
 * numbers may overlap at will, and then the list is gone through in order. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "ballast/sample/regex.h"
#include "pattern_list.h"
#include "private.h"

typedef unsigned __int128 u128;

struct number_range {
	int64_t low, high;
	const struct pattern_entry *entry;
};
struct network {
	u128 low, high;
	const struct pattern_entry *entry;
};
struct odd_mask {
	uint32_t addr, mask;
	const struct pattern_entry *entry;
};
struct compiled {
	struct regex *regex;
	const struct pattern_entry *entry;
};

/* Disjoint, in order; IPv4 in 4 bytes each, so that more of them fit in the cache. */
struct segments {
	uint32_t *low4, *high4;
	u128 *low6, *high6;
	const struct pattern_entry **entry;
	size_t count;
};

struct pattern_built {
	struct grace grace; /* first */
	enum match_kind kind;
	struct number_range *range;
	size_t range_count;
	bool sorted;
	struct segments v4, v6;
	struct odd_mask *odd;
	size_t odd_count;
	struct pattern_tree *tree;
	struct pattern_texts *texts;
	struct compiled *regex;
	size_t regex_count;
};

static void segments_free(struct segments *s)
{
	free(s->low4);
	free(s->high4);
	free(s->low6);
	free(s->high6);
	free(s->entry);
}

void pattern_built_free(struct pattern_built *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->regex_count; i++)
		regex_free(b->regex[i].regex);
	free(b->regex);
	free(b->range);
	free(b->odd);
	segments_free(&b->v4);
	segments_free(&b->v6);
	pattern_tree_free(b->tree);
	pattern_texts_free(b->texts);
	free(b);
}

static void built_free(struct grace *g)
{
	pattern_built_free((struct pattern_built *)(void *)g);
}

void pattern_built_retire(struct pattern_built *b)
{
	if (b)
		grace_retire(&b->grace, built_free);
}

/* ---- numbers ---- */

static int range_order(const void *a, const void *b)
{
	const struct number_range *x = a, *y = b;
	return (x->low > y->low) - (x->low < y->low);
}

static int build_ranges(struct pattern_built *b, struct pattern_entry *const *entry, size_t count, const char **wrong)
{
	b->range = calloc(count ? count : 1, sizeof *b->range);
	if (!b->range)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		struct number_range *r = &b->range[b->range_count];
		if (!entry[i])
			continue;
		if (number_range_parse(entry[i]->key, &r->low, &r->high)) {
			*wrong = "is no number and no range of numbers";
			return -EINVAL;
		}
		r->entry = entry[i];
		b->range_count++;
	}
	struct number_range *in_order = malloc((b->range_count + 1) * sizeof *in_order);
	if (!in_order)
		return -ENOMEM;
	memcpy(in_order, b->range, b->range_count * sizeof *in_order);
	qsort(in_order, b->range_count, sizeof *in_order, range_order);
	b->sorted = true;
	for (size_t i = 1; i < b->range_count; i++)
		b->sorted &= in_order[i].low > in_order[i - 1].high;
	if (b->sorted)
		memcpy(b->range, in_order, b->range_count * sizeof *in_order);
	free(in_order);
	return 0;
}

static const struct pattern_entry *find_number(const struct pattern_built *b, int64_t n)
{
	size_t from = 0, count = b->range_count;
	for (size_t i = 0; !b->sorted && i < count; i++)
		if (n >= b->range[i].low && n <= b->range[i].high)
			return b->range[i].entry;
	while (b->sorted && count) {
		size_t half = count / 2;
		if (n > b->range[from + half].high) {
			from += half + 1;
			count -= half + 1;
		} else if (n < b->range[from + half].low) {
			count = half;
		} else {
			return b->range[from + half].entry;
		}
	}
	return NULL;
}

/* ---- networks ---- */

/* Outer ones first; of two equal ones the first of the list last, so that it covers the other. */
static int network_order(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->high != y->high)
		return x->high > y->high ? -1 : 1;
	return (x->entry->order < y->entry->order) - (x->entry->order > y->entry->order);
}

static void segment_add(struct network *to, size_t *count, u128 low, u128 high, const struct pattern_entry *entry)
{
	to[(*count)++] = (struct network){ low, high, entry };
}

/* Sorted networks to segments, at most twice as many. */
static size_t flatten(const struct network *n, size_t count, struct network *to, const struct network **stack)
{
	size_t made = 0, depth = 0;
	u128 next = 0; /* what is below is done */
	for (size_t i = 0; i < count; i++) {
		while (depth && stack[depth - 1]->high < n[i].low) {
			const struct network *outer = stack[--depth];
			if (next <= outer->high)
				segment_add(to, &made, next, outer->high, outer->entry);
			next = outer->high + 1;
		}
		if (depth && next < n[i].low)
			segment_add(to, &made, next, n[i].low - 1, stack[depth - 1]->entry);
		next = n[i].low;
		stack[depth++] = &n[i];
	}
	while (depth) {
		const struct network *outer = stack[--depth];
		if (next <= outer->high)
			segment_add(to, &made, next, outer->high, outer->entry);
		next = outer->high + 1;
		if (!next) /* nothing is above */
			break;
	}
	return made;
}

static int segments_make(struct segments *s, struct network *n, size_t count, bool v4)
{
	struct network *flat = malloc((2 * count + 1) * sizeof *flat);
	const struct network **stack = malloc((count + 1) * sizeof *stack);
	int err = -ENOMEM;
	if (!flat || !stack)
		goto out;
	qsort(n, count, sizeof *n, network_order);
	s->count = flatten(n, count, flat, stack);
	s->entry = calloc(s->count + 1, sizeof *s->entry);
	if (v4) {
		s->low4 = calloc(s->count + 1, sizeof *s->low4);
		s->high4 = calloc(s->count + 1, sizeof *s->high4);
	} else {
		s->low6 = aligned_alloc(16, (s->count + 1) * sizeof *s->low6);
		s->high6 = aligned_alloc(16, (s->count + 1) * sizeof *s->high6);
	}
	if (!s->entry || (v4 ? !s->low4 || !s->high4 : !s->low6 || !s->high6))
		goto out;
	for (size_t i = 0; i < s->count; i++) {
		s->entry[i] = flat[i].entry;
		if (v4) {
			s->low4[i] = (uint32_t)flat[i].low;
			s->high4[i] = (uint32_t)flat[i].high;
		} else {
			s->low6[i] = flat[i].low;
			s->high6[i] = flat[i].high;
		}
	}
	err = 0;
out:
	free(flat);
	free(stack);
	return err;
}

/* The last segment that does not begin behind the address, if it reaches that far. */
#define SEARCH(low, high, n) \
	size_t from = 0, count = s->count; \
	while (count > 1) { \
		size_t half = count / 2; \
		from = (low)[from + half] <= (n) ? from + half : from; \
		count -= half; \
	} \
	return s->count && (low)[from] <= (n) && (n) <= (high)[from] ? s->entry[from] : NULL

static const struct pattern_entry *find_v4(const struct segments *s, uint32_t n)
{
	SEARCH(s->low4, s->high4, n);
}

static const struct pattern_entry *find_v6(const struct segments *s, u128 n)
{
	SEARCH(s->low6, s->high6, n);
}

static int sort_network(struct pattern_built *b, const struct pattern_entry *e, struct network *v4, size_t *v4_count,
	struct network *v6, size_t *v6_count)
{
	struct ip_pattern ip;
	if (ip_pattern_parse(e->key, &ip))
		return -EINVAL;
	if (ip.v6) {
		v6[(*v6_count)++] = (struct network){ ip.v6_low, ip.v6_high, e };
		return 0;
	}
	if (!(~ip.v4_mask & (~ip.v4_mask + 1))) {
		v4[(*v4_count)++] = (struct network){ ip.v4_addr, ip.v4_addr | ~ip.v4_mask, e };
		return 0;
	}
	struct odd_mask *more = reallocarray(b->odd, b->odd_count + 1, sizeof *more);
	if (!more)
		return -ENOMEM;
	b->odd = more;
	more[b->odd_count++] = (struct odd_mask){ ip.v4_addr, ip.v4_mask, e };
	return 0;
}

/* Single addresses are in a table. */
static int build_networks(struct pattern_built *b, struct pattern_entry *const *entry, size_t count, const char **wrong)
{
	struct network *v4 = aligned_alloc(16, (count + 1) * sizeof *v4),
		       *v6 = aligned_alloc(16, (count + 1) * sizeof *v6);
	size_t v4_count = 0, v6_count = 0;
	int err = v4 && v6 ? 0 : -ENOMEM;
	for (size_t i = 0; !err && i < count; i++)
		if (entry[i] && !entry[i]->addr_bytes)
			err = sort_network(b, entry[i], v4, &v4_count, v6, &v6_count);
	if (err == -EINVAL)
		*wrong = "is no address and no network";
	if (!err)
		err = segments_make(&b->v4, v4, v4_count, true);
	if (!err)
		err = segments_make(&b->v6, v6, v6_count, false);
	free(v4);
	free(v6);
	return err;
}

static const struct pattern_entry *find_v4_any(const struct pattern_built *b, struct in_addr a)
{
	uint32_t n = ntohl(a.s_addr);
	const struct pattern_entry *e = find_v4(&b->v4, n);
	for (size_t i = 0; !e && i < b->odd_count; i++)
		if ((n & b->odd[i].mask) == b->odd[i].addr)
			e = b->odd[i].entry;
	return e;
}

/* Addresses of one family meet networks of the other as for ACLs (manual, section 7.1.6). */
static const struct pattern_entry *find_network(const struct pattern_built *b, const struct sample *s)
{
	const struct pattern_entry *e;
	struct in6_addr v6;
	struct in_addr v4;
	if (s->type == SAMPLE_IPV4) {
		e = find_v4_any(b, s->ip4);
		v6 = ipv4_to_ipv6(s->ip4);
		return e || !b->v6.count ? e : find_v6(&b->v6, ipv6_number(&v6));
	}
	e = b->v6.count ? find_v6(&b->v6, ipv6_number(&s->ip6)) : NULL;
	return !e && ipv6_to_ipv4(&s->ip6, &v4) ? find_v4_any(b, v4) : e;
}

/* ---- texts ---- */

static int build_tree(struct pattern_built *b, bool fold, struct pattern_entry *const *entry, size_t count)
{
	int err = 0;
	b->tree = pattern_tree_new(b->kind, fold);
	if (!b->tree)
		return -ENOMEM;
	for (size_t i = 0; !err && i < count; i++)
		if (entry[i])
			err = pattern_tree_add(b->tree, entry[i]);
	return err;
}

static int build_texts(struct pattern_built *b, bool fold, struct pattern_entry *const *entry, size_t count)
{
	size_t longest = 0;
	for (size_t i = 0; i < count; i++)
		if (entry[i] && entry[i]->key.len > longest)
			longest = entry[i]->key.len;
	b->texts = pattern_texts_new(b->kind, fold, count, longest);
	if (!b->texts)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (entry[i])
			pattern_texts_add(b->texts, entry[i]);
	return 0;
}

static int build_regexes(struct pattern_built *b, bool fold, struct pattern_entry *const *entry, size_t count,
	const char **wrong)
{
	char error[REGEX_ERROR_TEXT];
	b->regex = calloc(count + 1, sizeof *b->regex);
	if (!b->regex)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!entry[i])
			continue;
		struct regex *r = regex_new(entry[i]->key, fold, error);
		if (!r) {
			*wrong = "is a regular expression that cannot be used";
			return -EINVAL;
		}
		b->regex[b->regex_count++] = (struct compiled){ r, entry[i] };
	}
	return 0;
}

static const struct pattern_entry *find_regex(const struct pattern_built *b, struct slice text)
{
	for (size_t i = 0; i < b->regex_count; i++)
		if (regex_match(b->regex[i].regex, text))
			return b->regex[i].entry;
	return NULL;
}

/* ---- all ---- */

const char *pattern_entry_fault(enum match_kind kind, bool fold, const struct pattern_entry *e)
{
	char error[REGEX_ERROR_TEXT];
	struct ip_pattern ip;
	int64_t low, high;
	switch (kind) {
	case MATCH_INT:
	case MATCH_LEN: return number_range_parse(e->key, &low, &high) ? "is no number and no range of numbers" : NULL;
	case MATCH_IP: return ip_pattern_parse(e->key, &ip) ? "is no address and no network" : NULL;
	case MATCH_REG: {
		struct regex *r = regex_new(e->key, fold, error);
		regex_free(r);
		return r ? NULL : "is a regular expression that cannot be used";
	}
	default: return NULL;
	}
}

int pattern_build(enum match_kind kind, bool fold, struct pattern_entry *const *entry, size_t count,
	struct pattern_built **out, const char **wrong)
{
	struct pattern_built *b = calloc(1, sizeof *b);
	int err;
	if (!b)
		return -ENOMEM;
	b->kind = kind;
	switch (kind) {
	case MATCH_INT:
	case MATCH_LEN: err = build_ranges(b, entry, count, wrong); break;
	case MATCH_IP: err = build_networks(b, entry, count, wrong); break;
	case MATCH_REG: err = build_regexes(b, fold, entry, count, wrong); break;
	case MATCH_DIR:
	case MATCH_DOM: err = build_tree(b, fold, entry, count); break;
	default: err = build_texts(b, fold, entry, count);
	}
	*out = err ? NULL : b;
	if (err)
		pattern_built_free(b);
	return err;
}

const struct pattern_entry *pattern_built_find(const struct pattern_built *b, const struct sample *s)
{
	switch (b->kind) {
	case MATCH_INT: return find_number(b, s->num);
	case MATCH_LEN: return find_number(b, (int64_t)s->str.len);
	case MATCH_IP: return find_network(b, s);
	case MATCH_REG: return find_regex(b, s->str);
	case MATCH_DIR:
	case MATCH_DOM: return pattern_tree_find(b->tree, s->str);
	default: return pattern_texts_find(b->texts, s->str);
	}
}
