/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Captions: the words of phrases, cut into cues that can be read.
 *
 * Words wait until a cue is complete: its sentence ends, it is full, speech pauses, or nothing more
 * can come for it. Where a full cue ends is chosen by what is known of the rest: its clauses, and
 * pieces of like length, so that no word is left alone. A cue that would be too short pushes the
 * next one's start back.
 */
#include "task/captions-text.h"

#define LINE 42
#define SECOND G_GINT64_CONSTANT(1000000000)
#define SHORTEST SECOND
#define LONGEST (7 * SECOND)
#define PAUSE (SECOND / 2) /* between words: a good place to end a cue */
#define SILENCE SECOND     /* between words: the cue ends; also how long it waits for more */

/* What makes an end of a cue good, in shares of a cue's length that it may cost. */
#define CLAUSE 0.5 /* punctuation or a pause is there */
#define MORE 0.25  /* (bad) the rest needs a cue more */
#define ALONE 0.3  /* (bad) one word is left, as far as is known */

struct FoveaCaptions {
    GArray *words;    /* FoveaCaptionWord */
    guint first;      /* of those that wait */
    GPtrArray *texts; /* char *, of the captions handed out last */
    gint64 settled;   /* no word that starts before it will come */
    gint64 end;       /* of the last caption */
};

static void word_clear(gpointer data)
{
    g_free(((FoveaCaptionWord *)data)->text);
}

FoveaCaptions *fovea_captions_new(void)
{
    FoveaCaptions *c = g_new0(FoveaCaptions, 1);
    c->words = g_array_new(FALSE, FALSE, sizeof(FoveaCaptionWord));
    g_array_set_clear_func(c->words, word_clear);
    c->texts = g_ptr_array_new_with_free_func(g_free);
    return c;
}

void fovea_captions_free(FoveaCaptions *c)
{
    if (c == NULL)
        return;
    g_array_unref(c->words);
    g_ptr_array_unref(c->texts);
    g_free(c);
}

void fovea_captions_reset(FoveaCaptions *c)
{
    g_array_set_size(c->words, 0);
    c->first = 0;
    c->settled = c->end = 0;
}

static const FoveaCaptionWord *word(const FoveaCaptions *c, guint i)
{
    return &g_array_index(c->words, FoveaCaptionWord, c->first + i);
}

static guint waiting(const FoveaCaptions *c)
{
    return c->words->len - c->first;
}

/* The first n words are done with. */
static void leave(FoveaCaptions *c, guint n)
{
    c->first += n;
    if (c->first < waiting(c)) /* many wait: moving them up each time would take long */
        return;
    g_array_remove_range(c->words, 0, c->first);
    c->first = 0;
}

static gint64 start_of(const FoveaCaptions *c)
{
    return MAX(word(c, 0)->start, c->end);
}

/* Where the words from `from` on, shown from `start` on, must end: no cue has more. */
static guint fitting(const FoveaCaptions *c, guint from, gint64 start)
{
    guint n = 1;
    while (from + n < waiting(c) &&
           word(c, from + n)->start - word(c, from + n - 1)->end < SILENCE &&
           word(c, from + n)->end - start <= LONGEST &&
           fovea_caption_break(word(c, from), n + 1, LINE, NULL))
        n++;
    return from + n;
}

/* 2: a sentence ends behind the first n words, 1: a clause, or speech pauses; 0: neither. */
static guint ends(const FoveaCaptions *c, guint n)
{
    const FoveaCaptionWord *next = n < waiting(c) ? word(c, n) : NULL;
    guint mark = fovea_caption_mark(word(c, n - 1)->text, next ? next->text : NULL);
    gboolean pause = next != NULL && next->start - word(c, n - 1)->end >= PAUSE;
    return mark == 2 ? 2 : MAX(mark, (guint)pause);
}

/* Words from..to - 1 and the spaces between them. */
static guint characters(const FoveaCaptions *c, guint from, guint to)
{
    guint sum = to - from - 1;
    for (guint i = from; i < to; i++)
        sum += word(c, i)->chars;
    return sum;
}

static gboolean long_enough(const FoveaCaptions *c, guint n)
{
    return word(c, n - 1)->end - start_of(c) >= SHORTEST;
}

/* What comes behind a cue, up to a sentence's end or a silence. */
typedef struct Rest {
    guint end;
    gboolean ended; /* FALSE: words may follow, or more than two cues do */
} Rest;

static Rest find_rest(const FoveaCaptions *c, guint n)
{
    guint at = n;
    for (guint cue = 0; cue < 2 && at < waiting(c); cue++) {
        guint most = fitting(c, at, word(c, at)->start);
        for (at++; at < most && ends(c, at) != 2;)
            at++;
        gboolean silence = at < waiting(c) && word(c, at)->start - word(c, at - 1)->end >= SILENCE;
        if (silence || ends(c, at) == 2)
            return (Rest){at, TRUE};
    }
    return (Rest){at, c->settled == G_MAXINT64 && at == waiting(c)};
}

/* How bad it is that a cue which can have n words ends behind i of them; less is better. */
static gdouble badness(const FoveaCaptions *c, guint i, guint n, const Rest *rest)
{
    gdouble mine = characters(c, 0, i), bad = ends(c, i) ? -CLAUSE : 0;
    if (!rest->ended) /* then as much as fits */
        return bad + 1 - mine / characters(c, 0, n) + (i + 1 == rest->end ? ALONE : 0);
    guint cues = 1;
    for (guint at = fitting(c, i, word(c, i)->start); at < rest->end; cues++)
        at = fitting(c, at, word(c, at)->start);
    gdouble other = (gdouble)characters(c, i, rest->end) / cues;
    return bad + ABS(mine - other) / MAX(mine, other) + MORE * (cues - 1);
}

/* Where a cue that can have n words, and no more, ends best. */
static guint best_end(const FoveaCaptions *c, guint n)
{
    if (word(c, n)->start - word(c, n - 1)->end >= SILENCE)
        return n;
    Rest rest = find_rest(c, n);
    guint best = n;
    gdouble least = G_MAXDOUBLE;
    for (guint i = n; i > 0 && long_enough(c, i); i--) {
        gdouble bad = badness(c, i, n, &rest);
        if (bad >= least)
            continue;
        least = bad;
        best = i;
    }
    return best;
}

/* Words that make a complete cue now; 0: none yet. */
static guint complete(const FoveaCaptions *c)
{
    guint n = fitting(c, 0, start_of(c)), all = waiting(c);
    for (guint i = 1; i <= n; i++)
        if (ends(c, i) == 2 && long_enough(c, i))
            return i;
    if (n < all)
        return best_end(c, n);
    gboolean silent = c->settled >= SILENCE && word(c, n - 1)->end <= c->settled - SILENCE;
    gboolean old = c->settled >= LONGEST && start_of(c) <= c->settled - LONGEST;
    return silent || old || word(c, n - 1)->end - start_of(c) >= LONGEST ? n : 0;
}

static void hand_out(FoveaCaptions *c, guint n, GArray *out)
{
    char *text = NULL;
    fovea_caption_break(word(c, 0), n, LINE, &text);
    g_ptr_array_add(c->texts, text);
    gint64 start = start_of(c);
    gint64 end = CLAMP(word(c, n - 1)->end, start + SHORTEST, start + LONGEST);
    FoveaPhrase caption = {text, start, end, TRUE};
    g_array_append_val(out, caption);
    leave(c, n);
    c->end = end;
}

static void hand_out_complete(FoveaCaptions *c, GArray *out)
{
    guint n;
    g_array_set_size(out, 0);
    g_ptr_array_set_size(c->texts, 0);
    while (waiting(c) && (n = complete(c)) > 0)
        hand_out(c, n, out);
}

void fovea_captions_add(FoveaCaptions *c, const FoveaPhrase *phrase, GArray *out)
{
    if (phrase->final && phrase->text) {
        gint64 from = waiting(c) ? word(c, waiting(c) - 1)->start : 0;
        gint64 start = MAX(phrase->start, from);
        fovea_caption_words(phrase->text, start, MAX(phrase->end, start), LINE, c->words);
    }
    if (out)
        hand_out_complete(c, out);
}

void fovea_captions_settle(FoveaCaptions *c, gint64 settled, GArray *out)
{
    c->settled = MAX(c->settled, settled);
    hand_out_complete(c, out);
}

gint64 fovea_captions_settled(const FoveaCaptions *c)
{
    return waiting(c) ? start_of(c) : MAX(c->settled, c->end);
}
