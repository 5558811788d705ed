/* about: what this program is and was built from. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <xxhash.h>
#ifdef HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif
#ifdef HAVE_YAML
#include <yaml.h>
#endif
#ifdef HAVE_OPENSSL
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#endif
#ifdef HAVE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

#include "ballast/balance/pick.h"
#include "ballast/base/simd.h"
#include "ballast/config/features.h"
#include "process.h"

void about_version(FILE *to)
{
	fprintf(to, "Ballast version %s\n", PACKAGE_VERSION);
	fprintf(to, "Speaks HAProxy's configuration dialect, level %s.\n", CONFIG_DIALECT);
}

static void print_system(FILE *to)
{
	struct utsname u;

	if (uname(&u) == 0)
		fprintf(to, "Running on: %s %s %s %s\n", u.sysname, u.release, u.version, u.machine);
}

static void print_features(FILE *to)
{
	size_t count;
	const struct feature *f = features_all(&count);

	fputs("\nFeature list :", to);
	for (size_t i = 0; i < count; i++)
		fprintf(to, " %c%s", f[i].present ? '+' : '-', f[i].name);
	fputc('\n', to);
}

static void print_libraries(FILE *to)
{
	unsigned xxh = XXH_versionNumber();

	fputs("\nLibraries (built with, running on) :\n", to);
#ifdef HAVE_JEMALLOC
	const char *running = "?";
	size_t len = sizeof running;
	if (mallctl("version", &running, &len, NULL, 0) != 0)
		running = "?";
	fprintf(to, "  jemalloc %s, %s\n", JEMALLOC_VERSION, running);
#else
	fputs("  malloc of the C library\n", to);
#endif
#ifdef HAVE_OPENSSL
	fprintf(to, "  %s, %s\n", OPENSSL_VERSION_TEXT, OpenSSL_version(OPENSSL_VERSION));
#endif
#ifdef HAVE_PCRE2
	char pcre2[64] = "?"; /* PCRE2_CONFIG_VERSION needs 24 */
	pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
	fprintf(to, "  PCRE2 %d.%d, %s\n", PCRE2_MAJOR, PCRE2_MINOR, pcre2);
#endif
#ifdef HAVE_YAML
	fprintf(to, "  libyaml, %s\n", yaml_get_version_string());
#endif
	fprintf(to, "  jansson %s, %s\n", JANSSON_VERSION, jansson_version_str());
	fprintf(to, "  xxHash %u.%u.%u, %u.%u.%u\n", XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE,
		xxh / 10000, xxh / 100 % 100, xxh % 100);
}

static void print_algorithms(FILE *to)
{
	const struct pick_algorithm *a;
	const struct pick_method *m;

	fputs("\nBalancing algorithms :\n", to);
	for (size_t i = 0; (a = pick_algorithm_at(i)); i++)
		fprintf(to, "  %-12s %s\n", a->name, a->help);
	fputs("\nMethods of hash-type :\n", to);
	for (size_t i = 0; (m = pick_method_at(i)); i++)
		fprintf(to, "  %-12s %s\n", m->name, m->help);
}

void about_build(FILE *to)
{
	about_version(to);
	print_system(to);
	fprintf(to, "Build options :\n  CC      = %s\n  CFLAGS  = %s\n  VERSION = %s\n", BUILD_CC, BUILD_CFLAGS,
		__VERSION__);
	print_features(to);
	fputs("\nDefault settings :\n  bufsize = 16384, maxrewrite = 1024\n", to);
	fprintf(to, "\nBuilt with multi-threading support (MAX_THREADS=%d, default=%u).\n", LOOP_THREADS_MAX,
		limits_threads(&(struct global_settings){ .nbthread = 0 }));
	fprintf(to, "SIMD : %s\n", simd_name(simd_best()));
	print_libraries(to);
	fputs("\nAvailable polling systems :\n  epoll\n", to);
	print_algorithms(to);
}
