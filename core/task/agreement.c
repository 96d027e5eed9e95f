/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Hypotheses as words, and their longest common beginning.
 */
#include "task/agreement.h"

void fovea_hypothesis_init(FoveaHypothesis *h)
{
    *h = (FoveaHypothesis){.text = g_string_new(NULL),
                           .words = g_array_new(FALSE, FALSE, sizeof(FoveaWord)),
                           .before_next = -1};
}

void fovea_hypothesis_clear(FoveaHypothesis *h)
{
    g_string_free(h->text, TRUE);
    g_array_unref(h->words);
    memset(h, 0, sizeof *h);
}

void fovea_hypothesis_reset(FoveaHypothesis *h)
{
    g_string_truncate(h->text, 0);
    g_array_set_size(h->words, 0);
    h->tokens = 0;
    h->open = FALSE;
    h->before_next = -1;
}

static FoveaWord *last(FoveaHypothesis *h)
{
    return h->words->len ? &g_array_index(h->words, FoveaWord, h->words->len - 1) : NULL;
}

static void begin(FoveaHypothesis *h)
{
    if (h->text->len)
        g_string_append_c(h->text, ' ');
    FoveaWord word = {h->tokens, h->text->len, 0, h->before_next, -1};
    g_array_append_val(h->words, word);
    h->before_next = -1;
    h->open = TRUE;
}

void fovea_hypothesis_add(FoveaHypothesis *h, const char *text)
{
    h->tokens++;
    for (const char *p = text; *p;) {
        gsize spaces = strspn(p, " \n\t"), letters = strcspn(p + spaces, " \n\t");
        p += spaces;
        if (spaces)
            h->open = FALSE;
        if (letters == 0)
            break;
        if (!h->open)
            begin(h);
        g_string_append_len(h->text, p, letters);
        last(h)->length += letters;
        last(h)->tokens = h->tokens;
        p += letters;
    }
}

void fovea_hypothesis_add_time(FoveaHypothesis *h, gdouble seconds)
{
    h->tokens++;
    FoveaWord *word = last(h);
    if (word && h->before_next < 0 && word->after < 0)
        word->after = seconds;
    h->before_next = seconds;
    h->open = FALSE;
}

/* Where the letters and digits of a text begin and end. */
static void bare(const char **from, const char **to)
{
    const char *p = *from, *end = *to;
    while (p < end && !g_unichar_isalnum(g_utf8_get_char(p)))
        p = g_utf8_next_char(p);
    if (p >= end)
        return;
    *from = p;
    while (end > p) {
        const char *before = g_utf8_prev_char(end);
        if (g_unichar_isalnum(g_utf8_get_char(before)))
            break;
        end = before;
    }
    *to = end;
}

char *fovea_word_normal(const char *text, gsize length)
{
    g_autofree char *valid = g_utf8_make_valid(text, length);
    const char *from = valid, *to = valid + strlen(valid);
    bare(&from, &to);
    return g_utf8_casefold(from, to - from);
}

static gboolean same(const FoveaHypothesis *a, const FoveaHypothesis *b, guint i)
{
    const FoveaWord *x = &g_array_index(a->words, FoveaWord, i);
    const FoveaWord *y = &g_array_index(b->words, FoveaWord, i);
    g_autofree char *s = fovea_word_normal(a->text->str + x->offset, x->length);
    g_autofree char *t = fovea_word_normal(b->text->str + y->offset, y->length);
    return g_str_equal(s, t);
}

guint fovea_hypothesis_agree(const FoveaHypothesis *a, const FoveaHypothesis *b, guint from)
{
    guint n = from, most = MIN(a->words->len, b->words->len);
    while (n < most && same(a, b, n))
        n++;
    return n;
}
