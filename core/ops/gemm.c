/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/gemm.c: Gemm.
 *
 * Math    out = alpha * A' B' + beta * C, A' = A or its transpose (transA), B' likewise
 * Shape   A' [M,K], B' [K,N], C broadcast to [M,N] (optional), out [M,N]
 * Types   floats (summed in double); integers through double
 * Errors  SHAPE: not matrices, K differs, C does not broadcast
 * Source  ONNX Gemm-13
 */
#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 2, 2, error) || !fovea_infer_rank(node, 1, 2, 2, error))
        return FALSE;
    const FoveaValue *a = node->in[0], *b = node->in[1], *c = fovea_own_in(node, 2);
    gint ta = fovea_node_attr_int(node, "transA", 0) != 0;
    gint tb = fovea_node_attr_int(node, "transB", 0) != 0;
    FoveaDim dims[2] = {a->dims[ta], b->dims[1 - tb]}, wide[FOVEA_MAX_RANK];
    gint rank;
    if (!fovea_dim_equal(a->dims[1 - ta], b->dims[tb])) {
        g_autofree char *x = fovea_value_type_string(a), *y = fovea_value_type_string(b);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "cannot multiply %s by %s", x, y);
    }
    if (c != NULL && (!fovea_dims_broadcast(2, dims, c->rank, c->dims, &rank, wide) || rank != 2 ||
                      !fovea_dim_equal(wide[0], dims[0]) || !fovea_dim_equal(wide[1], dims[1]))) {
        g_autofree char *x = fovea_value_type_string(c);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "C %s does not broadcast", x);
    }
    return fovea_infer_set(node->out[0], a->dtype, 2, dims);
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaView *vc = fovea_own_view(node, in, 2);
    gboolean ta = fovea_node_attr_int(node, "transA", 0) != 0;
    gboolean tb = fovea_node_attr_int(node, "transB", 0) != 0;
    double alpha = fovea_node_attr_float(node, "alpha", 1);
    double beta = fovea_node_attr_float(node, "beta", 1);
    gint64 rows = out[0]->dims[0], cols = out[0]->dims[1], depth = in[0]->dims[!ta];
    g_autoptr(FoveaDoubles) a = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) b = a != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) z = b != NULL ? fovea_ref_room(rows * cols, error) : NULL;
    FoveaView wide;
    if (z == NULL)
        return FALSE;
    if (vc != NULL && !fovea_view_broadcast(vc, 2, out[0]->dims, &wide))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "C does not broadcast");
    for (gint64 m = 0; m < rows; m++) {
        for (gint64 n = 0; n < cols; n++) {
            double sum = 0;
            for (gint64 k = 0; k < depth; k++)
                sum += a[ta ? k * rows + m : m * depth + k] * b[tb ? n * depth + k : k * cols + n];
            z[m * cols + n] = alpha * sum;
            if (vc != NULL)
                z[m * cols + n] += beta * fovea_load_f64(wide.dtype, wide.data,
                                                         m * wide.strides[0] + n * wide.strides[1]);
        }
    }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample_fused(FoveaSample *s, guint index)
{
    gint64 m = index % 2 ? 130 : 13, n = index % 2 ? 129 : 17, k = index % 2 ? 258 : 9;
    const gint64 out[2] = {m, n};
    guint n_own = index % 4 < 2 ? 2 : 3;
    if (!fovea_sample_epilogue(s, index / 4, n_own, 2, out, 1))
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(m, k), -1, 1);
    fovea_sample_f32(s, 1, FOVEA_DIMS(n, k), -1, 1);
    if (n_own == 3)
        fovea_sample_f32(s, 2, FOVEA_DIMS(n), -1, 1);
    s->constant[1] = TRUE;
    s->constant[2] = n_own == 3;
    fovea_node_set_int(s->node, "transB", 1);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const gint64 bias[][2] = {{0, 0}, {1, 1}, {1, 17}, {9, 1}, {9, 17}};
    if (index >= 12)
        return sample_fused(s, index - 12);
    gboolean ta = index & 1, tb = (index >> 1) & 1;
    guint c = index % 5;
    fovea_sample_f32(s, 0, 2, (const gint64[]){ta ? 31 : 9, ta ? 9 : 31}, -1, 1);
    fovea_sample_f32(s, 1, 2, (const gint64[]){tb ? 17 : 31, tb ? 31 : 17}, -1, 1);
    if (c == 2 && index > 5)
        fovea_sample_f32(s, 2, FOVEA_DIMS(17), -1, 1);
    else if (c > 0)
        fovea_sample_f32(s, 2, 2, bias[c], -1, 1);
    s->constant[1] = index >= 4;
    s->constant[2] = index >= 4;
    fovea_node_set_int(s->node, "transA", ta);
    fovea_node_set_int(s->node, "transB", tb);
    if (index >= 8) {
        fovea_node_set_float(s->node, "alpha", 0.5f);
        fovea_node_set_float(s->node, "beta", -1.5f);
    }
    return TRUE;
}

const FoveaOp fovea_op_Gemm = {
    .name = "Gemm",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
