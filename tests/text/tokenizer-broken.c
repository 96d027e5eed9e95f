/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What broken files, broken texts and very long words do to the tokenizer: one sentence, no harm.
 */
#include "base/json.h"
#include "shared.h"

static const char small_file[] =
    "{\"model\":{\"type\":\"BPE\",\"dropout\":null,\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},"
    "\"merges\":[\"a b\"]},\"added_tokens\":[{\"id\":3,\"content\":\"<s>\",\"special\":true}],"
    "\"normalizer\":null,\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},"
    "\"post_processor\":null,\"decoder\":{\"type\":\"ByteLevel\"}}";

static char *replaced(const char *from, const char *to)
{
    const char *place = strstr(small_file, from);
    g_assert_nonnull(place);
    return g_strdup_printf("%.*s%s%s", (int)(place - small_file), small_file, to,
                           place + strlen(from));
}

enum { MODEL = FOVEA_ERROR_MODEL, NOT_YET = FOVEA_ERROR_UNSUPPORTED };

static const struct {
    const char *from, *to;
    gint code;
    const char *word; /* in the sentence */
} broken[] = {
    {"{\"type\":\"BPE\"", "{\"type\":\"Unigram\"", NOT_YET, "Unigram"},
    {"\"dropout\":null", "\"dropout\":0.1", NOT_YET, "dropout"},
    {"\"dropout\":null", "\"byte_fallback\":true", NOT_YET, "byte_fallback"},
    {"\"dropout\":null", "\"end_of_word_suffix\":\"</w>\"", NOT_YET, "end_of_word_suffix"},
    {"\"dropout\":null", "\"continuing_subword_prefix\":3", NOT_YET, "prefix"},
    {"\"dropout\":null", "\"unk_token\":\"a\"", NOT_YET, "unk_token"},
    {"\"a\":0", "\"a\":-1", MODEL, "id"},
    {"\"a\":0", "\"a\":99999999", MODEL, "id"},
    {"\"a\":0", "\"a\":99999999999999999999999", MODEL, "id"},
    {"\"a\":0", "\"a\":1.5", MODEL, "id"},
    {"\"a\":0", "\"a\":\"0\"", MODEL, "id"},
    {"\"a\":0", "\"a\":1", MODEL, "two tokens"},
    {"{\"a\":0,\"b\":1,\"ab\":2}", "[1,2]", MODEL, "vocabulary"},
    {"\"a b\"", "\"ab\"", MODEL, "merge 0"},
    {"\"a b\"", "\"a b c\"", MODEL, "merge 0"},
    {"\"a b\"", "\"b a\"", MODEL, "merge 0"},
    {"\"a b\"", "[\"a\"]", MODEL, "merge 0"},
    {"\"a b\"", "[\"a\",5]", MODEL, "merge 0"},
    {"\"a b\"", "\"a x\"", MODEL, "merge 0"},
    {"\"a b\"", "{}", MODEL, "merge 0"},
    {"[\"a b\"]", "null", MODEL, "merges"},
    {"\"id\":3", "\"id\":-3", MODEL, "id"},
    {"\"id\":3", "\"id\":2", MODEL, "contradicts"},
    {"\"<s>\"", "\"a\"", MODEL, "contradicts"},
    {"\"<s>\"", "null", MODEL, "content"},
    {"[{\"id\":3", "[5,{\"id\":3", MODEL, "id"},
    {"[{\"id\":3,\"content\":\"<s>\",\"special\":true}]", "{}", MODEL, "added_tokens"},
    {"\"normalizer\":null", "\"normalizer\":{\"type\":\"Lowercase\"}", NOT_YET, "Lowercase"},
    {"\"normalizer\":null", "\"normalizer\":3", MODEL, "normalizer"},
    {"\"pre_tokenizer\":{\"type\":\"ByteLevel\"", "\"x\":{\"y\":1", NOT_YET, "pre_tokenizer"},
    {"r\":{\"type\":\"ByteLevel\",\"add", "r\":{\"type\":\"Digits\",\"add", NOT_YET, "Digits"},
    {"r\":{\"type\":\"ByteLevel\",\"add", "r\":{\"type\":\"Split\",\"add", NOT_YET, "Split"},
    {"r\":{\"type\":\"ByteLevel\",\"add", "r\":{\"type\":\"Sequence\",\"add", MODEL, "pre_token"},
    {"\"decoder\":{\"type\":\"ByteLevel\"}", "\"decoder\":null", NOT_YET, "decoder"},
    {"\"decoder\":{\"type\":\"ByteLevel\"", "\"decoder\":{\"type\":\"WordPiece\"", NOT_YET, "Word"},
    {"\"post_processor\":null", "\"post_processor\":{\"type\":\"Bert\"}", NOT_YET, "Bert"},
    {"\"post_processor\":null", "\"post_processor\":{\"type\":\"TemplateProcessing\"}", MODEL,
     "post_processor"},
    {"\"post_processor\":null",
     "\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":"
     "{\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"x\":{\"ids\":[7]}}}",
     MODEL, "token 7"},
};

static void test_broken(void)
{
    g_autoptr(FoveaTokenizer) whole = tokenizer_from(small_file, -1, NULL);
    g_assert_nonnull(whole);
    for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = replaced(broken[i].from, broken[i].to);
        g_test_message("%s", broken[i].to);
        g_assert_null(tokenizer_from(text, -1, &error));
        g_assert_error(error, FOVEA_ERROR, broken[i].code);
        g_assert_nonnull(strstr(error->message, broken[i].word));
    }
    for (gsize length = 0; length < sizeof(small_file) - 1; length++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(tokenizer_from(small_file, length, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL);
    }
}

/* One change: another byte, a part gone, a part twice, a word somewhere or in place of a number. */
static void mutate(GRand *rand, GString *text)
{
    static const char *const words[] = {"null", "[]",      "{}",  "-1",      "2",  "\"\"",
                                        "true", ",",       "}",   "[[[[[",   "\"", "999999999",
                                        "0",    "\\u0000", "1e9", "\\ud800", "]]", "\303\251"};
    gsize at = g_rand_int_range(rand, 0, text->len);
    gsize n = g_rand_int_range(rand, 1, 40);
    n = MIN(n, text->len - at);
    g_autofree char *part = g_strndup(text->str + at, n);
    const char *word = words[g_rand_int_range(rand, 0, G_N_ELEMENTS(words))];
    switch (g_rand_int_range(rand, 0, 5)) {
    case 0: text->str[at] = g_rand_int_range(rand, 0, 256); break;
    case 1: g_string_erase(text, at, n); break;
    case 2: g_string_insert(text, g_rand_int_range(rand, 0, text->len), part); break;
    case 3: g_string_insert(text, at, word); break;
    default:
        while (at < text->len && !g_ascii_isdigit(text->str[at]))
            at++;
        for (n = 0; at + n < text->len && g_ascii_isdigit(text->str[at + n]);)
            n++;
        g_string_erase(text, at, n);
        g_string_insert(text, at, word);
    }
}

static void use(const FoveaTokenizer *tokenizer, GRand *rand)
{
    static const char said[] = " the <s> word<s>long caf\303\251 e\314\201 speech's  1234\n\nFovea";
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_assert_true(fovea_tokenizer_encode(tokenizer, said, -1, TRUE, ids, NULL));
    for (guint i = 0; i < ids->len; i++)
        g_assert_cmpuint(g_array_index(ids, guint32, i), <, fovea_tokenizer_size(tokenizer));
    for (guint i = 0; i < 20; i++) {
        guint32 id = g_rand_int_range(rand, 0, 400);
        g_array_append_val(ids, id);
    }
    g_autofree char *text = fovea_tokenizer_decode(tokenizer, (const guint32 *)ids->data, ids->len,
                                                   FALSE);
    g_assert_true(g_utf8_validate(text, -1, NULL));
}

static void test_mutations(void)
{
    guint32 seed = g_test_rand_int();
    GRand *rand = g_rand_new_with_seed(seed);
    g_autoptr(JsonParser) parser = NULL;
    JsonArray *cases = fovea_json_array(tokenizer_data(&parser), "cases");
    guint loaded = 0, refused = 0, n_cases = json_array_get_length(cases);
    g_test_message("seed %u", seed);
    for (guint i = 0; i < 3000; i++) {
        JsonObject *of = json_array_get_object_element(cases, 1 + i % (n_cases - 1));
        g_autofree char *file = i % 3 == 0 ? tokenizer_file(of) : NULL;
        g_autoptr(GString) text = g_string_new(file ? file : small_file);
        for (gint changes = g_rand_int_range(rand, 1, 4); changes > 0; changes--)
            mutate(rand, text);
        g_autoptr(GError) error = NULL;
        g_autoptr(FoveaTokenizer) tokenizer = tokenizer_from(text->str, text->len, &error);
        if (tokenizer) {
            use(tokenizer, rand);
            loaded++;
            continue;
        }
        g_assert_true(g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_MODEL) ||
                      g_error_matches(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED));
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        refused++;
    }
    g_rand_free(rand);
    g_test_message("%u loaded, %u refused", loaded, refused);
    g_assert_cmpuint(refused, >, 100);
    g_assert_cmpuint(loaded, >, 10);
}

static void test_bad_text(void)
{
    static const char *const texts[] = {"\377", "a\303", "\355\240\200", "\300\200",
                                        "\364\220\200\200"};
    g_autoptr(FoveaTokenizer) tokenizer = tokenizer_from(small_file, -1, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
        g_assert_false(fovea_tokenizer_encode(tokenizer, texts[i], -1, TRUE, ids, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
        g_assert_cmpuint(ids->len, ==, 0);
    }
}

/* One word of a megabyte: it ends. A quadratic way would take hours. */
static void test_long_words(void)
{
    GError *error = NULL;
    const gsize length = 1 << 20;
    g_autofree char *text = g_strnfill(length, 'a');
    g_autoptr(FoveaTokenizer) tokenizer = tokenizer_from(small_file, -1, &error);
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
    g_assert_no_error(error);
    for (gsize i = 1; i < length; i += 2)
        text[i] = 'b';
    fovea_tokenizer_encode(tokenizer, text, (gssize)length, FALSE, ids, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ids->len, ==, length / 2);
}

static void test_no_memory(void)
{
    gint failed = 0;
    for (gint i = 0;; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint32));
        fovea_alloc_fail_after(i);
        g_autoptr(FoveaTokenizer) tokenizer = tokenizer_from(small_file, -1, &error);
        gboolean ok = tokenizer && fovea_tokenizer_encode(tokenizer, "a b", -1, TRUE, ids, &error);
        fovea_alloc_fail_after(-1);
        if (ok)
            break;
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
        g_assert_cmpuint(ids->len, ==, 0);
        failed++;
    }
    g_assert_cmpint(failed, >=, 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tokenizer/broken", test_broken);
    g_test_add_func("/tokenizer/mutations", test_mutations);
    g_test_add_func("/tokenizer/bad-text", test_bad_text);
    g_test_add_func("/tokenizer/long-words", test_long_words);
    g_test_add_func("/tokenizer/no-memory", test_no_memory);
    return g_test_run();
}
