/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Slice
 * Math:   out[i] = in[start + i * step] along each named axis; inputs: data, starts, ends, axes
 *         (default: the first ones), steps (default 1). Negative starts and ends count from the end;
 *         both are clamped to the axis.
 * Shape:  max(0, ceil((end - start) / step)) along the axes. Starts and ends may be expressions of
 *         named scalars whose sign is known; steps are numbers.
 * Types:  any.
 * Errors: SHAPE; NEED_VALUE; UNSUPPORTED (a start or end whose sign depends on a scalar).
 * Source: ONNX opset 13.
 */
#include "ops/sample.h"
#include "ops/structure.h"

typedef struct {
    FoveaDim start, length;
    gint64 step; /* 0: the axis is not sliced */
} Cut;

/* A start or end: counted from the end where negative, then clamped to low..high. */
static gboolean resolve(FoveaSyms *syms, const FoveaNode *node, FoveaDim at, FoveaDim size,
                        FoveaDim low, FoveaDim high, FoveaDim *out, GError **error)
{
    gint64 least, most;
    fovea_dim_bounds(syms, at, &least, &most);
    if (most < 0) {
        at = fovea_dim_add(syms, at, size);
    } else if (least < 0) {
        g_autofree char *text = fovea_dim_to_string(syms, at);
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "the position %s is negative for some sizes and not for others",
                               text);
    }
    *out = fovea_dim_max(syms, fovea_dim_min(syms, at, high), low);
    return TRUE;
}

static gboolean cut_axis(FoveaSyms *syms, const FoveaNode *node, FoveaDim start, FoveaDim end,
                         gint64 step, FoveaDim size, Cut *cut, GError **error)
{
    FoveaDim zero = fovea_dim(0), last = fovea_dim_sub(syms, size, fovea_dim(1));
    FoveaDim low = step > 0 ? zero : fovea_dim(-1), high = step > 0 ? size : last;
    /* A backward start is an element, unless there is none. */
    FoveaDim start_low = step > 0 ? zero : fovea_dim_min(syms, zero, last);
    if (!resolve(syms, node, start, size, start_low, high, &start, error) ||
        !resolve(syms, node, end, size, low, high, &end, error))
        return FALSE;
    gint64 stride = step > 0 ? step : step == G_MININT64 ? G_MAXINT64 : -step;
    FoveaDim span = step > 0 ? fovea_dim_sub(syms, end, start) : fovea_dim_sub(syms, start, end);
    if (stride > 1) {
        span = fovea_dim_add(syms, span, fovea_dim(stride - 1));
        span = fovea_dim_div(syms, span, fovea_dim(stride));
    }
    cut->start = start;
    cut->length = fovea_dim_max(syms, span, zero);
    cut->step = step;
    return TRUE;
}

/* What each axis of a tensor of these dims becomes. */
static gboolean find_cuts(FoveaGraph *graph, const FoveaNode *node, gint rank, const FoveaDim *dims,
                          Cut *cuts, GError **error)
{
    FoveaDim start[FOVEA_MAX_RANK], end[FOVEA_MAX_RANK];
    gint64 axes[FOVEA_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7}, steps[FOVEA_MAX_RANK];
    guint n, n_end, n_axes, n_steps;
    if (!fovea_infer_ints(graph, node, 1, start, FOVEA_MAX_RANK, &n, error) ||
        !fovea_infer_ints(graph, node, 2, end, FOVEA_MAX_RANK, &n_end, error) ||
        !fovea_infer_const_ints(graph, node, 3, axes, FOVEA_MAX_RANK, &n_axes, error) ||
        !fovea_infer_const_ints(graph, node, 4, steps, FOVEA_MAX_RANK, &n_steps, error))
        return FALSE;
    if (n != n_end || n > (guint)rank || (fovea_node_in(node, 3) != NULL && n_axes != n) ||
        (fovea_node_in(node, 4) != NULL && n_steps != n))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "starts, ends, axes and steps do not have one length");
    memset(cuts, 0, sizeof *cuts * FOVEA_MAX_RANK);
    for (guint k = 0; k < n; k++) {
        gint64 step = n_steps > 0 ? steps[k] : 1;
        guint axis;
        if (!fovea_op_axis(node, axes[k], rank, FALSE, &axis, error))
            return FALSE;
        if (step == 0 || cuts[axis].step != 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   step == 0 ? "a step is 0" : "an axis is named twice");
        if (!cut_axis(graph->syms, node, start[k], end[k], step, dims[axis], &cuts[axis], error))
            return FALSE;
    }
    return TRUE;
}

static gboolean infer_slice(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    Cut cuts[FOVEA_MAX_RANK];
    if (!find_cuts(graph, node, in->rank, in->dims, cuts, error))
        return FALSE;
    for (gint i = 0; i < in->rank; i++)
        dims[i] = cuts[i].step != 0 ? cuts[i].length : in->dims[i];
    fovea_infer_set(node->out[0], in->dtype, in->rank, dims);
    fovea_infer_moved_content(graph, node, 1);
    return TRUE;
}

static gboolean view_slice(const FoveaNode *node, guint slot, const FoveaWindow *in,
                           FoveaWindow *out)
{
    FoveaSyms *syms = node->graph->syms;
    Cut cuts[FOVEA_MAX_RANK];
    if (!find_cuts(node->graph, node, in->rank, in->dims, cuts, NULL))
        return FALSE;
    *out = *in;
    for (gint i = 0; i < in->rank; i++) {
        if (cuts[i].step == 0)
            continue;
        /* The start of an empty result may lie behind the end: it must not move the window. */
        if (fovea_dim_is(cuts[i].length, 0))
            cuts[i].start = fovea_dim(0);
        out->offset = fovea_dim_add(syms, out->offset,
                                    fovea_dim_mul(syms, cuts[i].start, in->strides[i]));
        out->dims[i] = cuts[i].length;
        out->strides[i] = fovea_dim_mul(syms, in->strides[i], fovea_dim(cuts[i].step));
    }
    return TRUE;
}

/* The same with numbers, along one axis of the run's view. */
static void cut_view(FoveaView *view, guint axis, gint64 start, gint64 end, gint64 step)
{
    gint64 size = view->dims[axis], low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    if (start < 0)
        start = MAX(start + size, step > 0 ? 0 : -1);
    if (end < 0)
        end = MAX(end + size, -1);
    if (step < 0 && start < 0)
        start = size > 0 ? 0 : -1;
    start = CLAMP(start, low, high);
    end = CLAMP(end, low, high);
    gint64 span = step > 0 ? end - start : start - end;
    gint64 stride = step > 0 ? step : step == G_MININT64 ? G_MAXINT64 : -step;
    view->dims[axis] = span > 0 ? (span - 1) / stride + 1 : 0;
    view->data = (char *)view->data + (view->dims[axis] > 0 ? start : 0) * view->strides[axis] *
                                          (gint64)fovea_dtype_size(view->dtype);
    /* With one element no step is taken, and the product may not fit. */
    view->strides[axis] = view->dims[axis] > 1 ? view->strides[axis] * step : 0;
}

static gboolean ref_slice(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    gint64 start[FOVEA_MAX_RANK], end[FOVEA_MAX_RANK], steps[FOVEA_MAX_RANK];
    gint64 axes[FOVEA_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    FoveaView view = *in[0];
    guint n, n_end, n_axes, n_steps;
    if (!fovea_run_ints(node, in[1], start, FOVEA_MAX_RANK, &n, error) ||
        !fovea_run_ints(node, in[2], end, FOVEA_MAX_RANK, &n_end, error) ||
        !fovea_run_ints(node, in[3], axes, FOVEA_MAX_RANK, &n_axes, error) ||
        !fovea_run_ints(node, in[4], steps, FOVEA_MAX_RANK, &n_steps, error))
        return FALSE;
    for (guint k = 0; k < MIN(n, n_end); k++) {
        guint axis;
        if (!fovea_op_axis(node, axes[k], (gint)view.rank, FALSE, &axis, error))
            return FALSE;
        cut_view(&view, axis, start[k], end[k], n_steps > k ? steps[k] : 1);
    }
    for (guint i = 0; i < view.rank; i++) {
        if (view.dims[i] != out[0]->dims[i])
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the slice has %" G_GINT64_FORMAT " elements along axis %u, "
                                   "not %" G_GINT64_FORMAT,
                                   view.dims[i], i, out[0]->dims[i]);
    }
    fovea_view_copy(&view, out[0]);
    return TRUE;
}

static gboolean sample_slice(FoveaSample *sample, guint index)
{
    static const gint64 cases[][4][2] = {
        /* starts, ends, axes, steps */
        {{1, 2}, {4, 1000}, {0, 2}, {1, 3}},
        {{-1, 20}, {G_MININT64, 0}, {2, 1}, {-1, -2}},
        {{-3, 0}, {-1, -1}, {1, 2}, {1, 2}},
        {{9, 3}, {1000, 2}, {1, 0}, {1, 1}},
    };
    if (index >= 2 * G_N_ELEMENTS(cases))
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(5, 9, 17), -1, 1);
    for (guint k = 0; k < (index % 2 ? 4 : 3); k++)
        fovea_sample_const_ints(sample, k + 1, cases[index / 2][k], 2);
    return TRUE;
}

const FoveaOp fovea_op_Slice = {.name = "Slice",
                                .min_in = 3,
                                .max_in = 5,
                                .min_out = 1,
                                .max_out = 1,
                                .is_view = TRUE,
                                .infer = infer_slice,
                                .ref = ref_slice,
                                .view = view_slice,
                                .sample = sample_slice};
