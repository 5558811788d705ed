/* env: the environment that a configuration is read in.
 *
 * "${NAME}" and defined(NAME) look here, and setenv, presetenv, unsetenv and resetenv of the global section
 * change it, so that the lines which follow see the new value (manual, section 2.3).  It starts as a copy of the
 * process's environment, which it never touches: a configuration that is refused leaves no trace.
 * One thread at a time.
 */
#ifndef BALLAST_CONFIG_ENV_H
#define BALLAST_CONFIG_ENV_H

#include <stddef.h>

#include "ballast/base/slice.h"

/* The level of HAProxy's dialect that Ballast speaks: version_atleast(), HAPROXY_BRANCH. */
#define CONFIG_DIALECT "3.4"

struct config_var {
	char *name;
	char *value;
};

struct config_env {
	struct config_var *vars; /* sorted by name */
	size_t count, room;
};

/* Copies `environment` ("NAME=value", NULL-terminated, as environ; may be NULL) and defines HAPROXY_BRANCH and
 * HAPROXY_STARTUP_VERSION.  What depends on the command line (HAPROXY_LOCALPEER, HAPROXY_MWORKER) is for the caller
 * to set.  0, or -ENOMEM (then it is empty). */
int config_env_init(struct config_env *e, char *const *environment);
void config_env_free(struct config_env *e);

/* The value, valid until the variable changes; NULL where it does not exist. */
const char *config_env_get(const struct config_env *e, struct slice name);
/* setenv: 0, -EINVAL for a name that is empty or has a '=' in it, -ENOMEM. */
int config_env_set(struct config_env *e, const char *name, const char *value);
/* presetenv: the same, but an existing variable keeps its value. */
int config_env_preset(struct config_env *e, const char *name, const char *value);
/* unsetenv: what does not exist is no error. */
void config_env_unset(struct config_env *e, const char *name);
/* resetenv: removes all variables but the `count` named ones. */
void config_env_reset(struct config_env *e, const char *const *keep, size_t count);

#endif
