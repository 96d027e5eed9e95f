/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Loading a speech recogniser: what its folder says about sound, tokens and choosing, and its plans.
 */
#include "base/json.h"
#include "task/whisper.h"

#define LONGEST_SECONDS 3600

static gboolean read_mel(FoveaTranscriber *t, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "preprocessor_config.json", NULL);
    g_autoptr(JsonParser) parser = NULL;
    JsonObject *object = fovea_json_load(path, &parser, error);
    struct {
        const char *name;
        gint *to;
        double value;
    } wanted[] = {
        {"sampling_rate", &t->mel.rate, 16000},  {"n_fft", &t->mel.n_fft, 400},
        {"hop_length", &t->mel.hop, 160},        {"feature_size", &t->mel.mels, 80},
        {"nb_max_frames", &t->mel.frames, 3000},
    };
    if (object == NULL)
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(wanted); i++) {
        double value = wanted[i].value;
        fovea_json_number(object, wanted[i].name, &value);
        if (!(value >= 1 && value <= 1e6 && value == (gint)value))
            return fovea_fail(error, FOVEA_ERROR_MODEL, "%s: %s is out of range", path,
                              wanted[i].name);
        *wanted[i].to = (gint)value;
    }
    if (t->mel.rate != FOVEA_TRANSCRIBE_RATE)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s wants sound of %d samples a second, not %d", path, t->mel.rate,
                          FOVEA_TRANSCRIBE_RATE);
    if ((gint64)t->mel.hop * t->mel.frames > (gint64)LONGEST_SECONDS * t->mel.rate)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "%s: its window is longer than an hour", path);
    return TRUE;
}

static gboolean read_config(FoveaTranscriber *t, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "config.json", NULL);
    g_autoptr(JsonParser) parser = NULL;
    double positions = 448;
    JsonObject *object = fovea_json_load(path, &parser, error);
    if (object == NULL)
        return FALSE;
    const char *type = fovea_json_string(object, "model_type");
    if (g_strcmp0(type, "whisper") != 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s describes a model of type %s; only whisper is known", path,
                          type ? type : "(none)");
    fovea_json_number(object, "max_target_positions", &positions);
    if (!(positions >= 8 && positions <= 65536))
        return fovea_fail(error, FOVEA_ERROR_MODEL, "%s: max_target_positions is out of range",
                          path);
    t->max_tokens = (guint)positions;
    t->prefill_most = t->max_tokens - 1;
    return TRUE;
}

static gboolean read_text(FoveaTranscriber *t, const char *folder, GError **error)
{
    g_autofree char *tokens = g_build_filename(folder, "tokenizer.json", NULL);
    g_autofree char *generation = g_build_filename(folder, "generation_config.json", NULL);
    t->tokenizer = fovea_tokenizer_load(tokens, error);
    if (t->tokenizer == NULL || !fovea_generation_load(&t->generation, generation, error))
        return FALSE;
    t->generation.no_speech = fovea_tokenizer_find(t->tokenizer, "<|nospeech|>");
    if (t->generation.no_speech < 0)
        t->generation.no_speech = fovea_tokenizer_find(t->tokenizer, "<|nocaptions|>");
    if (t->generation.max_length > 0)
        t->max_tokens = MIN(t->max_tokens, t->generation.max_length);
    return TRUE;
}

/* Tokens that the files name must be tokens of the model. */
static gboolean check_ids(const FoveaTranscriber *t, const char *folder, GError **error)
{
    const FoveaGeneration *g = &t->generation;
    guint most = MAX(g->start, g->end);
    for (guint i = 0; i < g->forced->len; i++)
        most = MAX(most, g_array_index(g->forced, guint32, i));
    if (most >= t->vocabulary || g->no_speech >= (gint)t->vocabulary ||
        g->no_timestamps >= (gint)t->vocabulary)
        return fovea_fail(error, FOVEA_ERROR_MODEL,
                          "%s names tokens that its decoder of %u tokens does not have", folder,
                          t->vocabulary);
    if (g->forced->len + 4 > t->max_tokens)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "%s forces more tokens than it has room for",
                          folder);
    return TRUE;
}

FoveaTranscriber *fovea_transcriber_new(FoveaDevice *device, const FoveaTranscriberParams *params,
                                        GError **error)
{
    if (params == NULL || params->model == NULL) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "No model was named");
        return NULL;
    }
    if (!g_file_test(params->model, G_FILE_TEST_IS_DIR)) {
        fovea_fail(error, FOVEA_ERROR_IO, "%s is no model folder", params->model);
        return NULL;
    }
    FoveaTranscriber *t = g_new0(FoveaTranscriber, 1);
    g_atomic_ref_count_init(&t->refs);
    t->device = fovea_device_ref(device);
    if (!read_mel(t, params->model, error) || !read_config(t, params->model, error) ||
        !read_text(t, params->model, error) || !fovea_whisper_plan(t, params, error) ||
        !check_ids(t, params->model, error)) {
        fovea_transcriber_unref(t);
        return NULL;
    }
    t->seconds_per_timestamp = (double)t->mel.hop * t->mel.frames / (double)t->positions /
                               t->mel.rate;
    return t;
}

FoveaTranscriber *fovea_transcriber_ref(FoveaTranscriber *transcriber)
{
    g_atomic_ref_count_inc(&transcriber->refs);
    return transcriber;
}

void fovea_transcriber_unref(FoveaTranscriber *t)
{
    if (t == NULL || !g_atomic_ref_count_dec(&t->refs))
        return;
    g_clear_pointer(&t->step, fovea_plan_unref);
    g_clear_pointer(&t->prefill, fovea_plan_unref);
    g_clear_pointer(&t->encode, fovea_plan_unref);
    g_clear_pointer(&t->decoder, fovea_model_unref);
    g_clear_pointer(&t->encoder, fovea_model_unref);
    g_clear_pointer(&t->tokenizer, fovea_tokenizer_unref);
    fovea_generation_clear(&t->generation);
    fovea_device_unref(t->device);
    g_free(t);
}
