/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared.h"

#include <glib/gstdio.h>

#include "base/json.h"

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

JsonObject *tokenizer_data(JsonParser **parser)
{
    GError *error = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "tokenizer.json", NULL);
    JsonObject *root = fovea_json_load(path, parser, &error);
    g_assert_no_error(error);
    return root;
}

char *tokenizer_file(JsonObject *of)
{
    JsonNode *node = json_object_get_member(of, "tokenizer");
    return JSON_NODE_HOLDS_OBJECT(node) ? json_to_string(node, FALSE) : NULL;
}

FoveaTokenizer *tokenizer_from(const char *text, gssize length, GError **error)
{
    char *path = NULL;
    gint handle = g_file_open_tmp("fovea-tokenizer-XXXXXX.json", &path, NULL);
    g_assert_cmpint(handle, >=, 0);
    g_close(handle, NULL);
    g_assert_true(g_file_set_contents(path, text, length, NULL));
    FoveaTokenizer *tokenizer = fovea_tokenizer_load(path, error);
    g_unlink(path);
    g_free(path);
    return tokenizer;
}
