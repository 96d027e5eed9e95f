/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How the operands of an element-wise dispatch are walked: either as flat memory, where all lie
 * alike, or over as few axes as possible with a stride for each operand.
 */
#include "vulkan/kernels/elementwise.h"

#define MAX_OPERANDS 8

typedef struct Layout {
    gint64 count;
    guint rank; /* 0: linear */
    guint32 numbers;
    gint64 dims[FOVEA_MAX_RANK];
    gint64 offset[MAX_OPERANDS + 1];                  /* operands, then the output */
    gint64 strides[MAX_OPERANDS + 1][FOVEA_MAX_RANK]; /* likewise */
} Layout;

static void take_views(const FoveaVkElementwise *what, const FoveaView *in, const FoveaView *out,
                       Layout *l)
{
    l->count = fovea_view_count(out);
    l->rank = out->rank;
    memcpy(l->dims, out->dims, sizeof l->dims);
    for (guint k = 0; k <= what->n; k++) {
        const FoveaView *view = k < what->n ? &in[k] : out;
        l->offset[k] = view->offset;
        for (guint i = 0; i < out->rank && view->rank == out->rank; i++)
            l->strides[k][i] = view->dims[i] == 1 ? 0 : view->strides[i];
    }
}

static void move_axis(Layout *l, guint n, guint to, guint from)
{
    l->dims[to] = l->dims[from];
    for (guint k = 0; k <= n; k++)
        l->strides[k][to] = l->strides[k][from];
}

static void swap_axes(Layout *l, guint n, guint a, guint b)
{
    gint64 dim = l->dims[a];
    l->dims[a] = l->dims[b];
    l->dims[b] = dim;
    for (guint k = 0; k <= n; k++) {
        gint64 stride = l->strides[k][a];
        l->strides[k][a] = l->strides[k][b];
        l->strides[k][b] = stride;
    }
}

/* Axes of 1 go, the output's closest axis comes last, and neighbours that follow each other in all
 * operands become one. */
static void simplify(Layout *l, guint n)
{
    guint rank = 0;
    for (guint i = 0; i < l->rank; i++) {
        if (l->dims[i] != 1)
            move_axis(l, n, rank++, i);
    }
    for (guint i = 1; i < rank; i++) {
        for (guint k = i; k > 0 && ABS(l->strides[n][k - 1]) < ABS(l->strides[n][k]); k--)
            swap_axes(l, n, k - 1, k);
    }
    l->rank = rank;
    rank = 0;
    for (guint i = 0; i < l->rank; i++) {
        gboolean join = rank > 0;
        for (guint k = 0; k <= n && join; k++)
            join = l->strides[k][rank - 1] == l->strides[k][i] * l->dims[i];
        gint64 dim = join ? l->dims[rank - 1] * l->dims[i] : l->dims[i];
        rank -= join;
        move_axis(l, n, rank, i);
        l->dims[rank++] = dim;
    }
    l->rank = rank;
}

/* Rank 1 in which every operand goes in steps of 1 like the output, or stands still. */
static void find_linear(Layout *l, guint n)
{
    guint32 numbers = 0;
    if (l->rank > 1 || (l->rank == 1 && l->strides[n][0] != 1))
        return;
    for (guint k = 0; k < n; k++) {
        gint64 stride = l->rank == 1 ? l->strides[k][0] : 0;
        if (stride != 0 && stride != 1)
            return;
        numbers |= (guint32)(stride == 0) << k;
    }
    l->rank = 0;
    l->numbers = numbers;
}

static gboolean find_layout(const FoveaVkFill *fill, const FoveaVkElementwise *what, Layout *l,
                            GError **error)
{
    FoveaView in[MAX_OPERANDS] = {{0}}, out;
    memset(l, 0, sizeof *l);
    if (!what->views(fill, what, in, &out, error))
        return FALSE;
    take_views(what, in, &out, l);
    if (what->fixed && !what->indexed) {
        simplify(l, what->n);
        find_linear(l, what->n);
    } else if (l->rank == 0) {
        l->numbers = (1u << what->n) - 1;
    }
    return TRUE;
}

static gboolean fill_words(FoveaVkFill *fill, GError **error)
{
    const FoveaVkElementwise *what = fill->data;
    Layout l;
    if (!find_layout(fill, what, &l, error))
        return FALSE;
    fovea_vk_word(fill, l.count);
    fovea_vk_word(fill, l.offset[what->n]);
    for (guint k = 0; k < what->n; k++)
        fovea_vk_word(fill, l.offset[k]);
    for (guint i = 0; i < l.rank; i++)
        fovea_vk_word(fill, l.dims[i]);
    for (guint k = 0; k <= what->n; k++) {
        for (guint i = 0; i < l.rank; i++)
            fovea_vk_word(fill, l.strides[k == 0 ? what->n : k - 1][i]);
    }
    fovea_vk_groups(fill, l.count, 64 * 4);
    return TRUE;
}

static gboolean uses_positions(const FoveaExpr *fx)
{
    for (guint i = 0; fx != NULL && i < fx->n; i++) {
        if (fx->node[i].op == FX_INDEX)
            return TRUE;
    }
    return FALSE;
}

gboolean fovea_vk_elementwise(FoveaVkBuilder *builder, const FoveaNode *node, const FoveaExpr *fx,
                              const FoveaValue *const *operands, guint n, const FoveaValue *out,
                              FoveaVkViewsFunc views, guint slot, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_pointwise, fill_words,
                                           NULL);
    FoveaVkElementwise *what = fovea_vk_data(d, sizeof *what);
    FoveaVkFill fill;
    Layout l;
    *what = (FoveaVkElementwise){.views = views,
                                 .n = n,
                                 .slot = slot,
                                 .fixed = !fovea_vk_is_dynamic(builder, node),
                                 .indexed = uses_positions(fx)};
    fovea_vk_fill_at_capacity(builder, node, what, &fill);
    if (!find_layout(&fill, what, &l, error))
        return FALSE;
    fovea_vk_bind(d, 0, out, FOVEA_VK_WRITE);
    fovea_vk_spec(d, 0, n);
    fovea_vk_spec(d, 1, l.rank);
    fovea_vk_spec(d, 2, l.numbers);
    fovea_vk_spec(d, 3, fovea_vk_store(builder, out));
    for (guint k = 0; k < n; k++) {
        if (operands[k] == NULL)
            continue;
        fovea_vk_bind(d, 1 + k, operands[k], FOVEA_VK_READ);
        fovea_vk_spec(d, 4 + k, fovea_vk_store(builder, operands[k]));
    }
    fovea_vk_fx(d, fx);
    fovea_vk_cost(d, (double)l.count * (1 + (fx != NULL ? fx->n : 0) / 8.0) / 1e6);
    return TRUE;
}

gboolean fovea_vk_views_broadcast(const FoveaVkFill *fill, const FoveaVkElementwise *what,
                                  FoveaView *in, FoveaView *out, GError **error)
{
    *out = *fovea_vk_out(fill, 0);
    for (guint k = 0; k < what->n; k++) {
        const FoveaView *view = fovea_vk_in(fill, k);
        if (view != NULL && !fovea_view_broadcast(view, out->rank, out->dims, &in[k]))
            return fovea_node_fail(fill->node, error, FOVEA_ERROR_SHAPE,
                                   "input %u does not broadcast to the result", k);
    }
    return TRUE;
}
