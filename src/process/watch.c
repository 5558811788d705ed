/* watch: `config-watch`: a change of any file that the configuration was read from reloads it.
 *
 * The kernel tells of the folders, not the files: an editor renames a new file over the old one, a mounted ConfigMap
 * swaps a symbolic link.  Writing comes in several steps, so it is waited until the folders are quiet for a moment; then
 * each file is compared with what it was when it was read, and what did not change is no reason to reload.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "reload.h"

enum {
	QUIET_MS = 200, /* without an event before it is looked at */
	LONGEST_MS = 2000,
	EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF |
	         IN_ATTRIB,
};

struct config_watch {
	struct watch watch; /* inotify */
	struct timer timer;
	struct reload *reload;
	uint64_t first_ms; /* of the events that wait; 0: none */
};

static void look(struct timer *t)
{
	struct config_watch *c = container_of(t, struct config_watch, timer);
	struct file_list *files = &c->reload->w->run->graph->read_files;

	c->first_ms = 0;
	if (!file_list_changed(files))
		return;
	file_list_look_again(files); /* where they are refused, they are not tried again before they change */
	reload_ask(c->reload, "config-watch");
}

static void events_ready(struct watch *w, unsigned bits)
{
	struct config_watch *c = container_of(w, struct config_watch, watch);
	char events[4096] __attribute__((aligned(_Alignof(struct inotify_event))));
	uint64_t now = loop_self->now_ms;

	(void)bits;
	while (read(w->fd, events, sizeof events) > 0)
		;
	if (!c->first_ms)
		c->first_ms = now;
	if (now - c->first_ms < LONGEST_MS)
		loop_timer_set(&c->timer, QUIET_MS);
}

/* The folder that a path's name is in. */
static void watch_folder_of(int fd, const char *path)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof folder)
		return;
	memcpy(folder, path, len);
	folder[len] = '\0';
	inotify_add_watch(fd, !slash ? "." : len ? folder : "/", EVENTS);
}

static int open_all(const struct file_list *files)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < files->count; i++) {
		watch_folder_of(fd, files->files[i].path);
		inotify_add_watch(fd, files->files[i].path, EVENTS | IN_ONLYDIR); /* a folder of -f, of certificates */
	}
	return fd;
}

static void close_watch(struct config_watch *c)
{
	int fd = c->watch.fd;

	if (fd < 0)
		return;
	loop_remove(loop_self, &c->watch);
	close(fd);
	c->watch.fd = -1;
}

void config_watch_renew(struct config_watch *c)
{
	const struct run *r = c->reload->w->run;
	int fd, err;

	close_watch(c);
	if (!r->graph->global.config_watch && !r->options->watch)
		return;
	fd = open_all(&r->graph->read_files);
	err = fd < 0 ? -errno : loop_add(loop_self, &c->watch, fd, events_ready);
	if (err) {
		if (fd >= 0)
			close(fd);
		c->watch.fd = -1;
		say_and_log(SAY_WARNING, "config-watch: the files cannot be watched: %s.", strerror(-err));
		return;
	}
	loop_timer_set(&c->timer, QUIET_MS); /* what changed between reading and watching */
}

struct config_watch *config_watch_new(struct reload *r)
{
	struct config_watch *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->reload = r;
	c->watch.fd = -1;
	timer_init(&c->timer, look);
	return c;
}

void config_watch_free(struct config_watch *c)
{
	if (c && c->watch.fd >= 0)
		close(c->watch.fd);
	free(c);
}
