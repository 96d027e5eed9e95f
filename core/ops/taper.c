/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * HannWindow HammingWindow BlackmanWindow
 * Math:   with t = 2 pi i / N, N = size (periodic=1, the default) or size - 1:
 *         Hann 1/2 - 1/2 cos t; Hamming 25/46 - 21/46 cos t; Blackman 0.42 - 0.5 cos t + 0.08 cos 2t.
 * Shape:  [size], size = in[0].
 * Types:  output_datatype, a float (default f32).
 * Errors: SHAPE; NEED_VALUE (the size).
 * Source: ONNX opset 17; Harris 1978.
 */
#include <math.h>

#include "ops/sample.h"
#include "ops/structure.h"

static gboolean infer_window(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    FoveaDtype dtype = (FoveaDtype)fovea_node_attr_int(node, "output_datatype", FOVEA_DTYPE_F32);
    FoveaDim size;
    guint n;
    if (!fovea_infer_ints(graph, node, 0, &size, 1, &n, error))
        return FALSE;
    if (n != 1 || !fovea_dtype_is_float(dtype) || (fovea_dim_is_const(size) && size.c < 0))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the size must be one number and the type a float");
    return fovea_infer_set(node->out[0], dtype, 1, &size);
}

static gboolean fill(const FoveaNode *node, const FoveaView *out, double a, double b, double c)
{
    gboolean periodic = fovea_node_attr_int(node, "periodic", 1) != 0;
    gint64 n = out->dims[0], period = periodic ? n : n - 1;
    for (gint64 i = 0; i < n; i++) {
        double t = period > 0 ? 2 * G_PI * (double)i / (double)period : G_PI;
        double y = a - b * cos(t) + c * cos(2 * t);
        fovea_store_f64(out->dtype, out->data, i * out->strides[0], y);
    }
    return TRUE;
}

static gboolean ref_hann(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    return fill(node, out[0], 0.5, 0.5, 0);
}

static gboolean ref_hamming(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    return fill(node, out[0], 25.0 / 46, 21.0 / 46, 0);
}

static gboolean ref_blackman(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *const *out, GError **error)
{
    return fill(node, out[0], 0.42, 0.5, 0.08);
}

static gboolean sample_window(FoveaSample *sample, guint index)
{
    static const gint64 sizes[] = {400, 17, 1};
    if (index > 2)
        return FALSE;
    fovea_sample_int(sample, 0, FOVEA_DTYPE_I64, 0, NULL, sizes[index], sizes[index] + 1);
    sample->constant[0] = TRUE;
    fovea_node_set_int(sample->node, "periodic", index == 0);
    return TRUE;
}

const FoveaOp fovea_op_HannWindow = {.name = "HannWindow",
                                     .min_in = 1,
                                     .max_in = 1,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .infer = infer_window,
                                     .ref = ref_hann,
                                     .sample = sample_window};
const FoveaOp fovea_op_HammingWindow = {.name = "HammingWindow",
                                        .min_in = 1,
                                        .max_in = 1,
                                        .min_out = 1,
                                        .max_out = 1,
                                        .infer = infer_window,
                                        .ref = ref_hamming,
                                        .sample = sample_window};
const FoveaOp fovea_op_BlackmanWindow = {.name = "BlackmanWindow",
                                         .min_in = 1,
                                         .max_in = 1,
                                         .min_out = 1,
                                         .max_out = 1,
                                         .infer = infer_window,
                                         .ref = ref_blackman,
                                         .sample = sample_window};
