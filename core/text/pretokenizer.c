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
