/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text/tokenizer.h: byte-level BPE as tokenizer.json describes it. Internal.
 *
 * What comes out equals what the `tokenizers` library gives: added tokens are found first, the
 * pre-tokeniser cuts the rest, bytes are written as letters, and pairs are merged by rank.
 * Source: Sennrich et al. 2016 (BPE); the format of tokenizer.json of the Hugging Face hub.
 */
#pragma once

#include "base/base.h"

typedef struct FoveaTokenizer FoveaTokenizer;

/* Errors: IO, MODEL (malformed, ids out of order or missing), UNSUPPORTED (no byte-level BPE; names
 * the part that is not known). */
FoveaTokenizer *fovea_tokenizer_load(const char *path, GError **error);
FoveaTokenizer *fovea_tokenizer_ref(FoveaTokenizer *tokenizer);
void fovea_tokenizer_unref(FoveaTokenizer *tokenizer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FoveaTokenizer, fovea_tokenizer_unref)

/* Ids run from 0 to size - 1; some may be unused. */
guint fovea_tokenizer_size(const FoveaTokenizer *tokenizer);
/* Id of a token by its text, added ones included ("<|endoftext|>"); -1: none. */
gint fovea_tokenizer_find(const FoveaTokenizer *tokenizer, const char *token);
/* TRUE: an added token marked special; left out of decoded text. */
gboolean fovea_tokenizer_is_special(const FoveaTokenizer *tokenizer, guint32 id);

/* Appends ids (guint32). `specials`: the post-processor's tokens around it too, as Python's
 * add_special_tokens. Errors: ARGUMENT (text is no UTF-8), NO_MEMORY. */
gboolean fovea_tokenizer_encode(const FoveaTokenizer *tokenizer, const char *text, gssize length,
                                gboolean specials, GArray *ids, GError **error);
/* UTF-8 text of all ids (transfer full; a zero byte ends it); bytes that are no UTF-8 become U+FFFD as in Python. */
char *fovea_tokenizer_decode(const FoveaTokenizer *tokenizer, const guint32 *ids, gsize n,
                             gboolean skip_special);

/* One id after the other: appends to text what is complete; bytes of a character that is split over
 * tokens wait in `rest` for theirs (empty it to begin). Special tokens
 * add their text too; unknown ids add nothing. */
void fovea_tokenizer_append(const FoveaTokenizer *tokenizer, guint32 id, GString *rest,
                            GString *text);
