/* pick: choosing a server over an immutable snapshot.
 *
 * A picker is built from the state of a backend's servers and never changes after that; a change of
 * state builds a new one, which is published in its place (readers hold a hazard pointer).  Algorithm and
 * size class (up to 4 servers, up to 16, more) are fixed when it is built: picking is one call to code
 * specialised for both.  The servers are known by their slot, 0..count-1: their place in the backend.
 *
 * This room knows nothing of sockets, HTTP or the configuration: what it needs is in pick_input.
 */
#ifndef BALLAST_BALANCE_PICK_H
#define BALLAST_BALANCE_PICK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/slice.h"

struct picker;

/* What a snapshot is built from.  Arrays are copied, except `load`, which must outlive the picker. */
struct pick_input {
	uint32_t count;
	const uint16_t *weight;        /* [count] effective weight, 0..256 * 16; 0: gets no new request */
	const bool *usable;            /* [count] up, not in maintenance, not draining */
	const bool *backup;            /* [count] */
	const uint32_t *id;            /* [count] stable number of the server, for hashing and `first` */
	const struct slice *name;      /* [count] for hashing by name; may be NULL */
	_Atomic uint32_t *load;        /* [count] requests now served or queued per server, live; for leastconn */
	_Atomic uint32_t *maxconn;     /* [count] live limit, 0 none; for `first`; may be NULL */
	bool all_backups;              /* `option allbackups`: without an active server use all backups, not the first */
};

/* A thread's own part of the choice; zero it at start (seed is set by pick_thread_init). */
struct pick_thread {
	uint64_t position;  /* round robins: where this thread stands */
	uint32_t generation; /* of the picker that position speaks of */
	uint32_t seed;
};

struct pick_request {
	struct pick_thread *thread;
	uint64_t hash;                 /* hashed key, for algorithms that use one */
	bool has_hash;                 /* false: the request has no key; those algorithms fall back to roundrobin */
	const uint64_t *avoid;         /* bitmap by slot of servers to leave out (redispatch), or NULL */
};

enum { PICK_NONE = -1 };

/* Registry: one row an algorithm, one file each. */
struct pick_algorithm {
	const char *name;
	const char *help;
	bool needs_hash;     /* the backend computes pick_request.hash for each request */
	bool needs_load;     /* load[] must be kept by all threads together */
	uint8_t args_max;
	/* Parses the argument in parentheses, as random(draws); 0 or -EINVAL with `*why`. NULL: takes none. */
	int (*parse)(const char *arg, int64_t *param, const char **why);
	/* Chooses the pick function for this size class; fills picker->data. 0 or -ENOMEM. */
	int (*build)(struct picker *p, int64_t param);
};

/* Row by name, NULL where there is none; rows in order for help and 'did you mean'. */
const struct pick_algorithm *pick_algorithm_find(struct slice name);
const struct pick_algorithm *pick_algorithm_at(size_t index);

/* Builds a snapshot; NULL where memory is out. `generation` grows with each snapshot of a backend. */
struct picker *pick_build(const struct pick_algorithm *a, int64_t param, const struct pick_input *in, uint32_t generation);
void pick_free(struct picker *p);
/* Slot of the chosen server, or PICK_NONE where none is usable. */
static inline int pick_choose(const struct picker *p, const struct pick_request *r);
/* How many servers are usable (active ones, or the backups in use). */
uint32_t pick_usable(const struct picker *p);
bool pick_on_backup(const struct picker *p);
void pick_thread_init(struct pick_thread *t, uint32_t thread_index);

/* The head of every picker; what follows belongs to the algorithm. */
struct picker {
	int (*choose)(const struct picker *p, const struct pick_request *r);
	uint32_t count, usable;
	uint32_t generation;
	uint32_t total_weight;      /* of the usable ones in use */
	bool on_backup;
	_Atomic uint32_t *load;
	_Atomic uint32_t *maxconn;
	const struct pick_algorithm *algorithm;
	/* Struct of arrays over the servers in use (usable active ones, else backups), `usable` long, padded
	 * to a multiple of 16 so that SIMD may read past the end. */
	uint16_t *slot;
	uint16_t *weight;
	uint32_t *cumulative;       /* cumulative weights */
	uint32_t *id;
	uint64_t *healthy;          /* bitmap by slot */
	void *data;                 /* of the algorithm; one block, freed with the picker */
};

static inline int pick_choose(const struct picker *p, const struct pick_request *r)
{
	return p->choose(p, r);
}

#endif
