/* short_form: the lines that a short configuration amounts to.  What is not told is preset as the examples have it. */
#include "ballast/config/short_form.h"

#include <stdio.h>
#include <string.h>

struct writer {
	const struct short_form *s;
	int (*line)(void *arg, const struct raw_word *words, size_t count, bool section);
	void *arg;
	struct raw_word words[SHORT_WORDS_MAX + 16];
	size_t count;
	int err;
};

/* Words of our own, with spaces between them; their place is that of the short form. */
static void add(struct writer *w, const char *text)
{
	w->words[w->count++] = (struct raw_word){ text, strlen(text), false, w->s->at };
}

static void add_raw(struct writer *w, const struct raw_word *word)
{
	w->words[w->count++] = *word;
}

static void end_line(struct writer *w, bool section)
{
	if (!w->err)
		w->err = w->line(w->arg, w->words, w->count, section);
	w->count = 0;
}

static void write_line(struct writer *w, const char *text, bool section)
{
	add(w, text);
	end_line(w, section);
}

static void write_defaults(struct writer *w)
{
	write_line(w, "defaults", true);
	write_line(w, "mode http", false);
	write_line(w, "timeout connect 5s", false);
	write_line(w, "timeout client 30s", false);
	write_line(w, "timeout server 30s", false);
}

static void write_frontend(struct writer *w)
{
	const struct short_form *s = w->s;

	write_line(w, "frontend web", true);
	for (size_t i = 0; i < s->listen_count; i++) {
		add(w, "bind");
		add_raw(w, &s->listen[i]);
		if (s->tls.text) {
			add(w, "ssl crt");
			add_raw(w, &s->tls);
		}
		end_line(w, false);
	}
	write_line(w, "default_backend app", false);
}

static void write_health(struct writer *w)
{
	const struct short_form *s = w->s;

	if (s->path.text) {
		add(w, "option httpchk GET");
		add_raw(w, &s->path);
		end_line(w, false);
	}
	if (s->status.text) {
		add(w, "http-check expect status");
		add_raw(w, &s->status);
		end_line(w, false);
	}
	if (s->timing_count) {
		add(w, "default-server");
		for (size_t i = 0; i < s->timing_count; i++)
			add_raw(w, &s->timing[i]);
		end_line(w, false);
	}
}

static void write_server(struct writer *w, struct short_server *server, size_t number)
{
	struct raw_word name = server->name;

	if (!name.text) {
		snprintf(server->number, sizeof(server->number), "s%zu", number);
		name = (struct raw_word){ server->number, strlen(server->number), true, server->address.node };
	}
	add(w, "server");
	add_raw(w, &name);
	add_raw(w, &server->address);
	if (w->s->health)
		add(w, "check");
	if (w->s->sticky) {
		add(w, "cookie");
		add_raw(w, &name);
	}
	for (size_t i = 0; i < server->word_count; i++)
		add_raw(w, &server->words[i]);
	end_line(w, false);
}

static void write_backend(struct writer *w)
{
	const struct short_form *s = w->s;

	write_line(w, "backend app", true);
	if (s->strategy.text) {
		add(w, "balance");
		add_raw(w, &s->strategy);
		end_line(w, false);
	}
	write_health(w);
	if (s->sticky) {
		add(w, "cookie");
		if (s->cookie.text)
			add_raw(w, &s->cookie);
		else
			add(w, "SRV");
		add(w, "insert indirect nocache httponly");
		end_line(w, false);
	}
	for (size_t i = 0; i < s->server_count; i++)
		write_server(w, &s->servers[i], i + 1);
}

int short_form_lines(const struct short_form *s,
	int (*line)(void *arg, const struct raw_word *words, size_t count, bool section), void *arg)
{
	struct writer w = { .s = s, .line = line, .arg = arg };

	if (!s->has_defaults)
		write_defaults(&w);
	write_frontend(&w);
	write_backend(&w);
	return w.err;
}
