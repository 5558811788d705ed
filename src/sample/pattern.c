/* Sets of patterns: built, sorted, hashed, matched.  See pattern.h. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <xxhash.h>

#include "ballast/sample/regex.h"
#include "pattern.h"
#include "pattern_list.h"
#include "private.h"

const char *const match_names[MATCH_COUNT] = {
	[MATCH_FOUND] = "found",
	[MATCH_BOOL] = "bool",
	[MATCH_INT] = "int",
	[MATCH_IP] = "ip",
	[MATCH_BIN] = "bin",
	[MATCH_LEN] = "len",
	[MATCH_STR] = "str",
	[MATCH_SUB] = "sub",
	[MATCH_BEG] = "beg",
	[MATCH_END] = "end",
	[MATCH_DIR] = "dir",
	[MATCH_DOM] = "dom",
	[MATCH_REG] = "reg",
	[MATCH_METHOD] = "",
};

typedef unsigned __int128 u128;

/* Both ends belong to it. */
struct int_range {
	int64_t low, high;
};
struct v4_range {
	uint32_t low, high;
};
struct v6_range {
	u128 low, high;
};
struct v4_masked {
	uint32_t addr, mask;
};
struct text {
	struct slice text;
	bool fold;
};

/* Beyond so many strings a hash set is asked. */
enum { HASH_FROM = 8 };

/* Open addressing; a slot is an index into texts plus 1, 0 is free. */
struct text_set {
	uint32_t *slots;
	uint32_t mask;
};

struct patterns {
	enum match_kind kind;
	struct arena *arena;
	struct int_range *ints;
	struct v4_range *v4;
	struct v6_range *v6;
	struct v4_masked *v4_odd; /* masks with holes */
	struct text *texts;
	struct regex **regexes;
	uint32_t int_count, v4_count, v6_count, v4_odd_count, text_count, regex_count;
	uint32_t total;
	uint32_t methods; /* bit m: enum http_method m */
	struct text_set exact, folded;
};

struct patterns *patterns_new(enum match_kind kind, struct arena *a)
{
	struct patterns *p = arena_zalloc(a, sizeof *p);
	if (p) {
		p->kind = kind;
		p->arena = a;
	}
	return p;
}

size_t patterns_count(const struct patterns *p)
{
	return p->total;
}

unsigned match_type(enum match_kind kind)
{
	switch (kind) {
	case MATCH_FOUND: return SAMPLE_ANY;
	case MATCH_BOOL: return SAMPLE_BOOL;
	case MATCH_INT: return SAMPLE_INT;
	case MATCH_IP: return SAMPLE_ADDR;
	case MATCH_BIN: return SAMPLE_BIN;
	case MATCH_METHOD: return SAMPLE_METHOD;
	default: return SAMPLE_STR;
	}
}

/* ---- adding ---- */

/* Room for one more in an array of `count` elements, which doubles in the arena; NULL where memory is out. */
static void *one_more(struct arena *a, void *array_ptr, uint32_t *count, size_t size)
{
	char **array = array_ptr;
	if ((*count & (*count - 1)) == 0) {
		char *now = arena_alloc(a, (*count ? 2 * (size_t)*count : 1) * size);
		if (!now)
			return NULL;
		if (*count)
			memcpy(now, *array, *count * size);
		*array = now;
	}
	return *array + (*count)++ * size;
}

/* Decimal integer with an optional minus. */
static int parse_number(struct slice text, int64_t *out)
{
	bool negative = text.len && text.ptr[0] == '-';
	struct slice digits = slice_skip(text, negative);
	if (!digits.len)
		return -EINVAL;
	for (size_t i = 0; i < digits.len; i++)
		if ((unsigned char)(digits.ptr[i] - '0') > 9)
			return -EINVAL;
	*out = text_to_int(text);
	return 0;
}

static int parse_range(struct slice text, enum match_operator op, struct int_range *out)
{
	ptrdiff_t colon = slice_find_byte(text, ':');
	struct slice low = colon < 0 ? text : slice_of(text.ptr, (size_t)colon);
	struct slice high = colon < 0 ? text : slice_skip(text, (size_t)colon + 1);
	*out = (struct int_range){ INT64_MIN, INT64_MAX };
	if (!low.len && !high.len)
		return -EINVAL;
	if ((low.len && parse_number(low, &out->low)) || (high.len && parse_number(high, &out->high)))
		return -EINVAL;
	if (out->low > out->high)
		return -ERANGE;
	if (colon >= 0 || op == OP_EQ)
		return 0;
	int64_t n = out->low;
	if ((op == OP_GT && n == INT64_MAX) || (op == OP_LT && n == INT64_MIN))
		return -ERANGE;
	out->low = op == OP_GE ? n : op == OP_GT ? n + 1 : INT64_MIN;
	out->high = op == OP_LE ? n : op == OP_LT ? n - 1 : INT64_MAX;
	return 0;
}

int number_range_parse(struct slice text, int64_t *low, int64_t *high)
{
	struct int_range range;
	int err = parse_range(text, OP_EQ, &range);
	*low = range.low;
	*high = range.high;
	return err;
}

static int add_int(struct patterns *p, struct slice text, enum match_operator op, const struct place *at,
	struct diag *d)
{
	struct int_range range, *slot;
	int err = parse_range(text, op, &range);
	if (err) {
		diag_error(d, at, "an integer, or a range such as 1024:65535, 1024: or :1023",
			err == -ERANGE ? "nothing is in the range '%.*s'" : "'%.*s' is not a number", (int)text.len,
			text.ptr);
		return -EINVAL;
	}
	slot = one_more(p->arena, &p->ints, &p->int_count, sizeof *slot);
	if (!slot)
		return -ENOMEM;
	*slot = range;
	return 0;
}

static int add_v4(struct patterns *p, uint32_t addr, uint32_t mask)
{
	if (~mask & (~mask + 1)) {
		struct v4_masked *odd = one_more(p->arena, &p->v4_odd, &p->v4_odd_count, sizeof *odd);
		if (!odd)
			return -ENOMEM;
		*odd = (struct v4_masked){ addr & mask, mask };
		return 0;
	}
	struct v4_range *slot = one_more(p->arena, &p->v4, &p->v4_count, sizeof *slot);
	if (!slot)
		return -ENOMEM;
	*slot = (struct v4_range){ addr & mask, addr | ~mask };
	return 0;
}

/* A host's IPv4 addresses, asked of the resolver while the configuration is read. */
static int add_host(struct patterns *p, struct slice name)
{
	struct addrinfo wanted = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found;
	char text[256];
	int err = 0;
	if (name.len >= sizeof text)
		return -EINVAL;
	memcpy(text, name.ptr, name.len);
	text[name.len] = 0;
	if (getaddrinfo(text, NULL, &wanted, &found)) {
		union addr one; /* knows 'localhost' where nothing else does */
		return addr_look_up(text, AF_INET, &one) < 0 ? -EINVAL : add_v4(p, ntohl(one.v4.sin_addr.s_addr), ~0u);
	}
	for (struct addrinfo *it = found; it && !err; it = it->ai_next)
		err = add_v4(p, ntohl(((struct sockaddr_in *)(void *)it->ai_addr)->sin_addr.s_addr), ~0u);
	freeaddrinfo(found);
	return err;
}

/* Only what could be a name is asked for: a slip in an address must not wait for a resolver. */
static bool may_be_host(struct slice text)
{
	bool letter = false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = ascii_lower((unsigned char)text.ptr[i]);
		if (c == ':' || c == '/')
			return false;
		letter |= c >= 'a' && c <= 'z';
	}
	return letter;
}

static int add_ip(struct patterns *p, struct slice text, unsigned flags, const struct place *at, struct diag *d)
{
	struct ip_pattern ip;
	if (ip_pattern_parse(text, &ip) == 0) {
		if (!ip.v6)
			return add_v4(p, ip.v4_addr, ip.v4_mask);
		struct v6_range *slot = one_more(p->arena, &p->v6, &p->v6_count, sizeof *slot);
		if (!slot)
			return -ENOMEM;
		*slot = (struct v6_range){ ip.v6_low, ip.v6_high };
		return 0;
	}
	int err = !(flags & PATTERN_NO_DNS) && may_be_host(text) ? add_host(p, text) : -EINVAL;
	if (err == -EINVAL)
		diag_error(d, at, NULL, "'%.*s' is not an IPv4 or IPv6 address or network", (int)text.len, text.ptr);
	return err;
}

static int add_text(struct patterns *p, struct slice text, unsigned flags)
{
	struct text *slot = one_more(p->arena, &p->texts, &p->text_count, sizeof *slot);
	if (!slot)
		return -ENOMEM;
	*slot = (struct text){ text, flags & PATTERN_FOLD };
	return 0;
}

static int add_bin(struct patterns *p, struct slice hex, const struct place *at, struct diag *d)
{
	char *bytes = arena_alloc(p->arena, hex.len / 2 + 1);
	if (!bytes)
		return -ENOMEM;
	for (size_t i = 0; i < hex.len; i += 2) {
		int high = hex_digit(hex.ptr[i]), low = i + 1 < hex.len ? hex_digit(hex.ptr[i + 1]) : -1;
		if (high < 0 || low < 0) {
			diag_error(d, at, NULL, "'%.*s' is not an even number of hexadecimal digits", (int)hex.len,
				hex.ptr);
			return -EINVAL;
		}
		bytes[i / 2] = (char)(high << 4 | low);
	}
	return add_text(p, slice_of(bytes, hex.len / 2), 0);
}

static int add_regex(struct patterns *p, struct slice text, unsigned flags, const struct place *at, struct diag *d)
{
	char error[REGEX_ERROR_TEXT];
	struct regex *r = regex_new_in(p->arena, text, flags & PATTERN_FOLD, error), **slot;
	if (!r) {
		diag_error(d, at, NULL, "this regular expression cannot be used: %s", error);
		return -EINVAL;
	}
	slot = one_more(p->arena, &p->regexes, &p->regex_count, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	*slot = r;
	return 0;
}

bool pattern_is_delim(enum match_kind kind, char c)
{
	return c == '/' || c == '?' || (kind == MATCH_DOM && (c == '.' || c == ':'));
}

/* Delimiters around the pattern of dir and dom do not count. */
struct slice pattern_trim_delims(enum match_kind kind, struct slice text)
{
	while (text.len && pattern_is_delim(kind, text.ptr[0]))
		text = slice_skip(text, 1);
	while (text.len && pattern_is_delim(kind, text.ptr[text.len - 1]))
		text.len--;
	return text;
}

int patterns_add(struct patterns *p, struct slice text, unsigned flags, enum match_operator op, const struct place *at,
	struct diag *d)
{
	p->total++;
	switch (p->kind) {
	case MATCH_FOUND:
	case MATCH_BOOL: return 0;
	case MATCH_INT:
	case MATCH_LEN: return add_int(p, text, op, at, d);
	case MATCH_IP: return add_ip(p, text, flags, at, d);
	case MATCH_BIN: return add_bin(p, text, at, d);
	case MATCH_REG: return add_regex(p, text, flags, at, d);
	case MATCH_METHOD:
		if (method_of(text) == METHOD_OTHER)
			return add_text(p, text, flags);
		p->methods |= 1u << method_of(text);
		return 0;
	case MATCH_DIR:
	case MATCH_DOM: return add_text(p, pattern_trim_delims(p->kind, text), flags);
	default: return add_text(p, text, flags);
	}
}

/* ---- finishing ---- */

static uint64_t text_hash(struct slice s, bool fold)
{
	if (!fold)
		return XXH3_64bits(s.ptr, s.len);
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: folds while it hashes */
	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ ascii_lower((unsigned char)s.ptr[i])) * 0x100000001b3u;
	return hash ^ hash >> 32;
}

static bool text_eq(struct slice a, struct slice b, bool fold)
{
	return fold ? slice_eq_icase(a, b) : slice_eq(a, b);
}

static bool set_has(const struct text_set *set, const struct text *texts, struct slice s, bool fold)
{
	if (!set->slots)
		return false;
	for (uint32_t at = (uint32_t)text_hash(s, fold) & set->mask; set->slots[at]; at = (at + 1) & set->mask)
		if (text_eq(texts[set->slots[at] - 1].text, s, fold))
			return true;
	return false;
}

static int build_set(struct patterns *p, struct text_set *set, bool fold)
{
	uint32_t count = 0, size = 16;
	for (uint32_t i = 0; i < p->text_count; i++)
		count += p->texts[i].fold == fold;
	while (size < 2 * count)
		size *= 2;
	if (!count)
		return 0;
	set->slots = arena_zalloc(p->arena, size * sizeof *set->slots);
	if (!set->slots)
		return -ENOMEM;
	set->mask = size - 1;
	for (uint32_t i = 0; i < p->text_count; i++) {
		if (p->texts[i].fold != fold || set_has(set, p->texts, p->texts[i].text, fold))
			continue;
		uint32_t at = (uint32_t)text_hash(p->texts[i].text, fold) & set->mask;
		while (set->slots[at])
			at = (at + 1) & set->mask;
		set->slots[at] = i + 1;
	}
	return 0;
}

/* Three times the same for three kinds of ends: order by the lower end, join what overlaps, search by halves. */
#define RANGES(name, range, end) \
	static int name##_order(const void *a, const void *b) \
	{ \
		const struct range *x = a, *y = b; \
		return (x->low > y->low) - (x->low < y->low); \
	} \
	static uint32_t name##_join(struct range *r, uint32_t count) \
	{ \
		uint32_t kept = 0; \
		if (!count) \
			return 0; \
		qsort(r, count, sizeof *r, name##_order); \
		for (uint32_t i = 1; i < count; i++) { \
			if (r[i].low > r[kept].high) \
				r[++kept] = r[i]; \
			else if (r[i].high > r[kept].high) \
				r[kept].high = r[i].high; \
		} \
		return kept + 1; \
	} \
	static bool name##_has(const struct range *r, uint32_t count, end n) \
	{ \
		uint32_t from = 0; \
		while (count) { \
			uint32_t half = count / 2; \
			if (n > r[from + half].high) { \
				from += half + 1; \
				count -= half + 1; \
			} else if (n < r[from + half].low) { \
				count = half; \
			} else { \
				return true; \
			} \
		} \
		return false; \
	}

RANGES(ints, int_range, int64_t)
RANGES(v4, v4_range, uint32_t)
RANGES(v6, v6_range, u128)

int patterns_finish(struct patterns *p)
{
	p->int_count = ints_join(p->ints, p->int_count);
	p->v4_count = v4_join(p->v4, p->v4_count);
	p->v6_count = v6_join(p->v6, p->v6_count);
	bool exact = p->kind == MATCH_STR || p->kind == MATCH_BIN || p->kind == MATCH_METHOD;
	if (!exact || p->text_count <= HASH_FROM)
		return 0;
	int err = build_set(p, &p->exact, false);
	return err ? err : build_set(p, &p->folded, true);
}

/* ---- matching ---- */

static bool match_exact(const struct patterns *p, struct slice s)
{
	if (p->text_count > HASH_FROM)
		return set_has(&p->exact, p->texts, s, false) || set_has(&p->folded, p->texts, s, true);
	for (uint32_t i = 0; i < p->text_count; i++)
		if (text_eq(p->texts[i].text, s, p->texts[i].fold))
			return true;
	return false;
}

static bool match_beg(const struct patterns *p, struct slice s)
{
	for (uint32_t i = 0; i < p->text_count; i++) {
		const struct text *t = &p->texts[i];
		if (s.len >= t->text.len && text_eq(t->text, slice_of(s.ptr, t->text.len), t->fold))
			return true;
	}
	return false;
}

static bool match_end(const struct patterns *p, struct slice s)
{
	for (uint32_t i = 0; i < p->text_count; i++) {
		const struct text *t = &p->texts[i];
		if (s.len >= t->text.len && text_eq(t->text, slice_skip(s, s.len - t->text.len), t->fold))
			return true;
	}
	return false;
}

/* First place of `t` in s at or behind `from`; -1. */
static ptrdiff_t find_text(struct slice s, const struct text *t, size_t from)
{
	if (from > s.len || t->text.len > s.len - from)
		return -1;
	if (!t->text.len)
		return (ptrdiff_t)from;
	if (!t->fold) {
		const char *at = memmem(s.ptr + from, s.len - from, t->text.ptr, t->text.len);
		return at ? at - s.ptr : -1;
	}
	for (; from + t->text.len <= s.len; from++)
		if (slice_eq_icase(t->text, slice_of(s.ptr + from, t->text.len)))
			return (ptrdiff_t)from;
	return -1;
}

static bool match_sub(const struct patterns *p, struct slice s)
{
	for (uint32_t i = 0; i < p->text_count; i++)
		if (find_text(s, &p->texts[i], 0) >= 0)
			return true;
	return false;
}

static bool find_delimited(enum match_kind kind, struct slice s, const struct text *t)
{
	size_t len = t->text.len;
	if (!len)
		return false;
	for (ptrdiff_t at = 0; (at = find_text(s, t, (size_t)at)) >= 0; at++) {
		size_t behind = (size_t)at + len;
		if ((at == 0 || pattern_is_delim(kind, s.ptr[at - 1])) &&
			(behind == s.len || pattern_is_delim(kind, s.ptr[behind])))
			return true;
	}
	return false;
}

static bool match_delimited(const struct patterns *p, struct slice s)
{
	for (uint32_t i = 0; i < p->text_count; i++)
		if (find_delimited(p->kind, s, &p->texts[i]))
			return true;
	return false;
}

static bool v4_match(const struct patterns *p, struct in_addr a)
{
	uint32_t n = ntohl(a.s_addr);
	if (v4_has(p->v4, p->v4_count, n))
		return true;
	for (uint32_t i = 0; i < p->v4_odd_count; i++)
		if ((n & p->v4_odd[i].mask) == p->v4_odd[i].addr)
			return true;
	return false;
}

/* Addresses of one family meet patterns of the other as section 7.1.6 says. */
static bool match_ip(const struct patterns *p, const struct sample *s)
{
	struct in6_addr v6;
	struct in_addr v4;
	if (s->type == SAMPLE_IPV4) {
		if (v4_match(p, s->ip4))
			return true;
		v6 = ipv4_to_ipv6(s->ip4);
		return p->v6_count && v6_has(p->v6, p->v6_count, ipv6_number(&v6));
	}
	if (p->v6_count && v6_has(p->v6, p->v6_count, ipv6_number(&s->ip6)))
		return true;
	return ipv6_to_ipv4(&s->ip6, &v4) && v4_match(p, v4);
}

static bool match_regex(const struct patterns *p, struct slice s)
{
	for (uint32_t i = 0; i < p->regex_count; i++)
		if (regex_match(p->regexes[i], s))
			return true;
	return false;
}

static bool match_method(const struct patterns *p, const struct sample *s)
{
	return s->method != METHOD_OTHER ? p->methods >> s->method & 1 : match_exact(p, s->str);
}

bool patterns_match(const struct patterns *p, const struct sample *s)
{
	switch (p->kind) {
	case MATCH_FOUND: return true;
	case MATCH_BOOL: return s->num != 0;
	case MATCH_INT: return ints_has(p->ints, p->int_count, s->num);
	case MATCH_LEN: return ints_has(p->ints, p->int_count, (int64_t)s->str.len);
	case MATCH_IP: return match_ip(p, s);
	case MATCH_REG: return match_regex(p, s->str);
	case MATCH_METHOD: return match_method(p, s);
	case MATCH_BEG: return match_beg(p, s->str);
	case MATCH_END: return match_end(p, s->str);
	case MATCH_SUB: return match_sub(p, s->str);
	case MATCH_DIR:
	case MATCH_DOM: return match_delimited(p, s->str);
	default: return match_exact(p, s->str);
	}
}
