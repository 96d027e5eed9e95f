/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Words and lines of captions.
 */
#include "task/captions-text.h"

static void add_word(GArray *words, const char *from, const char *to)
{
    FoveaCaptionWord word = {.text = g_strndup(from, to - from),
                             .chars = (guint)g_utf8_strlen(from, to - from)};
    g_array_append_val(words, word);
}

/* Gives the words from `first` on their times. */
static void spread(GArray *words, guint first, gint64 start, gint64 end)
{
    guint64 all = 0, passed = 0;
    for (guint i = first; i < words->len; i++)
        all += g_array_index(words, FoveaCaptionWord, i).chars + 1;
    for (guint i = first; i < words->len; i++) {
        FoveaCaptionWord *word = &g_array_index(words, FoveaCaptionWord, i);
        gdouble length = (gdouble)(end - start);
        word->start = start + (gint64)(length * passed / all);
        passed += word->chars + 1;
        word->end = i + 1 == words->len ? end : start + (gint64)(length * passed / all);
    }
}

void fovea_caption_words(const char *text, gint64 start, gint64 end, guint line, GArray *words)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    guint first = words->len, n = 0;
    const char *from = valid;
    for (const char *p = valid;; p = g_utf8_next_char(p)) {
        gboolean space = *p == 0 || g_unichar_isspace(g_utf8_get_char(p));
        if ((space || n == line) && p > from)
            add_word(words, from, p);
        if (space || n == line) {
            from = space && *p ? g_utf8_next_char(p) : p;
            n = 0;
        }
        if (*p == 0)
            break;
        n += !space;
    }
    spread(words, first, start, end);
}

/* Words 0..n - 1 in two lines, the first with `first` words (n: one line). */
static char *join(const FoveaCaptionWord *words, guint n, guint first)
{
    GString *text = g_string_new(words[0].text);
    for (guint i = 1; i < n; i++) {
        g_string_append_c(text, i == first ? '\n' : ' ');
        g_string_append(text, words[i].text);
    }
    return g_string_free(text, FALSE);
}

gboolean fovea_caption_break(const FoveaCaptionWord *words, guint n, guint line, char **text)
{
    guint all = n - 1, best = 0, least = G_MAXUINT, before = 0;
    for (guint i = 0; i < n; i++)
        all += words[i].chars;
    if (all <= line)
        best = n;
    for (guint i = 1; i < n && best != n; i++) {
        before += words[i - 1].chars + (i > 1);
        guint after = all - before - 1, longer = MAX(before, after);
        if (longer <= line && longer < least) {
            least = longer;
            best = i;
        }
    }
    if (best && text)
        *text = join(words, n, best);
    return best > 0;
}

static gboolean is_one_of(gunichar c, const char *set)
{
    return g_utf8_strchr(set, -1, c) != NULL;
}

/* "Mr.", "Dr.", "St.": a capital, and no vowel. */
static gboolean is_abbreviation(const char *word)
{
    return g_unichar_isupper(g_utf8_get_char(word)) && strlen(word) <= 5 &&
           strpbrk(word, "aeiouyAEIOUY") == NULL;
}

guint fovea_caption_mark(const char *word, const char *next)
{
    const char *end = word + strlen(word);
    gunichar c = 0;
    while (end > word) {
        end = g_utf8_prev_char(end);
        c = g_utf8_get_char(end);
        if (!is_one_of(c, "\"')]}\u201d\u2019\u00bb\u300d"))
            break;
    }
    if (is_one_of(c, "!?\u2026\u3002\uff01\uff1f"))
        return 2;
    if (c == '.')
        return is_abbreviation(word) || (next && g_unichar_islower(g_utf8_get_char(next))) ? 0 : 2;
    return is_one_of(c, ",;:\u2013\u2014\u3001\uff0c") ? 1 : 0;
}
