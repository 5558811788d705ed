/* log: the line that tells of an exchange, and the variables of log formats (HAProxy's manual, sections 8.2 to 8.6).
 *
 * A line is rendered on the stack, for the frontend's targets only, and only where one of them wants it.  The counts of
 * connections in it are those after this exchange left its backend and server.
 */
#ifndef BALLAST_PROXY_LOG_H
#define BALLAST_PROXY_LOG_H

#include <stdint.h>

struct exchange;
struct frontend;

/* `log-format` texts of the options, as the manual writes them out. */
extern const char log_format_tcp[];      /* option tcplog */
extern const char log_format_tcp_clf[];  /* option tcplog clf */
extern const char log_format_http[];     /* option httplog */
extern const char log_format_http_clf[]; /* option httplog clf */

/* Registers the variables and compiles the default format (`Connect from ...`, for a frontend without log_format).
 * Once at start, after the tables of the room sample. 0 or -ENOMEM. */
int exchange_log_register(void);
/* `option logasap`: logs at the response's head (HTTP) or when the server is reached (TCP), with a '+' before totals that
 * are not final, and marks the exchange as logged.  Does nothing where the frontend has no such option. */
void exchange_log_early(struct exchange *x);
/* Lines that this frontend logged so far (%lc). From any thread. */
uint64_t frontend_log_count(const struct frontend *f);

#endif
