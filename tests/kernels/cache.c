/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Files kept between runs: what was written comes back, damage is noticed, nothing is needed.
 */
#include <glib/gstdio.h>

#include "base/cache.h"

static char *folder;
static guint warnings;

static void count_warning(FoveaLogLevel level, const char *room, const char *message, gpointer data)
{
    warnings += level == FOVEA_LOG_WARNING;
}

static char *path_of(const char *name)
{
    return g_build_filename(folder, "fovea", name, NULL);
}

static void round_trip(void)
{
    g_assert_null(fovea_cache_read("none"));
    g_assert_cmpuint(warnings, ==, 0);
    for (guint times = 0; times < 2; times++) {
        char *text = g_strdup_printf("contents number %u", times);
        fovea_cache_write("a", text, strlen(text));
        GBytes *bytes = fovea_cache_read("a");
        g_assert_nonnull(bytes);
        g_assert_cmpmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), text, strlen(text));
        g_bytes_unref(bytes);
        g_free(text);
    }
    g_assert_cmpuint(warnings, ==, 0);
}

/* Every single damaged byte, and every way to cut the file short. */
static void damage(void)
{
    g_autofree char *path = path_of("a"), *data = NULL;
    gsize size;
    fovea_cache_write("a", "precious", 8);
    g_assert_true(g_file_get_contents(path, &data, &size, NULL));
    for (gsize i = 0; i < size; i++) {
        data[i] ^= 1;
        g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
        g_assert_null(fovea_cache_read("a"));
        data[i] ^= 1;
        g_assert_true(g_file_set_contents(path, data, (gssize)i, NULL));
        g_assert_null(fovea_cache_read("a"));
    }
    g_assert_cmpuint(warnings, >=, 2 * size);
}

static void unwritable(void)
{
    char *path = path_of("in-the-way");
    g_assert_cmpint(g_mkdir(path, 0700), ==, 0);
    warnings = 0;
    fovea_cache_write("in-the-way", "x", 1);
    g_assert_cmpuint(warnings, ==, 1);
    g_assert_null(fovea_cache_read("in-the-way"));
    g_assert_cmpint(g_rmdir(path), ==, 0);
    g_free(path);
}

static void bounded(void)
{
    g_autofree char *path = path_of("");
    guint n = 0;
    for (guint i = 0; i < 80; i++) {
        g_autofree char *name = g_strdup_printf("file-%02u", i);
        fovea_cache_write(name, name, strlen(name));
    }
    GDir *dir = g_dir_open(path, 0, NULL);
    while (g_dir_read_name(dir) != NULL)
        n++;
    g_dir_close(dir);
    g_assert_cmpuint(n, <=, 64);
}

static void clean_up(void)
{
    g_autofree char *path = path_of("");
    const char *name;
    GDir *dir = g_dir_open(path, 0, NULL);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = path_of(name);
        g_unlink(file);
    }
    g_dir_close(dir);
    g_rmdir(path);
    g_rmdir(folder);
    g_free(folder);
}

int main(int argc, char **argv)
{
    folder = g_dir_make_tmp("fovea-cache-XXXXXX", NULL);
    g_setenv("XDG_CACHE_HOME", folder, TRUE);
    g_test_init(&argc, &argv, NULL);
    fovea_log_set(count_warning, NULL);
    g_test_add_func("/cache/round-trip", round_trip);
    g_test_add_func("/cache/damage", damage);
    g_test_add_func("/cache/unwritable", unwritable);
    g_test_add_func("/cache/bounded", bounded);
    int result = g_test_run();
    clean_up();
    return result;
}
