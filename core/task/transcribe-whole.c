/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A recording, window after window. Each window begins where the last whole piece of text of the one
 * before ended, as its timestamps say; what is cut off by the window's end is read again.
 *
 * Source: the sequential long-form algorithm of Radford et al. 2022 (Whisper), section 3.8, as
 * transformers' WhisperForConditionalGeneration does it without conditioning on earlier text.
 */
#include <math.h>

#include "task/speech-gate.h"
#include "task/transcribe-stream.h"

#define LEAST_REST 0.1   /* seconds that are still worth a window of their own */
#define LEAST_STEP 1.0   /* seconds that two windows in a row go on at least */
#define NO_SPEECH 0.3f   /* speech from its beginning on: 0.03, noise and music: from 0.54 on */
#define UNLIKELY (-1.0f) /* mean log-probability of a token; speech: -0.2 to -0.9 */
#define LOOP_STEP 5.0    /* seconds to leave a place where the text repeats itself */

/* One recording on its way. Positions are samples. */
typedef struct Recording {
    FoveaTranscriberStream *stream;
    const FoveaTranscribeWholeParams *params;
    const gfloat *samples;
    gsize n, window, unit; /* unit: samples of a timestamp */
    gsize at;              /* where the next window begins */
    gboolean crawled;      /* the last window went on by less than LEAST_STEP */
    GArray *phrases;
} Recording;

static gint64 time_of(gsize samples)
{
    return (gint64)((guint64)samples * G_GUINT64_CONSTANT(1000000000) / FOVEA_TRANSCRIBE_RATE);
}

/* Tokens first..last of the result as a phrase. */
static void hand_out(Recording *r, guint first, guint last, gsize start, gsize end)
{
    const FoveaTranscriber *t = r->stream->transcriber;
    g_autoptr(GArray) words = g_array_new(FALSE, FALSE, sizeof(guint32));
    for (guint i = first; i < last; i++) {
        guint32 token = g_array_index(r->stream->result.tokens, guint32, i);
        if (token < t->generation.end)
            g_array_append_val(words, token);
    }
    char *text = fovea_tokenizer_decode(t->tokenizer, (const guint32 *)(gpointer)words->data,
                                        words->len, TRUE);
    start = MIN(r->at + start, r->n);
    end = MIN(MAX(r->at + end, start), r->n);
    fovea_transcriber_stream_hand_out(r->stream, r->phrases, text, time_of(start), time_of(end),
                                      TRUE);
}

/* The position that token i says, in samples from the window's start; -1: it is no timestamp. */
static gssize stamp(const Recording *r, guint i)
{
    const FoveaTranscriber *t = r->stream->transcriber;
    gint64 token = g_array_index(r->stream->result.tokens, guint32, i);
    if (t->generation.timestamp_begin < 0 || token < t->generation.timestamp_begin)
        return -1;
    return (gssize)((token - t->generation.timestamp_begin) * (gint64)r->unit);
}

/* Cuts the window's tokens where two timestamps meet; returns how far to go on. `size`: samples of
 * sound in the window. */
static gsize hand_out_pieces(Recording *r, gsize size)
{
    guint n = r->stream->result.tokens->len, first = 0;
    gboolean alone = n >= 1 && stamp(r, n - 1) >= 0 && (n < 2 || stamp(r, n - 2) < 0);
    gssize last_stamp = -1;
    for (guint i = 0; i < n; i++) {
        if (stamp(r, i) < 0)
            continue;
        last_stamp = stamp(r, i);
        if (i == 0 || stamp(r, i - 1) < 0)
            continue;
        hand_out(r, first, i, (gsize)MAX(stamp(r, first), 0), (gsize)stamp(r, i - 1));
        first = i;
    }
    if (first == 0) { /* one piece: nothing says that it was cut off */
        hand_out(r, 0, n, 0, last_stamp > 0 ? (gsize)last_stamp : size);
        return size;
    }
    if (!alone) /* what comes after the last pair is read again */
        return (gsize)stamp(r, first - 1);
    hand_out(r, first, n, (gsize)stamp(r, first), (gsize)stamp(r, n - 1));
    return size;
}

static gsize go_on(Recording *r, gsize size)
{
    const FoveaWhisperResult *result = &r->stream->result;
    gsize step = hand_out_pieces(r, size);
    double least = result->looped ? LOOP_STEP : r->crawled ? LEAST_STEP : 0;
    r->crawled = step < (gsize)(LEAST_STEP * FOVEA_TRANSCRIBE_RATE);
    return MIN(MAX(step, MAX((gsize)(least * FOVEA_TRANSCRIBE_RATE), r->unit)), size);
}

/* Nothing rises above the background. */
static gboolean is_even(const Recording *r, gsize size)
{
    FoveaSpeechGate gate;
    fovea_speech_gate_reset(&gate);
    for (gsize i = 0; i + FOVEA_GATE_FRAME <= size; i += FOVEA_GATE_FRAME)
        fovea_speech_gate_push(&gate, r->samples + r->at + i);
    guint64 from = gate.n > FOVEA_GATE_KEPT ? gate.n - FOVEA_GATE_KEPT : 0;
    return !fovea_speech_gate_heard(&gate, from, gate.n, NULL, NULL);
}

/* The model often doubts a window that begins within a sentence: its doubt alone costs no words. */
static gboolean is_silent(const Recording *r, gsize size)
{
    const FoveaWhisperResult *result = &r->stream->result;
    return r->stream->transcriber->generation.no_speech >= 0 && result->no_speech > NO_SPEECH &&
           (fovea_whisper_likelihood(result, 0) < UNLIKELY || is_even(r, size));
}

static gboolean next_window(Recording *r, gboolean timestamps, GError **error)
{
    FoveaTranscriberStream *s = r->stream;
    FoveaWhisperDecode decode = {.timestamps = timestamps, .cancellable = s->cancellable};
    gsize size = MIN(r->n - r->at, r->window);
    if (g_cancellable_is_cancelled(s->cancellable))
        return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Transcription was cancelled");
    if (!fovea_whisper_encode(s->whisper, r->samples + r->at, size, error) ||
        !fovea_whisper_decode(s->whisper, &decode, &s->result, error))
        return FALSE;
    if (is_silent(r, size)) {
        r->at += size;
    } else if (timestamps) {
        r->at += go_on(r, size);
    } else {
        hand_out(r, 0, s->result.tokens->len, 0, size);
        r->at += size;
    }
    return TRUE;
}

gboolean fovea_transcriber_stream_whole(FoveaTranscriberStream *stream, const gfloat *samples,
                                        gsize n, const FoveaTranscribeWholeParams *params,
                                        GArray *phrases, GError **error)
{
    static const FoveaTranscribeWholeParams none;
    const FoveaTranscriber *t = stream->transcriber;
    Recording r = {.stream = stream,
                   .params = params != NULL ? params : &none,
                   .samples = samples,
                   .n = n,
                   .window = fovea_whisper_window(t),
                   .phrases = phrases};
    gsize least = (gsize)(LEAST_REST * FOVEA_TRANSCRIBE_RATE);
    r.unit = r.window / (gsize)t->positions;
    gboolean timestamps = t->generation.timestamp_begin >= 0 &&
                          (r.params->timestamps || n > r.window);
    fovea_transcriber_stream_clear(stream, phrases);
    while (r.at < n && (r.at == 0 || n - r.at >= least)) {
        if (!next_window(&r, timestamps, error))
            return FALSE;
        if (r.params->progress != NULL)
            r.params->progress("transcribe", (double)r.at / (double)n, r.params->progress_data);
    }
    return TRUE;
}
