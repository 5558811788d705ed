/* fuzz_h1_request: any bytes as a request, its body included, in three cuts that must give the same. */
#include "../lib/h1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h1_input in = { .kind = H1_KIND_REQUEST, .bytes = (const char *)data, .len = size };

	h1_fuzz(&in);
	return 0;
}
