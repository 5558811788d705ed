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

/* Calls free_fn(ptr) once no loop can hold `ptr`, on any thread; at once where there are no loops. From any thread.
 * NULL is ignored. Where memory is out the object is lost, which is safer than freeing it. */
void grace_retire(void *ptr, void (*free_fn)(void *ptr));
/* After the last loop ended for good: frees what still waits. */
void grace_end(void);

#endif
