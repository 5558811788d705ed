/* listener_socket: what listener.c (threads) and listener_open.c (sockets and files) ask of one another. */
#ifndef BALLAST_NET_LISTENER_SOCKET_H
#define BALLAST_NET_LISTENER_SOCKET_H

#include "ballast/net/listener.h"

/* Makes the threads' parts, before any of them starts: a listener may be paused or closed at once. */
void listener_init_sockets(struct listener *l);
/* Makes a TCP socket refuse connections, and take them again; nothing for others. */
void listener_stop_listening(const struct listener *l, int fd);
void listener_listen_again(const struct listener *l, int fd);

#endif
