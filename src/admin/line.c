/* A line of the runtime API, cut into commands and words where it lies.
 *
 * Commands end at ';', words at spaces and tabs; a backslash takes the next byte as it is (management guide, section
 * 9.3).  Unescaped text is never longer than what it was made from, so all is done in place.
 */
#include <string.h>

#include "internal.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Reads one word from *from to *to; true where a ';' ended the command, then *from is behind it. */
static bool take_word(char **from, char **to)
{
	char *in = *from, *out = *to;
	bool command_ends = false;

	while (*in && !is_blank(*in)) {
		if (*in == ';') {
			command_ends = true;
			break;
		}
		if (*in == '\\' && in[1])
			in++;
		*out++ = *in++;
	}
	if (*in)
		in++;
	*out++ = '\0';
	*from = in;
	*to = out;
	return command_ends;
}

int line_next_command(char **rest, char **words, int room)
{
	char *in = *rest, *out = in;
	bool ends = false;
	int count = 0;

	while (!ends) {
		while (is_blank(*in))
			in++;
		if (!*in) {
			*rest = NULL;
			return count;
		}
		if (*in == ';') {
			in++;
			break;
		}
		if (count == room)
			return -1;
		words[count++] = out;
		ends = take_word(&in, &out);
	}
	*rest = in;
	return count;
}

bool line_takes_payload(char *line, char pattern[8])
{
	size_t len = strlen(line), start = len;

	while (start && !is_blank(line[start - 1]))
		start--;
	if (!start || strncmp(line + start, "<<", 2) != 0 || len - start - 2 > 7)
		return false;
	memcpy(pattern, line + start + 2, len - start - 1);
	line[start] = '\0';
	return true;
}
