/* release: what a configuration holds besides its arena: compiled regular expressions, indexes of patterns.
 *
 * Each is registered under the arena that the configuration is made of, and freed when that is given up.  On the thread
 * that loads and frees configurations only.
 */
#ifndef BALLAST_SAMPLE_RELEASE_H
#define BALLAST_SAMPLE_RELEASE_H

struct arena;

/* sample_release() will call free_fn(ptr). 0, or -ENOMEM: then it was called at once. */
int sample_own(struct arena *a, void *ptr, void (*free_fn)(void *ptr));
/* Frees all that was registered under this arena. Before its memory goes, when no thread uses it. */
void sample_release(struct arena *a);

#endif
