/* What the files of this room share and no other room sees: the tables, arguments, names, patterns. */
#ifndef BALLAST_SAMPLE_PRIVATE_H
#define BALLAST_SAMPLE_PRIVATE_H

#include <errno.h>

#include "ballast/sample/expr.h"

/* The tables, each ended by a row without name. */
extern const struct fetch_row fetch_internal_rows[], fetch_layer4_rows[], fetch_content_rows[], fetch_hello_rows[],
	fetch_http_rows[], fetch_header_rows[], fetch_param_rows[], fetch_cookie_rows[], fetch_var_rows[],
	fetch_auth_rows[], fetch_whole_rows[];
extern const struct converter_row converter_int_rows[], converter_string_rows[], converter_binary_rows[],
	converter_base64_rows[], converter_text_rows[], converter_json_rows[], converter_crypto_rows[],
	converter_jwt_rows[], converter_date_rows[], converter_digits_rows[], converter_map_rows[],
	converter_regex_rows[], converter_var_rows[];

/* Reads `(a,b,...)` at r->at, or nothing where none is given, into *out as `spec` wants; `kind` and `name` are for
 * messages ("fetch", "path"). 0 or -EINVAL after a diagnosis, -ENOMEM. */
int args_parse(struct reader *r, const struct arg_spec *spec, args_prepare *prepare, const char *kind,
	struct slice name, struct args *out, struct arena *a, struct diag *d);

/* Decodes base64, or that of URLs without padding, into bytes in the arena. 0, -ENOENT where it is none, -ENOMEM. */
int base64_decode(struct arena *a, struct sample *s);
int base64url_decode(struct arena *a, struct sample *s);
/* Bytes as base64 text in the arena. 0 or -ENOMEM. */
int base64_encode(struct arena *a, struct sample *s);

/* Bytes of the fetch's or converter's name at `at`; '+' is in base32+src, '-' in set-var. */
size_t expr_name_length(const char *at);
/* expr_parse() with the name at r->at standing for `row` (a criterion of ACLs); NULL: for itself. */
struct expr *expr_parse_as(struct reader *r, const struct fetch_row *row, unsigned phases, struct arena *a,
	struct diag *d);
bool expr_has_converters(const struct expr *e);
const struct fetch_row *expr_fetch(const struct expr *e);

enum known_kind { KNOWN_FETCH, KNOWN_CONVERTER, KNOWN_LOG_VAR };
/* Whether HAProxy's manual has that name. */
bool known_in_haproxy(enum known_kind kind, struct slice name);
/* Says why `name` cannot be used: not supported (yet), or unknown, with the nearest that is there. */
void known_refuse(enum known_kind kind, struct slice name, const struct place *at, struct diag *d);

/* The integer that an argument ARG_INT_OR_VAR stands for now. False: the variable is not set or no number. */
bool arg_int(struct sample_ctx *ctx, const struct arg *arg, int64_t *out);

static inline bool is_ows(char c)
{
	return c == ' ' || c == '\t';
}
/* 0 to 15; -1: it is no hexadecimal digit. */
static inline int hex_digit(char c)
{
	unsigned char l = ascii_lower((unsigned char)c);
	return l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}
/* Decimal integer as casts read it: sign, digits up to the first other byte; bounded to what fits. */
int64_t text_to_int(struct slice s);
/* Address of IPv4 or IPv6 text as a sample: 0 or -ENOENT. */
int text_to_addr(struct slice s, struct sample *out);
/* IPv4 inside a mapped, compatible or 6to4 IPv6 address. */
bool ipv6_to_ipv4(const struct in6_addr *in, struct in_addr *out);
struct in6_addr ipv4_to_ipv6(struct in_addr in);
/* Text of an address sample in text[ADDR_TEXT_MAX]. */
struct slice sample_addr_text(const struct sample *s, char *text);
/* Decimal text of `v` at the end of buf[INT_TEXT_MAX]. */
enum { INT_TEXT_MAX = 24 };
struct slice int_to_text(int64_t v, char *buf);

#endif
