/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * task/captions-text.h: words, their marks, and lines of captions. Internal.
 */
#pragma once

#include "base/base.h"
#include "fovea/task.h"

typedef struct FoveaCaptionWord {
    char *text;
    guint chars; /* characters, not bytes */
    gint64 start, end;
} FoveaCaptionWord;

/* Appends the words of a text (FoveaCaptionWord); one longer than `line` characters is cut. Their
 * times share the text's by their lengths. */
void fovea_caption_words(const char *text, gint64 start, gint64 end, guint line, GArray *words);

/* Whether n words fit two lines of `line` characters; *text, where wanted: the lines. */
gboolean fovea_caption_break(const FoveaCaptionWord *words, guint n, guint line, char **text);

/* 2: a sentence ends with this word, 1: a clause; 0: neither. next: the word after it, or NULL. */
guint fovea_caption_mark(const char *word, const char *next);
