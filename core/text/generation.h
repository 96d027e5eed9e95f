/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text/generation.h: what generation_config.json says about the next token. Internal.
 *
 * Source: transformers' SuppressTokensLogitsProcessor, SuppressTokensAtBeginLogitsProcessor,
 * WhisperTimeStampLogitsProcessor and forced_decoder_ids.
 */
#pragma once

#include "base/base.h"

typedef struct FoveaGeneration {
    guint32 start, end;         /* decoder_start_token_id, eos_token_id */
    GArray *forced;             /* guint32: tokens after start, position by position */
    GArray *suppress;           /* guint32: never chosen */
    GArray *begin_suppress;     /* guint32: not the first token that is chosen */
    gint no_timestamps;         /* -1: a model without timestamps */
    gint timestamp_begin;       /* id of <|0.00|>: no_timestamps + 1; -1 */
    gint max_initial_timestamp; /* index; -1: no limit */
    gint no_speech;             /* id of <|nospeech|>; -1 */
    guint max_length;           /* of all tokens */
} FoveaGeneration;

/* path: generation_config.json. Errors: IO, MODEL. no_speech is left at -1 (the tokenizer knows). */
gboolean fovea_generation_load(FoveaGeneration *generation, const char *path, GError **error);
void fovea_generation_clear(FoveaGeneration *generation);

/* Masks logits [vocabulary] in place (-inf) for the token after tokens[0..n-1], of which the first
 * n_prefix were given, not chosen. timestamps: their rules hold; else they are only what suppress
 * says. */
void fovea_generation_rules(const FoveaGeneration *generation, const guint32 *tokens, gsize n,
                            gsize n_prefix, gboolean timestamps, float *logits, gsize vocabulary);
/* The greedy choice: the first largest. *log_probability (may be NULL) is its log-softmax. */
guint32 fovea_greedy(const float *logits, gsize vocabulary, float *log_probability);
