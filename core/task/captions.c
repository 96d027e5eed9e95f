/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Captions: the words of phrases, cut into cues that can be read.
 *
 * Words wait until a cue is complete: its sentence ends, it is full, speech pauses, or nothing more
 * can come for it. A full cue ends at its last sentence end, else clause or pause, else word. A cue
 * that would be too short pushes the next one's start back.
 */
#include "task/captions-text.h"

#define LINE 42
#define SECOND G_GINT64_CONSTANT(1000000000)
#define SHORTEST SECOND
#define LONGEST (7 * SECOND)
#define PAUSE (SECOND / 2) /* between words: a good place to end a cue */
#define SILENCE SECOND     /* between words: the cue ends; also how long it waits for more */

struct FoveaCaptions {
    GArray *words;    /* FoveaCaptionWord, those that wait */
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
    c->settled = c->end = 0;
}

static const FoveaCaptionWord *word(const FoveaCaptions *c, guint i)
{
    return &g_array_index(c->words, FoveaCaptionWord, i);
}

static gint64 start_of(const FoveaCaptions *c)
{
    return MAX(word(c, 0)->start, c->end);
}

/* How many words, of those that wait, one cue can have. */
static guint fitting(const FoveaCaptions *c)
{
    const FoveaCaptionWord *words = word(c, 0);
    guint n = 1;
    while (n < c->words->len && word(c, n)->start - word(c, n - 1)->end < SILENCE &&
           word(c, n)->end - start_of(c) <= LONGEST &&
           fovea_caption_break(words, n + 1, LINE, NULL))
        n++;
    return n;
}

/* 2: a sentence ends behind the first n words, 1: a clause, or speech pauses; 0: neither. */
static guint ends(const FoveaCaptions *c, guint n)
{
    const FoveaCaptionWord *next = n < c->words->len ? word(c, n) : NULL;
    guint mark = fovea_caption_mark(word(c, n - 1)->text, next ? next->text : NULL);
    gboolean pause = next != NULL && next->start - word(c, n - 1)->end >= PAUSE;
    return mark == 2 ? 2 : MAX(mark, (guint)pause);
}

static guint characters(const FoveaCaptions *c, guint n)
{
    guint sum = n - 1;
    for (guint i = 0; i < n; i++)
        sum += word(c, i)->chars;
    return sum;
}

static gboolean long_enough(const FoveaCaptions *c, guint n)
{
    return word(c, n - 1)->end - start_of(c) >= SHORTEST;
}

/* Where a cue that can have n words, and no more, ends best. */
static guint best_end(const FoveaCaptions *c, guint n)
{
    if (word(c, n)->start - word(c, n - 1)->end >= SILENCE)
        return n;
    guint all = characters(c, n);
    for (guint i = n; i > 0; i--)
        if (ends(c, i) == 2 && long_enough(c, i) && characters(c, i) >= all / 4)
            return i;
    for (guint i = n; i > 0; i--)
        if (ends(c, i) == 1 && long_enough(c, i) && characters(c, i) >= all / 2)
            return i;
    return n;
}

/* Words that make a complete cue now; 0: none yet. */
static guint complete(const FoveaCaptions *c)
{
    guint n = fitting(c), all = c->words->len;
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
    g_array_remove_range(c->words, 0, n);
    c->end = end;
}

static void hand_out_complete(FoveaCaptions *c, GArray *out)
{
    guint n;
    g_array_set_size(out, 0);
    g_ptr_array_set_size(c->texts, 0);
    while (c->words->len && (n = complete(c)) > 0)
        hand_out(c, n, out);
}

void fovea_captions_add(FoveaCaptions *c, const FoveaPhrase *phrase, GArray *out)
{
    if (phrase->final && phrase->text) {
        gint64 from = c->words->len ? word(c, c->words->len - 1)->start : 0;
        gint64 start = MAX(phrase->start, from);
        fovea_caption_words(phrase->text, start, MAX(phrase->end, start), LINE, c->words);
    }
    hand_out_complete(c, out);
}

void fovea_captions_settle(FoveaCaptions *c, gint64 settled, GArray *out)
{
    c->settled = MAX(c->settled, settled);
    hand_out_complete(c, out);
}

gint64 fovea_captions_settled(const FoveaCaptions *c)
{
    return c->words->len ? start_of(c) : MAX(c->settled, c->end);
}
