/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * text/tokenizer-internal.h: what a tokenizer knows, for the files that read, cut, merge and write.
 */
#pragma once

#include "base/json.h"
#include "text/tokenizer.h"

#define FOVEA_NO_TOKEN G_MAXUINT32

typedef struct FoveaToken {
    gsize offset, length;            /* of its bytes in FoveaTokenizer.bytes */
    gboolean used, learned, special; /* learned: of the vocabulary, not added */
} FoveaToken;

/* A token that is found in the text before anything else. */
typedef struct FoveaAdded {
    char *content; /* normalised where that is asked */
    gsize length;
    guint32 id;
    gboolean lstrip, rstrip, single_word;
} FoveaAdded;

/* Two neighbours that become one; the slot is free where rank is FOVEA_NO_TOKEN. */
typedef struct FoveaMerge {
    guint32 left, right, rank, id;
} FoveaMerge;

struct FoveaTokenizer {
    gatomicrefcount refs;
    guint size;
    FoveaToken *tokens; /* [size] */
    GString *bytes;     /* what each token decodes to, one after the other */
    GStringChunk *names;
    GHashTable *ids;       /* a token's own text -> id + 1 */
    guint32 letter[256];   /* id of the token of a single byte; FOVEA_NO_TOKEN */
    FoveaMerge *merges;    /* open hash table; NULL: none */
    guint merge_bits;      /* log2 of its size */
    gboolean whole_pieces; /* ignore_merges: a piece that is a token is not merged */
    gboolean nfc, prefix_space, cut;
    GArray *raw, *normalized; /* FoveaAdded, sorted by content: found before and after NFC */
    GArray *before, *after;   /* guint32: of the post-processor */
};

/* A file that is being read. */
typedef struct FoveaTokenizerFile {
    const char *path;
    JsonObject *root;
} FoveaTokenizerFile;

/* pretokenizer.c: the byte alphabet of GPT-2. A letter is at most U+0143. */
gunichar fovea_letter_of_byte(guint8 byte);
gint fovea_byte_of_letter(gunichar letter); /* -1: no letter of the alphabet */

/* pretokenizer.c: length of the first piece of s (n > 0 bytes of UTF-8). */
gsize fovea_next_piece(const char *s, gsize n);

/* pretokenizer.c: the property White_Space of Unicode. */
gboolean fovea_is_space(gunichar c);

/* tokenizer-load.c */
gboolean fovea_tokenizer_read(FoveaTokenizer *tokenizer, const char *path, GError **error);

/* tokenizer-parts.c: normalizer, pre_tokenizer, decoder and post_processor of the file's object.
 * Errors: MODEL, UNSUPPORTED; the sentences begin with the file's name. */
gboolean fovea_tokenizer_read_parts(FoveaTokenizer *tokenizer, const FoveaTokenizerFile *file,
                                    GError **error);

/* bpe.c */
gboolean fovea_merges_reserve(FoveaTokenizer *tokenizer, guint n, GError **error);
void fovea_merges_set(FoveaTokenizer *tokenizer, const FoveaMerge *merge);
/* Scratch of one encoding: grows to the longest piece. */
typedef struct FoveaBpe FoveaBpe;
FoveaBpe *fovea_bpe_new(const FoveaTokenizer *tokenizer);
void fovea_bpe_free(FoveaBpe *bpe);
/* Appends the ids of one piece. Errors: NO_MEMORY. */
gboolean fovea_bpe_piece(FoveaBpe *bpe, const char *piece, gsize n, GArray *ids, GError **error);

/* added.c */
gint fovea_added_compare(gconstpointer a, gconstpointer b);
typedef struct FoveaAddedMatch {
    gsize start, end; /* with the white space that the token takes */
    guint32 id;
} FoveaAddedMatch;
/* The first added token of `sorted` from `from` on; FALSE: none. floor: where the last one ended.
 * *next: where to go on looking. */
gboolean fovea_added_next(const GArray *sorted, const char *text, gsize n, gsize from, gsize floor,
                          FoveaAddedMatch *match, gsize *next);
