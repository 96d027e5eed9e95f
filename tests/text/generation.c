/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What may come next: by hand for a vocabulary of a dozen tokens, and against transformers' own
 * processors (data/generation.json, made by make_generation.py).
 */
#include <glib/gstdio.h>
#include <math.h>

#include "base/json.h"
#include "text/generation.h"

enum { TEXT = 6, END = 6, NO_STAMPS = 8, STAMP = 9, VOCABULARY = 14 };

static char *write_file(const char *text)
{
    char *path = NULL;
    gint handle = g_file_open_tmp("fovea-generation-XXXXXX.json", &path, NULL);
    g_assert_cmpint(handle, >=, 0);
    g_close(handle, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return path;
}

static gboolean load(FoveaGeneration *generation, const char *text, GError **error)
{
    g_autofree char *path = write_file(text);
    gboolean ok = fovea_generation_load(generation, path, error);
    g_unlink(path);
    return ok;
}

static const char good[] = "{\"decoder_start_token_id\":7,\"eos_token_id\":6,"
                           "\"forced_decoder_ids\":[[1,8]],\"suppress_tokens\":[2,99],"
                           "\"begin_suppress_tokens\":[0,6],\"no_timestamps_token_id\":8,"
                           "\"max_initial_timestamp_index\":1,\"max_length\":20}";

/* Which tokens are left of equal logits, as a string of x and '.'. */
static char *allowed(const FoveaGeneration *g, const guint32 *tokens, gsize n, gsize n_prefix,
                     gboolean timestamps, float stamps)
{
    float logits[VOCABULARY];
    char *result = g_new0(char, VOCABULARY + 1);
    for (guint i = 0; i < VOCABULARY; i++)
        logits[i] = i < STAMP ? 0 : stamps;
    fovea_generation_rules(g, tokens, n, n_prefix, timestamps, logits, VOCABULARY);
    for (guint i = 0; i < VOCABULARY; i++)
        result[i] = isinf(logits[i]) ? '.' : 'x';
    return result;
}

#define CHECK(expected, stamps, timestamps, n_prefix, ...)                                         \
    do {                                                                                           \
        const guint32 history[] = {__VA_ARGS__};                                                   \
        g_autofree char *left = allowed(&g, history, G_N_ELEMENTS(history), n_prefix, timestamps,  \
                                        stamps);                                                   \
        g_assert_cmpstr(left, ==, expected);                                                       \
    } while (0)

static void test_rules(void)
{
    GError *error = NULL;
    FoveaGeneration g;
    load(&g, good, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g.start, ==, 7);
    g_assert_cmpuint(g.end, ==, 6);
    g_assert_cmpuint(g.max_length, ==, 20);
    g_assert_cmpint(g.timestamp_begin, ==, 9);
    g_assert_cmpuint(g.forced->len, ==, 1);
    g_assert_cmpuint(g_array_index(g.forced, guint32, 0), ==, 8);
    /*     0     6 89 */
    CHECK(".x.xxx.xxxxxxx", 0, FALSE, 2, 7, 8);        /* the first chosen token */
    CHECK("xx.xxxxxxxxxxx", 0, FALSE, 2, 7, 8, 1);     /* later */
    CHECK(".........xx...", 0, TRUE, 1, 7);            /* begins with one of the first two stamps */
    CHECK("xx.xxxxx......", -9, TRUE, 1, 7, 9);        /* text follows it */
    CHECK("xx.xxxxx..xxxx", -9, TRUE, 1, 7, 9, 1);     /* not <|0.00|> again */
    CHECK("......xx...xxx", -9, TRUE, 1, 7, 9, 1, 11); /* its pair or the end */
    CHECK("xx.xxxxx......", -9, TRUE, 1, 7, 9, 1, 11, 11); /* the pair is complete */
    CHECK(".........."
          "xxxx",
          0, TRUE, 1, 7, 9, 1); /* together likelier than any text */
    fovea_generation_clear(&g);
}

static void test_broken(void)
{
    static const char *const files[] = {
        "",
        "[]",
        "{}",
        "{\"decoder_start_token_id\":7}",
        "{\"eos_token_id\":7}",
        "{\"decoder_start_token_id\":-1,\"eos_token_id\":6}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":[]}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"suppress_tokens\":3}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"suppress_tokens\":[-1]}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"forced_decoder_ids\":[[2,1]]}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"forced_decoder_ids\":[[1]]}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"forced_decoder_ids\":[5]}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"max_length\":0}",
        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,\"no_timestamps_token_id\":1e99}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{/*\"*/}",
        "{\"a\":\"\\u00g0\"}",
    };
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        FoveaGeneration g;
        g_autoptr(GError) error = NULL;
        g_test_message("%s", files[i]);
        g_assert_false(load(&g, files[i], &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL);
    }
    g_autofree char *deep = g_strnfill(3000000, '[');
    FoveaGeneration g;
    g_autoptr(GError) error = NULL;
    g_assert_false(load(&g, deep, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL);
    g_clear_error(&error);
    g_assert_false(load(&g,
                        "{\"decoder_start_token_id\":7,\"eos_token_id\":6,"
                        "\"forced_decoder_ids\":[[1,null],[2,5]]}",
                        &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED);
    g_clear_error(&error);
    g_assert_false(fovea_generation_load(&g, "/nowhere/at/all.json", &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_IO);
}

static void test_greedy(void)
{
    float log_probability, all_equal[4] = {0}, some[4] = {-INFINITY, 1, 2, 2};
    g_assert_cmpuint(fovea_greedy(all_equal, 4, &log_probability), ==, 0);
    g_assert_cmpfloat_with_epsilon(log_probability, -logf(4), 1e-6);
    g_assert_cmpuint(fovea_greedy(some, 4, &log_probability), ==, 2);
    g_assert_cmpfloat_with_epsilon(log_probability, -logf(2 + expf(-1)), 1e-6);
    some[0] = NAN;
    g_assert_cmpuint(fovea_greedy(some, 4, NULL), ==, 2);
}

/* ---- data/generation.json ---- */

/* make_generation.py's logits. */
static void fill_logits(float *logits, guint n, guint32 seed, guint begin, double offset)
{
    for (guint i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        logits[i] = (float)((seed >> 8) / 1048576. - 8 + (i >= begin ? offset : 0));
    }
}

static char *hash_allowed(const float *logits, guint n)
{
    guint64 value = G_GUINT64_CONSTANT(0xcbf29ce484222325);
    for (guint i = 0; i < n; i++)
        value = (value ^ (logits[i] != -INFINITY)) * G_GUINT64_CONSTANT(0x100000001b3);
    return g_strdup_printf("%016" G_GINT64_MODIFIER "x", value);
}

static void check_case(const FoveaGeneration *g, JsonArray *row)
{
    guint n = json_array_get_int_element(row, 1);
    JsonArray *history = json_array_get_array_element(row, 6);
    g_autofree float *logits = g_new(float, n);
    guint length = json_array_get_length(history);
    g_autofree guint32 *tokens = g_new(guint32, length);
    for (guint i = 0; i < length; i++)
        tokens[i] = json_array_get_int_element(history, i);
    fill_logits(logits, n, json_array_get_int_element(row, 2), g->timestamp_begin,
                json_array_get_double_element(row, 3));
    fovea_generation_rules(g, tokens, length, json_array_get_int_element(row, 5),
                           json_array_get_int_element(row, 4) != 0, logits, n);
    g_autofree char *hash = hash_allowed(logits, n);
    float log_probability;
    g_assert_cmpstr(hash, ==, json_array_get_string_element(row, 7));
    g_assert_cmpuint(fovea_greedy(logits, n, &log_probability), ==,
                     json_array_get_int_element(row, 8));
    g_assert_cmpfloat_with_epsilon(log_probability, json_array_get_double_element(row, 9), 1e-5);
}

static void test_transformers(void)
{
    GError *error = NULL;
    g_autoptr(JsonParser) parser = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "generation.json", NULL);
    JsonObject *root = fovea_json_load(path, &parser, &error);
    g_assert_no_error(error);
    FoveaGeneration configs[3];
    for (guint i = 0; i < G_N_ELEMENTS(configs); i++) {
        JsonNode *node = json_array_get_element(fovea_json_array(root, "configs"), i);
        g_autofree char *text = json_to_string(node, FALSE);
        load(&configs[i], text, &error);
        g_assert_no_error(error);
    }
    JsonArray *cases = fovea_json_array(root, "cases");
    g_assert_cmpuint(json_array_get_length(cases), >, 600);
    for (guint i = 0; i < json_array_get_length(cases); i++) {
        JsonArray *row = json_array_get_array_element(cases, i);
        check_case(&configs[json_array_get_int_element(row, 0)], row);
    }
    for (guint i = 0; i < G_N_ELEMENTS(configs); i++)
        fovea_generation_clear(&configs[i]);
}

/* A model's files may contradict each other: ids beyond the vocabulary are left alone. */
static void test_small_vocabulary(void)
{
    GError *error = NULL;
    FoveaGeneration g;
    load(&g, good, &error);
    g_assert_no_error(error);
    const guint32 tokens[] = {7, G_MAXUINT32, 3, G_MAXUINT32};
    for (gsize vocabulary = 0; vocabulary <= 12; vocabulary++)
        for (gsize n = 0; n <= G_N_ELEMENTS(tokens); n++) {
            g_autofree float *logits = g_new0(float, vocabulary);
            fovea_generation_rules(&g, tokens, n, MIN(n, 1), TRUE, logits, vocabulary);
            for (gsize i = 0; i < vocabulary; i++)
                g_assert_true(logits[i] == 0 || logits[i] == -INFINITY);
        }
    fovea_generation_clear(&g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/generation/rules", test_rules);
    g_test_add_func("/generation/transformers", test_transformers);
    g_test_add_func("/generation/small-vocabulary", test_small_vocabulary);
    g_test_add_func("/generation/broken", test_broken);
    g_test_add_func("/generation/greedy", test_greedy);
    return g_test_run();
}
