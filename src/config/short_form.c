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

/* ---- as text ---- */

static bool is_safe(char c)
{
	return (unsigned char)c > ' ' && (unsigned char)c != 0x7f && !strchr("\"'\\#$", c);
}

static void write_escaped(FILE *to, unsigned char c)
{
	if (c == '\n')
		fputs("\\n", to);
	else if (c == '\r')
		fputs("\\r", to);
	else if (c == '\t')
		fputs("\\t", to);
	else if (c < ' ' || c == 0x7f)
		fprintf(to, "\\x%02x", c);
	else if (is_safe((char)c) || c == '$')
		fputc(c, to);
	else
		fprintf(to, "\\%c", c);
}

/* In single quotes where nothing in it would end them. */
void raw_word_write(const struct raw_word *w, FILE *to)
{
	bool safe = w->len > 0, quotable = true;

	for (size_t i = 0; i < w->len; i++) {
		safe &= is_safe(w->text[i]);
		quotable &= w->text[i] != '\'' && (unsigned char)w->text[i] >= ' ' && w->text[i] != 0x7f;
	}
	if (safe) {
		fwrite(w->text, 1, w->len, to);
	} else if (quotable) {
		fprintf(to, "'%s'", w->text);
	} else {
		for (size_t i = 0; i < w->len; i++)
			write_escaped(to, (unsigned char)w->text[i]);
	}
}

static void write_as_it_stands(const struct raw_word *w, FILE *to)
{
	for (size_t i = 0; i < w->len; i++)
		fputc((unsigned char)w->text[i] < ' ' ? ' ' : w->text[i], to);
}

static int write_text_line(void *arg, const struct raw_word *words, size_t count, bool section)
{
	FILE *to = arg;

	if (!section)
		fputs("    ", to);
	for (size_t i = 0; i < count; i++) {
		if (i)
			fputc(' ', to);
		if (words[i].whole)
			raw_word_write(&words[i], to);
		else
			write_as_it_stands(&words[i], to);
	}
	fputc('\n', to);
	return 0;
}

void short_form_write(const struct short_form *s, FILE *to)
{
	short_form_lines(s, write_text_line, to);
}

/* ---- as lines ---- */

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
