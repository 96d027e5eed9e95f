/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Text that repeats itself: what a speech model falls into on sound that it does not understand.
 */
#include "task/whisper.h"

#define LONGEST_PERIOD 32
#define FEWEST_REPEATS 4
#define FEWEST_TOKENS 20 /* that repeat; people do say a word four times */

/* The position of the text token before `at`, or -1. */
static gssize back(const guint32 *tokens, gssize at, guint32 text_end)
{
    do
        at--;
    while (at >= 0 && tokens[at] >= text_end);
    return at;
}

/* How many text tokens at the end equal the one `period` text tokens before them. */
static gsize repeated(const guint32 *tokens, gsize n, guint period, guint32 text_end)
{
    gssize late = back(tokens, (gssize)n, text_end), early = late;
    gsize count = 0;
    for (guint i = 0; i < period && early >= 0; i++)
        early = back(tokens, early, text_end);
    while (early >= 0 && tokens[early] == tokens[late]) {
        count++;
        early = back(tokens, early, text_end);
        late = back(tokens, late, text_end);
    }
    return count;
}

gsize fovea_whisper_loop(const guint32 *tokens, gsize n, guint32 text_end)
{
    for (guint period = 1; period <= LONGEST_PERIOD; period++) {
        gsize count = repeated(tokens, n, period, text_end);
        if (count + period < FEWEST_TOKENS || count / period + 1 < FEWEST_REPEATS)
            continue;
        gssize at = (gssize)n;
        for (gsize i = 0; i < count; i++)
            at = back(tokens, at, text_end);
        return n - (gsize)at;
    }
    return 0;
}
