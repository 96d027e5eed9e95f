/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * replay FOLDER...: runs a fuzz target once on each file, as a TAP test of the ordinary build. Each
 * file is also cut at many lengths and has bytes changed, always in the same way.
 */
#include <glib.h>

#include "fuzz.h"

static guint n_files;

static void run_variants(const guint8 *data, gsize size)
{
    GRand *rand = g_rand_new_with_seed(17);
    g_autofree guint8 *changed = g_malloc(size + 1);
    LLVMFuzzerTestOneInput(data, size);
    for (guint i = 0; i < 64 && size > 0; i++)
        LLVMFuzzerTestOneInput(data, (gsize)g_rand_int_range(rand, 0, (gint)size));
    for (guint i = 0; i < 128 && size > 0; i++) {
        memcpy(changed, data, size);
        for (guint k = 0; k <= i % 4; k++)
            changed[g_rand_int_range(rand, 0, (gint)size)] = (guint8)g_rand_int(rand);
        LLVMFuzzerTestOneInput(changed, size);
    }
    g_rand_free(rand);
}

static void run_folder(gconstpointer folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint before = n_files;
    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL), *data = NULL;
        gsize size;
        if (g_file_test(path, G_FILE_TEST_IS_DIR) || g_str_has_suffix(name, ".tsv"))
            continue;
        g_assert_true(g_file_get_contents(path, &data, &size, NULL));
        run_variants((const guint8 *)data, size);
        n_files++;
    }
    g_dir_close(dir);
    g_assert_cmpuint(n_files, >, before + 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (int i = 1; i < argc; i++) {
        g_autofree char *base = g_path_get_basename(argv[i]);
        g_autofree char *name = g_strdup_printf("/fuzz/replay/%d-%s", i, base);
        g_test_add_data_func(name, argv[i], run_folder);
    }
    return g_test_run();
}
