/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Gather, GatherElements and Tile: copies by index. An index outside its axis is an error.
 */
#include "cpu/kernels/copy.h"
#include "ops/support.h"

static gboolean same_types(const FoveaNode *node)
{
    return node->in[0] != NULL && node->out[0] != NULL && node->in[0]->dtype == node->out[0]->dtype;
}

/* Element of the k-th index in C order. */
static gint64 index_at(const FoveaView *view, gint64 k)
{
    gint64 at = 0;
    for (guint i = view->rank; i-- > 0;) {
        at += k % view->dims[i] * view->strides[i];
        k /= view->dims[i];
    }
    return fovea_load_i64(view->dtype, view->data, at);
}

static gboolean outside(const FoveaNode *node, gint64 index, gint64 n, GError **error)
{
    return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                           "index %" G_GINT64_FORMAT " is outside an axis of %" G_GINT64_FORMAT,
                           index, n);
}

/* One slice of the input for each index: a copy of all axes but the gathered one. */
static gboolean run_gather(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *which = run->in[1], *out = run->out[0];
    guint axis = fovea_node_axis(run->node, 0, in->rank), q = which->rank;
    gint64 n = in->dims[axis], size = (gint64)fovea_dtype_size(in->dtype);
    gint64 count = fovea_view_count(which);
    FoveaView from = *in, to = *out;
    from.rank = to.rank = in->rank - 1;
    for (guint i = 0, o = 0; i < in->rank; i++) {
        if (i == axis)
            continue;
        guint k = i < axis ? i : i + q - 1;
        from.dims[o] = to.dims[o] = in->dims[i];
        from.strides[o] = in->strides[i];
        to.strides[o++] = out->strides[k];
    }
    for (gint64 k = 0; k < count; k++) {
        gint64 index = index_at(which, k), left = k, at = 0;
        if (index < -n || index >= n)
            return outside(run->node, index, n, error);
        for (guint i = q; i-- > 0;) {
            at += left % which->dims[i] * out->strides[axis + i];
            left /= which->dims[i];
        }
        from.data = (guint8 *)in->data + (index < 0 ? index + n : index) * in->strides[axis] * size;
        to.data = (guint8 *)out->data + at * size;
        fovea_cpu_copy(&from, &to);
    }
    return TRUE;
}

static gboolean run_elements(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *which = run->in[1], *out = run->out[0];
    guint axis = fovea_node_axis(run->node, 0, in->rank);
    gint64 n = in->dims[axis], step = in->strides[axis], base[FOVEA_MAX_RANK];
    gsize size = fovea_dtype_size(in->dtype);
    FoveaWalk walk;
    memcpy(base, in->strides, sizeof base);
    base[axis] = 0;
    const gint64 *strides[3] = {base, which->strides, out->strides};
    fovea_walk_init(&walk, which->rank, which->dims, 3, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 index = fovea_load_i64(which->dtype, which->data, walk.at[1]);
        if (index < -n || index >= n)
            return outside(run->node, index, n, error);
        gint64 from = walk.at[0] + (index < 0 ? index + n : index) * step;
        memcpy((guint8 *)out->data + walk.at[2] * (gint64)size,
               (const guint8 *)in->data + from * (gint64)size, size);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

/* The output seen with an axis of repeats before each repeated one. */
static gboolean run_tile(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *out = run->out[0];
    FoveaView from = {.dtype = in->dtype, .data = in->data}, to = from;
    to.data = out->data;
    for (guint i = 0; i < in->rank; i++) {
        gint64 repeats = in->dims[i] > 0 ? out->dims[i] / in->dims[i] : 0;
        guint extra = repeats != 1;
        if (from.rank + 1 + extra > FOVEA_MAX_RANK)
            return run->node->op->ref(run->node, run->in, run->out, error);
        if (extra) {
            from.dims[from.rank] = to.dims[from.rank] = repeats;
            from.strides[from.rank] = 0;
            to.strides[from.rank++] = in->dims[i] * out->strides[i];
        }
        from.dims[from.rank] = to.dims[from.rank] = in->dims[i];
        from.strides[from.rank] = in->strides[i];
        to.strides[from.rank++] = out->strides[i];
    }
    to.rank = from.rank;
    fovea_cpu_copy(&from, &to);
    return TRUE;
}

#define GATHER_KERNEL(name, run_func, op)                                                          \
    static const char *const name##_ops[] = {op, NULL};                                            \
    const FoveaCpuKernel fovea_cpu_kernel_##name = {                                               \
        .ops = name##_ops,                                                                         \
        .klass = "gather",                                                                         \
        .fits = same_types,                                                                        \
        .run = run_func,                                                                           \
    }

GATHER_KERNEL(gather, run_gather, "Gather");
GATHER_KERNEL(gatherelements, run_elements, "GatherElements");
GATHER_KERNEL(tile, run_tile, "Tile");
