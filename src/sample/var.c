/* Variables: see var.h. */
#include "ballast/sample/var.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

#include "ballast/event/grace.h"
#include "private.h"

/* A value of scope proc; immutable. */
struct proc_value {
	struct grace grace; /* first */
	struct sample value;
	char bytes[];
};

struct var_name {
	const char *text; /* "txn.user" */
	size_t len;
	uint8_t scope;
	uint32_t index; /* in the array of its scope; those of an exchange share one */
	_Atomic(struct proc_value *) proc;
};

enum { VAR_NONE, VAR_EXISTS, VAR_SET };
struct var {
	struct sample value;
	uint8_t state;
};

static const char *const scope_names[] = {
	[VAR_PROC] = "proc",
	[VAR_SESS] = "sess",
	[VAR_TXN] = "txn",
	[VAR_REQ] = "req",
	[VAR_RES] = "res",
	[VAR_CHECK] = "check",
};

/* All names of the process; added while configurations are read, by one thread, or by the admin's. */
static struct {
	pthread_mutex_t lock;
	struct var_name **name;
	uint32_t count, room;
	_Atomic uint32_t session_count, exchange_count;
} names = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- names ---- */

const struct var_name *var_at(unsigned i)
{
	const struct var_name *n;

	pthread_mutex_lock(&names.lock);
	n = i < names.count ? names.name[i] : NULL;
	pthread_mutex_unlock(&names.lock);
	return n;
}

enum var_scope var_scope(const struct var_name *name)
{
	return name->scope;
}

struct slice var_text(const struct var_name *name)
{
	return slice_of(name->text, name->len);
}

static const struct var_name *find(struct slice text)
{
	for (uint32_t i = 0; i < names.count; i++)
		if (slice_eq(text, var_text(names.name[i])))
			return names.name[i];
	return NULL;
}

const struct var_name *var_find(struct slice text)
{
	const struct var_name *n;

	pthread_mutex_lock(&names.lock);
	n = find(text);
	pthread_mutex_unlock(&names.lock);
	return n;
}

static const char *parse_scope(struct slice text, enum var_scope *out)
{
	ptrdiff_t dot = slice_find_byte(text, '.');
	if (dot < 0)
		return "expects a variable with its scope, such as txn.name";
	for (unsigned i = 0; i < VAR_SCOPE_COUNT; i++)
		if (slice_eq(slice_of(text.ptr, (size_t)dot), slice_from_str(scope_names[i]))) {
			*out = i;
			if (text.len == (size_t)dot + 1)
				return "expects a name behind the scope of the variable";
			for (size_t at = (size_t)dot + 1; at < text.len; at++)
				if (!isalnum((unsigned char)text.ptr[at]) && text.ptr[at] != '_')
					return "expects letters, digits and '_' in the name of a variable";
			return NULL;
		}
	return "knows the scopes proc, sess, txn, req, res and check of variables only";
}

static struct var_name *name_new(struct slice text, enum var_scope scope)
{
	struct var_name *n = calloc(1, sizeof *n);
	char *copy = malloc(text.len + 1);
	if (names.count == names.room) {
		uint32_t room = names.room ? 2 * names.room : 16;
		void *more = reallocarray(names.name, room, sizeof *names.name);
		if (more) {
			names.name = more;
			names.room = room;
		}
	}
	if (!n || !copy || names.count == names.room) {
		free(n);
		free(copy);
		return NULL;
	}
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = 0;
	n->text = copy;
	n->len = text.len;
	n->scope = (uint8_t)scope;
	if (scope != VAR_PROC)
		n->index = scope == VAR_SESS ? names.session_count++ : names.exchange_count++;
	names.name[names.count++] = n;
	return n;
}

const char *var_intern(struct slice text, const struct var_name **out)
{
	enum var_scope scope;
	const char *wrong = parse_scope(text, &scope);
	if (wrong)
		return wrong;
	pthread_mutex_lock(&names.lock);
	*out = find(text);
	if (!*out)
		*out = name_new(text, scope);
	pthread_mutex_unlock(&names.lock);
	return *out ? NULL : "is out of memory";
}

bool var_condition_parse(struct slice word, unsigned *conditions)
{
	static const char *const words[] = { "ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset",
		"ifgt", "iflt" };
	for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
		if (slice_eq(word, slice_from_str(words[i]))) {
			*conditions |= 1u << i;
			return true;
		}
	return false;
}

/* ---- arrays ---- */

/* The array that holds variables of this scope; NULL where the scope is not there. */
static struct vars *store(const struct sample_ctx *ctx, enum var_scope scope)
{
	if ((scope == VAR_CHECK) != (ctx->phase == PHASE_CHECK) && scope != VAR_SESS)
		return NULL;
	switch (scope) {
	case VAR_SESS: return ctx->session_vars;
	case VAR_REQ: return ctx->res ? NULL : ctx->vars;
	case VAR_RES: return ctx->res ? ctx->vars : NULL;
	default: return ctx->vars;
	}
}

static struct var *slot(const struct sample_ctx *ctx, const struct var_name *name)
{
	const struct vars *v = store(ctx, name->scope);
	return v && name->index < v->count ? &v->slot[name->index] : NULL;
}

/* Makes the array, or a longer one where a later configuration brought names. */
static struct var *slot_make(struct sample_ctx *ctx, const struct var_name *name)
{
	struct vars *v = store(ctx, name->scope);
	struct var *now = slot(ctx, name);
	if (now || !v)
		return now;
	bool session = name->scope == VAR_SESS;
	uint32_t count = session ? names.session_count : names.exchange_count;
	now = session ? calloc(count, sizeof *now) : arena_zalloc(ctx->arena, count * sizeof *now);
	if (!now)
		return NULL;
	if (v->count)
		memcpy(now, v->slot, v->count * sizeof *now);
	if (session)
		free(v->slot);
	*v = (struct vars){ now, count };
	return &now[name->index];
}

static bool has_bytes(const struct sample *s)
{
	return s->type == SAMPLE_STR || s->type == SAMPLE_BIN || s->type == SAMPLE_METHOD;
}

static void session_value_free(struct var *v)
{
	if (v->state == VAR_SET && has_bytes(&v->value))
		free((char *)v->value.str.ptr);
}

void var_session_free(struct vars *vars)
{
	for (uint32_t i = 0; i < vars->count; i++)
		session_value_free(&vars->slot[i]);
	free(vars->slot);
	*vars = (struct vars){ 0 };
}

/* ---- values ---- */

bool var_get(const struct sample_ctx *ctx, const struct var_name *name, struct sample *out)
{
	if (name->scope == VAR_PROC) {
		const struct proc_value *p = atomic_load_explicit(&name->proc, memory_order_acquire);
		if (p)
			*out = p->value;
		return p;
	}
	const struct var *v = slot(ctx, name);
	if (!v || v->state != VAR_SET)
		return false;
	*out = v->value;
	return true;
}

static bool conditions_hold(const struct sample_ctx *ctx, const struct var_name *name, unsigned conditions,
	const struct sample *s)
{
	struct sample now;
	const struct var *v = name->scope == VAR_PROC ? NULL : slot(ctx, name);
	bool set = var_get(ctx, name, &now), exists = name->scope == VAR_PROC || (v && v->state != VAR_NONE);
	bool empty = has_bytes(s) && !s->str.len, numbers = set && now.type == SAMPLE_INT && s->type == SAMPLE_INT;

	return !((conditions & VAR_IF_EXISTS && !exists) || (conditions & VAR_IF_NOT_EXISTS && exists) ||
		 (conditions & VAR_IF_EMPTY && !empty) || (conditions & VAR_IF_NOT_EMPTY && empty) ||
		 (conditions & VAR_IF_SET && !set) || (conditions & VAR_IF_NOT_SET && set) ||
		 (conditions & VAR_IF_GREATER && numbers && now.num <= s->num) ||
		 (conditions & VAR_IF_LESS && numbers && now.num >= s->num));
}

static void replace_proc(struct var_name *name, struct proc_value *with)
{
	struct proc_value *old = atomic_exchange(&name->proc, with);
	if (old)
		grace_retire(&old->grace, grace_free);
}

static int set_proc(struct var_name *name, struct sample *s)
{
	size_t len = has_bytes(s) ? s->str.len : 0;
	struct proc_value *p = malloc(sizeof *p + len);
	if (!p)
		return -ENOMEM;
	p->value = *s;
	if (has_bytes(s)) {
		if (len)
			memcpy(p->bytes, s->str.ptr, len);
		p->value.str = slice_of(p->bytes, len);
	}
	*s = p->value;
	replace_proc(name, p);
	return 0;
}

/* A copy in the memory of the scope. */
static int copy_bytes(struct sample_ctx *ctx, enum var_scope scope, struct sample *s)
{
	char *copy = scope == VAR_SESS ? malloc(s->str.len + 1) : arena_alloc(ctx->arena, s->str.len + 1);
	if (!copy)
		return -ENOMEM;
	if (s->str.len)
		memcpy(copy, s->str.ptr, s->str.len);
	s->str.ptr = copy;
	return 0;
}

int var_set(struct sample_ctx *ctx, const struct var_name *name, unsigned conditions, struct sample *s)
{
	if (conditions && !conditions_hold(ctx, name, conditions, s))
		return 0;
	if (name->scope == VAR_PROC)
		return set_proc((struct var_name *)name, s);
	if (!store(ctx, name->scope))
		return -ENOENT;
	struct var *v = slot_make(ctx, name);
	struct sample copy = *s;
	if (!v || (has_bytes(s) && copy_bytes(ctx, name->scope, &copy)))
		return -ENOMEM;
	if (name->scope == VAR_SESS)
		session_value_free(v);
	v->value = *s = copy;
	v->state = VAR_SET;
	return 0;
}

void var_unset(struct sample_ctx *ctx, const struct var_name *name)
{
	if (name->scope == VAR_PROC) {
		replace_proc((struct var_name *)name, NULL);
		return;
	}
	struct var *v = slot(ctx, name);
	if (!v)
		return;
	if (name->scope == VAR_SESS)
		session_value_free(v);
	v->state = VAR_EXISTS;
}

/* ---- words ---- */

static const char *prepare_conditions(struct args *args, struct arena *a)
{
	unsigned conditions = 0;
	(void)a;
	for (unsigned i = 1; i < args->count; i++)
		if (!var_condition_parse(args->v[i].str, &conditions))
			return "knows the conditions ifexists, ifnotexists, ifempty, ifnotempty, ifset, ifnotset, ifgt "
			       "and "
			       "iflt only";
	args->data = (void *)(uintptr_t)conditions;
	return NULL;
}

static int run_set(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	return var_set(ctx, args->v[0].var, (unsigned)(uintptr_t)args->data, s);
}

static int run_unset(struct sample_ctx *ctx, const struct args *args, struct sample *s)
{
	/* the value itself may be what goes on */
	if (args->v[0].var->scope == VAR_SESS && has_bytes(s) && copy_bytes(ctx, VAR_TXN, s))
		return -ENOMEM;
	var_unset(ctx, args->v[0].var);
	return 0;
}

static int run_var(struct sample_ctx *ctx, const struct args *args, struct sample *out, struct sample_cursor *cursor)
{
	(void)cursor;
	if (var_get(ctx, args->v[0].var, out))
		return 0;
	return args->count > 1 ? sample_set_str(out, args->v[1].str) : -ENOENT;
}

const struct fetch_row fetch_var_rows[] = {
	{ "var", { "<scope.name>[,<default>]", 1, 2, { ARG_VAR, ARG_STR } }, SAMPLE_ANY, PHASE_ALL, 0, run_var, NULL,
		"a variable, or the default where it is not set" },
	{ 0 },
};

const struct converter_row converter_var_rows[] = {
	{ "set-var", { "<scope.name>[,<condition>...]", 1, 5, { ARG_VAR, ARG_STR, ARG_STR, ARG_STR, ARG_STR } },
		SAMPLE_ANY, SAMPLE_SAME, run_set, prepare_conditions, "keeps the value in a variable" },
	{ "unset-var", { "<scope.name>", 1, 1, { ARG_VAR } }, SAMPLE_ANY, SAMPLE_SAME, run_unset, NULL,
		"unsets a variable; the value goes on" },
	{ 0 },
};
