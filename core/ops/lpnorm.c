/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/lpnorm.c: LpNormalization, LRN.
 *
 * Math    LpNormalization: x / (sum over `axis` of |x|^p)^(1/p), 0 where that is 0
 *         LRN: x / (bias + alpha/size * sum of x^2 over `size` neighbouring channels)^beta
 * Shape   out as x
 * Types   floats
 * Errors  SHAPE: axis outside, size below 1
 * Source  ONNX LpNormalization-22, LRN-13
 */
#include <math.h>

#include "ops/support.h"

static gboolean infer_lp(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint axis;
    return fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) &&
           fovea_infer_axis(node, -1, &axis, error) && fovea_infer_first(graph, node, error);
}

static gboolean ref_lp(const FoveaNode *node, const FoveaView *const *in,
                       const FoveaView *const *out, GError **error)
{
    FoveaAxisSpan span = fovea_axis_span(in[0], fovea_node_axis(node, -1, in[0]->rank), 1);
    double p = (double)fovea_node_attr_int(node, "p", 2);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    if (x == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++)
        for (gint64 i = 0; i < span.inner; i++) {
            double *from = x + o * span.n * span.inner + i, sum = 0;
            for (gint64 k = 0; k < span.n; k++)
                sum += pow(fabs(from[k * span.inner]), p);
            double norm = pow(sum, 1 / p);
            for (gint64 k = 0; k < span.n; k++)
                from[k * span.inner] = norm == 0 ? 0 : from[k * span.inner] / norm;
        }
    fovea_ref_store(x, out[0]);
    return TRUE;
}

static gboolean sample_lp(FoveaSample *s, guint index)
{
    if (index >= 4)
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(3, 17, 5), -1, 1);
    fovea_node_set_int(s->node, "axis", (gint64)index - 1);
    fovea_node_set_int(s->node, "p", 1 + index % 2);
    return TRUE;
}

static gboolean infer_lrn(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 2, FOVEA_MAX_RANK, error))
        return FALSE;
    if (fovea_node_attr_int(node, "size", 0) < 1)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "size must be 1 or more");
    return fovea_infer_first(graph, node, error);
}

static gboolean ref_lrn(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    FoveaAxisSpan span = fovea_axis_span(in[0], 1, 1);
    gint64 size = fovea_node_attr_int(node, "size", 1);
    double alpha = fovea_node_attr_float(node, "alpha", 1e-4);
    double beta = fovea_node_attr_float(node, "beta", 0.75);
    double bias = fovea_node_attr_float(node, "bias", 1);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) z = x != NULL ? fovea_ref_room(fovea_view_count(in[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++)
        for (gint64 c = 0; c < span.n; c++)
            for (gint64 i = 0; i < span.inner; i++) {
                double sum = 0;
                gint64 low = MAX(c - (size - 1) / 2, 0), high = MIN(c + size / 2, span.n - 1);
                for (gint64 k = low; k <= high; k++) {
                    double at = x[(o * span.n + k) * span.inner + i];
                    sum += at * at;
                }
                gint64 at = (o * span.n + c) * span.inner + i;
                z[at] = x[at] / pow(bias + alpha / (double)size * sum, beta);
            }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample_lrn(FoveaSample *s, guint index)
{
    if (index >= 3)
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(2, 9, 5, 7), -3, 3);
    fovea_node_set_int(s->node, "size", 3 + index);
    fovea_node_set_float(s->node, "alpha", index == 1 ? 1e-4f : 0.3f);
    return TRUE;
}

const FoveaOp fovea_op_LpNormalization = {
    .name = "LpNormalization",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_lp,
    .ref = ref_lp,
    .sample = sample_lp,
};

const FoveaOp fovea_op_LRN = {
    .name = "LRN",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_lrn,
    .ref = ref_lrn,
    .sample = sample_lrn,
};
