/* check_private: between check.c, which runs a check, and check_http.c, which talks HTTP on its connection. */
#ifndef BALLAST_SERVER_CHECK_PRIVATE_H
#define BALLAST_SERVER_CHECK_PRIVATE_H

#include "ballast/server/check.h"

/* What a check found. */
struct check_result {
	enum check_status status;
	uint16_t code; /* HTTP status; 0 none */
	char text[CHECK_TEXT_MAX];
};

void check_result_set(struct check_result *r, enum check_status status, const char *text);

/* The exchange of one check; NULL where memory is out. */
struct http_check_run *http_check_run_new(const struct http_check *http);
void http_check_run_free(struct http_check_run *run);
/* Sends and reads what can be by now. True: it is over, *r tells how. */
bool http_check_run_step(struct http_check_run *run, struct conn *c, struct check_result *r);

#endif
