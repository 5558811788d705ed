/* report: words for what is told of a server. */
#include "ballast/server/report.h"

#include <stdio.h>

#include "internal.h"

const char *server_result_text(const struct server_result *r, char *buf, size_t len)
{
	static const char *const texts[OUTCOME_COUNT] = {
		[OUTCOME_CONNECTED] = "connected",
		[OUTCOME_UNREACHABLE] = "no connection",
		[OUTCOME_CONNECT_TIMEOUT] = "no connection in time",
		[OUTCOME_ANSWERED] = "answered",
		[OUTCOME_EMPTY] = "no answer",
		[OUTCOME_JUNK] = "an answer that is no HTTP",
		[OUTCOME_TIMEOUT] = "no answer in time",
		[OUTCOME_BROKEN] = "an answer that broke off",
	};

	if (r->outcome != OUTCOME_ANSWERED)
		return texts[r->outcome];
	snprintf(buf, len, "status %u", r->status);
	return buf;
}

const char *duration_text(uint32_t ms, char buf[16])
{
	if (ms % 1000)
		snprintf(buf, 16, "%ums", ms);
	else if (ms % 60000 || !ms)
		snprintf(buf, 16, "%us", ms / 1000);
	else
		snprintf(buf, 16, "%um", ms / 60000);
	return buf;
}
