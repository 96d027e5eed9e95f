/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The folder of models and media, for tests of tokenizers.
 */
#pragma once

#include <glib.h>

/* The path of a file of shared/ (transfer full), or NULL where the whole folder is not there. */
char *shared_file(const char *name);
/* g_test_skip with the reason, and TRUE, where shared/ is not there. */
gboolean shared_missing(void);
