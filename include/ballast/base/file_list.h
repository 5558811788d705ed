/* file_list: the files that something is made of, as they were when they were read, so that a change can be seen later.
 *
 * Whoever reads a file says so with file_list_note(); what is noted while a thread's list is open, is in it.
 */
#ifndef BALLAST_BASE_FILE_LIST_H
#define BALLAST_BASE_FILE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "ballast/base/arena.h"

struct file_seen {
	const char *path;
	bool there;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct file_list {
	struct arena *arena;
	struct file_seen *files;
	size_t count, room;
	struct file_list *outer; /* the thread's list before this one */
};

/* An empty list, open on this thread; its memory is the arena's. */
void file_list_open(struct file_list *l, struct arena *a);
/* The innermost list of this thread. */
void file_list_close(struct file_list *l);
/* A file or folder is about to be read (each is noted once).  Harmless where no list is open, or memory is out: then a
 * change of it will not be seen. */
void file_list_note(const char *path);
/* Is any of them not what it was? */
bool file_list_changed(const struct file_list *l);
/* Takes them for read as they are now. */
void file_list_look_again(struct file_list *l);

#endif
