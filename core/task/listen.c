/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * When to compute, what becomes stable, and where the sound is cut.
 */
#include "task/listen.h"

#define RATE FOVEA_TRANSCRIBE_RATE
#define SECONDS(s) ((gint64)((s)*RATE) / FOVEA_GATE_FRAME * FOVEA_GATE_FRAME)

#define HOP SECONDS(1.0)   /* new sound that is worth a hypothesis */
#define LEAD SECONDS(0.4)  /* kept before speech, which begins softly */
#define TAIL SECONDS(0.3)  /* of a pause, stays with the speech before it */
#define DOUBT SECONDS(3.0) /* of sound without speech: its beginning is dropped */
#define KEEP SECONDS(1.2)  /* and this much kept, where speech may just begin */
#define LONGEST SECONDS(22.0)
#define SEARCH SECONDS(6.0) /* at its end the quietest place is looked for, to cut it */
#define HELD_BACK 1         /* words at the end of a hypothesis that are never stable */

#define NO_SPEECH 0.6f   /* surely none (speech of a second: at most 0.25) */
#define MAYBE_NONE 0.2f  /* none, where the words are unlikely too */
#define UNLIKELY (-1.0f) /* mean log-probability of a token (speech: -0.2 to -0.9) */

FoveaListening *fovea_listening_new(gsize window, gboolean live, GError **error)
{
    float *sound = fovea_try_alloc(window, sizeof *sound, error);
    if (sound == NULL)
        return NULL;
    FoveaListening *l = g_new0(FoveaListening, 1);
    l->sound = sound;
    l->room = window;
    l->live = live;
    l->stable = g_array_new(FALSE, FALSE, sizeof(guint32));
    l->rest = g_string_new(NULL);
    fovea_hypothesis_init(&l->now);
    fovea_hypothesis_init(&l->before);
    fovea_listening_reset(l);
    return l;
}

void fovea_listening_free(FoveaListening *l)
{
    if (l == NULL)
        return;
    fovea_hypothesis_clear(&l->now);
    fovea_hypothesis_clear(&l->before);
    g_array_unref(l->stable);
    g_string_free(l->rest, TRUE);
    fovea_free(l->sound);
    g_free(l);
}

static void forget_words(FoveaListening *l)
{
    g_array_set_size(l->stable, 0);
    l->stable_words = l->said_words = 0;
    l->compare = FALSE;
    fovea_hypothesis_reset(&l->now);
    fovea_hypothesis_reset(&l->before);
}

void fovea_listening_reset(FoveaListening *l)
{
    fovea_speech_gate_reset(&l->gate);
    forget_words(l);
    l->n = 0;
    l->base = l->said = 0;
    l->next = HOP;
}

static guint64 first_frame(const FoveaListening *l)
{
    return l->base / FOVEA_GATE_FRAME;
}

/* The sound begins at `base` from now on. */
static void drop(FoveaListening *l, gint64 base)
{
    gsize n = MIN((gsize)MAX(base - l->base, 0), l->n);
    memmove(l->sound, l->sound + n, (l->n - n) * sizeof *l->sound);
    l->n -= n;
    l->base += n;
}

/* ---- one hypothesis ---- */

static void read_tokens(const FoveaTranscriber *t, FoveaListening *l, const GArray *tokens)
{
    g_autoptr(GString) text = g_string_new(NULL);
    fovea_hypothesis_reset(&l->now);
    g_string_truncate(l->rest, 0);
    for (guint i = 0; i < tokens->len; i++) {
        guint32 token = g_array_index(tokens, guint32, i);
        gint64 stamp = (gint64)token - t->generation.timestamp_begin;
        if (t->generation.timestamp_begin >= 0 && stamp >= 0) {
            fovea_hypothesis_add_time(&l->now, stamp * t->seconds_per_timestamp);
            continue;
        }
        g_string_truncate(text, 0);
        if (!fovea_tokenizer_is_special(t->tokenizer, token))
            fovea_tokenizer_append(t->tokenizer, token, l->rest, text);
        fovea_hypothesis_add(&l->now, text->str);
    }
}

static gboolean is_nothing(const FoveaWhisperResult *result, guint known)
{
    if (result->tokens->len <= known)
        return known == 0;
    return result->no_speech > NO_SPEECH ||
           (result->no_speech > MAYBE_NONE && fovea_whisper_likelihood(result, known) < UNLIKELY);
}

/* Encodes the sound up to `end` and reads it into `now`. *nothing: there is no speech in it. */
static gboolean understand(FoveaTranscriberStream *s, gint64 end, gboolean *nothing, GError **error)
{
    FoveaListening *l = s->listening;
    gsize n = end - l->base;
    if (g_cancellable_is_cancelled(s->cancellable))
        return fovea_fail(error, FOVEA_ERROR_CANCELLED, "Transcription was cancelled");
    FoveaWhisperDecode decode = {
        .timestamps = s->transcriber->generation.timestamp_begin >= 0,
        .prefix = (const guint32 *)(gpointer)l->stable->data,
        .n_prefix = l->stable->len,
        .max_new = 16 + 12 * n / RATE,
        .cancellable = s->cancellable,
    };
    if (!fovea_whisper_encode(s->whisper, l->sound, n, error) ||
        !fovea_whisper_decode(s->whisper, &decode, &s->result, error))
        return FALSE;
    *nothing = l->stable->len == 0 && is_nothing(&s->result, 0);
    read_tokens(s->transcriber, l, s->result.tokens);
    return TRUE;
}

/* Everything up to `cut` is final, and dropped. */
static gboolean settle(FoveaTranscriberStream *s, gint64 cut, GArray *phrases, GError **error)
{
    FoveaListening *l = s->listening;
    gboolean nothing;
    if (!understand(s, cut, &nothing, error))
        return FALSE;
    if (!nothing)
        fovea_listen_hand_out(s, l->now.words->len, cut / FOVEA_GATE_FRAME, phrases);
    forget_words(l);
    drop(l, cut);
    return TRUE;
}

static gboolean guess(FoveaTranscriberStream *s, gint64 end, GArray *phrases, GError **error)
{
    FoveaListening *l = s->listening;
    gboolean nothing;
    if (!understand(s, end, &nothing, error))
        return FALSE;
    if (nothing || s->result.looped || !s->result.ended) {
        l->compare = FALSE;
        if (nothing && end - l->base >= DOUBT)
            drop(l, end - KEEP);
        return TRUE;
    }
    if (l->compare) {
        guint n = fovea_hypothesis_agree(&l->before, &l->now, l->stable_words);
        guint most = l->now.words->len > HELD_BACK ? l->now.words->len - HELD_BACK : 0;
        n = MIN(n, most);
        if (n > l->stable_words) {
            guint tokens = g_array_index(l->now.words, FoveaWord, n - 1).tokens;
            g_array_set_size(l->stable, 0);
            g_array_append_vals(l->stable, s->result.tokens->data, tokens);
            l->stable_words = n;
        }
    }
    /* The last stable word may still get a comma, or an ending. */
    fovea_listen_hand_out(s, MAX(l->stable_words, 1) - 1, end / FOVEA_GATE_FRAME, phrases);
    FoveaHypothesis now = l->now;
    l->now = l->before;
    l->before = now;
    l->compare = TRUE;
    return TRUE;
}

/* ---- when ---- */

/* How long a pause ends the sound that has come. */
static gint64 pause_needed(gint64 length)
{
    return length < SECONDS(8) ? SECONDS(0.7) : length < SECONDS(14) ? SECONDS(0.5) : SECONDS(0.3);
}

static gint64 longest(const FoveaListening *l)
{
    return MIN(LONGEST, (gint64)l->room / FOVEA_GATE_FRAME * FOVEA_GATE_FRAME * 3 / 4);
}

/* A hypothesis has words of this sound. */
static gboolean begun(const FoveaListening *l)
{
    return l->stable->len > 0 || l->compare;
}

/* Where to cut the sound now; 0: nowhere. */
static gint64 where_to_cut(const FoveaListening *l, gint64 end)
{
    gint64 pause = (gint64)fovea_speech_gate_pause(&l->gate, first_frame(l)) * FOVEA_GATE_FRAME;
    gint64 speech = end - pause - l->base;
    if (pause >= pause_needed(end - l->base) && (speech > 0 || begun(l)))
        return speech > 0 ? end - pause + MIN(pause, TAIL) : end;
    if (end - l->base < longest(l))
        return 0;
    gint64 from = MAX(l->base + (end - l->base) / 2, end - SEARCH);
    return (gint64)fovea_speech_gate_quietest(&l->gate, from / FOVEA_GATE_FRAME,
                                              end / FOVEA_GATE_FRAME) *
           FOVEA_GATE_FRAME;
}

/* A frame more has come: computes where that is due. */
static gboolean frame_came(FoveaTranscriberStream *s, GArray *phrases, GError **error)
{
    FoveaListening *l = s->listening;
    gint64 end = (gint64)l->gate.n * FOVEA_GATE_FRAME, start = g_get_monotonic_time();
    guint64 heard = 0;
    if (!begun(l)) {
        gboolean any = fovea_speech_gate_heard(&l->gate, first_frame(l), l->gate.n, &heard, NULL);
        gint64 lead = any ? (gint64)heard * FOVEA_GATE_FRAME - LEAD : end - LEAD;
        if (lead > l->base)
            drop(l, lead);
        l->next = MAX(l->next, l->base + HOP);
        if (!any)
            return TRUE;
    }
    gint64 cut = where_to_cut(l, end);
    if (cut == 0 && end < l->next)
        return TRUE;
    if (!(cut ? settle(s, cut, phrases, error) : guess(s, end, phrases, error)))
        return FALSE;
    gint64 took = (g_get_monotonic_time() - start) * RATE / G_USEC_PER_SEC;
    l->next = end + (l->live ? CLAMP(2 * took, HOP, 8 * HOP) : HOP);
    return TRUE;
}

static void keep(FoveaListening *l, const gfloat *samples, gsize n)
{
    for (gsize i = 0; i < n; i++) /* (also what is no number) */
        l->sound[l->n++] = samples[i] >= -8 && samples[i] <= 8 ? samples[i] : 0;
}

gboolean fovea_listen(FoveaTranscriberStream *s, const gfloat *samples, gsize n, GArray *phrases,
                      GError **error)
{
    FoveaListening *l = s->listening;
    while (n > 0) {
        gsize frame = (gsize)((gint64)l->gate.n * FOVEA_GATE_FRAME - l->base);
        gsize missing = frame + FOVEA_GATE_FRAME - l->n, take = MIN(n, missing);
        keep(l, samples, take);
        samples += take;
        n -= take;
        if (take < missing)
            break;
        fovea_speech_gate_push(&l->gate, l->sound + frame);
        if (!frame_came(s, phrases, error))
            return FALSE;
    }
    return TRUE;
}

gboolean fovea_listen_end(FoveaTranscriberStream *s, GArray *phrases, GError **error)
{
    static const gfloat silence[FOVEA_GATE_FRAME];
    FoveaListening *l = s->listening;
    gsize over = l->n % FOVEA_GATE_FRAME;
    if (over && !fovea_listen(s, silence, FOVEA_GATE_FRAME - over, phrases, error))
        return FALSE;
    if (!begun(l) && !fovea_speech_gate_heard(&l->gate, first_frame(l), l->gate.n, NULL, NULL))
        return TRUE;
    return settle(s, (gint64)l->gate.n * FOVEA_GATE_FRAME, phrases, error);
}
