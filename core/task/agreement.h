/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/agreement.h: what two hypotheses about the same sound have in common. Internal.
 *
 * A hypothesis is a row of tokens, seen as words: a token whose text begins with a space begins a
 * word, a timestamp stands between words. Words agree when they are equal but for case and the
 * punctuation around them: that is decided later than the word is, and may still change.
 */
#pragma once

#include "base/base.h"

typedef struct FoveaWord {
    guint tokens;          /* of the hypothesis, from its first up to this word's last one */
    guint offset, length;  /* bytes of `text`, without the space before it */
    gdouble before, after; /* seconds of the timestamp right before and after it; -1: none there */
} FoveaWord;

typedef struct FoveaHypothesis {
    GString *text;
    GArray *words;       /* FoveaWord */
    guint tokens;        /* added so far */
    gboolean open;       /* the next text may belong to the last word */
    gdouble before_next; /* timestamp that waits for its word; -1: none */
} FoveaHypothesis;

void fovea_hypothesis_init(FoveaHypothesis *hypothesis);
void fovea_hypothesis_clear(FoveaHypothesis *hypothesis);
void fovea_hypothesis_reset(FoveaHypothesis *hypothesis);
/* Next token: its text, which may be empty while a character is split over tokens. */
void fovea_hypothesis_add(FoveaHypothesis *hypothesis, const char *text);
/* Next token is a timestamp. */
void fovea_hypothesis_add_time(FoveaHypothesis *hypothesis, gdouble seconds);

/* Number of leading words that both have; the first `from` are known to be (at least `from`). */
guint fovea_hypothesis_agree(const FoveaHypothesis *a, const FoveaHypothesis *b, guint from);
/* Text without case, and without what is neither letter nor digit at its ends; where nothing would
 * be left, all of it (transfer full). */
char *fovea_word_normal(const char *text, gsize length);
