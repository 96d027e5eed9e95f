/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an attention is, by meaning, for `inspect` and for choosing kernels:
 *   channel           the product sums over tokens, not features; cross-covariance: q and k are
 *                     normalised first
 *   window, grid      the tokens were cut by the transpose that partitions a map
 *   self              q and k come, through linear maps and norms, from one value;
 *     -causal         and no query sees a later key, or keys begin with a cache
 *     -downsample     and q keeps only some of the tokens
 *   class             the same with one query, a row of that value
 *   cross             they come from different values; -masked: under a mask that is computed from
 *                     features
 */
#include <math.h>

#include "graph/passes/attention.h"

#define HIDDEN (-1e4)
#define MAX_WALK 160

static gboolean is_one_of(const FoveaNode *node, const char *const *names)
{
    for (guint i = 0; node != NULL && names[i] != NULL; i++) {
        if (g_str_equal(node->op->name, names[i]))
            return TRUE;
    }
    return FALSE;
}

/* A linear map with constant weights. */
static gboolean is_linear(const FoveaNode *node)
{
    if (fovea_is_op(node, "MatMul"))
        return (node->in[0]->constant != NULL) != (node->in[1]->constant != NULL);
    return (fovea_is_op(node, "Gemm") || fovea_is_op(node, "Conv")) &&
           node->in[1]->constant != NULL;
}

static guint n_computed(const FoveaNode *node)
{
    guint n = 0;
    for (guint i = 0; i < node->n_in; i++)
        n += node->in[i] != NULL && node->in[i]->constant == NULL;
    return n;
}

static FoveaValue *first_computed(const FoveaNode *node)
{
    for (guint i = 0; i < node->n_in; i++) {
        if (node->in[i] != NULL && node->in[i]->constant == NULL)
            return node->in[i];
    }
    return NULL;
}

/* ---- what q's last axis counts ---- */

/* The input axis of a reshape in which the output axis lies. */
static gint axis_through_reshape(const FoveaNode *node, gint axis)
{
    const FoveaValue *in = node->in[0], *out = node->out[0];
    gint64 inner = 1, step = 1;
    if (!fovea_value_is_fixed(in) || !fovea_value_is_fixed(out))
        return -1;
    for (gint i = axis + 1; i < out->rank; i++)
        inner *= out->dims[i].c;
    for (gint i = in->rank; i-- > 0; step *= in->dims[i].c) {
        if (step <= inner && inner < step * in->dims[i].c)
            return i;
    }
    return -1;
}

typedef struct Walk {
    gint axis;       /* followed upwards; -1: lost */
    gboolean tokens; /* the axis turned out to count tokens */
    gboolean decided;
    gboolean normalised;
    const char *partition;
    gboolean subsampled, one_row;
} Walk;

static void note_transpose(Walk *w, const FoveaNode *node)
{
    static const guint8 window[6] = {0, 1, 3, 2, 4, 5}, grid[6] = {0, 2, 4, 1, 3, 5};
    static const guint8 one[5] = {0, 2, 1, 3, 4}, many[5] = {0, 2, 1, 3, 4};
    guint8 perm[FOVEA_MAX_RANK];
    if (!fovea_perm_of(node, perm))
        return;
    if (w->partition == NULL && node->in[0]->rank == 6 && memcmp(perm, window, 6) == 0)
        w->partition = "window";
    else if (w->partition == NULL && node->in[0]->rank == 6 && memcmp(perm, grid, 6) == 0)
        w->partition = "grid";
    else if (w->partition == NULL && w->decided && node->in[0]->rank == 5 &&
             (memcmp(perm, one, 5) == 0 || memcmp(perm, many, 5) == 0))
        w->partition = "window";
    if (w->axis >= 0)
        w->axis = perm[w->axis];
}

static void note_linear(Walk *w, const FoveaNode *node)
{
    gint feature = fovea_is_op(node, "Conv") ? 1 : node->out[0]->rank - 1;
    if (fovea_is_op(node, "MatMul") && node->in[0]->constant != NULL)
        feature = node->out[0]->rank - 2;
    if (w->decided || w->axis < 0)
        return;
    w->decided = TRUE;
    w->tokens = w->axis != feature;
}

static gint64 gather_axis(const FoveaNode *node)
{
    gint64 axis = fovea_node_attr_int(node, "axis", 0);
    return axis < 0 ? axis + node->in[0]->rank : axis;
}

static void note_selection(Walk *w, const FoveaNode *node)
{
    const FoveaValue *in = node->in[0], *out = node->out[0];
    if (fovea_is_op(node, "Gather")) {
        gint64 axis = gather_axis(node);
        gint removed = in->rank - out->rank; /* 1 for a scalar index */
        if (w->axis >= axis && removed > 0)
            w->axis += removed;
        if (w->decided)
            w->one_row |= removed > 0;
        w->subsampled |= removed == 0;
        return;
    }
    for (gint i = 0; fovea_is_op(node, "Slice") && i < in->rank && in->rank == out->rank; i++) {
        if (fovea_dim_equal(in->dims[i], out->dims[i]) || i == w->axis)
            continue;
        w->subsampled = TRUE;
        w->one_row |= fovea_dim_is(out->dims[i], 1);
    }
}

/* Follows q upwards along its main input until values meet. */
static void walk_up(Walk *w, const FoveaValue *value)
{
    static const char *const norms[] = {"LpNormalization", "ReduceL2", NULL};
    for (guint i = 0; i < MAX_WALK && value != NULL && value->producer != NULL; i++) {
        const FoveaNode *node = value->producer;
        if (fovea_is_op(node, "Transpose")) {
            note_transpose(w, node);
        } else if (fovea_is_reshape(node)) {
            w->axis = w->axis >= 0 ? axis_through_reshape(node, w->axis) : -1;
        } else if (is_linear(node)) {
            note_linear(w, node);
        } else if (fovea_is_op(node, "Gather") || fovea_is_op(node, "Slice")) {
            note_selection(w, node);
        } else if (n_computed(node) > 1 && fovea_is_op(node, "Div")) {
            /* x / norm(x) */
            const FoveaNode *below = node->in[1]->producer;
            for (guint k = 0; k < 4 && below != NULL && !is_one_of(below, norms); k++) {
                const FoveaValue *next = first_computed(below);
                below = next != NULL ? next->producer : NULL;
            }
            if (!is_one_of(below, norms) && (below == NULL || below->in[0] != node->in[0]))
                return;
            w->normalised = TRUE;
        } else if (n_computed(node) > 1 && w->decided) {
            return;
        }
        if (fovea_is_op(node, "LpNormalization"))
            w->normalised = TRUE;
        value = first_computed(node);
    }
}

/* ---- where q and k come from ---- */

/* The values that `value` comes from: through anything up to the projection, and beyond it while
 * there is one computed input. Positions (sines) tell nothing. */
static void sources(const FoveaValue *start, GHashTable *found)
{
    typedef struct Item {
        const FoveaValue *value;
        gboolean beyond;
    } Item;
    static const char *const positions[] = {"Sin", "Cos", "Range", "Shape", "Scalars", NULL};
    GArray *stack = g_array_new(FALSE, FALSE, sizeof(Item));
    GHashTable *seen = g_hash_table_new(NULL, NULL);
    Item item = {start, FALSE};
    g_array_append_val(stack, item);
    for (guint steps = 0; stack->len > 0 && steps < MAX_WALK; steps++) {
        item = g_array_index(stack, Item, stack->len - 1);
        g_array_set_size(stack, stack->len - 1);
        const FoveaNode *node = item.value->producer;
        if (item.value->constant != NULL || !g_hash_table_add(seen, (gpointer)item.value) ||
            is_one_of(node, positions))
            continue;
        if (item.beyond || node == NULL)
            g_hash_table_add(found, (gpointer)item.value);
        if (node == NULL || (item.beyond && n_computed(node) != 1))
            continue;
        Item next = {NULL, item.beyond || is_linear(node)};
        for (guint i = 0; i < node->n_in; i++) {
            next.value = node->in[i];
            if (next.value != NULL)
                g_array_append_val(stack, next);
        }
    }
    g_array_free(stack, TRUE);
    g_hash_table_destroy(seen);
}

/* A value that both come from, or NULL. */
static const FoveaValue *common_source(const FoveaValue *q, const FoveaValue *k)
{
    GHashTable *of_q = g_hash_table_new(NULL, NULL), *of_k = g_hash_table_new(NULL, NULL);
    GHashTableIter iter;
    gpointer value;
    const FoveaValue *common = NULL;
    sources(q, of_q);
    sources(k, of_k);
    g_hash_table_iter_init(&iter, of_q);
    while (common == NULL && g_hash_table_iter_next(&iter, &value, NULL)) {
        if (g_hash_table_contains(of_k, value))
            common = value;
    }
    g_hash_table_destroy(of_q);
    g_hash_table_destroy(of_k);
    return common;
}

/* Keys that begin with an input of the graph, joined along their own axis. */
static gboolean has_cache(const FoveaValue *k)
{
    for (guint i = 0; i < 12 && k != NULL && k->producer != NULL; i++) {
        const FoveaNode *node = k->producer;
        if (fovea_is_op(node, "Append"))
            return TRUE;
        if (fovea_is_op(node, "Concat"))
            return node->n_in == 2 && node->in[0] != NULL && node->in[0]->input >= 0;
        if (is_linear(node))
            return FALSE;
        k = first_computed(node);
    }
    return FALSE;
}

/* The tokens of which one is the query were put together from a projected row and others: what
 * CrossViT does, where CaiT's class token goes on through its own residual. */
static gboolean row_from_elsewhere(const FoveaValue *source)
{
    for (guint i = 0; i < 8 && source != NULL && source->producer != NULL; i++) {
        const FoveaNode *node = source->producer;
        if (fovea_is_op(node, "Concat")) {
            const FoveaNode *row = node->in[0] != NULL ? node->in[0]->producer : NULL;
            while (row != NULL && (fovea_is_reshape(row) || fovea_is_op(row, "Slice") ||
                                   (fovea_is_op(row, "Add") && n_computed(row) == 1)))
                row = first_computed(row) != NULL ? first_computed(row)->producer : NULL;
            return row != NULL && is_linear(row);
        }
        source = first_computed(node);
    }
    return FALSE;
}

/* ---- causal masks ---- */

static gboolean hides(const FoveaValue *mask, gint64 at)
{
    if (mask->dtype == FOVEA_DTYPE_BOOL)
        return fovea_load_i64(mask->dtype, mask->constant->data, at) == 0;
    return fovea_load_f64(mask->dtype, mask->constant->data, at) <= HIDDEN;
}

/* A constant [.., T, S], T > 1, that hides s > t + S - T everywhere. `only`: and is 0 elsewhere.
 * A bool may hide by TRUE as well as by FALSE, as masked_fill has it. */
static gboolean is_causal_constant(const FoveaValue *mask, gint64 t_size, gint64 s_size,
                                   gboolean *only)
{
    if (mask->constant == NULL || mask->rank < 2 || t_size < 2 || s_size < 2 ||
        !fovea_dim_is(mask->dims[mask->rank - 2], t_size) ||
        !fovea_dim_is(mask->dims[mask->rank - 1], s_size))
        return FALSE;
    gint64 plane = t_size * s_size, offset = s_size - t_size;
    gint64 n = (gint64)mask->constant->n_elements;
    gboolean invert = mask->dtype == FOVEA_DTYPE_BOOL && n > 0 && hides(mask, 0);
    *only = TRUE;
    for (gint64 i = 0; i < n; i++) {
        gint64 t = i % plane / s_size, s = i % s_size;
        gboolean hidden = hides(mask, i) != invert;
        if (s > t + offset && !hidden)
            return FALSE;
        if (s <= t + offset)
            *only = *only && !hidden &&
                    (mask->dtype == FOVEA_DTYPE_BOOL ||
                     fovea_load_f64(mask->dtype, mask->constant->data, i) == 0);
    }
    return n > 0;
}

/* Compares positions with positions: both sides come from Range (or are constants). */
static gboolean compares_positions(const FoveaNode *node)
{
    static const char *const compare[] = {"Less", "LessOrEqual", "Greater", "GreaterOrEqual", NULL};
    static const char *const counts[] = {"Range", "Scalars", NULL};
    if (!is_one_of(node, compare))
        return FALSE;
    guint from_positions = 0;
    for (guint i = 0; i < 2; i++) {
        const FoveaValue *value = node->in[i];
        for (guint k = 0; k < 12 && value != NULL && value->producer != NULL &&
                          !is_one_of(value->producer, counts);
             k++)
            value = first_computed(value->producer);
        from_positions += value == NULL || value->constant != NULL ||
                          is_one_of(value->producer, counts);
    }
    return from_positions == 2;
}

typedef struct Mask {
    gboolean causal, learned;
} Mask;

/* Looks through what a bias is computed from. */
static void look_at_mask(const FoveaValue *bias, gint64 t, gint64 s, Mask *mask)
{
    static const char *const features[] = {"Conv", "MatMul", "Gemm", "Einsum", "Sigmoid", NULL};
    GPtrArray *stack = g_ptr_array_new();
    GHashTable *seen = g_hash_table_new(NULL, NULL);
    g_ptr_array_add(stack, (gpointer)bias);
    for (guint steps = 0; stack->len > 0 && steps < MAX_WALK; steps++) {
        const FoveaValue *value = g_ptr_array_steal_index_fast(stack, stack->len - 1);
        gboolean only;
        if (value == NULL || !g_hash_table_add(seen, (gpointer)value))
            continue;
        mask->causal |= is_causal_constant(value, t, s, &only);
        const FoveaNode *node = value->producer;
        if (node == NULL)
            continue;
        mask->causal |= compares_positions(node);
        if (is_one_of(node, features)) {
            mask->learned = TRUE;
            continue;
        }
        for (guint i = 0; i < node->n_in; i++)
            g_ptr_array_add(stack, node->in[i]);
    }
    g_ptr_array_free(stack, TRUE);
    g_hash_table_destroy(seen);
}

/* ---- together ---- */

static gint64 size_of(const FoveaValue *value, gint from_end)
{
    FoveaDim dim = value->dims[value->rank - from_end];
    return fovea_dim_is_const(dim) ? dim.c : -1;
}

void fovea_attention_classify(FoveaScores *s, FoveaAttention *spec)
{
    const FoveaValue *scores = s->product->out[0];
    gint64 t = size_of(scores, 2), keys = size_of(scores, 1);
    Walk walk = {.axis = s->q->rank - 1};
    Mask mask = {FALSE, FALSE};
    gboolean only = FALSE;
    walk_up(&walk, s->q);
    if (s->bias != NULL)
        look_at_mask(s->bias, t, keys, &mask);
    const FoveaValue *source = common_source(s->q, s->kt);
    gboolean cached = source != NULL && has_cache(s->kt);
    /* Fewer keys than queries: early rows would see nothing, where the mask's finite numbers still
     * give them an average. */
    if (s->bias != NULL && keys >= t && s->bias->dtype != FOVEA_DTYPE_BOOL &&
        is_causal_constant(s->bias, t, keys, &only) && only) {
        spec->pattern = FOVEA_ATTN_CAUSAL;
        spec->causal_offset = keys - t;
    }
    spec->state = cached ? FOVEA_ATTN_KV_CACHE : FOVEA_ATTN_NO_STATE;
    if (walk.decided && walk.tokens)
        spec->kind = walk.normalised ? "cross-covariance" : "channel";
    else if (walk.partition != NULL)
        spec->kind = walk.partition;
    else if (s->q->constant != NULL && s->kt->constant != NULL)
        spec->kind = "self"; /* first of a decoder whose queries begin as constants */
    else if (source == NULL)
        spec->kind = mask.learned ? "cross-masked" : "cross";
    else if (mask.causal || cached)
        spec->kind = "self-causal";
    else if (t == 1 && keys > 1 && walk.one_row)
        spec->kind = row_from_elsewhere(source) ? "cross" : "class";
    else if (walk.subsampled && t > 1 && t < keys)
        spec->kind = "self-downsample";
    else
        spec->kind = "self";
    if (walk.partition != NULL && spec->pattern == FOVEA_ATTN_DENSE)
        spec->pattern = FOVEA_ATTN_WINDOW;
}
