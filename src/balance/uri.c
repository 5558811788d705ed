/* uri: by the request's URI or a part of it (hash_uri). */
#include "algorithm.h"

const struct pick_algorithm pick_uri = {
	.name = "uri",
	.help = "the same server for the same URI (options len, depth, whole, path-only)",
	.needs_hash = true,
};
