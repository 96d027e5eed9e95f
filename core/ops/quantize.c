/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * QuantizeLinear DequantizeLinear DynamicQuantizeLinear
 * Math:   QuantizeLinear: y = saturate(round(x / scale) + zero), halves to even. DequantizeLinear:
 *         y = (x - zero) scale. in[1] is the scale and in[2] the zero point (default 0): one number,
 *         one for each position of `axis`, or one for each block of block_size along it.
 *         DynamicQuantizeLinear: to u8 with scale = (max(x, 0) - min(x, 0)) / 255 and
 *         zero = round(clamp(-min(x, 0) / scale)); outputs y, scale and zero.
 * Shape:  that of in[0]; scale and zero of Dynamic: [].
 * Types:  8 and 16 bits, and i32 into DequantizeLinear. The result's type is that of the zero point
 *         or scale, else output_dtype, else u8.
 * Errors: SHAPE; UNSUPPORTED (an element type of 4 bits and the like).
 * Source: ONNX opset 11, 28.
 */
#include <math.h>

#include "ops/sample.h"
#include "ops/structure.h"

/* ---- which scale belongs to an element ---- */

static gboolean fits(const FoveaNode *node, guint slot, GError **error)
{
    const FoveaValue *x = node->in[0], *scale = fovea_node_in(node, slot);
    gint64 block = fovea_node_attr_int(node, "block_size", 0);
    gboolean one = scale == NULL || scale->rank == 0 ||
                   (scale->rank == 1 && fovea_dim_is(scale->dims[0], 1));
    guint axis;
    if (one)
        return TRUE;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 1), x->rank, FALSE, &axis, error))
        return FALSE;
    gboolean ok = scale->rank == (block > 0 ? x->rank : 1);
    for (gint i = 0; ok && block > 0 && i < x->rank; i++) {
        FoveaDim want = x->dims[i];
        if (i == (gint)axis) {
            FoveaDim up = fovea_dim_add(node->graph->syms, want, fovea_dim(block - 1));
            want = fovea_dim_div(node->graph->syms, up, fovea_dim(block));
        }
        ok = fovea_dim_equal(scale->dims[i], want);
    }
    if (ok && block <= 0)
        ok = fovea_dim_equal(scale->dims[0], x->dims[axis]);
    return ok ||
           fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                           "the shape of input %u fits neither the axis nor its blocks", slot);
}

static gint64 scale_at(const FoveaView *scale, const gint64 *index, guint axis, gint64 block)
{
    gint64 at = 0;
    if (fovea_view_count(scale) == 1)
        return 0;
    if (block <= 0)
        return index[axis] * scale->strides[0];
    for (guint i = 0; i < scale->rank; i++)
        at += (i == axis ? index[i] / block : index[i]) * scale->strides[i];
    return at;
}

static FoveaDtype asked_type(const FoveaNode *node, FoveaDtype fallback)
{
    FoveaDtype asked = (FoveaDtype)fovea_node_attr_int(node, "output_dtype", 0);
    return asked != FOVEA_DTYPE_NONE ? asked : fallback;
}

/* ---- QuantizeLinear, DequantizeLinear ---- */

static gboolean infer_quantize(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *zero = fovea_node_in(node, 2);
    FoveaDtype dtype = zero != NULL ? zero->dtype : asked_type(node, FOVEA_DTYPE_U8);
    if (!fits(node, 1, error) || !fits(node, 2, error))
        return FALSE;
    if (fovea_dtype_size(dtype) == 0 || fovea_fx_class_of(dtype) != FOVEA_FX_I)
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                               "quantising to element type %d is not supported", (int)dtype);
    return fovea_infer_set(node->out[0], dtype, node->in[0]->rank, node->in[0]->dims);
}

static gboolean infer_dequantize(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaDtype dtype = asked_type(node, node->in[1]->dtype);
    if (!fovea_check_ints(node, 0, error) || !fovea_check_same_type(node, 0, 2, error) ||
        !fits(node, 1, error) || !fits(node, 2, error))
        return FALSE;
    if (!fovea_dtype_is_float(dtype))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the scale must be floating point");
    return fovea_infer_set(node->out[0], dtype, node->in[0]->rank, node->in[0]->dims);
}

/* The quotient in the precision of the scale: on ties the last bit decides. */
static double quantised(double x, double scale, FoveaDtype precision, double zero)
{
    double q = precision == FOVEA_DTYPE_F64 ? x / scale : (double)((float)x / (float)scale);
    return rint(q) + zero;
}

static gboolean run_linear(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                           gboolean quantize)
{
    const FoveaView *scale = in[1], *zero = in[2];
    const gint64 *strides[] = {in[0]->strides, out->strides};
    gint64 block = fovea_node_attr_int(node, "block_size", 0);
    FoveaWalk walk;
    guint axis = 0;
    fovea_axis(fovea_node_attr_int(node, "axis", 1), (gint)out->rank, FALSE, &axis);
    fovea_walk_init(&walk, out->rank, out->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        double s = fovea_load_f64(scale->dtype, scale->data,
                                  scale_at(scale, walk.index, axis, block));
        double z = zero == NULL ? 0
                                : fovea_load_f64(zero->dtype, zero->data,
                                                 scale_at(zero, walk.index, axis, block));
        double x = fovea_load_f64(in[0]->dtype, in[0]->data, walk.at[0]);
        double y = quantize ? quantised(x, s, scale->dtype, z) : (x - z) * s;
        fovea_store_f64(out->dtype, out->data, walk.at[1], y); /* saturates */
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean ref_quantize(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *const *out, GError **error)
{
    return run_linear(node, in, out[0], TRUE);
}

static gboolean ref_dequantize(const FoveaNode *node, const FoveaView *const *in,
                               const FoveaView *const *out, GError **error)
{
    return run_linear(node, in, out[0], FALSE);
}

/* One scale; one for each channel; one for each block of 4 of 10. Scales are powers of two, so that
 * no device rounds a quotient to the other side of a tie. */
static void put_scales(FoveaSample *sample, guint index, FoveaDtype zero)
{
    static const gint64 dims[][3] = {{1}, {5}, {3, 5, 3}};
    guint rank = index == 0 ? 0 : index == 1 ? 1 : 3;
    fovea_sample_f32(sample, 1, rank, dims[index], 0.25, 0.25 + 1e-9);
    float *scales = fovea_tensor_data_mut(sample->in[1]);
    for (gsize i = 0; i < sample->in[1]->n_elements; i++)
        scales[i] = i % 2 ? 0.25f : 0.5f;
    fovea_sample_int(sample, 2, zero, rank, dims[index], zero == FOVEA_DTYPE_U8 ? 100 : -9, 110);
    fovea_node_set_int(sample->node, "axis", index == 2 ? 2 : 1);
    if (index == 2)
        fovea_node_set_int(sample->node, "block_size", 4);
}

static gboolean sample_quantize(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 5, 10), -60, 60);
    float *x = fovea_tensor_data_mut(sample->in[0]);
    for (gsize i = 0; i < sample->in[0]->n_elements; i++)
        x[i] = rintf(x[i] * 16) / 16;
    put_scales(sample, index, index == 1 ? FOVEA_DTYPE_I8 : FOVEA_DTYPE_U8);
    return TRUE;
}

static gboolean sample_dequantize(FoveaSample *sample, guint index)
{
    FoveaDtype dtype = index == 1 ? FOVEA_DTYPE_I8 : FOVEA_DTYPE_U8;
    if (index > 2)
        return FALSE;
    fovea_sample_int(sample, 0, dtype, FOVEA_DIMS(3, 5, 10), index == 1 ? -128 : 0, 128);
    put_scales(sample, index, dtype);
    return TRUE;
}

const FoveaOp fovea_op_QuantizeLinear = {.name = "QuantizeLinear",
                                         .min_in = 2,
                                         .max_in = 3,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .infer = infer_quantize,
                                         .ref = ref_quantize,
                                         .sample = sample_quantize};
const FoveaOp fovea_op_DequantizeLinear = {.name = "DequantizeLinear",
                                           .min_in = 2,
                                           .max_in = 3,
                                           .min_out = 1,
                                           .max_out = 1,
                                           .infer = infer_dequantize,
                                           .ref = ref_dequantize,
                                           .sample = sample_dequantize};

/* ---- DynamicQuantizeLinear ---- */

static gboolean infer_dynamic(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_dtype_is_float(node->in[0]->dtype))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the input must be floating point");
    fovea_infer_set(node->out[0], FOVEA_DTYPE_U8, node->in[0]->rank, node->in[0]->dims);
    fovea_infer_set(fovea_node_out(node, 1), FOVEA_DTYPE_F32, 0, NULL);
    fovea_infer_set(fovea_node_out(node, 2), FOVEA_DTYPE_U8, 0, NULL);
    return TRUE;
}

static gboolean ref_dynamic(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {in[0]->strides, out[0]->strides};
    float low = 0, high = 0;
    FoveaWalk walk;
    fovea_walk_init(&walk, in[0]->rank, in[0]->dims, 1, strides);
    for (gboolean more = !walk.empty; more; more = fovea_walk_next(&walk)) {
        float x = (float)fovea_load_f64(in[0]->dtype, in[0]->data, walk.at[0]);
        low = MIN(low, x);
        high = MAX(high, x);
    }
    float scale = high > low ? (high - low) / 255 : 1; /* all zero: any scale will do */
    double zero = rint(CLAMP((double)(-low / scale), 0, 255));
    fovea_walk_init(&walk, in[0]->rank, in[0]->dims, 2, strides);
    for (gboolean more = !walk.empty; more; more = fovea_walk_next(&walk)) {
        double x = fovea_load_f64(in[0]->dtype, in[0]->data, walk.at[0]);
        fovea_store_f64(out[0]->dtype, out[0]->data, walk.at[1],
                        quantised(x, scale, FOVEA_DTYPE_F32, zero));
    }
    if (out[1] != NULL)
        fovea_store_f64(out[1]->dtype, out[1]->data, 0, scale);
    if (out[2] != NULL)
        fovea_store_f64(out[2]->dtype, out[2]->data, 0, zero);
    return TRUE;
}

/* Ends at -127.5 and 127.5: a scale of 1. */
static gboolean sample_dynamic(FoveaSample *sample, guint index)
{
    if (index > 1)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17), -100, 100);
    float *x = fovea_tensor_data_mut(sample->in[0]);
    for (guint i = 0; i < 3 * 17; i++)
        x[i] = index == 0 ? floorf(x[i]) + 0.25f : 0;
    x[7] = index == 0 ? -127 : 0;
    x[9] = index == 0 ? 128 : 0;
    sample->n_out = 3;
    return TRUE;
}

const FoveaOp fovea_op_DynamicQuantizeLinear = {.name = "DynamicQuantizeLinear",
                                                .min_in = 1,
                                                .max_in = 1,
                                                .min_out = 1,
                                                .max_out = 3,
                                                .infer = infer_dynamic,
                                                .ref = ref_dynamic,
                                                .sample = sample_dynamic};
