/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Byte-pair merges of one piece: the pair of the lowest rank first, the leftmost of equal ones. A
 * heap holds the pairs that may be merged, so a piece of n bytes takes n log n steps.
 */
#include "text/tokenizer-internal.h"

/* ---- the table of merges ---- */

static guint slot_of(const FoveaTokenizer *t, guint32 left, guint32 right)
{
    guint64 key = ((guint64)left << 32 | right) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    guint mask = (1u << t->merge_bits) - 1, slot = key >> (64 - t->merge_bits);
    while (t->merges[slot].rank != FOVEA_NO_TOKEN &&
           (t->merges[slot].left != left || t->merges[slot].right != right))
        slot = (slot + 1) & mask;
    return slot;
}

gboolean fovea_merges_reserve(FoveaTokenizer *tokenizer, guint n, GError **error)
{
    tokenizer->merge_bits = 4;
    while (1ull << tokenizer->merge_bits < 2ull * n)
        tokenizer->merge_bits++;
    gsize size = (gsize)1 << tokenizer->merge_bits;
    tokenizer->merges = fovea_try_alloc(size, sizeof(FoveaMerge), error);
    if (tokenizer->merges == NULL)
        return FALSE;
    for (gsize i = 0; i < size; i++)
        tokenizer->merges[i].rank = FOVEA_NO_TOKEN;
    return TRUE;
}

void fovea_merges_set(FoveaTokenizer *tokenizer, const FoveaMerge *merge)
{
    tokenizer->merges[slot_of(tokenizer, merge->left, merge->right)] = *merge;
}

/* ---- one piece ---- */

/* A part of the piece in a list; id FOVEA_NO_TOKEN: it was merged into the one before. */
typedef struct Part {
    guint32 id;
    gint32 previous, next; /* -1: none */
} Part;

typedef struct Candidate {
    guint32 rank, id;
    gint32 place;
} Candidate;

struct FoveaBpe {
    const FoveaTokenizer *t;
    gsize room; /* parts; candidates have 3 times as many: each merge adds at most two */
    Part *parts;
    Candidate *heap;
    gsize n_heap;
};

FoveaBpe *fovea_bpe_new(const FoveaTokenizer *tokenizer)
{
    FoveaBpe *bpe = g_new0(FoveaBpe, 1);
    bpe->t = tokenizer;
    return bpe;
}

void fovea_bpe_free(FoveaBpe *bpe)
{
    fovea_free(bpe->parts);
    fovea_free(bpe->heap);
    g_free(bpe);
}

static gboolean make_room(FoveaBpe *bpe, gsize n, GError **error)
{
    if (n <= bpe->room)
        return TRUE;
    gsize room = MAX(n, MAX(256, 2 * bpe->room));
    fovea_free(bpe->parts);
    fovea_free(bpe->heap);
    bpe->room = 0;
    bpe->heap = NULL;
    bpe->parts = fovea_try_alloc(room, sizeof(Part), error);
    if (bpe->parts)
        bpe->heap = fovea_try_alloc(3 * room, sizeof(Candidate), error);
    if (bpe->heap == NULL)
        return FALSE;
    bpe->room = room;
    return TRUE;
}

static gboolean sooner(const Candidate *a, const Candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->place < b->place;
}

static void push(FoveaBpe *bpe, Candidate candidate)
{
    gsize i = bpe->n_heap++;
    while (i > 0 && sooner(&candidate, &bpe->heap[(i - 1) / 2])) {
        bpe->heap[i] = bpe->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    bpe->heap[i] = candidate;
}

static Candidate pop(FoveaBpe *bpe)
{
    Candidate top = bpe->heap[0], last = bpe->heap[--bpe->n_heap];
    gsize i = 0, child;
    while ((child = 2 * i + 1) < bpe->n_heap) {
        if (child + 1 < bpe->n_heap && sooner(&bpe->heap[child + 1], &bpe->heap[child]))
            child++;
        if (!sooner(&bpe->heap[child], &last))
            break;
        bpe->heap[i] = bpe->heap[child];
        i = child;
    }
    bpe->heap[i] = last;
    return top;
}

/* The merge of the part at `place` with the next one, or NULL. */
static const FoveaMerge *merge_at(const FoveaBpe *bpe, gint32 place)
{
    const Part *part = &bpe->parts[place];
    if (bpe->t->merges == NULL || part->id == FOVEA_NO_TOKEN || part->next < 0)
        return NULL;
    const FoveaMerge *merge = &bpe->t->merges[slot_of(bpe->t, part->id, bpe->parts[part->next].id)];
    return merge->rank == FOVEA_NO_TOKEN ? NULL : merge;
}

static void consider(FoveaBpe *bpe, gint32 place)
{
    const FoveaMerge *merge = merge_at(bpe, place);
    if (merge)
        push(bpe, (Candidate){merge->rank, merge->id, place});
}

static void merge_all(FoveaBpe *bpe)
{
    while (bpe->n_heap > 0) {
        Candidate top = pop(bpe);
        /* The pair may have become another one meanwhile. */
        const FoveaMerge *merge = merge_at(bpe, top.place);
        if (merge == NULL || merge->id != top.id)
            continue;
        Part *part = &bpe->parts[top.place], *gone = &bpe->parts[part->next];
        part->id = top.id;
        part->next = gone->next;
        gone->id = FOVEA_NO_TOKEN;
        if (part->next >= 0)
            bpe->parts[part->next].previous = top.place;
        if (part->previous >= 0)
            consider(bpe, part->previous);
        consider(bpe, top.place);
    }
}

/* The token that a whole piece is, -1 if none. */
static gint whole_piece(const FoveaTokenizer *t, const char *piece, gsize n)
{
    g_autoptr(GString) letters = g_string_sized_new(2 * MIN(n, 1024));
    if (n > 1 << 16)
        return -1; /* no token is that long */
    for (gsize i = 0; i < n; i++)
        g_string_append_unichar(letters, fovea_letter_of_byte(piece[i]));
    gint id = fovea_tokenizer_find(t, letters->str);
    return id >= 0 && t->tokens[id].learned ? id : -1;
}

gboolean fovea_bpe_piece(FoveaBpe *bpe, const char *piece, gsize n, GArray *ids, GError **error)
{
    if (bpe->t->whole_pieces) {
        gint id = whole_piece(bpe->t, piece, n);
        if (id >= 0) {
            g_array_append_val(ids, id);
            return TRUE;
        }
    }
    if (n > G_MAXINT32)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "the text is longer than 2 GiB");
    if (!make_room(bpe, n, error))
        return FALSE;
    gint32 used = 0;
    for (gsize i = 0; i < n; i++) {
        guint32 id = bpe->t->letter[(guint8)piece[i]];
        if (id != FOVEA_NO_TOKEN) { /* as in Python, what no token can say is left out */
            bpe->parts[used] = (Part){id, used - 1, used + 1};
            used++;
        }
    }
    if (used == 0)
        return TRUE;
    bpe->parts[used - 1].next = -1;
    bpe->n_heap = 0;
    for (gint32 i = 0; i < used; i++)
        consider(bpe, i);
    merge_all(bpe);
    for (gint32 i = 0; i >= 0; i = bpe->parts[i].next)
        g_array_append_val(ids, bpe->parts[i].id);
    return TRUE;
}
