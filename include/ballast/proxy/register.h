/* register: what the room proxy adds to the tables of others: actions, fetches, log variables. */
#ifndef BALLAST_PROXY_REGISTER_H
#define BALLAST_PROXY_REGISTER_H

/* Once at start, before any configuration is read. 0 or -ENOMEM. */
int proxy_register(void);

#endif
