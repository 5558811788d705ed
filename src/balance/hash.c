/* hash: by the value of a sample expression. */
#include "algorithm.h"

const struct pick_algorithm pick_hash = {
	.name = "hash",
	.help = "the same server for the same value of a sample expression",
	.needs_hash = true,
};
