/* grace: memory that other threads may still read is freed once each of them has passed a turn of its loop.
 *
 * For objects which are read often and replaced seldom: a reader loads a pointer (acquire) and uses the object until
 * the event that it handles is over, with no lock and no write to shared memory; whoever replaced the object retires the
 * old one.  A message travels through all loops, and between two events no reader holds anything; so when it is back,
 * nobody can (read-copy-update with quiescent states: McKenney and Slingwine, 1998).
 *
 * A reader must not keep such a pointer beyond its event: what is to last longer is copied.
 */
#ifndef BALLAST_EVENT_GRACE_H
#define BALLAST_EVENT_GRACE_H

/* Part of what is to be retired some day, so that it needs no memory then. */
struct grace {
	struct grace *next;
	void (*free_fn)(struct grace *g);
};

/* Calls free_fn(g) once no loop can hold what `g` is a part of, on any thread; at once where there are no loops. From any
 * thread; takes no memory. */
void grace_retire(struct grace *g, void (*free_fn)(struct grace *g));
/* A free_fn for what malloc gave and begins with its struct grace. */
void grace_free(struct grace *g);
/* After the last loop ended for good: frees what still waits. */
void grace_end(void);

#endif
