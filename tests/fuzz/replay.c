/* replay: the main of a fuzz target where libFuzzer is not linked.
 *
 * Feeds each named file, and each file of a named folder, to the target once.  So `make check` runs
 * the corpora with any compiler and sanitizer; a crash names the file that it died on.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Exactly sized, so that AddressSanitizer sees the first byte read too far. */
static int feed_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size ? size : 1);
	int err = -EIO;

	if (f && data && fread(data, 1, size, f) == size) {
		fprintf(stderr, "replay %s\n", path);
		LLVMFuzzerTestOneInput(data, size);
		err = 0;
	}
	free(data);
	if (f)
		fclose(f);
	return err;
}

static int feed(const char *path);

static int feed_folder(const char *path)
{
	struct dirent **names;
	int count = scandir(path, &names, NULL, alphasort), err = 0;

	if (count < 0)
		return -errno;
	for (int i = 0; i < count; i++) {
		char child[4096];
		snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && !err)
			err = feed(child);
		free(names[i]);
	}
	free(names);
	return err;
}

static int feed(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? feed_folder(path) : feed_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int err = feed(argv[i]);
		if (err) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-err));
			return 1;
		}
	}
	return 0;
}
