/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * whisper-tiny.en through task/whisper.h: 200 tokens, one step each, say what one prefill of the same
 * tokens says; no step allocates; the two plans of the decoder share their weights; nothing runs
 * without a kernel. All of the 200 where FOVEA_TEST_FULL is set, else a sample: of the prefills, and on
 * the GPU (lavapipe) of the steps.
 */
#include <math.h>

#include "case.h"
#include "graph/plan-internal.h"
#include "sound.h"
#include "task/whisper.h"

#define TOKENS 200
#define SAMPLE 40

/* The tokens of all transcripts, one after the other: text, as a decoder sees it. */
static void read_tokens(guint32 *tokens)
{
    GError *error = NULL;
    guint n = 0;
    g_autofree char *path = g_build_filename(shared_folder(), "golden",
                                             "whisper-tiny.en__transcripts.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonObject *root = json_node_get_object(json_parser_get_root(parser));
    g_autoptr(GList) names = json_object_get_members(root);
    for (GList *l = names; l != NULL; l = l->next) {
        JsonArray *ids = json_object_get_array_member(json_object_get_object_member(root, l->data),
                                                      "ids");
        for (guint i = n == 0 ? 0 : 2; i < json_array_get_length(ids) && n < TOKENS; i++)
            tokens[n++] = (guint32)json_array_get_int_element(ids, i);
    }
    while (n > 0 && n < TOKENS) { /* not enough text: once more, from the third */
        tokens[n] = tokens[n - (n > 100 ? 100 : n - 2)];
        n++;
    }
    g_assert_cmpuint(n, ==, TOKENS);
}

/* A prefill with the logits of every row, apart from the one that the task makes. */
typedef struct Whole {
    FoveaPlan *plan;
    FoveaSession *session;
    guint ids;
    float *rows;
} Whole;

static void whole_open(Whole *w, const FoveaTranscriber *t, FoveaPrecision precision,
                       const FoveaTensor *hidden)
{
    GError *error = NULL;
    GArray *shapes = g_array_new(FALSE, TRUE, sizeof(FoveaInputShape));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < t->layers; i++)
        for (guint kind = 0; kind < 4; kind++) {
            char *name = g_strdup_printf("past_key_values.%u.%s", i, fovea_whisper_caches[kind]);
            FoveaInputShape shape = {name, 4, {1, t->heads, 0, t->head_size}};
            g_ptr_array_add(names, name);
            g_array_append_val(shapes, shape);
        }
    FoveaInputShape shape = {"encoder_hidden_states", 3, {1, t->positions, t->width}};
    g_array_append_val(shapes, shape);
    g_autoptr(FoveaTensor) flag = fovea_tensor_new(FOVEA_DTYPE_BOOL, 1, (gint64[]){1}, NULL);
    FoveaInputValue value = {"use_cache_branch", flag, TRUE};
    FoveaBoundedDim bound = {"decoder_sequence_length", TOKENS};
    const char *output = "logits";
    FoveaPlanParams params = {.precision = precision,
                              .shapes = (FoveaInputShape *)(gpointer)shapes->data,
                              .n_shapes = shapes->len,
                              .values = &value,
                              .n_values = 1,
                              .bounded = &bound,
                              .n_bounded = 1,
                              .outputs = &output,
                              .n_outputs = 1};
    w->plan = fovea_plan_new(t->decoder, t->device, &params, &error);
    g_assert_no_error(error);
    w->session = fovea_session_new(w->plan, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < fovea_plan_n_inputs(w->plan); i++) {
        const FoveaIo *io = fovea_plan_input(w->plan, i);
        if (io->dtype == FOVEA_DTYPE_I64)
            continue;
        g_autoptr(FoveaTensor) zeros = fovea_tensor_new(io->dtype, (guint)io->rank, io->dims, NULL);
        gboolean sound = g_str_equal(io->name, "encoder_hidden_states");
        fovea_session_set_input(w->session, i, sound ? hidden : zeros, &error);
        g_assert_no_error(error);
    }
    w->ids = (guint)fovea_plan_find_input(w->plan, "input_ids");
    w->rows = g_new(float, (gsize)TOKENS * t->vocabulary);
    g_array_free(shapes, TRUE);
}

static const float *whole_run(Whole *w, const guint32 *tokens, guint n, guint vocabulary)
{
    GError *error = NULL;
    g_autoptr(FoveaTensor) ids = fovea_tensor_new(FOVEA_DTYPE_I64, 2, (gint64[]){1, n}, NULL);
    for (guint i = 0; i < n; i++)
        ((gint64 *)fovea_tensor_data_mut(ids))[i] = tokens[i];
    if (fovea_session_set_input(w->session, w->ids, ids, &error) &&
        fovea_session_run(w->session, &error))
        fovea_session_read_output(w->session, 0, w->rows, (gsize)n * vocabulary * sizeof(float),
                                  &error);
    g_assert_no_error(error);
    return w->rows + (gsize)(n - 1) * vocabulary;
}

static void whole_close(Whole *w)
{
    fovea_session_free(w->session);
    fovea_plan_unref(w->plan);
    g_free(w->rows);
}

/* Worst error over the range of what is wanted. */
static double worst(const float *want, const float *got, guint n)
{
    float low = want[0], high = want[0];
    double error = 0;
    for (guint i = 0; i < n; i++) {
        low = MIN(low, want[i]);
        high = MAX(high, want[i]);
        error = isfinite(got[i]) ? MAX(error, fabs(want[i] - got[i])) : HUGE_VAL;
    }
    return error / (high - low);
}

/* Everything: asked for, or on a machine whose GPU is what the test is for. */
static gboolean is_full(void)
{
    return g_getenv("FOVEA_TEST_FULL") != NULL || g_getenv("FOVEA_NEED_DEVICE") != NULL;
}

static gboolean is_checked(guint n, guint steps)
{
    if (is_full() || n <= 2 || n == steps)
        return TRUE;
    return steps == TOKENS && n % 13 == 0;
}

typedef struct Where {
    const char *device;
    FoveaPrecision precision;
} Where;

static FoveaTensor *encoded(const FoveaTranscriber *t, const float *samples, gsize n)
{
    GError *error = NULL;
    g_autoptr(FoveaSession) session = fovea_session_new(t->encode, &error);
    g_assert_no_error(error);
    FoveaMel *mel = fovea_mel_new(&t->mel, &error);
    g_assert_no_error(error);
    fovea_mel_run(mel, samples, n, fovea_session_map_input(session, 0), &error);
    fovea_mel_free(mel);
    fovea_session_run(session, &error);
    g_assert_no_error(error);
    FoveaTensor *hidden = fovea_session_get_output(session, 0, &error);
    g_assert_no_error(error);
    return hidden;
}

static void check_plans(const FoveaTranscriber *t)
{
    const FoveaPlan *plans[] = {t->encode, t->prefill, t->step};
    static const char *names[] = {"encoder", "prefill", "step"};
    for (guint i = 0; i < G_N_ELEMENTS(plans); i++) {
        const FoveaPlanStats *s = fovea_plan_stats(plans[i]);
        g_test_message("%s: %u steps, %u without a kernel, %.1f MB activations, %.1f MB weights",
                       names[i], s->steps, s->fallback_nodes, s->activation_bytes / 1e6,
                       s->weight_bytes / 1e6);
        g_assert_cmpuint(s->fallback_nodes, ==, 0);
    }
    /* One set for both plans. The step adds the product with the vocabulary, and at most each weight
     * once as it wants it for one row. */
    g_assert_true(t->step->program.weights == t->prefill->program.weights);
    guint64 more = G_GUINT64_CONSTANT(29551872) * 4;
    g_assert_cmpuint(fovea_plan_stats(t->step)->weight_bytes, <=,
                     fovea_plan_stats(t->prefill)->weight_bytes + more);
}

static void walk(const FoveaTranscriber *t, FoveaWhisper *whisper, Whole *whole, gboolean slow,
                 double tolerance)
{
    GError *error = NULL;
    const guint steps = slow && !is_full() ? SAMPLE : TOKENS;
    guint32 tokens[TOKENS];
    double highest = 0;
    guint64 before = 0;
    read_tokens(tokens);
    fovea_whisper_fill(whisper, NULL, 0, &error);
    g_assert_no_error(error);
    g_autofree float *kept = g_new(float, (gsize)TOKENS * t->vocabulary);
    for (guint i = 0; i < steps; i++) {
        const float *logits = fovea_whisper_step(whisper, tokens[i], &error);
        g_assert_no_error(error);
        memcpy(kept + (gsize)i * t->vocabulary, logits, t->vocabulary * sizeof(float));
        if (i == 0)
            before = fovea_alloc_count();
    }
    g_assert_cmpuint(fovea_alloc_count(), ==, before);
    for (guint n = 1; n <= steps; n++) {
        if (!is_checked(n, steps))
            continue;
        double e = worst(whole_run(whole, tokens, n, t->vocabulary),
                         kept + (gsize)(n - 1) * t->vocabulary, t->vocabulary);
        highest = MAX(highest, e);
        if (!(e <= tolerance))
            g_error("step %u strays from a prefill of %u tokens by %g of the range", n, n, e);
    }
    g_test_message("worst step: %.2g of the range", highest);
}

static void test_steps(gconstpointer data)
{
    const Where *where = data;
    GError *error = NULL;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    g_autoptr(FoveaDevice) device = open_or_skip(where->device);
    if (device == NULL)
        return;
    g_autofree char *folder = g_build_filename(shared_folder(), "models", "whisper-tiny.en", NULL);
    FoveaTranscriberParams params = {.model = folder, .precision = where->precision};
    g_autoptr(FoveaTranscriber) t = fovea_transcriber_new(device, &params, &error);
    g_assert_no_error(error);
    check_plans(t);
    g_autoptr(FoveaWhisper) whisper = fovea_whisper_new(t, &error);
    g_assert_no_error(error);
    gsize n;
    g_autofree float *samples = sound_read_shared("jfk.wav", &n);
    fovea_whisper_encode(whisper, samples, n, &error);
    g_assert_no_error(error);
    g_autoptr(FoveaTensor) hidden = encoded(t, samples, n);
    Whole whole;
    whole_open(&whole, t, where->precision, hidden);
    walk(t, whisper, &whole, !g_str_equal(where->device, "cpu"),
         tolerance_of_range(where->precision));
    whole_close(&whole);
}

int main(int argc, char **argv)
{
    static const Where cpu = {"cpu", FOVEA_PRECISION_F32}, gpu = {"vulkan", FOVEA_PRECISION_F32},
                       half = {"vulkan", FOVEA_PRECISION_F16};
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/whisper/steps/cpu/f32", &cpu, test_steps);
    g_test_add_data_func("/whisper/steps/vulkan/f32", &gpu, test_steps);
    if (is_full())
        g_test_add_data_func("/whisper/steps/vulkan/f16", &half, test_steps);
    return g_test_run();
}
