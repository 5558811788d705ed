/* source: finds the files, reads each whole into the arena and cuts it at its line feeds.
 *
 * The text stays in the arena: the places of all words point into it, with a NUL put where each line ends.
 * As in HAProxy a last line without line feed is an error, for that is what a file looks like which was cut short
 * on its way.
 */
#include "ballast/config/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ballast/base/file_list.h"
#include "ballast/config/lexer.h"
#include "block.h"
#include "yaml.h"

#define STDIN_NAME "<stdin>"

void config_source_init(struct config_source *src, struct config_env *env)
{
	*src = (struct config_source){ .env = env };
	arena_init_heap(&src->arena);
}

void config_source_free(struct config_source *src)
{
	free(src->named);
	arena_reset(&src->arena);
	*src = (struct config_source){ 0 };
}

static struct config_named *add_name(struct config_source *src, const char *path)
{
	if (src->count == src->room) {
		size_t room = src->room ? 2 * src->room : 8;
		struct config_named *named = realloc(src->named, room * sizeof(*named));
		if (!named)
			return NULL;
		src->named = named;
		src->room = room;
	}
	struct config_named *n = &src->named[src->count];
	*n = (struct config_named){ .path = arena_strdup(&src->arena, path) };
	src->count += n->path != NULL;
	return n->path ? n : NULL;
}

int config_source_add(struct config_source *src, const char *path)
{
	return add_name(src, path) ? 0 : -ENOMEM;
}

int config_source_add_text(struct config_source *src, const char *name, struct slice text)
{
	struct slice copy = arena_copy(&src->arena, text);
	struct config_named *n = copy.ptr ? add_name(src, name) : NULL;

	if (!n)
		return -ENOMEM;
	n->text = copy;
	return 0;
}

/* One call of config_read(). */
struct reader {
	struct config_source *src;
	struct arena *arena;
	struct diag *diag;
	int (*on_line)(void *arg, struct line *line);
	void *arg;
	size_t count, room; /* of src->files */
	struct lexer lexer;
	struct block_stack blocks;
};

static int out_of_memory(struct reader *r)
{
	diag_error(r->diag, NULL, NULL, "out of memory while the configuration is read");
	return -ENOMEM;
}

static int add_file(struct reader *r, const char *dir, const char *name)
{
	if (r->count + 2 > r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		const char **files = arena_alloc(r->arena, room * sizeof(*files));
		if (!files)
			return out_of_memory(r);
		if (r->count)
			memcpy(files, r->src->files, r->count * sizeof(*files));
		r->src->files = files;
		r->room = room;
	}
	const char *slash = dir && !slice_ends_with(slice_from_str(dir), SLICE("/")) ? "/" : "";
	const char *path = arena_printf(r->arena, "%s%s%s", dir ? dir : "", slash, name).ptr;
	if (!path)
		return out_of_memory(r);
	r->src->files[r->count++] = path;
	r->src->files[r->count] = NULL;
	return 0;
}

static int is_config_name(const struct dirent *e)
{
	const char *name = e->d_name;

	return name[0] != '.' && (slice_ends_with(slice_from_str(name), SLICE(".cfg")) || yaml_is_name(name));
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What cannot be looked at stays in the list: opening it tells why. */
static bool is_regular(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) < 0 || S_ISREG(st.st_mode);
}

static int add_directory(struct reader *r, const char *path)
{
	struct dirent **names = NULL;
	file_list_note(path);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = 0;
	int count = dir < 0 ? -1 : scandirat(dir, ".", &names, is_config_name, compare_names);

	if (count < 0)
		diag_error(r->diag, NULL, NULL, "cannot read the directory '%s': %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		if (!err && is_regular(dir, names[i]->d_name))
			err = add_file(r, path, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	if (dir >= 0)
		close(dir);
	return err;
}

static int add_named(struct reader *r, const struct config_named *n)
{
	const char *path = n->path;
	struct stat st;

	if (n->text.ptr)
		return add_file(r, NULL, path);
	if (strcmp(path, "-") == 0)
		return add_file(r, NULL, STDIN_NAME);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_directory(r, path);
	return add_file(r, NULL, path);
}

static int list_files(struct reader *r)
{
	r->src->files = NULL;
	for (size_t i = 0; i < r->src->count; i++) {
		int err = add_named(r, &r->src->named[i]);
		if (err)
			return err;
	}
	if (r->count == 0)
		diag_error(r->diag, NULL, "-f takes files, and directories with files that end in .cfg, .yaml or .yml",
			"there is no configuration file to read");
	return 0;
}

/* HAPROXY_CFGFILES: the names, with ';' between them. */
static int tell_files(struct reader *r)
{
	size_t len = 1;

	for (size_t i = 0; i < r->count; i++)
		len += strlen(r->src->files[i]) + 1;
	char *list = arena_alloc(r->arena, len), *to = list;
	if (!list)
		return out_of_memory(r);
	*to = '\0';
	for (size_t i = 0; i < r->count; i++) {
		if (i)
			*to++ = ';';
		to = stpcpy(to, r->src->files[i]);
	}
	return config_env_set(r->src->env, "HAPROXY_CFGFILES", list) < 0 ? out_of_memory(r) : 0;
}

/* All that can be read from `fd`, of a file or a pipe, as *out of `arena` with a NUL behind it.  0 or a negative
 * errno, -EFBIG above the bound. */
static int read_all(int fd, struct arena *arena, struct slice *out)
{
	size_t len = 0, room = 0;
	char *text = NULL;
	ssize_t got;
	int err = 0;

	do {
		if (len == room) {
			room = room ? 2 * room : 65536;
			char *larger = room > 2 * (size_t)CONFIG_FILE_MAX ? NULL : realloc(text, room);
			if (!larger) {
				err = -ENOMEM;
				goto out;
			}
			text = larger;
		}
		got = read(fd, text + len, room - len);
		if (got > 0)
			len += (size_t)got;
		if (len > CONFIG_FILE_MAX) {
			err = -EFBIG;
			goto out;
		}
	} while (got > 0 || (got < 0 && errno == EINTR));
	err = got < 0 ? -errno : 0;
	if (!err)
		*out = arena_copy(arena, slice_of(text, len));
	if (!err && !out->ptr)
		err = -ENOMEM;
out:
	free(text);
	return err;
}

/* Standard input is kept, so that a reload has it again. */
static int read_input(struct reader *r, struct slice *out)
{
	struct config_source *src = r->src;

	if (!src->input_read) {
		int err = read_all(STDIN_FILENO, &src->arena, &src->input);
		if (err)
			return err;
		src->input_read = true;
	}
	*out = arena_copy(r->arena, src->input);
	return out->ptr ? 0 : -ENOMEM;
}

int config_file_text(const char *path, struct arena *a, struct slice *out)
{
	file_list_note(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = read_all(fd, a, out);
	close(fd);
	return err;
}

static bool begins_section(const struct reader *r, const struct line *l)
{
	return r->src->is_section && r->src->is_section(l->words[0].text);
}

/* ".SECTION" is the section's name, or its kind where it has none ("defaults from x" has none). */
static void enter_section(struct reader *r, const struct line *l)
{
	bool named = l->count > 1 && l->words[1].len && !token_is(&l->words[1], "from");

	r->lexer.section = l->words[named ? 1 : 0].text;
}

/* One line, cut by the lexer with `result`. */
static int take_line(struct reader *r, struct line *l, int result)
{
	bool broken = result < 0;

	if (l->count == 0)
		return 0;
	if (l->words[0].text[0] == '.') {
		block_line(&r->blocks, l, broken);
		return 0;
	}
	if (!block_lets_through(&r->blocks))
		return 0;
	bool section = begins_section(r, l);
	if (section)
		enter_section(r, l);
	return broken && !section ? 0 : r->on_line(r->arg, l);
}

/* `text` has a NUL behind it and may be written to. */
static int take_text(struct reader *r, const char *file, char *text, size_t len)
{
	char *end = text + len, *lf;
	int err = 0;

	if (slice_starts_with(slice_of(text, len), SLICE("\xef\xbb\xbf")))
		text += 3; /* the byte order mark that some editors write */
	for (; err >= 0 && text < end; text = lf + 1) {
		struct line l;
		lf = memchr(text, '\n', (size_t)(end - text));
		bool whole = lf;
		char *stop = lf = lf ? lf : end;
		while (stop > text && stop[-1] == '\r')
			stop--;
		*stop = '\0';
		r->lexer.line++;
		r->lexer.quiet = !block_lets_through(&r->blocks);
		err = lexer_line(&r->lexer, text, (size_t)(stop - text), &l);
		if (err == -ENOMEM || err == -EILSEQ)
			return err == -ENOMEM ? err : 0; /* what has a NUL is not a text: one error is enough */
		err = take_line(r, &l, err);
		struct place at = { file, text, r->lexer.line, (unsigned)(stop - text) + 1, 1 };
		if (!whole)
			diag_error(r->diag, &at, "end the last line with a line feed",
				"the last line has no line feed: the file may have been cut short");
	}
	if (err < 0)
		return err;
	block_end(&r->blocks);
	return 0;
}

static int take_yaml_line(void *arg, struct line *l, int result)
{
	struct reader *r = arg;
	int err = take_line(r, l, result);

	r->lexer.quiet = !block_lets_through(&r->blocks);
	return err;
}

static int take_yaml(struct reader *r, struct slice text)
{
	struct yaml_reader y = {
		.lexer = &r->lexer,
		.is_section = r->src->is_section,
		.take = take_yaml_line,
		.arg = r,
	};
	int err = yaml_read(&y, text);

	if (err < 0)
		return err == -ENOMEM ? out_of_memory(r) : err;
	block_end(&r->blocks);
	return 0;
}

/* The text that was given under this name. */
static const struct config_named *find_text(const struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->src->count; i++)
		if (r->src->named[i].text.ptr && strcmp(r->src->named[i].path, name) == 0)
			return &r->src->named[i];
	return NULL;
}

static int read_file(struct reader *r, const char *file, struct slice *out)
{
	const struct config_named *given = find_text(r, file);

	if (strcmp(file, STDIN_NAME) == 0)
		return read_input(r, out);
	if (!given)
		return config_file_text(file, r->arena, out);
	*out = arena_copy(r->arena, given->text);
	return out->ptr ? 0 : -ENOMEM;
}

static int take_file(struct reader *r, const char *file)
{
	struct slice text = { 0 };
	int err = read_file(r, file, &text);

	if (err == -ENOMEM)
		return out_of_memory(r);
	if (err == -EFBIG)
		diag_error(r->diag, NULL, NULL, "'%s' is larger than %u MiB", file, CONFIG_FILE_MAX >> 20);
	else if (err)
		diag_error(r->diag, NULL, NULL, "cannot read the configuration file '%s': %s", file, strerror(-err));
	if (err)
		return 0;
	r->lexer = (struct lexer){ .arena = r->arena, .diag = r->diag, .env = r->src->env, .file = file };
	r->blocks = (struct block_stack){
		.arena = r->arena,
		.diag = r->diag,
		.facts = cond_facts_here(r->src->env),
		.diagnostics = r->src->diagnostics,
	};
	if (yaml_is_name(file))
		return take_yaml(r, text);
	/* The text is a copy in the arena that nobody else has seen. */
	return take_text(r, file, (char *)text.ptr, text.len);
}

int config_read(struct config_source *src, struct arena *arena, struct diag *d,
	int (*on_line)(void *arg, struct line *line), void *arg)
{
	struct reader r = { .src = src, .arena = arena, .diag = d, .on_line = on_line, .arg = arg };
	unsigned errors = d->count[DIAG_ALERT];
	int err = list_files(&r);

	if (!err)
		err = tell_files(&r);
	for (size_t i = 0; !err && i < r.count; i++)
		err = take_file(&r, src->files[i]);
	return err ? err : d->count[DIAG_ALERT] > errors ? -EINVAL : 0;
}
