/* convert: a configuration file in the other form: the dialect's lines as YAML, YAML as the dialect's lines; and the
 * schema of YAML.
 */
#ifndef BALLAST_CONFIG_CONVERT_H
#define BALLAST_CONFIG_CONVERT_H

#include <stdio.h>

#include "ballast/base/diag.h"

/* Writes the file at `path` in the other form to `to`: YAML (.yaml, .yml) as lb.cfg, all else as YAML.  Variables are
 * kept as they are written; whether directives are right is not looked at.  0, or -EINVAL after errors were added: then
 * what was written is of no use. */
int config_convert(const char *path, FILE *to, struct diag *d);

/* Writes a JSON Schema of the YAML form, made from the tables of directives.  0 or -ENOMEM. */
int config_schema(FILE *to);

#endif
