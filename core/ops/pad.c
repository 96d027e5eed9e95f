/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pad
 * Math:   elements before and after each axis (negative: cut away); inputs: data, pads (all befores,
 *         then all afters), value (constant mode; default 0), axes (default: all). mode: constant;
 *         edge: the nearest element; reflect: mirrored without repeating the edge; wrap: periodic.
 * Shape:  size + before + after.
 * Types:  any; value of the data's type.
 * Errors: SHAPE; NEED_VALUE; MODEL (an unknown mode).
 * Source: ONNX opset 25.
 */
#include "ops/sample.h"
#include "ops/structure.h"

typedef enum { CONSTANT, EDGE, REFLECT, WRAP } Mode;

static gboolean mode_of(const FoveaNode *node, Mode *mode, GError **error)
{
    static const char *const names[] = {"constant", "edge", "reflect", "wrap"};
    const char *name = fovea_node_attr_string(node, "mode", "constant");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        *mode = (Mode)i;
        if (g_str_equal(name, names[i]))
            return TRUE;
    }
    return fovea_node_fail(node, error, FOVEA_ERROR_MODEL, "the mode '%s' is not known", name);
}

static gboolean infer_pad(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim pads[2 * FOVEA_MAX_RANK], dims[FOVEA_MAX_RANK];
    gint64 axes[FOVEA_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    guint n, n_axes;
    Mode mode;
    if (!mode_of(node, &mode, error) || !fovea_check_same_type(node, 0, 2, error) ||
        !fovea_infer_ints(graph, node, 1, pads, 2 * FOVEA_MAX_RANK, &n, error) ||
        !fovea_infer_const_ints(graph, node, 3, axes, FOVEA_MAX_RANK, &n_axes, error))
        return FALSE;
    if (fovea_node_in(node, 3) == NULL)
        n_axes = (guint)in->rank;
    if (n != 2 * n_axes)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%u pads are given for %u axes", n,
                               n_axes);
    memcpy(dims, in->dims, sizeof dims);
    for (guint k = 0; k < n_axes; k++) {
        guint axis;
        if (!fovea_op_axis(node, axes[k], in->rank, FALSE, &axis, error))
            return FALSE;
        FoveaDim sum = fovea_dim_add(graph->syms, pads[k], pads[n_axes + k]);
        dims[axis] = fovea_dim_add(graph->syms, dims[axis], sum);
        if (fovea_dim_is_const(dims[axis]) && dims[axis].c < 0)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "more is cut from axis %u than it has", axis);
        if (mode != CONSTANT && fovea_dim_is(in->dims[axis], 0) && !fovea_dim_is(dims[axis], 0))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "axis %u is empty and has nothing to repeat", axis);
    }
    fovea_infer_set(node->out[0], in->dtype, in->rank, dims);
    fovea_infer_moved_content(graph, node, 1u << 0 | 1u << 2);
    return TRUE;
}

/* Position in an axis of `size` elements that position `at` (maybe outside) reads; -1: none. */
static gint64 source(Mode mode, gint64 at, gint64 size)
{
    gint64 period;
    if (at >= 0 && at < size)
        return at;
    if (mode == CONSTANT || size == 0)
        return -1;
    if (mode == EDGE)
        return CLAMP(at, 0, size - 1);
    period = mode == WRAP ? size : MAX(2 * (size - 1), 1);
    at %= period;
    if (at < 0)
        at += period;
    return at < size ? at : period - at;
}

static gboolean before_of(const FoveaNode *node, const FoveaView *const *in, gint64 *before,
                          GError **error)
{
    gint64 pads[2 * FOVEA_MAX_RANK], axes[FOVEA_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    guint n, n_axes;
    if (!fovea_run_ints(node, in[1], pads, 2 * FOVEA_MAX_RANK, &n, error) ||
        !fovea_run_ints(node, in[3], axes, FOVEA_MAX_RANK, &n_axes, error))
        return FALSE;
    for (guint k = 0; k < n / 2; k++) {
        guint axis;
        if (!fovea_op_axis(node, axes[k], (gint)in[0]->rank, FALSE, &axis, error))
            return FALSE;
        before[axis] += pads[k];
    }
    return TRUE;
}

static gboolean ref_pad(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    static const gint64 zero = 0;
    const FoveaView nothing = {.dtype = FOVEA_DTYPE_I64, .data = (void *)&zero};
    const FoveaView *value = in[2] != NULL ? in[2] : &nothing;
    const gint64 *strides[] = {out[0]->strides};
    gint64 before[FOVEA_MAX_RANK] = {0};
    FoveaWalk walk;
    Mode mode;
    if (!mode_of(node, &mode, error) || !before_of(node, in, before, error))
        return FALSE;
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 at = 0;
        gboolean inside = TRUE;
        for (guint i = 0; i < out[0]->rank && inside; i++) {
            gint64 from = source(mode, walk.index[i] - before[i], in[0]->dims[i]);
            inside = from >= 0;
            at += from * in[0]->strides[i];
        }
        fovea_move_element(inside ? in[0] : value, inside ? at : 0, out[0], walk.at[0]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_pad(FoveaSample *sample, guint index)
{
    static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};
    static const gint64 pads[][8] = {
        {0, 0, 1, 2, 0, 0, 3, 1}, {0, 1, -1, 0, 0, 2, 1, -2}, {2, 3, 2, 0}};
    static const gint64 axes[] = {-1, 2};
    if (index >= 12)
        return FALSE;
    fovea_node_set_string(sample->node, "mode", modes[index % 4]);
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 5, 7, 9), -1, 1);
    fovea_sample_const_ints(sample, 1, pads[index / 4], index < 8 ? 8 : 4);
    if (index % 4 == 0 && index > 0)
        fovea_sample_f32(sample, 2, 0, NULL, 2, 3);
    if (index >= 8)
        fovea_sample_const_ints(sample, 3, axes, 2);
    return TRUE;
}

const FoveaOp fovea_op_Pad = {.name = "Pad",
                              .min_in = 2,
                              .max_in = 4,
                              .min_out = 1,
                              .max_out = 1,
                              .infer = infer_pad,
                              .ref = ref_pad,
                              .sample = sample_pad};
