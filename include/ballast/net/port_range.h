/* port_range: local ports that connections take turns to use (`source ADDRESS:LOW-HIGH`).
 *
 * Each is used by one connection at a time, so that as many connections as ports can be open from one address, whatever
 * else the machine does.  The search begins behind the port that was taken last: one that was given back rests as long
 * as can be, as the system may still know its last connection.  Any thread may use it; nobody waits.
 */
#ifndef BALLAST_NET_PORT_RANGE_H
#define BALLAST_NET_PORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct port_range;

/* Ports low to high, 1 <= low <= high. NULL where memory is out.  With one owner. */
struct port_range *port_range_new(uint16_t low, uint16_t high);
/* One more owner; one less, the last one frees it (NULL is allowed). From any thread. */
struct port_range *port_range_share(struct port_range *r);
void port_range_drop(struct port_range *r);
/* The same ports, or both NULL? */
bool port_range_equal(const struct port_range *a, const struct port_range *b);
/* A port that is the caller's until given back; 0: all are in use. */
uint16_t port_range_take(struct port_range *r);
void port_range_give(struct port_range *r, uint16_t port);

#endif
