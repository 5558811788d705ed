/* convert: reads the file and chooses the direction by its name. */
#include "convert.h"

#include <errno.h>
#include <string.h>

#include "ballast/config/convert.h"
#include "ballast/config/source.h"
#include "directive.h"
#include "yaml.h"

bool convert_is_section(const char *word)
{
	return section_kind(word) || unsupported_find(unsupported_sections, word);
}

int config_convert(const char *path, FILE *to, struct diag *d)
{
	struct convert c = { .file = path, .arena = &d->arena, .diag = d, .to = to };
	int err = config_file_text(path, c.arena, &c.text);

	if (err) {
		diag_error(d, NULL, NULL, "cannot read '%s': %s", path, strerror(-err));
		return -EINVAL;
	}
	err = yaml_is_name(path) ? convert_from_yaml(&c) : convert_from_cfg(&c);
	if (err == -ENOMEM)
		diag_error(d, NULL, NULL, "out of memory");
	return err ? -EINVAL : 0;
}
