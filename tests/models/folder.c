/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>

#include "folder.h"

Folder folder_new(void)
{
    GError *error = NULL;
    Folder folder = {.path = g_dir_make_tmp("fovea-XXXXXX", &error)};
    g_assert_no_error(error);
    folder.onnx = g_build_filename(folder.path, "model.onnx", NULL);
    return folder;
}

void folder_put(const Folder *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder->path, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

void folder_take_away(const Folder *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder->path, name, NULL);
    g_assert_cmpint(g_unlink(path), ==, 0);
}

void folder_clear(Folder *folder)
{
    GDir *dir = g_dir_open(folder->path, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;)
        folder_take_away(folder, name);
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(folder->path), ==, 0);
    g_free(folder->path);
    g_free(folder->onnx);
}

void expect_refusal(const GError *error, FoveaError code, const char *words)
{
    g_assert_error(error, FOVEA_ERROR, (gint)code);
    if (strstr(error->message, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, words);
}
