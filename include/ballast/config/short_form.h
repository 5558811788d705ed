/* short_form: a whole load balancer told in a few words, as the short form of YAML and the command line have it, and the
 * lines of the dialect that it amounts to: one frontend "web", one backend "app".
 */
#ifndef BALLAST_CONFIG_SHORT_FORM_H
#define BALLAST_CONFIG_SHORT_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tree_node;

/* A part of a line before it is cut into words. */
struct raw_word {
	const char *text; /* NUL-terminated; NULL: absent */
	size_t len;
	bool whole;                   /* one word as it stands; else the lexer cuts it */
	const struct tree_node *node; /* where it stands in a YAML file; NULL: in none */
};

#define SHORT_LISTEN_MAX 16u
#define SHORT_WORDS_MAX 32u

struct short_server {
	struct raw_word name;                   /* absent: s1, s2 ... */
	struct raw_word address;                /* host:port */
	struct raw_word words[SHORT_WORDS_MAX]; /* of the server's line, behind the address */
	size_t word_count;
	char number[24]; /* private: the name that was not given */
};

struct short_form {
	struct raw_word listen[SHORT_LISTEN_MAX];
	size_t listen_count;
	struct raw_word strategy;  /* absent: the default of `balance` */
	struct raw_word tls;       /* the file with certificate and key; absent: no TLS */
	bool health;               /* servers are checked ... */
	struct raw_word path;      /* ... by HTTP with this path; absent: by connecting */
	struct raw_word status;    /* what is expected; absent: 2xx and 3xx */
	struct raw_word timing[6]; /* `inter 2s`, `rise 2`, `fall 3` */
	size_t timing_count;
	bool sticky;
	struct raw_word cookie;     /* its name; absent: SRV */
	bool has_defaults;          /* the file has a defaults section; else mode and timeouts are preset */
	const struct tree_node *at; /* where it stands in a YAML file */
	struct short_server *servers;
	size_t server_count;
};

/* The words' texts must outlive the lines, as must `s` and its servers.  Calls `line` for each line with its words, 0 or negative; `section` tells that it begins one.  What `line` returned
 * where that is negative, else 0. */
int short_form_lines(const struct short_form *s,
	int (*line)(void *arg, const struct raw_word *words, size_t count, bool section), void *arg);

/* The same as the text of a file. */
void short_form_write(const struct short_form *s, FILE *to);
/* Writes a whole word with the quotes that it needs in a line. */
void raw_word_write(const struct raw_word *w, FILE *to);

#endif
