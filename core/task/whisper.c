/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sound of a window in, tokens out: encoding, the decoder's state, greedy choices.
 */
#include <math.h>

#include "graph/session-internal.h"
#include "task/whisper.h"

const char *const fovea_whisper_caches[4] = {"decoder.key", "decoder.value", "encoder.key",
                                             "encoder.value"};
#define PAST "past_decoder_sequence_length"

/* Indices of one kind of cache of one layer. */
typedef struct Cache {
    guint present, past; /* output of the prefill, input of the step */
} Cache;

struct FoveaWhisper {
    FoveaTranscriber *transcriber;
    FoveaMel *mel;
    FoveaSession *encode, *prefill, *step;
    FoveaTensor *features, *token;
    float *logits;
    Cache cache[FOVEA_WHISPER_LAYERS][4];
    guint prefill_ids, prefill_hidden, step_ids, step_logits;
    gboolean encoded;   /* there is an encoding */
    gboolean cross_due; /* the step does not have its keys and values yet */
    GArray *prompt;     /* guint32 */
};

/* ---- making ---- */

static gboolean find_input(FoveaPlan *plan, const char *name, guint *index, GError **error)
{
    gint found = fovea_plan_find_input(plan, name);
    if (found < 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The decoder has no input %s", name);
    *index = (guint)found;
    return TRUE;
}

static gboolean find_output(FoveaPlan *plan, const char *name, guint *index, GError **error)
{
    gint found = fovea_plan_find_output(plan, name);
    if (found < 0)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "The decoder has no output %s", name);
    *index = (guint)found;
    return TRUE;
}

static gboolean find_cache(FoveaWhisper *w, guint layer, guint kind, GError **error)
{
    Cache *cache = &w->cache[layer][kind];
    g_autofree char *past = g_strdup_printf("past_key_values.%u.%s", layer,
                                            fovea_whisper_caches[kind]);
    g_autofree char *present = g_strdup_printf("present.%u.%s", layer, fovea_whisper_caches[kind]);
    if (!find_output(w->transcriber->prefill, present, &cache->present, error) ||
        !find_input(w->transcriber->step, past, &cache->past, error))
        return FALSE;
    guint output = 0;
    if (kind >= 2)
        return TRUE;
    return find_output(w->transcriber->step, present, &output, error) &&
           fovea_session_carry(w->step, output, cache->past, error);
}

/* The branch not taken may leave inputs that are not read; they still want a value once. */
static gboolean set_zeros(FoveaSession *session, GError **error)
{
    FoveaPlan *plan = fovea_session_plan(session);
    for (guint i = 0; i < fovea_plan_n_inputs(plan); i++) {
        const FoveaIo *io = fovea_plan_input(plan, i);
        gint64 dims[FOVEA_MAX_RANK];
        for (gint k = 0; k < io->rank; k++)
            dims[k] = io->dim_names[k] != NULL ? 0 : io->dims[k];
        g_autoptr(FoveaTensor) zeros = fovea_tensor_new(io->dtype, (guint)io->rank, dims, error);
        if (zeros == NULL || !fovea_session_set_input(session, i, zeros, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean make_sessions(FoveaWhisper *w, GError **error)
{
    FoveaTranscriber *t = w->transcriber;
    w->encode = fovea_session_new(t->encode, error);
    w->prefill = w->encode != NULL ? fovea_session_new(t->prefill, error) : NULL;
    w->step = w->prefill != NULL ? fovea_session_new(t->step, error) : NULL;
    if (w->step == NULL || !set_zeros(w->prefill, error) || !set_zeros(w->step, error))
        return FALSE;
    for (guint i = 0; i < t->layers; i++)
        for (guint kind = 0; kind < 4; kind++)
            if (!find_cache(w, i, kind, error))
                return FALSE;
    return find_input(t->prefill, "input_ids", &w->prefill_ids, error) &&
           find_input(t->prefill, "encoder_hidden_states", &w->prefill_hidden, error) &&
           find_input(t->step, "input_ids", &w->step_ids, error) &&
           find_output(t->step, "logits", &w->step_logits, error);
}

FoveaWhisper *fovea_whisper_new(FoveaTranscriber *transcriber, GError **error)
{
    FoveaWhisper *w = g_new0(FoveaWhisper, 1);
    w->transcriber = fovea_transcriber_ref(transcriber);
    w->prompt = g_array_sized_new(FALSE, FALSE, sizeof(guint32), transcriber->max_tokens + 1);
    w->mel = fovea_mel_new(&transcriber->mel, error);
    if (w->mel != NULL)
        w->features =
            fovea_tensor_new(FOVEA_DTYPE_F32, 3,
                             (gint64[]){1, transcriber->mel.mels, transcriber->mel.frames}, error);
    if (w->features != NULL)
        w->token = fovea_tensor_new(FOVEA_DTYPE_I64, 2, (gint64[]){1, 1}, error);
    if (w->token != NULL)
        w->logits = fovea_try_alloc(transcriber->vocabulary, sizeof(float), error);
    if (w->logits == NULL || !make_sessions(w, error))
        g_clear_pointer(&w, fovea_whisper_free);
    return w;
}

void fovea_whisper_free(FoveaWhisper *w)
{
    if (w == NULL)
        return;
    g_clear_pointer(&w->encode, fovea_session_free);
    g_clear_pointer(&w->prefill, fovea_session_free);
    g_clear_pointer(&w->step, fovea_session_free);
    g_clear_pointer(&w->features, fovea_tensor_unref);
    g_clear_pointer(&w->token, fovea_tensor_unref);
    g_clear_pointer(&w->mel, fovea_mel_free);
    fovea_free(w->logits);
    g_array_free(w->prompt, TRUE);
    fovea_transcriber_unref(w->transcriber);
    g_free(w);
}

gsize fovea_whisper_window(const FoveaTranscriber *transcriber)
{
    return (gsize)transcriber->mel.hop * (gsize)transcriber->mel.frames;
}

/* ---- the networks ---- */

gboolean fovea_whisper_encode(FoveaWhisper *w, const float *samples, gsize n, GError **error)
{
    w->encoded = FALSE;
    if (n > fovea_whisper_window(w->transcriber))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The sound is longer than a window");
    if (!fovea_mel_run(w->mel, samples, n, fovea_tensor_data_mut(w->features), error) ||
        !fovea_session_set_input(w->encode, 0, w->features, error) ||
        !fovea_session_run(w->encode, error) ||
        !fovea_session_feed(w->prefill, w->prefill_hidden, w->encode, 0, error))
        return FALSE;
    w->encoded = TRUE;
    w->cross_due = TRUE;
    return TRUE;
}

/* Runs the prefill; its outputs wait there. */
static gboolean run_prefill(FoveaWhisper *w, const guint32 *tokens, gsize n, GError **error)
{
    g_autoptr(FoveaTensor)
        ids = fovea_tensor_new(FOVEA_DTYPE_I64, 2, (gint64[]){1, (gint64)n}, error);
    if (ids == NULL)
        return FALSE;
    gint64 *to = fovea_tensor_data_mut(ids);
    for (gsize i = 0; i < n; i++)
        to[i] = tokens[i];
    return fovea_session_set_input(w->prefill, w->prefill_ids, ids, error) &&
           fovea_session_run(w->prefill, error);
}

/* Brings two kinds of caches (0: self, 2: cross) of the last prefill to the step. */
static gboolean bring(FoveaWhisper *w, guint kind, GError **error)
{
    for (guint i = 0; i < w->transcriber->layers; i++)
        for (guint k = kind; k < kind + 2; k++)
            if (!fovea_session_feed(w->step, w->cache[i][k].past, w->prefill,
                                    w->cache[i][k].present, error))
                return FALSE;
    return TRUE;
}

gboolean fovea_whisper_fill(FoveaWhisper *w, const guint32 *tokens, gsize n, GError **error)
{
    if (!w->encoded)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "No sound was encoded");
    if (n > w->transcriber->prefill_most)
        return fovea_fail(error, FOVEA_ERROR_RANGE,
                          "A prompt of %" G_GSIZE_FORMAT " tokens is longer than the model's %u", n,
                          w->transcriber->prefill_most);
    /* The keys and values of the sound come with any prefill. */
    if ((n > 0 || w->cross_due) &&
        !run_prefill(w, n > 0 ? tokens : &w->transcriber->generation.start, MAX(n, 1), error))
        return FALSE;
    if (w->cross_due && !bring(w, 2, error))
        return FALSE;
    w->cross_due = FALSE;
    return n > 0 ? bring(w, 0, error) : fovea_session_truncate(w->step, PAST, 0, error);
}

const float *fovea_whisper_step(FoveaWhisper *w, guint32 token, GError **error)
{
    *(gint64 *)fovea_tensor_data_mut(w->token) = token;
    gboolean ok = fovea_session_set_input(w->step, w->step_ids, w->token, error) &&
                  fovea_session_run(w->step, error) &&
                  fovea_session_read_output(w->step, w->step_logits, w->logits,
                                            w->transcriber->vocabulary * sizeof(float), error);
    return ok ? w->logits : NULL;
}

/* ---- decoding ---- */

void fovea_whisper_result_init(FoveaWhisperResult *result)
{
    memset(result, 0, sizeof *result);
    result->tokens = g_array_new(FALSE, FALSE, sizeof(guint32));
    result->log_probability = g_array_new(FALSE, FALSE, sizeof(float));
}

void fovea_whisper_result_clear(FoveaWhisperResult *result)
{
    g_array_free(result->tokens, TRUE);
    g_array_free(result->log_probability, TRUE);
}

static void append(FoveaWhisper *w, guint32 token)
{
    g_array_append_val(w->prompt, token);
}

/* The prompt: previous text, start, what is forced. Returns where the start token is. */
static gsize write_prompt(FoveaWhisper *w, const FoveaWhisperDecode *params)
{
    const FoveaTranscriber *t = w->transcriber;
    const FoveaGeneration *g = &t->generation;
    gint previous = fovea_tokenizer_find(t->tokenizer, "<|startofprev|>");
    g_array_set_size(w->prompt, 0);
    if (params->n_previous > 0 && previous >= 0) {
        /* As OpenAI's: at most half of the positions, the latest. */
        gsize most = t->max_tokens / 2 - 1, n = MIN(params->n_previous, most);
        append(w, (guint32)previous);
        g_array_append_vals(w->prompt, params->previous + params->n_previous - n, (guint)n);
    }
    gsize start = w->prompt->len;
    gboolean plain = g->no_timestamps >= 0 && !params->timestamps;
    append(w, g->start);
    for (guint i = 0; i < g->forced->len; i++) {
        guint32 token = g_array_index(g->forced, guint32, i);
        if ((gint)token != g->no_timestamps)
            append(w, token);
    }
    if (plain)
        append(w, (guint32)g->no_timestamps);
    return start;
}

static float probability_of(const float *logits, guint n, gint id)
{
    float high = logits[0];
    double sum = 0;
    if (id < 0)
        return 0;
    for (guint i = 1; i < n; i++)
        high = MAX(high, logits[i]);
    for (guint i = 0; i < n; i++)
        sum += exp((double)logits[i] - high);
    return (float)(exp((double)logits[id] - high) / sum);
}

/* Fills the caches up to the prompt's last token and runs it; *no_speech is what is said right after
 * the start token, which is another step where the prompt goes on after it. */
static const float *run_prompt(FoveaWhisper *w, gsize start, float *no_speech, GError **error)
{
    const guint32 *prompt = (const guint32 *)(gpointer)w->prompt->data;
    gsize last = w->prompt->len - 1;
    gboolean ok = last > start + 1 ? fovea_whisper_fill(w, prompt, last, error) &&
                                         fovea_session_truncate(w->step, PAST, (gint64)start, error)
                                   : fovea_whisper_fill(w, prompt, start, error);
    const float *logits = ok ? fovea_whisper_step(w, prompt[start], error) : NULL;
    if (logits == NULL)
        return NULL;
    *no_speech = probability_of(logits, w->transcriber->vocabulary,
                                w->transcriber->generation.no_speech);
    if (last == start)
        return logits;
    if (last > start + 1 && !bring(w, 0, error)) /* they still wait in the prefill */
        return NULL;
    return fovea_whisper_step(w, prompt[last], error);
}

static void cut_loop(FoveaWhisper *w, FoveaWhisperResult *result, gsize prefix)
{
    const FoveaGeneration *g = &w->transcriber->generation;
    guint n = result->tokens->len;
    gsize cut = fovea_whisper_loop((const guint32 *)(gpointer)result->tokens->data, n, g->end);
    if (cut == 0)
        return;
    result->looped = TRUE;
    n -= (guint)MIN(cut, n - prefix);
    g_array_set_size(result->tokens, n);
    g_array_set_size(result->log_probability, n);
}

static gboolean choose(FoveaWhisper *w, const FoveaWhisperDecode *params, gsize begin,
                       FoveaWhisperResult *result, float *logits, GError **error)
{
    const FoveaGeneration *g = &w->transcriber->generation;
    guint room = w->transcriber->max_tokens - MIN(w->prompt->len, w->transcriber->max_tokens);
    guint most = params->max_new > 0 ? MIN(params->max_new, room) : room;
    for (guint i = 0; i < most; i++) {
        float log_probability;
        if (g_cancellable_is_cancelled(params->cancellable))
            return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Transcription was cancelled");
        fovea_generation_rules(g, (const guint32 *)(gpointer)w->prompt->data, w->prompt->len, begin,
                               params->timestamps, logits, w->transcriber->vocabulary);
        guint32 token = fovea_greedy(logits, w->transcriber->vocabulary, &log_probability);
        if (token == g->end) {
            result->ended = TRUE;
            break;
        }
        append(w, token);
        g_array_append_val(result->tokens, token);
        g_array_append_val(result->log_probability, log_probability);
        cut_loop(w, result, params->n_prefix);
        if (result->looped || i + 1 == most)
            break;
        if (fovea_whisper_step(w, token, error) == NULL)
            return FALSE;
    }
    return TRUE;
}

gboolean fovea_whisper_decode(FoveaWhisper *w, const FoveaWhisperDecode *params,
                              FoveaWhisperResult *result, GError **error)
{
    gsize start = write_prompt(w, params), begin = w->prompt->len;
    float zero = 0;
    g_array_set_size(result->tokens, 0);
    g_array_set_size(result->log_probability, 0);
    result->ended = result->looped = FALSE;
    for (gsize i = 0; i < params->n_prefix; i++) {
        append(w, params->prefix[i]);
        g_array_append_val(result->tokens, params->prefix[i]);
        g_array_append_val(result->log_probability, zero);
    }
    if (w->prompt->len > w->transcriber->prefill_most)
        return fovea_fail(error, FOVEA_ERROR_RANGE,
                          "A prompt of %u tokens is longer than the model's %u", w->prompt->len,
                          w->transcriber->prefill_most);
    if (run_prompt(w, start, &result->no_speech, error) == NULL)
        return FALSE;
    return choose(w, params, begin, result, w->logits, error);
}

float fovea_whisper_likelihood(const FoveaWhisperResult *result, guint from)
{
    double sum = 0;
    guint n = result->tokens->len;
    for (guint i = from; i < n; i++)
        sum += g_array_index(result->log_probability, float, i);
    return n > from ? (float)(sum / (n - from)) : -INFINITY;
}
