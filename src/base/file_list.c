/* file_list: see file_list.h. */
#include "ballast/base/file_list.h"

#include <string.h>

static __thread struct file_list *open_list;

void file_list_open(struct file_list *l, struct arena *a)
{
	*l = (struct file_list){ .arena = a, .outer = open_list };
	open_list = l;
}

void file_list_close(struct file_list *l)
{
	open_list = l->outer;
	l->outer = NULL;
}

static struct file_seen look(const char *path)
{
	struct stat s;

	if (stat(path, &s) < 0)
		return (struct file_seen){ .path = path };
	return (struct file_seen){ path, true, s.st_dev, s.st_ino, s.st_size, s.st_mtim, s.st_ctim };
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same(const struct file_seen *a, const struct file_seen *b)
{
	return a->there == b->there && a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(a->modified, b->modified) && same_time(a->changed, b->changed);
}

static bool make_room(struct file_list *l)
{
	size_t room = l->room ? 2 * l->room : 16;
	struct file_seen *more = l->count < l->room ? l->files : arena_alloc(l->arena, room * sizeof *more);

	if (!more || more == l->files)
		return more;
	if (l->count)
		memcpy(more, l->files, l->count * sizeof *more);
	l->files = more;
	l->room = room;
	return true;
}

void file_list_note(const char *path)
{
	struct file_list *l = open_list;
	char *copy;

	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->files[i].path, path) == 0)
			return;
	if (!make_room(l) || !(copy = arena_strdup(l->arena, path)))
		return;
	l->files[l->count++] = look(copy);
}

bool file_list_changed(const struct file_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct file_seen now = look(l->files[i].path);
		if (!same(&now, &l->files[i]))
			return true;
	}
	return false;
}

void file_list_look_again(struct file_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->files[i] = look(l->files[i].path);
}
