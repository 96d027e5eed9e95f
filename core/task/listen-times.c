/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words of a hypothesis get their times. Timestamps say when a piece of speech begins and ends;
 * between two known times letters are spread evenly over what is loud there.
 */
#include "task/listen.h"

#define FRAMES_A_SECOND (FOVEA_TRANSCRIBE_RATE / FOVEA_GATE_FRAME)
#define NANOSECONDS (G_GINT64_CONSTANT(1000000000) / FOVEA_TRANSCRIBE_RATE)

/* A place in the text whose time is known. */
typedef struct Known {
    guint offset;
    guint64 frame;
} Known;

static void know(GArray *known, guint offset, guint64 frame)
{
    const Known *last = known->len ? &g_array_index(known, Known, known->len - 1) : NULL;
    Known next = {offset, last ? MAX(frame, last->frame) : frame};
    g_array_append_val(known, next);
}

/* The frame of a timestamp, inside of the speech. */
static guint64 stamp(const FoveaListening *l, gdouble seconds, guint64 from, guint64 to)
{
    guint64 frame = l->base / FOVEA_GATE_FRAME + (guint64)(seconds * FRAMES_A_SECOND);
    return CLAMP(frame, from, to);
}

static GArray *known_times(const FoveaListening *l, guint64 end)
{
    GArray *known = g_array_new(FALSE, FALSE, sizeof(Known));
    guint64 from = l->base / FOVEA_GATE_FRAME, to = end;
    fovea_speech_gate_heard(&l->gate, from, end, &from, &to);
    guint n = l->now.words->len;
    for (guint i = 0; i < n; i++) {
        const FoveaWord *word = &g_array_index(l->now.words, FoveaWord, i);
        if (i == 0 || word->before >= 0)
            know(known, word->offset, word->before < 0 ? from : stamp(l, word->before, from, to));
        if (word->after >= 0 || i + 1 == n)
            know(known, word->offset + word->length,
                 word->after < 0 ? to : stamp(l, word->after, from, to));
    }
    return known;
}

static gint64 time_of(const FoveaListening *l, const GArray *known, guint offset)
{
    guint i = 1;
    while (i + 1 < known->len && g_array_index(known, Known, i).offset < offset)
        i++;
    const Known a = g_array_index(known, Known, i - 1), b = g_array_index(known, Known, i);
    if (offset <= a.offset || b.offset <= a.offset)
        return (gint64)a.frame * FOVEA_GATE_FRAME;
    gdouble share = MIN((gdouble)(offset - a.offset) / (b.offset - a.offset), 1.0);
    guint loud = fovea_speech_gate_loud(&l->gate, a.frame, b.frame);
    if (loud == 0)
        return (gint64)((a.frame + share * (b.frame - a.frame)) * FOVEA_GATE_FRAME);
    guint64 frame = a.frame;
    guint wanted = (guint)(share * loud + 0.5);
    for (guint passed = 0; frame < b.frame && passed < wanted; frame++)
        passed += fovea_speech_gate_loud(&l->gate, frame, frame + 1);
    return (gint64)frame * FOVEA_GATE_FRAME;
}

static gboolean has_letters(const char *text)
{
    for (const char *p = text; *p; p = g_utf8_next_char(p))
        if (g_unichar_isalnum(g_utf8_get_char(p)))
            return TRUE;
    return FALSE;
}

/* Words from..to - 1 as one phrase. */
static void phrase(FoveaTranscriberStream *s, const GArray *known, guint from, guint to,
                   gboolean final, GArray *phrases)
{
    FoveaListening *l = s->listening;
    const FoveaWord *first = &g_array_index(l->now.words, FoveaWord, from);
    const FoveaWord *last = &g_array_index(l->now.words, FoveaWord, to - 1);
    guint end = last->offset + last->length;
    gint64 begin_at = MAX(time_of(l, known, first->offset), MAX(l->said, l->base));
    gint64 end_at = MAX(time_of(l, known, end), begin_at + FOVEA_GATE_FRAME);
    char *text = g_utf8_make_valid(l->now.text->str + first->offset, end - first->offset);
    if (!has_letters(text)) {
        g_free(text);
        return;
    }
    fovea_transcriber_stream_hand_out(s, phrases, text, begin_at * NANOSECONDS,
                                      end_at * NANOSECONDS, final);
    if (final)
        l->said = end_at;
}

/* What was not final is replaced by what comes now. */
static void take_back(GArray *phrases)
{
    while (phrases->len && !g_array_index(phrases, FoveaPhrase, phrases->len - 1).final)
        g_array_set_size(phrases, phrases->len - 1);
}

void fovea_listen_hand_out(FoveaTranscriberStream *s, guint to, guint64 end, GArray *phrases)
{
    FoveaListening *l = s->listening;
    guint n = l->now.words->len;
    take_back(phrases);
    if (n == 0)
        return;
    g_autoptr(GArray) known = known_times(l, end);
    while (l->said_words < to) {
        guint next = l->said_words + 1;
        while (next < to && g_array_index(l->now.words, FoveaWord, next).before < 0)
            next++;
        phrase(s, known, l->said_words, next, TRUE, phrases);
        l->said_words = next;
    }
    if (s->partial && l->said_words < n)
        phrase(s, known, l->said_words, n, FALSE, phrases);
}
