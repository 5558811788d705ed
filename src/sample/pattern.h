/* Patterns: what a sample is compared with in an ACL (HAProxy's manual, sections 7.1.1 to 7.1.6).
 *
 * Integers and networks become sorted disjoint ranges, exact strings beyond a few a hash set; the rest is tried one
 * by one.  Built at load, finished once, immutable after. */
#ifndef BALLAST_SAMPLE_PATTERN_H
#define BALLAST_SAMPLE_PATTERN_H

#include "ballast/base/diag.h"
#include "ballast/sample/sample.h"

enum match_kind {
	MATCH_FOUND,
	MATCH_BOOL,
	MATCH_INT,
	MATCH_IP,
	MATCH_BIN,
	MATCH_LEN,
	MATCH_STR,
	MATCH_SUB,
	MATCH_BEG,
	MATCH_END,
	MATCH_DIR,
	MATCH_DOM,
	MATCH_REG,
	MATCH_METHOD,
	MATCH_COUNT
};
/* The names for `-m`; "" for what has none. */
extern const char *const match_names[MATCH_COUNT];

enum match_operator { OP_EQ, OP_GE, OP_GT, OP_LE, OP_LT, OP_COUNT };

enum {
	PATTERN_FOLD = 1,   /* -i */
	PATTERN_NO_DNS = 2, /* -n */
};

struct patterns;

struct patterns *patterns_new(enum match_kind kind, struct arena *a);
/* Adds one, whose text must outlive the patterns; `op` is for integers. 0 or -EINVAL after a diagnosis at `at`,
 * -ENOMEM. */
int patterns_add(struct patterns *p, struct slice text, unsigned flags, enum match_operator op, const struct place *at,
	struct diag *d);
/* After the last patterns_add: sorts and hashes. 0 or -ENOMEM. */
int patterns_finish(struct patterns *p);
size_t patterns_count(const struct patterns *p);
/* Type that a sample must have been cast to before it is matched. */
unsigned match_type(enum match_kind kind);
bool patterns_match(const struct patterns *p, const struct sample *s);

/* "7", "1024:65535", "1024:", ":1023"; -EINVAL, -ERANGE else. */
int number_range_parse(struct slice text, int64_t *low, int64_t *high);
/* IPv4 with its short forms ("127.1"), /bits or /mask; IPv6 with /bits; -EINVAL else. */
struct ip_pattern {
	bool v6;
	uint32_t v4_addr, v4_mask; /* host order */
	unsigned __int128 v6_low, v6_high;
};
int ip_pattern_parse(struct slice text, struct ip_pattern *out);
unsigned __int128 ipv6_number(const struct in6_addr *a);

#endif
