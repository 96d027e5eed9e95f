/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Every ONNX file of ../shared reads just as the onnx project's own parser reads it: the hash of
 * its canonical text is the one that check_reader.py made from that parser.
 */
#include "dump.h"

static char *shared_folder(void)
{
    const char *set = g_getenv("FOVEA_SHARED");
    return set != NULL ? g_strdup(set) : g_build_filename(TEST_DATA, "../../../../shared", NULL);
}

static void test_folder(gconstpointer data)
{
    g_autofree char *root = shared_folder(), *table = NULL;
    guint n = 0;
    if (!g_file_test(root, G_FILE_TEST_IS_DIR)) {
        g_test_skip("the folder ../shared is not here");
        return;
    }
    g_assert_true(g_file_get_contents(TEST_DATA "/reader_hashes.tsv", &table, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) row = g_strsplit(lines[i], "\t", -1);
        g_autoptr(GError) error = NULL;
        if (g_strv_length(row) != 2 || !g_str_has_prefix(row[0], data))
            continue;
        g_autofree char *path = g_build_filename(root, row[0], NULL);
        g_autofree char *text = dump_onnx(path, &error);
        g_assert_no_error(error);
        g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
        hash[16] = '\0';
        if (!g_str_equal(hash, row[1]))
            g_test_message("%s reads differently than with the Python parser", path);
        g_assert_cmpstr(hash, ==, row[1]);
        n++;
    }
    g_assert_cmpuint(n, >, 20);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/onnx/dump/models", "models/", test_folder);
    g_test_add_data_func("/onnx/dump/zoo", "zoo/", test_folder);
    g_test_add_data_func("/onnx/dump/nodes", "onnx-node/", test_folder);
    return g_test_run();
}
