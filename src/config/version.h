/* version: version numbers as conditions compare them (manual, section 2.4). */
#ifndef BALLAST_CONFIG_VERSION_H
#define BALLAST_CONFIG_VERSION_H

#include "ballast/base/slice.h"

struct version {
	uint64_t part[4]; /* missing ones are zero */
	int stage;        /* -2: dev or alpha, -1: rc, pre or beta, 0: release */
	uint64_t step;    /* of the stage: 7 of -dev7; of a release: commits behind it */
};

/* HAProxy's: up to four numbers, then perhaps "-dev7" or "-3", then perhaps more behind another '-', which does not
 * count.  0, or -EINVAL for what is no version. */
int version_parse(struct slice s, struct version *v);
/* OpenSSL's: three numbers, before 3.0 a letter for the patch, then perhaps "-alpha1" or "-beta1". */
int openssl_version_parse(struct slice s, struct version *v);
/* Below 0 where `a` is older than `b`, 0 where they are the same. */
int version_compare(const struct version *a, const struct version *b);

#endif
