/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/whisper.h: an encoder-decoder speech model as one thing: sound of a window in, tokens out.
 * What is said to whom (whole recordings, streams) is built on it. Internal to the task room.
 *
 * The merged decoder has one graph for two plans, which share weights: prefill (use_cache_branch
 * false, past of length 0, 1..max tokens) and step (true, one token, past up to max). The step's
 * session keeps the self-attention caches and grows them in place; the cross-attention keys and
 * values come from the prefill and stay for all steps of an encoding. Only steps make logits: a
 * prompt's last token is a step, so that the product with the whole vocabulary is for one row. A
 * step allocates and records nothing.
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
    guint layers; /* of the decoder */
    gint64 heads, head_size;
    gint64 positions, width; /* of what the encoder makes: 1500 x 384 */
    FoveaTokenizer *tokenizer;
    FoveaGeneration generation;
    FoveaMelParams mel;
    guint vocabulary;
    guint max_tokens;             /* positions that the decoder has */
    guint prefill_most;           /* tokens that one prefill takes */
    double seconds_per_timestamp; /* 0.02 */
};

#define FOVEA_WHISPER_LAYERS 64 /* at most */
/* Names of the caches of a layer, after "past_key_values.N." and "present.N.". */
extern const char *const fovea_whisper_caches[4];

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

/* Mean log-probability of the tokens from `from` on; -inf where there are none. Speech: -0.2 to
 * -0.9. */
float fovea_whisper_likelihood(const FoveaWhisperResult *result, guint from);

/* The decoder by hand, as decode uses it, for tests: after `fill` the caches hold these n tokens
 * (0 too); `step` adds one and gives what is said about the next: vocabulary numbers, valid until
 * the next call. */
gboolean fovea_whisper_fill(FoveaWhisper *whisper, const guint32 *tokens, gsize n, GError **error);
const float *fovea_whisper_step(FoveaWhisper *whisper, guint32 token, GError **error);

/* How many of the tokens at the end repeat those before them: 0, or the length to cut off, so that
 * one of the repeats stays. Counted are tokens below `text_end` only (no timestamps). */
gsize fovea_whisper_loop(const guint32 *tokens, gsize n, guint32 text_end);

/* whisper-plans.c: fills encoder, decoder and the plans from the folder's onnx files. */
gboolean fovea_whisper_plan(FoveaTranscriber *transcriber, const FoveaTranscriberParams *params,
                            GError **error);
