/* features: one row a name.
 *
 * "Present" means that a configuration which asks for it may use what HAProxy means by it: OPENSSL is about
 * `ssl` on a bind line, not about a library that is linked.  A room that brings a feature sets its row.
 */
#include "config.h"

#include "ballast/config/features.h"

#ifdef HAVE_PCRE2
enum { WITH_PCRE2 = true };
#else
enum { WITH_PCRE2 = false };
#endif

#ifdef HAVE_OPENSSL
enum { WITH_TLS = true };
#else
enum { WITH_TLS = false };
#endif

#ifdef HAVE_YAML
enum { WITH_YAML = true };
#else
enum { WITH_YAML = false };
#endif

static const struct feature features[] = {
	{ "51DEGREES", false },
	{ "ACCEPT4", true },
	{ "ACME", false },
	{ "BACKTRACE", true },
	{ "CLOSEFROM", false },
	{ "CPU_AFFINITY", true },
	{ "CRYPT_H", true },
	{ "DEVICEATLAS", false },
	{ "DL", false },
	{ "ENGINE", false },
	{ "EPOLL", true },
	{ "EVPORTS", false },
	{ "GETADDRINFO", true },
	{ "KQUEUE", false },
	{ "LIBATOMIC", false },
	{ "LIBCRYPT", true },
	{ "LINUX_CAP", false },
	{ "LINUX_SPLICE", true },
	{ "LINUX_TPROXY", false },
	{ "LUA", false },
	{ "MATH", true },
	{ "MEMORY_PROFILING", false },
	{ "NETFILTER", false },
	{ "NS", false },
	{ "OBSOLETE_LINKER", false },
	{ "OPENSSL", WITH_TLS },
	{ "OPENSSL_AWSLC", false },
	{ "OPENSSL_WOLFSSL", false },
	{ "OT", false },
	{ "PCRE", false },
	{ "PCRE2", WITH_PCRE2 },
	{ "PCRE2_JIT", WITH_PCRE2 },
	{ "PCRE_JIT", false },
	{ "POLL", false },
	{ "PRCTL", true },
	{ "PROCCTL", false },
	{ "PROMEX", false },
	{ "PTHREAD_EMULATION", false },
	{ "QUIC", false },
	{ "QUIC_OPENSSL_COMPAT", false },
	{ "RT", true },
	{ "SLZ", false },
	{ "SSL", WITH_TLS },
	{ "STATIC_PCRE", false },
	{ "STATIC_PCRE2", false },
	{ "SYSTEMD", false },
	{ "TFO", true },
	{ "THREAD", true },
	{ "THREAD_DUMP", false },
	{ "TPROXY", false },
	{ "WURFL", false },
	{ "YAML", WITH_YAML },
	{ "ZLIB", false },
};

static const struct feature options[] = {
	{ "EPOLL", true },
	{ "EVPORTS", false },
	{ "FAST-FORWARD", true },
	{ "GETADDRINFO", true },
	{ "KQUEUE", false },
	{ "POLL", false },
	{ "REUSEPORT", true },
	{ "SERVER-SSL-VERIFY-NONE", false },
	{ "SPLICE", true },
};

static bool is_true(const struct feature *rows, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (slice_eq(name, slice_from_str(rows[i].name)))
			return rows[i].present;
	return false;
}

const struct feature *features_all(size_t *count)
{
	*count = sizeof(features) / sizeof(*features);
	return features;
}

bool feature_present(struct slice name)
{
	return is_true(features, sizeof(features) / sizeof(*features), name);
}

bool option_enabled(struct slice name)
{
	return is_true(options, sizeof(options) / sizeof(*options), name);
}
