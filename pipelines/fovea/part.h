/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A file is written under another name, and gets its own when it is whole: neither an error nor
 * Ctrl-C leaves a broken one. One at a time.
 */
#pragma once

#include <glib.h>

/* The name to write to in the meantime; `out` itself where that is no ordinary file (transfer
 * full). From here on SIGINT, SIGTERM and SIGHUP remove it. NULL with an error. */
char *part_begin(const char *out, GError **error);
/* It is whole: renames it. Frees `part`, also on an error. */
gboolean part_keep(char *part, const char *out, GError **error);
/* It is not: removes it. Frees `part`. */
void part_drop(char *part);
