/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tokenizer against what Python's `tokenizers` gave: the transcripts of shared/, and the
 * strings of data/ (made by make_tokenizer.py).
 */
#include "shared.h"

#include "base/json.h"
#include "text/tokenizer.h"

static FoveaTokenizer *whisper(void)
{
    GError *error = NULL;
    g_autofree char *path = shared_file("models/whisper-tiny.en/tokenizer.json");
    FoveaTokenizer *tokenizer = fovea_tokenizer_load(path, &error);
    g_assert_no_error(error);
    return tokenizer;
}

static GArray *ids_of(JsonArray *array)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint i = 0; i < json_array_get_length(array); i++) {
        guint32 id = json_array_get_int_element(array, i);
        g_array_append_val(ids, id);
    }
    return ids;
}

static const guint32 *data(const GArray *ids)
{
    return (const guint32 *)ids->data;
}

static void test_transcripts(void)
{
    if (shared_missing())
        return;
    GError *error = NULL;
    g_autoptr(FoveaTokenizer) tokenizer = whisper();
    g_autoptr(JsonParser) parser = NULL;
    g_autofree char *path = shared_file("golden/whisper-tiny.en__transcripts.json");
    JsonObject *root = fovea_json_load(path, &parser, &error);
    g_assert_no_error(error);
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    guint n = 0;
    json_object_iter_init(&iter, root);
    while (json_object_iter_next(&iter, &name, &node)) {
        if (!JSON_NODE_HOLDS_OBJECT(node) || !fovea_json_array(json_node_get_object(node), "ids"))
            continue;
        JsonObject *clip = json_node_get_object(node);
        g_autoptr(GArray) ids = ids_of(fovea_json_array(clip, "ids"));
        g_autofree char *text = fovea_tokenizer_decode(tokenizer, data(ids), ids->len, TRUE);
        g_assert_cmpstr(g_strstrip(text), ==, fovea_json_string(clip, "text"));
        n++;
    }
    g_assert_cmpuint(n, >=, 12);
    g_assert_cmpuint(fovea_tokenizer_size(tokenizer), ==, 50363);
    g_assert_cmpint(fovea_tokenizer_find(tokenizer, "<|notimestamps|>"), ==, 50362);
    g_assert_cmpint(fovea_tokenizer_find(tokenizer, "\304\240the"), ==, 262);
    g_assert_cmpint(fovea_tokenizer_find(tokenizer, "no such token"), ==, -1);
    g_assert_true(fovea_tokenizer_is_special(tokenizer, 50257));
    g_assert_false(fovea_tokenizer_is_special(tokenizer, 262));
    g_assert_false(fovea_tokenizer_is_special(tokenizer, 50363));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tokenizer/transcripts", test_transcripts);
    return g_test_run();
}
