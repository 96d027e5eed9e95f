/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/whisper.h: an encoder-decoder speech model as one thing: sound of a window in, tokens out.
 * What is said to whom (whole recordings, streams) is built on it. Internal to the task room.
 *
 * The merged decoder has one graph for two plans, which share weights: prefill (use_cache_branch
 * false, past of length 0, 1..max tokens) and step (true, one token, past up to max). The step's
 * session keeps the self-attention caches and grows them in place; the cross-attention keys and
 * values come from the prefill and stay for all steps of an encoding. A step allocates and records
 * nothing.
 */
#pragma once

#include "fovea/task.h"
#include "media/mel.h"
#include "text/generation.h"
#include "text/tokenizer.h"

struct FoveaTranscriber {
    gatomicrefcount refs;
    FoveaDevice *device;
    FoveaModel *encoder, *decoder;
    FoveaPlan *encode, *prefill, *step;
    FoveaTokenizer *tokenizer;
    FoveaGeneration generation;
    FoveaMelParams mel;
    guint vocabulary;
    guint max_tokens;             /* positions that the decoder has */
    guint prefill_most;           /* tokens that one prefill takes */
    double seconds_per_timestamp; /* 0.02 */
};

/* Sessions and buffers of one stream. */
typedef struct FoveaWhisper FoveaWhisper;
FoveaWhisper *fovea_whisper_new(FoveaTranscriber *transcriber, GError **error);
void fovea_whisper_free(FoveaWhisper *whisper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaWhisper, fovea_whisper_free)

/* Samples of a window (480,000). */
gsize fovea_whisper_window(const FoveaTranscriber *transcriber);
/* Encodes up to one window (padded with silence). */
gboolean fovea_whisper_encode(FoveaWhisper *whisper, const float *samples, gsize n, GError **error);

typedef struct FoveaWhisperDecode {
    gboolean timestamps;
    const guint32 *previous; /* text before this window, after <|startofprev|>; may be NULL */
    gsize n_previous;
    const guint32 *prefix; /* tokens that are known already (stable), timestamps among them */
    gsize n_prefix;
    guint max_new; /* tokens to choose at most; 0: as many as the model has positions */
    GCancellable *cancellable;
} FoveaWhisperDecode;

typedef struct FoveaWhisperResult {
    GArray *tokens;          /* guint32: prefix, then those chosen; the end token is left out */
    GArray *log_probability; /* float, of each of tokens (0 for the prefix) */
    float no_speech;         /* probability of <|nospeech|> right after the start token */
    gboolean ended;          /* the end token came; FALSE: max_new, or a loop was cut */
    gboolean looped;         /* the text repeats itself */
} FoveaWhisperResult;
void fovea_whisper_result_init(FoveaWhisperResult *result);
void fovea_whisper_result_clear(FoveaWhisperResult *result);

/* Greedy decoding of what was encoded last; may be called again with another prefix. Errors:
 * CANCELLED, those of fovea_session_run. */
gboolean fovea_whisper_decode(FoveaWhisper *whisper, const FoveaWhisperDecode *params,
                              FoveaWhisperResult *result, GError **error);

/* For tests: logits of one prefill of n tokens (all rows: n x vocabulary), then of one step. */
gboolean fovea_whisper_prefill(FoveaWhisper *whisper, const guint32 *tokens, gsize n, float *logits,
                               GError **error);
gboolean fovea_whisper_step(FoveaWhisper *whisper, guint32 token, float *logits, GError **error);
