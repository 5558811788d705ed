/* register: the fetches (sc_*, src_*, table_*) and converters (table_*) of stick tables. */
#ifndef BALLAST_TABLE_REGISTER_H
#define BALLAST_TABLE_REGISTER_H

/* Once at start, before any configuration is read. 0 or -ENOMEM. */
int table_register(void);

#endif
