/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Added tokens: found in the text before it is cut and merged.
 */
#include "text/tokenizer-internal.h"

gint fovea_added_compare(gconstpointer a, gconstpointer b)
{
    const FoveaAdded *one = a, *other = b;
    gint order = memcmp(one->content, other->content, MIN(one->length, other->length));
    return order ? order : (one->length > other->length) - (one->length < other->length);
}

/* The longest token that text begins with, NULL: none. Those that share what was read so far lie
 * side by side, from..to - 1; each byte narrows them. */
static const FoveaAdded *longest_here(const GArray *sorted, const char *text, gsize n)
{
    const FoveaAdded *all = (const FoveaAdded *)sorted->data, *best = NULL;
    guint from = 0, to = sorted->len;
    for (gsize depth = 0;; depth++) {
        if (from < to && all[from].length == depth)
            best = &all[from];
        if (from == to || depth == n || text[depth] == 0)
            return best;
        guint8 byte = text[depth];
        for (guint step = to - from; step > 0; step /= 2) /* contents end with a zero byte */
            while (from + step <= to && (guint8)all[from + step - 1].content[depth] < byte)
                from += step;
        guint end = from;
        for (guint step = to - from; step > 0; step /= 2)
            while (end + step <= to && (guint8)all[end + step - 1].content[depth] <= byte)
                end += step;
        to = end;
    }
}

/* A character of a word: alphabetic, mark, decimal digit, connector or joiner (UTS 18, \w). */
static gboolean is_word(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_UPPERCASE_LETTER:
    case G_UNICODE_SPACING_MARK:
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_NON_SPACING_MARK:
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_CONNECT_PUNCTUATION: return TRUE;
    case G_UNICODE_OTHER_SYMBOL: /* letters in circles and squares */
        return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
               (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
    default: return c == 0x200c || c == 0x200d;
    }
}

static gboolean stands_alone(const char *text, gsize n, gsize start, gsize end)
{
    if (start > 0 && is_word(g_utf8_get_char(g_utf8_prev_char(text + start))))
        return FALSE;
    return end == n || !is_word(g_utf8_get_char(text + end));
}

gboolean fovea_added_next(const GArray *sorted, const char *text, gsize n, gsize from, gsize floor,
                          FoveaAddedMatch *match, gsize *next)
{
    while (sorted->len > 0 && from < n) {
        const FoveaAdded *added = longest_here(sorted, text + from, n - from);
        if (added == NULL) {
            from++;
            continue;
        }
        gsize start = from, end = from + added->length;
        from = end;
        if (added->single_word && !stands_alone(text, n, start, end))
            continue;
        while (added->lstrip && start > floor) {
            const char *before = g_utf8_prev_char(text + start);
            if (!fovea_is_space(g_utf8_get_char(before)))
                break;
            start = before - text;
        }
        while (added->rstrip && end < n && fovea_is_space(g_utf8_get_char(text + end)))
            end = g_utf8_next_char(text + end) - text;
        *match = (FoveaAddedMatch){start, end, added->id};
        *next = from;
        return TRUE;
    }
    return FALSE;
}
