/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CumSum CumProd
 * Math:   sum (product) of the elements up to each position along axis in[1]; exclusive=1 leaves the
 *         element itself out, reverse=1 starts from the end. Accumulates in double.
 * Shape:  that of in[0].
 * Types:  numbers.
 * Errors: SHAPE; NEED_VALUE (the axis).
 * Source: ONNX opset 14, 26.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean infer_cumulate(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 given;
    guint n, axis;
    if (!fovea_infer_const_ints(graph, node, 1, &given, 1, &n, error))
        return FALSE;
    if (n != 1)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the axis is no scalar");
    return fovea_op_axis(node, given, node->in[0]->rank, FALSE, &axis, error) &&
           fovea_infer_like(node->out[0], node->in[0]);
}

/* One line along the axis; from and to are its first elements in the order of walking. */
static void run_line(const FoveaView *in, gint64 from, gint64 from_step, const FoveaView *out,
                     gint64 to, gint64 to_step, gint64 n, gboolean product, gboolean exclusive)
{
    gboolean floats = fovea_dtype_is_float(in->dtype);
    double f = product, x;
    guint64 i = product, y;
    for (gint64 k = 0; k < n; k++, from += from_step, to += to_step) {
        if (floats) {
            x = fovea_load_f64(in->dtype, in->data, from);
            double next = product ? f * x : f + x;
            fovea_store_f64(out->dtype, out->data, to, exclusive ? f : next);
            f = next;
        } else {
            y = (guint64)fovea_load_i64(in->dtype, in->data, from);
            guint64 next = product ? i * y : i + y;
            fovea_store_i64(out->dtype, out->data, to, (gint64)(exclusive ? i : next));
            i = next;
        }
    }
}

static gboolean run_cumulate(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *out, gboolean product, GError **error)
{
    gboolean exclusive = fovea_node_attr_int(node, "exclusive", 0) != 0;
    gboolean reverse = fovea_node_attr_int(node, "reverse", 0) != 0;
    const gint64 *strides[] = {in[0]->strides, out->strides};
    gint64 given = 0, dims[FOVEA_MAX_RANK];
    FoveaWalk walk;
    guint axis, n_axes;
    if (!fovea_run_ints(node, in[1], &given, 1, &n_axes, error) ||
        !fovea_op_axis(node, given, (gint)out->rank, FALSE, &axis, error))
        return FALSE;
    memcpy(dims, out->dims, sizeof dims);
    gint64 n = dims[axis];
    dims[axis] = MIN(n, 1);
    fovea_walk_init(&walk, out->rank, dims, 2, strides);
    if (walk.empty)
        return TRUE;
    gint64 a = in[0]->strides[axis], b = out->strides[axis];
    do {
        if (reverse)
            run_line(in[0], walk.at[0] + (n - 1) * a, -a, out, walk.at[1] + (n - 1) * b, -b, n,
                     product, exclusive);
        else
            run_line(in[0], walk.at[0], a, out, walk.at[1], b, n, product, exclusive);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean ref_cumsum(const FoveaNode *node, const FoveaView *const *in,
                           const FoveaView *const *out, GError **error)
{
    return run_cumulate(node, in, out[0], FALSE, error);
}

static gboolean ref_cumprod(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    return run_cumulate(node, in, out[0], TRUE, error);
}

static gboolean sample_cumulate(FoveaSample *sample, guint index)
{
    if (index > 7)
        return FALSE;
    if (index == 7)
        fovea_sample_int(sample, 0, FOVEA_DTYPE_I64, FOVEA_DIMS(3, 9), -2, 3);
    else
        fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17, 33), -1.2, 1.2);
    gint64 axis = index == 3 ? -1 : (gint64)(index % (index == 7 ? 2 : 3));
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 0, NULL, axis, axis + 1);
    sample->constant[1] = TRUE;
    fovea_node_set_int(sample->node, "exclusive", index & 1);
    fovea_node_set_int(sample->node, "reverse", index >> 1 & 1);
    return TRUE;
}

const FoveaOp fovea_op_CumSum = {.name = "CumSum",
                                 .min_in = 2,
                                 .max_in = 2,
                                 .min_out = 1,
                                 .max_out = 1,
                                 .infer = infer_cumulate,
                                 .ref = ref_cumsum,
                                 .sample = sample_cumulate};
const FoveaOp fovea_op_CumProd = {.name = "CumProd",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .infer = infer_cumulate,
                                  .ref = ref_cumprod,
                                  .sample = sample_cumulate};
