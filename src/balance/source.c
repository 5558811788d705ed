/* source: by the client's address (hash_source4, hash_source6). */
#include "algorithm.h"

const struct pick_algorithm pick_source = {
	.name = "source",
	.help = "the same server for the same client address",
	.needs_hash = true,
};
