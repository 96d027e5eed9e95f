/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The tokenizer against what Python's `tokenizers` gave: the transcripts of shared/, and the
 * strings of data/ (made by make_tokenizer.py).
 */

#include "base/json.h"
#include "shared.h"

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
        /* <|startoftranscript|><|notimestamps|>, then what the text encodes to. */
        g_autoptr(GArray) again = g_array_new(FALSE, FALSE, sizeof(guint32));
        fovea_tokenizer_encode(tokenizer, text, -1, TRUE, again, &error);
        g_assert_no_error(error);
        g_assert_cmpmem(ids->data, ids->len * 4, again->data, (again->len - 1) * 4);
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

/* Every line of transcripts.tsv: Python's ids, and back to the same text. */
static void test_spoken(void)
{
    if (shared_missing())
        return;
    GError *error = NULL;
    g_autoptr(FoveaTokenizer) tokenizer = whisper();
    g_autoptr(JsonParser) parser = NULL;
    JsonArray *expected = fovea_json_array(tokenizer_data(&parser), "transcripts");
    g_autofree char *path = shared_file("media/speech/transcripts.tsv");
    g_autofree char *all = NULL;
    g_assert_true(g_file_get_contents(path, &all, NULL, NULL));
    g_auto(GStrv) lines = g_strsplit(g_strchomp(all), "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, json_array_get_length(expected));
    for (guint i = 0; lines[i]; i++) {
        const char *said = strchr(lines[i], '\t') + 1;
        JsonArray *row = json_array_get_array_element(expected, i);
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
        fovea_tokenizer_encode(tokenizer, said, -1, TRUE, ids, &error);
        g_assert_no_error(error);
        guint64 hash = G_GUINT64_CONSTANT(0xcbf29ce484222325);
        for (guint k = 0; k < ids->len; k++)
            hash = (hash ^ data(ids)[k]) * G_GUINT64_CONSTANT(0x100000001b3);
        g_autofree char *digits = g_strdup_printf("%016" G_GINT64_MODIFIER "x", hash);
        g_assert_cmpuint(ids->len, ==, json_array_get_int_element(row, 0));
        g_assert_cmpstr(digits, ==, json_array_get_string_element(row, 1));
        g_autofree char *back = fovea_tokenizer_decode(tokenizer, data(ids), ids->len, TRUE);
        g_assert_cmpstr(back, ==, said);
    }
}

/* ---- data/tokenizer.json ---- */

static GString *unhex(const char *hex)
{
    GString *bytes = g_string_new(NULL);
    for (; *hex; hex += 2)
        g_string_append_c(bytes, g_ascii_xdigit_value(hex[0]) * 16 + g_ascii_xdigit_value(hex[1]));
    return bytes;
}

static void check_encoded(const FoveaTokenizer *tokenizer, const GString *text, gboolean specials,
                          JsonArray *expected)
{
    GError *error = NULL;
    g_autoptr(GArray) want = ids_of(expected);
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
    /* To the exact size: the sanitizer sees what is read beyond. */
    g_autofree char *exact = g_memdup2(text->str, text->len);
    fovea_tokenizer_encode(tokenizer, exact ? exact : "", text->len, specials, ids, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(ids->data, ids->len * 4, want->data, want->len * 4);
}

static void check_decoded(const FoveaTokenizer *tokenizer, const GArray *ids, const GString *all,
                          const GString *plain)
{
    /* A zero byte ends the string that is returned. */
    g_autofree char *decoded = fovea_tokenizer_decode(tokenizer, data(ids), ids->len, FALSE);
    g_assert_cmpstr(decoded, ==, all->str);
    g_autofree char *skipped = fovea_tokenizer_decode(tokenizer, data(ids), ids->len, TRUE);
    g_assert_cmpstr(skipped, ==, plain->str);
    /* One by one comes to the same; what waits at the end is one unfinished character. */
    g_autoptr(GString) rest = g_string_new(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < ids->len; i++) {
        fovea_tokenizer_append(tokenizer, data(ids)[i], rest, text);
        g_assert_cmpuint(rest->len, <, 4);
        fovea_tokenizer_append(tokenizer, G_MAXUINT32, rest, text); /* adds nothing */
    }
    if (rest->len > 0)
        g_string_append(text, "\357\277\275");
    g_assert_cmpmem(text->str, text->len, all->str, all->len);
}

static void test_case(gconstpointer index)
{
    GError *error = NULL;
    g_autoptr(JsonParser) parser = NULL;
    JsonObject *of = json_array_get_object_element(
        fovea_json_array(tokenizer_data(&parser), "cases"), GPOINTER_TO_UINT(index));
    g_autofree char *file = tokenizer_file(of);
    if (file == NULL && shared_missing())
        return;
    g_autoptr(FoveaTokenizer) tokenizer = file ? tokenizer_from(file, -1, &error) : whisper();
    g_assert_no_error(error);
    JsonArray *encode = fovea_json_array(of, "encode"), *decode = fovea_json_array(of, "decode");
    for (guint i = 0; i < json_array_get_length(encode); i++) {
        JsonArray *row = json_array_get_array_element(encode, i);
        g_autoptr(GString) text = unhex(json_array_get_string_element(row, 0));
        g_test_message("text %s", json_array_get_string_element(row, 0));
        check_encoded(tokenizer, text, FALSE, json_array_get_array_element(row, 1));
        check_encoded(tokenizer, text, TRUE, json_array_get_array_element(row, 2));
    }
    for (guint i = 0; i < json_array_get_length(decode); i++) {
        JsonArray *row = json_array_get_array_element(decode, i);
        g_autoptr(GArray) ids = ids_of(json_array_get_array_element(row, 0));
        g_autoptr(GString) all = unhex(json_array_get_string_element(row, 1));
        g_autoptr(GString) plain = unhex(json_array_get_string_element(row, 2));
        check_decoded(tokenizer, ids, all, plain);
    }
    g_assert_cmpuint(json_array_get_length(encode) + json_array_get_length(decode), >, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tokenizer/transcripts", test_transcripts);
    g_test_add_func("/tokenizer/spoken", test_spoken);
    static const char *const names[] = {"whisper", "flags-and-nfc", "split", "uncut", "few-bytes"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *name = g_strconcat("/tokenizer/python/", names[i], NULL);
        g_test_add_data_func(name, GUINT_TO_POINTER(i), test_case);
    }
    return g_test_run();
}
