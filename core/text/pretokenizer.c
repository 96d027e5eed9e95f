/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What GPT-2 does before it merges: bytes are written as letters.
 */
#include "text/tokenizer-internal.h"

/* Bytes that are printable in Latin-1 stand for themselves. */
static gboolean stands_for_itself(guint c)
{
    return (c >= 0x21 && c <= 0x7e) || (c >= 0xa1 && c <= 0xac) || (c >= 0xae && c <= 0xff);
}

/* The other 68 have the letters from U+0100 on, in their order: 0-32, 127-160, 173. */
gunichar fovea_letter_of_byte(guint8 byte)
{
    if (stands_for_itself(byte))
        return byte;
    return 0x100 + (byte <= 0x20 ? byte : byte <= 0xa0 ? byte - 0x7f + 33 : 67);
}

gint fovea_byte_of_letter(gunichar letter)
{
    if (letter < 0x100)
        return stands_for_itself(letter) ? (gint)letter : -1;
    guint n = letter - 0x100;
    return n <= 32 ? (gint)n : n <= 66 ? (gint)n - 33 + 0x7f : n == 67 ? 0xad : -1;
}

/* ---- the cut ---- */

typedef enum Kind { KIND_LETTER, KIND_NUMBER, KIND_SPACE, KIND_OTHER } Kind;

gboolean fovea_is_space(gunichar c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

static Kind kind_of(gunichar c)
{
    if (fovea_is_space(c))
        return KIND_SPACE;
    switch (g_unichar_type(c)) {
    case G_UNICODE_LOWERCASE_LETTER:
    case G_UNICODE_MODIFIER_LETTER:
    case G_UNICODE_OTHER_LETTER:
    case G_UNICODE_TITLECASE_LETTER:
    case G_UNICODE_UPPERCASE_LETTER: return KIND_LETTER;
    case G_UNICODE_DECIMAL_NUMBER:
    case G_UNICODE_LETTER_NUMBER:
    case G_UNICODE_OTHER_NUMBER: return KIND_NUMBER;
    default: return KIND_OTHER;
    }
}

/* Where the characters of one kind end that begin at s; *last: where the last of them begins. */
static const char *run_end(const char *s, const char *end, Kind kind, const char **last)
{
    while (s < end && kind_of(g_utf8_get_char(s)) == kind) {
        *last = s;
        s = g_utf8_next_char(s);
    }
    return s;
}

/* English contractions: 's 't 're 've 'm 'll 'd. 0: none here. */
static gsize contraction(const char *s, gsize n)
{
    if (n < 2 || s[0] != '\'')
        return 0;
    if (strchr("stmd", s[1]) && s[1] != 0)
        return 2;
    if (n >= 3 && (!memcmp(s + 1, "re", 2) || !memcmp(s + 1, "ve", 2) || !memcmp(s + 1, "ll", 2)))
        return 3;
    return 0;
}

/* A contraction; else letters, numbers or others, with one blank before them if there is one; else
 * white space, whose last character is left to what follows it. */
gsize fovea_next_piece(const char *s, gsize n)
{
    const char *end = s + n, *start = s, *last = s;
    gsize short_form = contraction(s, n);
    if (short_form)
        return short_form;
    if (*s == ' ' && n > 1)
        start++;
    Kind kind = kind_of(g_utf8_get_char(start));
    if (kind != KIND_SPACE)
        return run_end(start, end, kind, &last) - s;
    const char *stop = run_end(s, end, KIND_SPACE, &last);
    return stop == end || last == s ? (gsize)(stop - s) : (gsize)(last - s);
}
