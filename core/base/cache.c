/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>

#include "base/cache.h"

#define MAX_BYTES (64u << 20)
#define MAX_FILES 64
/* File: this line, the SHA-256 of the rest in hexadecimal, a newline, the contents. */
#define MAGIC "fovea cache 1\n"
#define HEAD (sizeof MAGIC - 1 + 65)

static char *directory(void)
{
    return g_build_filename(g_get_user_cache_dir(), "fovea", NULL);
}

static gboolean is_sound(const char *data, gsize size)
{
    if (size < HEAD || memcmp(data, MAGIC, sizeof MAGIC - 1) != 0)
        return FALSE;
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, (const guchar *)data + HEAD,
                                            size - HEAD);
    gboolean same = memcmp(data + sizeof MAGIC - 1, sum, 64) == 0 && data[HEAD - 1] == '\n';
    g_free(sum);
    return same;
}

GBytes *fovea_cache_read(const char *name)
{
    char *folder = directory(), *path = g_build_filename(folder, name, NULL), *data = NULL;
    gsize size = 0;
    GError *error = NULL;
    GStatBuf info;
    GBytes *bytes = NULL;
    gboolean bounded = g_stat(path, &info) != 0 || info.st_size <= (goffset)(MAX_BYTES + HEAD);
    if (bounded && g_file_get_contents(path, &data, &size, &error) && is_sound(data, size)) {
        GBytes *all = g_bytes_new_take(g_steal_pointer(&data), size);
        bytes = g_bytes_new_from_bytes(all, HEAD, size - HEAD);
        g_bytes_unref(all);
    } else if (error == NULL) {
        fovea_log(FOVEA_LOG_WARNING, "base", "The cache file %s is damaged and is made anew.",
                  path);
    } else if (!g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
        fovea_log(FOVEA_LOG_WARNING, "base", "The cache is not used: %s.", error->message);
    }
    g_clear_error(&error);
    g_free(data);
    g_free(path);
    g_free(folder);
    return bytes;
}

typedef struct Entry {
    char *path;
    gint64 time;
} Entry;

static void entry_free(gpointer data)
{
    g_free(((Entry *)data)->path);
    g_free(data);
}

static gint older_first(gconstpointer a, gconstpointer b)
{
    const Entry *x = *(Entry *const *)a, *y = *(Entry *const *)b;
    return (x->time > y->time) - (x->time < y->time);
}

static void prune(const char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    GPtrArray *entries = g_ptr_array_new_with_free_func(entry_free);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        GStatBuf info;
        Entry *entry = g_new0(Entry, 1);
        entry->path = g_build_filename(folder, name, NULL);
        if (g_stat(entry->path, &info) == 0)
            entry->time = info.st_mtime;
        g_ptr_array_add(entries, entry);
    }
    g_ptr_array_sort(entries, older_first);
    for (guint i = 0; i + MAX_FILES < entries->len; i++)
        g_unlink(((Entry *)g_ptr_array_index(entries, i))->path);
    g_ptr_array_unref(entries);
    if (dir != NULL)
        g_dir_close(dir);
}

void fovea_cache_write(const char *name, gconstpointer data, gsize size)
{
    GError *error = NULL;
    if (size > MAX_BYTES)
        return;
    char *folder = directory(), *path = g_build_filename(folder, name, NULL);
    char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
    char *file = g_try_malloc(HEAD + size);
    if (file != NULL) {
        memcpy(file, MAGIC, sizeof MAGIC - 1);
        memcpy(file + sizeof MAGIC - 1, sum, 64);
        file[HEAD - 1] = '\n';
        memcpy(file + HEAD, data, size);
        g_mkdir_with_parents(folder, 0700);
        if (g_file_set_contents(path, file, (gssize)(HEAD + size), &error))
            prune(folder);
        else
            fovea_log(FOVEA_LOG_WARNING, "base", "The cache cannot be written: %s.",
                      error->message);
    }
    g_clear_error(&error);
    g_free(file);
    g_free(sum);
    g_free(path);
    g_free(folder);
}
