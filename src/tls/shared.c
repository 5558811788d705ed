/* Contexts are shared: who asks for one with the same words and the same files gets the one that lives, so that a reload
 * keeps sessions, and reads only certificates that changed.  A connection holds its context, too, and may outlive the
 * configuration that it came with.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ballast/base/file_list.h"
#include "ballast/base/strbuf.h"
#include "private.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tls_context *living;

/* ---- what a context is made of, as a text ---- */

static void add_word(struct strbuf *key, const char *word)
{
	if (word)
		strbuf_printf(key, "%zu:%s", strlen(word), word);
	strbuf_byte(key, ';');
}

static void add_stamp(struct strbuf *key, const struct stat *s)
{
	strbuf_printf(key, "%llu.%llu.%lld.%lld.%ld.%lld.%ld;", (unsigned long long)s->st_dev,
		(unsigned long long)s->st_ino, (long long)s->st_size, (long long)s->st_mtim.tv_sec, s->st_mtim.tv_nsec,
		(long long)s->st_ctim.tv_sec, s->st_ctim.tv_nsec);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_folder(struct strbuf *key, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, by_name);
	struct stat s;

	for (int i = 0; i < count; i++) {
		struct strbuf each;
		strbuf_init(&each);
		strbuf_printf(&each, "%s/%s", path, entries[i]->d_name);
		if (each.ptr && stat(each.ptr, &s) == 0 && S_ISREG(s.st_mode)) {
			add_word(key, each.ptr);
			add_stamp(key, &s);
		}
		strbuf_free(&each);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* A file or folder, as it is now. */
static void add_path(struct strbuf *key, const char *path)
{
	struct stat s;

	add_word(key, path);
	if (!path)
		return;
	file_list_note(path);
	if (stat(path, &s) < 0)
		return;
	if (S_ISDIR(s.st_mode))
		add_folder(key, path);
	else
		add_stamp(key, &s);
}

char *tls_key(const struct tls_settings *set, bool accepts)
{
	struct strbuf key;

	strbuf_init(&key);
	strbuf_printf(&key, "%d %d %d %d %d %d %d %u %u;", accepts, set->verify, set->min_version, set->max_version,
		set->no_tickets, set->strict_sni, set->no_reuse, tls_cache_sessions, tls_lifetime_s);
	add_word(&key, set->alpn);
	add_word(&key, set->ciphers);
	add_word(&key, set->ciphersuites);
	add_word(&key, set->curves);
	add_word(&key, set->verify_host);
	add_word(&key, set->owner);
	add_path(&key, set->ca_file);
	add_path(&key, set->crl_file);
	for (const struct tls_file *f = set->crts; f; f = f->next)
		add_path(&key, f->path);
	return strbuf_detach(&key);
}

/* ---- found and let go ---- */

struct tls_context *tls_shared_find(const char *key)
{
	struct tls_context *t;

	pthread_mutex_lock(&lock);
	for (t = living; t && strcmp(t->key, key) != 0; t = t->next)
		;
	if (t)
		atomic_fetch_add(&t->holders, 1);
	pthread_mutex_unlock(&lock);
	return t;
}

void tls_shared_add(struct tls_context *t)
{
	pthread_mutex_lock(&lock);
	t->next = living;
	living = t;
	t->listed = true;
	pthread_mutex_unlock(&lock);
}

void tls_context_hold(struct tls_context *t)
{
	atomic_fetch_add_explicit(&t->holders, 1, memory_order_relaxed);
}

/* True: it is in the caller's hands alone now, and out of the list. */
bool tls_shared_leave(struct tls_context *t)
{
	struct tls_context **at = &living;
	bool last;

	pthread_mutex_lock(&lock);
	last = atomic_fetch_sub(&t->holders, 1) == 1;
	while (last && t->listed && *at != t)
		at = &(*at)->next;
	if (last && t->listed)
		*at = t->next;
	pthread_mutex_unlock(&lock);
	return last;
}
