/* fuzz_h1_response: any bytes as a response; the first one chooses the method that it answers. */
#include "../lib/h1_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct h1_input in = { .kind = H1_KIND_RESPONSE, .bytes = (const char *)data + 1, .len = size - 1 };
	in.to = data[0] % METHOD_COUNT;
	h1_fuzz(&in);
	return 0;
}
