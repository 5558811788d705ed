/* source: by the client's address (hash_source4, hash_source6), over a static map. */
#include "algorithm.h"
#include "map_hash.h"

const struct pick_algorithm pick_source = {
	.name = "source",
	.help = "the same server for the same client address",
	.needs_hash = true,
	.static_weight = true,
	.build = map_hash_build,
};
