/* attach: lets the room `server` build pickers from its servers' states. */
#ifndef BALLAST_BALANCE_ATTACH_H
#define BALLAST_BALANCE_ATTACH_H

/* Once, before the first backend_start(). */
void balance_attach(void);

#endif
