/* url_param: by a parameter of the query (hash_param_key). */
#include "algorithm.h"

const struct pick_algorithm pick_url_param = {
	.name = "url_param",
	.help = "the same server for the same value of a URL parameter",
	.needs_hash = true,
};
