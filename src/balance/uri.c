/* uri: by the request's URI or a part of it (hash_uri), over a static map. */
#include "algorithm.h"
#include "map_hash.h"

const struct pick_algorithm pick_uri = {
	.name = "uri",
	.help = "the same server for the same URI (options len, depth, whole, path-only)",
	.needs_hash = true,
	.static_weight = true,
	.build = map_hash_build,
};
