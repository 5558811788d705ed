/* env: a sorted array of variables.
 *
 * There are tens of them, read a few times a load: binary search and moving the tail are all it takes.
 */
#include "ballast/config/env.h"

#include <errno.h>
#include <stdlib.h>

/* Where `name` is, or would be inserted. */
static size_t find(const struct config_env *e, struct slice name, bool *found)
{
	size_t low = 0, high = e->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct slice other = slice_from_str(e->vars[middle].name);
		size_t shared = other.len < name.len ? other.len : name.len;
		int order = shared ? memcmp(other.ptr, name.ptr, shared) : 0;
		if (order == 0 && other.len == name.len) {
			*found = true;
			return middle;
		}
		if (order < 0 || (order == 0 && other.len < name.len))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int make_room(struct config_env *e)
{
	if (e->count < e->room)
		return 0;
	size_t room = e->room ? 2 * e->room : 64;
	struct config_var *vars = realloc(e->vars, room * sizeof(*vars));
	if (!vars)
		return -ENOMEM;
	e->vars = vars;
	e->room = room;
	return 0;
}

static int insert(struct config_env *e, size_t at, struct slice name, const char *value)
{
	int err = make_room(e);
	if (err)
		return err;
	struct config_var var = { strndup(name.ptr, name.len), strdup(value) };
	if (!var.name || !var.value) {
		free(var.name);
		free(var.value);
		return -ENOMEM;
	}
	memmove(&e->vars[at + 1], &e->vars[at], (e->count - at) * sizeof(*e->vars));
	e->vars[at] = var;
	e->count++;
	return 0;
}

static int put(struct config_env *e, struct slice name, const char *value, bool overwrite)
{
	bool found;

	if (name.len == 0 || slice_find_byte(name, '=') >= 0)
		return -EINVAL;
	size_t at = find(e, name, &found);
	if (!found)
		return insert(e, at, name, value);
	if (!overwrite)
		return 0;
	char *copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(e->vars[at].value);
	e->vars[at].value = copy;
	return 0;
}

static void drop(struct config_env *e, size_t at)
{
	free(e->vars[at].name);
	free(e->vars[at].value);
	e->count--;
	memmove(&e->vars[at], &e->vars[at + 1], (e->count - at) * sizeof(*e->vars));
}

static int import(struct config_env *e, char *const *environment)
{
	for (; environment && *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		if (!equals || equals == *environment)
			continue;
		/* The first of two of one name counts, as for getenv(). */
		int err = put(e, slice_of(*environment, (size_t)(equals - *environment)), equals + 1, false);
		if (err)
			return err;
	}
	return 0;
}

int config_env_init(struct config_env *e, char *const *environment)
{
	*e = (struct config_env){ 0 };
	int err = import(e, environment);
	if (!err)
		err = config_env_set(e, "HAPROXY_BRANCH", CONFIG_DIALECT);
	if (!err)
		err = config_env_set(e, "HAPROXY_STARTUP_VERSION", CONFIG_DIALECT);
	if (err)
		config_env_free(e);
	return err;
}

void config_env_free(struct config_env *e)
{
	while (e->count)
		drop(e, e->count - 1);
	free(e->vars);
	*e = (struct config_env){ 0 };
}

const char *config_env_get(const struct config_env *e, struct slice name)
{
	bool found;
	size_t at = find(e, name, &found);

	return found ? e->vars[at].value : NULL;
}

int config_env_set(struct config_env *e, const char *name, const char *value)
{
	return put(e, slice_from_str(name), value, true);
}

int config_env_preset(struct config_env *e, const char *name, const char *value)
{
	return put(e, slice_from_str(name), value, false);
}

void config_env_unset(struct config_env *e, const char *name)
{
	bool found;
	size_t at = find(e, slice_from_str(name), &found);

	if (found)
		drop(e, at);
}

static bool is_kept(const char *name, const char *const *keep, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, keep[i]) == 0)
			return true;
	return false;
}

void config_env_reset(struct config_env *e, const char *const *keep, size_t count)
{
	for (size_t i = e->count; i-- > 0;)
		if (!is_kept(e->vars[i].name, keep, count))
			drop(e, i);
}
