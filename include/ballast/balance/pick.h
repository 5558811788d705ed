/* pick: choosing a server over an immutable snapshot.
 *
 * A picker is built from the state of a backend's servers and never changes after that; a change of
 * state builds a new one, which is published in its place (readers hold a hazard pointer).  Algorithm and
 * size class (up to 4 servers, up to 16, more) are fixed when it is built: picking is one call to code
 * specialised for both.  The servers are known by their slot, 0..count-1: their place in the backend.
 *
 * Servers in use are those that are usable with a weight above 0 and no backup; where there is none, the
 * first such backup, or with `all_backups` all of them.  `avoid` leaves out servers of these while another
 * one is left; it never brings a backup into use, and with all of them avoided the choice is made as if
 * it were not given.
 *
 * This room knows nothing of sockets, HTTP or the configuration: what it needs is in pick_input.
 */
#ifndef BALLAST_BALANCE_PICK_H
#define BALLAST_BALANCE_PICK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ballast/base/simd.h"
#include "ballast/base/slice.h"

struct picker;

/* What a snapshot is built from.  Arrays are copied, except `load`, which must outlive the picker. */
struct pick_input {
	uint32_t count;            /* 0..PICK_SERVERS_MAX */
	const uint16_t *weight;    /* [count] effective weight, 0..256 * 16; 0: gets no new request */
	const bool *usable;        /* [count] up, not in maintenance, not draining */
	const bool *backup;        /* [count] */
	const uint32_t *id;        /* [count] stable number of the server, for hashing and `first` */
	const struct slice *name;  /* [count] for hashing by name; may be NULL */
	_Atomic uint32_t *load;    /* [count] requests now served or queued per server, live; may be NULL where
	                                * the algorithm has not needs_load */
	_Atomic uint32_t *maxconn; /* [count] live limit, 0 none; for `first`; may be NULL */
	bool all_backups;          /* `option allbackups`: without an active server use all backups, not the first */
	uint32_t weight_unit;      /* what weight[] has for a server of weight 1; 0: 1 */
	uint32_t balance_factor;   /* percent of the average load that a server may have, for methods that are bounded
	                             * and `random`; 0: any */
	_Atomic uint64_t *latency; /* [count] cells of pick_latency_note(); for needs_latency */
	/* Of algorithms that need a hash. */
	const struct pick_method *method;      /* NULL: map-based */
	const struct pick_algorithm *fallback; /* for requests without a key; needs no hash; NULL: roundrobin */
	int64_t fallback_param;
};

/* A thread's own part of the choice in one backend; made by pick_thread_init, owns nothing.  Thread 0 starts
 * at the first server, the others spread over the farm.  A new snapshot goes on where the one before stood
 * when its turn is as long, else at a place drawn anew from the seed, so that frequent changes favour nobody. */
struct pick_thread {
	uint64_t position;   /* round robins: place in the turn, below `units` */
	uint32_t generation; /* of the picker that position speaks of */
	uint32_t units;      /* places in that picker's turn; 0: none seen yet */
	uint32_t turn;       /* leastconn: slot from which equals are tried */
	uint32_t seed;
};

struct pick_request {
	struct pick_thread *thread;
	uint64_t hash;         /* hashed key, for algorithms that use one */
	bool has_hash;         /* false: the request has no key; those algorithms ask their fallback */
	const uint64_t *avoid; /* bitmap by slot of servers to leave out (redispatch), or NULL */
	uint32_t now_ms;       /* the clock of pick_latency_note(), for algorithms with needs_latency */
};

enum { PICK_NONE = -1, PICK_SERVERS_MAX = 65535, PICK_FAILURE_US = 1000000 };

/* Registry: one row an algorithm, one file each. */
struct pick_algorithm {
	const char *name;
	const char *help;
	bool needs_hash;    /* the backend computes pick_request.hash for each request */
	bool needs_load;    /* load[] must be kept by all threads together */
	bool needs_latency; /* latency[] must be kept */
	bool static_weight; /* HAProxy's 'static': a weight changed at run time counts only as 0 or not 0; of
	                      * algorithms with needs_hash the method tells it (pick_static_weight) */
	uint8_t args_max;
	/* Parses the argument in parentheses, as random(draws), or NULL where it was not given; 0 or -EINVAL with
	 * `*why`. NULL: takes none.  A param of 0 is the default. */
	int (*parse)(const char *arg, int64_t *param, const char **why);
	/* Chooses the pick function for this size class; fills picker->data. 0 or -ENOMEM.  Called only for two
	 * servers in use or more.  NULL with needs_hash: the method's is used. */
	int (*build)(struct picker *p);
};

/* How a hash finds its server: `hash-type METHOD`.  One row, one file each, as above. */
struct pick_method {
	const char *name;
	const char *help;
	bool static_weight;
	bool bounded;   /* minds balance_factor */
	bool avalanche; /* its default hash is sdbm with avalanche, not sdbm alone */
	int (*build)(struct picker *p);
};

/* Row by name, NULL where there is none; rows in order for help and 'did you mean'. */
const struct pick_algorithm *pick_algorithm_find(struct slice name);
const struct pick_algorithm *pick_algorithm_at(size_t index);
const struct pick_method *pick_method_find(struct slice name);
const struct pick_method *pick_method_at(size_t index);
/* With `method` (NULL: map-based): see static_weight. */
bool pick_static_weight(const struct pick_algorithm *a, const struct pick_method *method);

/* Builds a snapshot; NULL where memory is out. `generation` grows with each snapshot of a backend, from 1.
 * May be called by any thread.  It costs up to about half a millisecond (weights without a common divisor), with
 * maglev some milliseconds.  `in` says whether the algorithm's needs are met; see pick_needs_load(). */
struct picker *pick_build(const struct pick_algorithm *a, int64_t param, const struct pick_input *in,
	uint32_t generation);
void pick_free(struct picker *p);
/* Slot of the chosen server, or PICK_NONE where none is usable. */
static inline int pick_choose(const struct picker *p, const struct pick_request *r);
/* How many servers are usable (active ones, or the backups in use). */
uint32_t pick_usable(const struct picker *p);
void pick_thread_init(struct pick_thread *t, uint32_t thread_index);
/* Whether a picker of this input reads load[], latency[]. */
bool pick_needs_load(const struct pick_algorithm *a, const struct pick_input *in);
bool pick_needs_latency(const struct pick_algorithm *a, const struct pick_input *in);
/* A server answered after `latency_us`, or failed after it (then at least PICK_FAILURE_US).  `decay_ms` as
 * pick_latency_decay_ms() of the backend's algorithm says; the clock may wrap.  Any thread, lock-free. */
void pick_latency_note(_Atomic uint64_t *cell, uint32_t decay_ms, uint32_t latency_us, uint32_t now_ms);
uint32_t pick_latency_decay_ms(const struct pick_algorithm *a, int64_t param, const struct pick_input *in);
/* For tests and benchmarks: pickers built from now on use this level; false where the processor has it not. */
bool pick_simd_force(enum simd_level level);

/* The head of every picker; what follows belongs to the algorithm. */
struct picker {
	int (*choose)(const struct picker *p, const struct pick_request *r);
	uint32_t count, usable;
	uint32_t generation;
	uint32_t total_weight; /* of the usable ones in use */
	uint32_t units;        /* total_weight divided by the weights' greatest common divisor */
	bool on_backup;
	int64_t param; /* the algorithm's argument */
	_Atomic uint32_t *load;
	_Atomic uint32_t *maxconn;
	_Atomic uint64_t *latency;
	const struct pick_algorithm *algorithm;
	const struct pick_input *input; /* for build(); NULL afterwards */
	struct picker *fallback;        /* of algorithms that need a hash, where there are two servers or more */
	uint32_t balance_factor;
	struct bounded *bounded; /* with a balance_factor, of methods that mind it; one block */
	/* Struct of arrays over the servers in use, in the order of their slots, `usable` long; SIMD may read
	 * 16 more (zero; in `cumulative` UINT32_MAX). */
	uint16_t *slot;
	uint16_t *weight;
	uint32_t *cumulative; /* in units: the sum of the weights up to and with this server */
	uint32_t *id;
	uint64_t *healthy; /* bitmap by slot of the servers in use */
	void *data;        /* of the algorithm; one block, freed with the picker */
};

static inline int pick_choose(const struct picker *p, const struct pick_request *r)
{
	return p->choose(p, r);
}

#endif
