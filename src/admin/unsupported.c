/* Commands of HAProxy's management guide that are not there yet: named, so that a script fails for the right reason. */
#include <string.h>

#include "internal.h"

static const char *const unsupported[] = { "abort ssl", "acme", "add server", "add ssl", "commit acl", "commit map",
	"commit ssl", "debug counters", "debug dev", "del server", "del ssl", "disable dynamic-cookie", "dump ssl",
	"dump stats-file", "enable dynamic-cookie", "experimental-mode", "expert-mode", "httpclient", "new ssl",
	"prepare acl", "prepare map", "set anon", "set dynamic-cookie-key", "set profiling",
	"set rate-limit http-compression", "set severity-output", "set ssl", "show anon", "show cache", "show dev",
	"show events", "show fd", "show libs", "show peers", "show profiling", "show quic", "show resolvers",
	"show schema", "show ssl", "show startup-logs", "show tasks", "show threads", "show tls-keys", "show trace",
	"trace", "update ssl", "wait" };

/* Does the name's word sequence stand at the beginning of these? */
static bool begins_with(char *const *words, int count, const char *name)
{
	for (int i = 0; i < count; i++) {
		size_t len = strlen(words[i]);
		if (strncmp(name, words[i], len) != 0 || (name[len] != ' ' && name[len]))
			return false;
		if (!name[len])
			return true;
		name += len + 1;
	}
	return false;
}

const char *command_unsupported(char *const *words, int count)
{
	for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
		if (begins_with(words, count, unsupported[i]))
			return unsupported[i];
	return NULL;
}
