/* draw: the store of a thread's random numbers. */
#include "draw.h"

_Thread_local struct draw_store draw_store;
