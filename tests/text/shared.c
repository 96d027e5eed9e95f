/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared.h"

char *shared_file(const char *name)
{
    const char *named = g_getenv("FOVEA_SHARED");
    g_autofree char *beside = g_build_filename(FOVEA_SOURCE_ROOT, "..", "shared", NULL);
    const char *folder = named ? named : beside;
    return g_file_test(folder, G_FILE_TEST_IS_DIR) ? g_build_filename(folder, name, NULL) : NULL;
}

gboolean shared_missing(void)
{
    g_autofree char *folder = shared_file(".");
    if (folder == NULL)
        g_test_skip("no folder of models (FOVEA_SHARED, or ../shared)");
    return folder == NULL;
}
