/* directives: the words of the configuration language, for help, completion and the manual's tables. */
#ifndef BALLAST_CONFIG_DIRECTIVES_H
#define BALLAST_CONFIG_DIRECTIVES_H

#include <stddef.h>

/* Bits. */
enum section_kind {
	SECTION_GLOBAL = 1,
	SECTION_DEFAULTS = 2,
	SECTION_FRONTEND = 4,
	SECTION_LISTEN = 8,
	SECTION_BACKEND = 16,
	SECTION_USERLIST = 32,
	SECTION_HTTP_ERRORS = 64,
	SECTION_LAST = SECTION_HTTP_ERRORS,
	SECTION_FRONT = SECTION_DEFAULTS | SECTION_FRONTEND | SECTION_LISTEN,
	SECTION_BACK = SECTION_DEFAULTS | SECTION_LISTEN | SECTION_BACKEND,
	SECTION_PROXY = SECTION_FRONT | SECTION_BACK,
};

enum word_kind {
	WORD_DIRECTIVE,
	WORD_OPTION,
	WORD_BIND,
	WORD_SERVER,
	WORD_STATS_SOCKET,
	WORD_ALGORITHM,
	WORD_KIND_COUNT
};

struct config_word {
	enum word_kind kind;
	const char *name;
	const char *args;  /* "" where it takes none */
	const char *help;  /* one line */
	unsigned sections; /* SECTION_* bits; 0 for words within a line */
};

/* Calls `show` for each word, in the order of the tables. */
void config_words(void (*show)(const struct config_word *w, void *arg), void *arg);
/* "defaults, frontend and listen" of SECTION_* bits, written into buf; returns buf. */
const char *config_sections_text(unsigned sections, char *buf, size_t len);

#endif
