/* fixture: an exchange without sockets, for tests of rules, actions and logs.
 *
 * A frontend, a backend with one server, a client whose `ops` write what they are given into `sent`, and an exchange
 * with a parsed request.  One at a time, on one thread.
 */
#ifndef TESTS_UNIT_PROXY_FIXTURE_H
#define TESTS_UNIT_PROXY_FIXTURE_H

#include <string.h>

#include "ballast/proxy/log.h"
#include "ballast/proxy/register.h"
#include "proxy/internal.h"
#include "../cmocka_all.h"

struct fixture {
	struct loop loop;
	struct frontend frontend;
	struct frontend_thread frontend_thread;
	struct backend backend;
	struct backend_thread backend_thread;
	struct counters backend_counters;
	struct frontend_live frontend_live;
	struct server server;
	struct server_thread server_thread;
	struct server_target target;
	struct client client;
	struct exchange x;
	struct field request_fields[32], response_fields[32];
	struct arena arena; /* of the configuration */
	struct diag diag;
	struct acl_set acls;
	struct rules *rules;
	char head[4096];
	char sent[32768]; /* response: head, empty line, body */
	size_t sent_len;
};

extern struct fixture fx;

/* A frontend `fe`, backend `be`, server `srv`; the backend and the server are not chosen yet. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Parses a request ("GET / HTTP/1.1\r\nHost: a\r\n\r\n") into the exchange, as if it had just come. */
void fixture_request(const char *text);
/* The same for a response, with backend and server chosen. */
void fixture_response(const char *text);
/* Words of a line: spaces separate, "..." keeps them. */
struct line fixture_line(const char *text);
/* One rule, "http-request ..." or "http-response ...", appended to fx.rules: what rules_parse says. */
int fixture_rule(const char *text);
/* All rules from the first. */
enum rule_result fixture_run(void);
/* What the diag says, rendered. */
const char *fixture_messages(void);
/* Asserts that the rule is refused with a message that contains `part`. */
void assert_refused(const char *rule, const char *part);
/* The head of the request or response as it would be sent, without its empty line. */
const char *fixture_head(struct msg *m);

#endif
