/* fuzz_h1_chunked: any bytes as a chunked body with its trailers. */
#include "../lib/h1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_input in = { .kind = H1_KIND_CHUNKED, .bytes = (const char *)data, .len = size };

	h1_fuzz(&in);
	return 0;
}
