/* hdr: by a field of the request's head (hash_domain_key with use_domain_only). */
#include "algorithm.h"

const struct pick_algorithm pick_hdr = {
	.name = "hdr",
	.help = "the same server for the same value of a request's header field: hdr(<name>)",
	.needs_hash = true,
};
