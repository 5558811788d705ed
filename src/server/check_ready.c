/* check_ready: scripts that an option names: `option redis-check` and its kin.
 *
 * Each is a row: what it sends, and functions that read the answers.  They look at a few bytes of the protocols'
 * greetings: SMTP (RFC 5321), RESP, MySQL's and PostgreSQL's first packets, LDAP's bind (RFC 4511), a record of SSL 3.0
 * (RFC 6101).  Results have HAProxy's words.
 */
#include <errno.h>
#include <stdio.h>

#include "check_private.h"

typedef enum expect_verdict judge_function(struct check_run *run, const struct check_response *got,
	struct check_result *r);

static uint8_t byte_at(struct slice s, size_t at)
{
	return at < s.len ? (uint8_t)s.ptr[at] : 0;
}

static enum expect_verdict verdict(struct check_result *r, enum check_status status, unsigned code, struct slice text)
{
	snprintf(r->text, sizeof r->text, "%.*s", (int)text.len, text.len ? text.ptr : "");
	r->status = status;
	r->code = (uint16_t)code;
	return check_status_passed(status) ? VERDICT_PASSED : VERDICT_FAILED;
}

static struct slice until(struct slice s, char end)
{
	ptrdiff_t at = slice_find_byte(s, end);

	return at < 0 ? s : slice_of(s.ptr, (size_t)at);
}

/* The first line that is complete, without its end. */
static bool first_line(struct slice s, struct slice *line)
{
	ptrdiff_t end = slice_find_byte(s, '\n');

	if (end < 0)
		return false;
	*line = until(slice_of(s.ptr, (size_t)end), '\r');
	return true;
}

/* --- building --- */

static int add_send(struct check_script *s, struct slice data, struct arena *a)
{
	struct check_step *step = check_script_add(s, STEP_SEND, a);

	if (!step || !data.ptr)
		return -ENOMEM;
	step->send = (struct check_text){ .text = data };
	return 0;
}

static int add_expect(struct check_script *s, judge_function *judge, enum check_status timeout, struct arena *a)
{
	struct check_step *step = check_script_add(s, STEP_EXPECT, a);

	if (!step)
		return -ENOMEM;
	step->expect = (struct check_expect){ .kind = EXPECT_OTHER,
		.judge = judge,
		.what = "",
		.error = CHECK_L7RSP,
		.timeout = (uint8_t)timeout };
	return 0;
}

static int ask(struct check_script *s, struct slice question, judge_function *judge, struct arena *a)
{
	int err = add_send(s, question, a);

	return err ? err : add_expect(s, judge, CHECK_L7TOUT, a);
}

/* --- smtpchk --- */

/* "250-first", "250 last". */
static enum expect_verdict judge_smtp(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	struct slice rest = got->payload, line;
	uint64_t code;

	(void)run;
	do {
		if (!first_line(rest, &line))
			return VERDICT_PENDING;
		rest = slice_skip(rest, (size_t)slice_find_byte(rest, '\n') + 1);
	} while (byte_at(line, 3) == '-');
	if (line.len < 3 || slice_to_u64(slice_of(line.ptr, 3), &code) || (line.len > 3 && line.ptr[3] != ' '))
		return verdict(r, CHECK_L7RSP, 0, line);
	return verdict(r, code / 100 == 2 ? CHECK_L7OK : CHECK_L7STS, (unsigned)code,
		line.len > 4 ? slice_skip(line, 4) : SLICE(""));
}

static int build_smtp(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	const struct token *hello = &l->words[2];
	bool given = l->count > 2, extended = given && token_is(hello, "EHLO");
	int err;

	if (l->count == 3)
		return check_word_missing(l, hello, d);
	err = add_expect(s, judge_smtp, CHECK_L7TOUT, a);
	if (!err)
		err = ask(s,
			arena_printf(a, "%s %s\r\n", extended ? "EHLO" : "HELO", given ? hello[1].text : "localhost"),
			judge_smtp, a);
	return err ? err : ask(s, SLICE("QUIT\r\n"), judge_smtp, a);
}

/* --- redis-check --- */

static enum expect_verdict judge_redis(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	struct slice line;

	(void)run;
	if (!first_line(got->payload, &line))
		return VERDICT_PENDING;
	if (slice_eq(line, SLICE("+PONG")))
		return verdict(r, CHECK_L7OK, 0, SLICE("Redis server is ok"));
	return verdict(r, byte_at(line, 0) == '-' ? CHECK_L7STS : CHECK_L7RSP, 0, line);
}

static int build_redis(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	(void)l, (void)d;
	return ask(s, SLICE("*1\r\n$4\r\nPING\r\n"), judge_redis, a);
}

/* --- mysql-check --- */

enum { MYSQL_HEAD_BYTES = 4, MYSQL_OK = 0, MYSQL_V10 = 10, MYSQL_SWITCH = 0xfe, MYSQL_ERROR = 0xff };

/* A packet: 3 bytes of length, a number, and what it says. */
static bool mysql_packet(struct slice s, struct slice *says)
{
	size_t len = byte_at(s, 0) | (size_t)byte_at(s, 1) << 8 | (size_t)byte_at(s, 2) << 16;

	if (s.len < MYSQL_HEAD_BYTES || s.len - MYSQL_HEAD_BYTES < len)
		return false;
	*says = slice_of(s.ptr + MYSQL_HEAD_BYTES, len);
	return true;
}

static enum expect_verdict judge_mysql(const struct check_response *got, bool greeting, struct check_result *r)
{
	struct slice says;
	uint8_t kind;

	if (!mysql_packet(got->payload, &says))
		return VERDICT_PENDING;
	kind = byte_at(says, 0);
	if (kind == MYSQL_ERROR && says.len >= 3)
		return verdict(r, CHECK_L7STS, byte_at(says, 1) | (unsigned)byte_at(says, 2) << 8, slice_skip(says, 3));
	if (says.len && (greeting ? kind == MYSQL_V10 : kind == MYSQL_OK || kind == MYSQL_SWITCH))
		return verdict(r, CHECK_L7OK, 0, SLICE(""));
	return verdict(r, CHECK_L7RSP, 0, SLICE("Not MySQL protocol"));
}

static enum expect_verdict judge_mysql_greeting(struct check_run *run, const struct check_response *got,
	struct check_result *r)
{
	(void)run;
	return judge_mysql(got, true, r);
}

static enum expect_verdict judge_mysql_login(struct check_run *run, const struct check_response *got,
	struct check_result *r)
{
	(void)run;
	return judge_mysql(got, false, r);
}

/* Capabilities, largest packet, character set utf8, 23 zeros; before 4.1 the first two in 5 bytes. Then the user, no
 * password, and a packet that says good-bye. */
static struct slice mysql_login(const char *user, bool before_41, struct arena *a)
{
	static const char head[] = "\x00\x82\x00\x00\x00\x00\x00\x01\x21";
	static const char old_head[] = "\x00\x80\x00\x00\x01";
	static const char quit[] = "\x01\x00\x00\x00\x01";
	size_t fixed = before_41 ? sizeof old_head - 1 : 32, name = strlen(user) + 1, len = fixed + name + 1;
	char *p = arena_zalloc(a, MYSQL_HEAD_BYTES + len + sizeof quit);

	if (!p)
		return slice_of(NULL, 0);
	p[0] = (char)(len & 0xff);
	p[1] = (char)(len >> 8);
	p[3] = 1;
	memcpy(p + MYSQL_HEAD_BYTES, before_41 ? old_head : head, before_41 ? sizeof old_head - 1 : sizeof head - 1);
	memcpy(p + MYSQL_HEAD_BYTES + fixed, user, name);
	memcpy(p + MYSQL_HEAD_BYTES + len, quit, sizeof quit - 1);
	return slice_of(p, MYSQL_HEAD_BYTES + len + sizeof quit - 1);
}

/* `user NAME`: the name, at most 255 bytes; NULL after a diagnosis. */
static const char *user_of(const struct line *l, struct diag *d)
{
	const struct token *t = &l->words[2];

	if (l->count < 4 || !token_is(t, "user")) {
		diag_error(d, l->count > 2 ? &t->at : &l->words[1].at, "user NAME",
			"'option %s' needs 'user' and a name", l->words[1].text);
		return NULL;
	}
	if (!t[1].len || t[1].len > 255) {
		diag_error(d, &t[1].at, NULL, "a user's name has 1 to 255 bytes");
		return NULL;
	}
	return t[1].text;
}

static int build_mysql(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	static const char *const versions[] = { "post-41", "pre-41", NULL };
	unsigned version = 0;
	const char *user;
	int err = add_expect(s, judge_mysql_greeting, CHECK_L7TOUT, a);

	if (err || l->count == 2)
		return err;
	user = user_of(l, d);
	if (!user || (l->count == 5 && token_choice(&l->words[4], "version", versions, &version, d)))
		return -EINVAL;
	return ask(s, mysql_login(user, version == 1, a), judge_mysql_login, a);
}

/* --- pgsql-check --- */

/* The message of an error: fields of a letter and a text each; 'M' is for people. */
static struct slice pgsql_message(struct slice fields)
{
	struct slice text;

	while (fields.len > 1) {
		text = until(slice_skip(fields, 1), 0);
		if (fields.ptr[0] == 'M')
			return text;
		if (text.len + 2 > fields.len)
			break;
		fields = slice_skip(fields, text.len + 2);
	}
	return SLICE("");
}

static enum expect_verdict judge_pgsql(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	struct slice p = got->payload;
	size_t len =
		(size_t)byte_at(p, 1) << 24 | (size_t)byte_at(p, 2) << 16 | (size_t)byte_at(p, 3) << 8 | byte_at(p, 4);

	(void)run;
	if (byte_at(p, 0) != 'R' && byte_at(p, 0) != 'E')
		return verdict(r, CHECK_L7STS, 0, SLICE("PostgreSQL unknown error"));
	if (p.len < 9 || (p.len < len + 1 && !got->ended))
		return VERDICT_PENDING;
	if (p.ptr[0] == 'R')
		return verdict(r, CHECK_L7OK, 0, SLICE("PostgreSQL server is ok"));
	return verdict(r, CHECK_L7RSP, 0, pgsql_message(slice_skip(p, 5)));
}

static int build_pgsql(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	static const char version[] = "\0\3\0\0user"; /* 3.0 */
	const char *user = user_of(l, d);
	size_t len = user ? 4 + sizeof version + strlen(user) + 2 : 0;
	char *p = user ? arena_zalloc(a, len) : NULL;

	if (!p)
		return user ? -ENOMEM : -EINVAL;
	p[2] = (char)(len >> 8);
	p[3] = (char)(len & 0xff);
	memcpy(p + 4, version, sizeof version);
	strcpy(p + 4 + sizeof version, user);
	return ask(s, slice_of(p, len), judge_pgsql, a);
}

/* --- ldap-check --- */

/* BER: 30 LENGTH 02 01 01 61 LENGTH 0a 01 CODE, lengths in one byte or, from 0x80 on, in so many more. */
static size_t ber_behind_length(struct slice p, size_t at)
{
	uint8_t first = byte_at(p, at);

	return at + 1 + (first & 0x80 ? first & 0x7fu : 0);
}

static enum expect_verdict judge_ldap(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	static const char id[] = "\x02\x01\x01\x61";
	struct slice p = got->payload;
	size_t at = ber_behind_length(p, 1), code;

	(void)run;
	if (byte_at(p, 0) != 0x30)
		return verdict(r, CHECK_L7RSP, 0, SLICE("Not LDAPv3 protocol"));
	if (p.len < at + 5)
		return VERDICT_PENDING;
	code = ber_behind_length(p, at + 4);
	if (memcmp(p.ptr + at, id, 4) != 0)
		return verdict(r, CHECK_L7RSP, 0, SLICE("Not LDAPv3 protocol"));
	if (p.len < code + 3)
		return VERDICT_PENDING;
	if (byte_at(p, code) != 0x0a || byte_at(p, code + 1) != 1)
		return verdict(r, CHECK_L7RSP, 0, SLICE("Not LDAPv3 protocol"));
	if (byte_at(p, code + 2) == 0)
		return verdict(r, CHECK_L7OK, 0, SLICE(""));
	return verdict(r, CHECK_L7STS, byte_at(p, code + 2),
		SLICE("See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9"));
}

/* An anonymous simple bind, version 3. */
static int build_ldap(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	static const char bind[] = "\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00";

	(void)l, (void)d;
	return ask(s, slice_of(bind, sizeof bind - 1), judge_ldap, a);
}

/* --- ssl-hello-chk --- */

enum { SSL_ALERT = 0x15, SSL_HANDSHAKE = 0x16, SSL_RECORD_HEAD = 5 };

/* A server that knows no SSL 3.0 any more says so in an alert: it speaks TLS all the same. */
static enum expect_verdict judge_hello(struct check_run *run, const struct check_response *got, struct check_result *r)
{
	uint8_t kind = byte_at(got->payload, 0);

	(void)run;
	if (kind != SSL_ALERT && kind != SSL_HANDSHAKE)
		return verdict(r, CHECK_L6RSP, 0, SLICE(""));
	return got->payload.len < SSL_RECORD_HEAD ? VERDICT_PENDING : verdict(r, CHECK_L6OK, 0, SLICE(""));
}

/* Record, handshake, version, 32 bytes of chance (which nothing depends on: no handshake follows), no session, the
 * algorithms of SSL 3.0 and AES, no compression. */
static struct slice client_hello(struct arena *a)
{
	enum { CIPHERS = 0x1b + 12, BODY = 2 + 32 + 1 + 2 + 2 * CIPHERS + 2, ALL = SSL_RECORD_HEAD + 4 + BODY };
	char *p = arena_zalloc(a, ALL), *at = p;

	if (!p)
		return slice_of(NULL, 0);
	*at++ = SSL_HANDSHAKE, *at++ = 3, *at++ = 0, *at++ = 0, *at++ = BODY + 4;
	*at++ = 1, *at++ = 0, *at++ = 0, *at++ = BODY;
	*at++ = 3, *at++ = 0;
	memcpy(at, "a health check, not a handshake.", 32);
	at += 32;
	*at++ = 0, *at++ = 0, *at++ = 2 * CIPHERS;
	for (int c = 1; c <= 0x1b; c++)
		*at++ = 0, *at++ = (char)c;
	for (int c = 0x2f; c <= 0x3a; c++)
		*at++ = 0, *at++ = (char)c;
	*at++ = 1;
	return slice_of(p, ALL);
}

static int build_hello(struct check_script *s, const struct line *l, struct arena *a, struct diag *d)
{
	int err = add_send(s, client_hello(a), a);

	(void)l, (void)d;
	return err ? err : add_expect(s, judge_hello, CHECK_L6TOUT, a);
}

/* --- the options --- */

struct ready_row {
	const char *name;
	size_t args_max;
	int (*build)(struct check_script *s, const struct line *l, struct arena *a, struct diag *d);
};

static const struct ready_row ready_rows[] = {
	{ "ldap-check", 0, build_ldap },
	{ "mysql-check", 3, build_mysql },
	{ "pgsql-check", 2, build_pgsql },
	{ "redis-check", 0, build_redis },
	{ "smtpchk", 2, build_smtp },
	{ "ssl-hello-chk", 0, build_hello },
};

int ready_check_parse_option(struct backend *b, const struct line *l, struct arena *a, struct diag *d)
{
	const struct ready_row *row = ready_rows;
	struct check_script *s;
	int err;

	while (!token_is(&l->words[1], row->name))
		row++;
	err = line_args(l, 1, 1 + row->args_max, d);
	if (err)
		return err;
	s = arena_zalloc(a, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->ready = true;
	err = row->build(s, l, a, d);
	if (!err)
		err = check_script_seal(s, a);
	if (err)
		return err;
	b->checks.ready = s;
	b->checks.method = CHECK_READY;
	return 0;
}
