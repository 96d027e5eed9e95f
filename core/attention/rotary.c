/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention/rotary.c: RotaryEmbedding.
 *
 * Math    each pair (x1, x2) of a head's first R elements turns: (cos x1 - sin x2,
 *         sin x1 + cos x2). Pairs are (i, i + R/2), or (2i, 2i + 1) when interleaved; the rest of
 *         the head passes through
 * Shape   x [B,H,T,D] or [B,T,H*D] with num_heads; cos, sin [positions,R/2] with position_ids
 *         [B,T], or [B,T,R/2] without; R is rotary_embedding_dim, 0 for D
 * Types   floats; position ids integers
 * Errors  SHAPE; RANGE: a position outside the tables
 * Source  ONNX RotaryEmbedding-23; Su et al. 2021, RoFormer, eq. 34
 */
#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 heads = fovea_node_attr_int(node, "num_heads", 0);
    if (!fovea_infer_rank(node, 0, 3, 4, error))
        return FALSE;
    const FoveaValue *x = node->in[0], *ids = fovea_own_in(node, 3);
    gint tables = ids != NULL ? 2 : 3;
    if (!fovea_infer_rank(node, 1, tables, tables, error) ||
        !fovea_infer_rank(node, 2, tables, tables, error))
        return FALSE;
    FoveaDim last = x->dims[x->rank - 1];
    if (!fovea_dim_is_const(last) || (x->rank == 3 && (heads < 1 || last.c % heads != 0)))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "num_heads does not fit the input");
    gint64 depth = x->rank == 3 ? last.c / heads : last.c;
    gint64 rotated = fovea_node_attr_int(node, "rotary_embedding_dim", 0);
    rotated = rotated > 0 ? rotated : depth;
    if (rotated > depth || rotated % 2 != 0 ||
        !fovea_dim_is(node->in[1]->dims[tables - 1], rotated / 2) ||
        !fovea_value_same_shape(node->in[1], node->in[2]))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the tables do not fit %" G_GINT64_FORMAT " rotated elements",
                               rotated);
    return fovea_infer_first(graph, node, error);
}

static void rotate(double *x, const double *cosine, const double *sine, gint64 half,
                   gboolean interleaved)
{
    for (gint64 i = 0; i < half; i++) {
        gint64 a = interleaved ? 2 * i : i, b = interleaved ? 2 * i + 1 : i + half;
        double x1 = x[a], x2 = x[b];
        x[a] = cosine[i] * x1 - sine[i] * x2;
        x[b] = sine[i] * x1 + cosine[i] * x2;
    }
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaView *vids = fovea_own_view(node, in, 3), *vx = in[0];
    gboolean flat = vx->rank == 3;
    gboolean interleaved = fovea_node_attr_int(node, "interleaved", 0) != 0;
    gint64 heads = flat ? fovea_node_attr_int(node, "num_heads", 1) : vx->dims[1];
    gint64 tokens = vx->dims[flat ? 1 : 2], depth = flat ? vx->dims[2] / heads : vx->dims[3];
    gint64 half = in[1]->dims[in[1]->rank - 1];
    g_autoptr(FoveaDoubles) x = fovea_ref_load(vx, error);
    g_autoptr(FoveaDoubles) cosine = x != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) sine = cosine != NULL ? fovea_ref_load(in[2], error) : NULL;
    g_autoptr(FoveaInts) ids = vids != NULL ? fovea_ref_load_ints(vids, error) : NULL;
    if (sine == NULL || (vids != NULL && ids == NULL))
        return FALSE;
    for (gint64 b = 0; b < vx->dims[0]; b++)
        for (gint64 t = 0; t < tokens; t++) {
            gint64 row = ids != NULL ? ids[b * tokens + t] : b * tokens + t;
            if (ids != NULL && (row < 0 || row >= in[1]->dims[0]))
                return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                       "position %" G_GINT64_FORMAT
                                       " is outside the table of %" G_GINT64_FORMAT,
                                       row, in[1]->dims[0]);
            for (gint64 h = 0; h < heads; h++) {
                gint64 at = flat ? ((b * tokens + t) * heads + h) : (b * heads + h) * tokens + t;
                rotate(x + at * depth, cosine + row * half, sine + row * half, half, interleaved);
            }
        }
    fovea_ref_store(x, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    if (index >= 8)
        return FALSE;
    gboolean flat = index & 1, ids = index & 2, inter = index & 4;
    gint64 rotated = index % 3 == 0 ? 8 : 12;
    if (flat)
        fovea_sample_f32(s, 0, FOVEA_DIMS(2, 7, 36), -1, 1);
    else
        fovea_sample_f32(s, 0, FOVEA_DIMS(2, 3, 7, 12), -1, 1);
    for (guint k = 1; k < 3; k++) {
        if (ids)
            fovea_sample_f32(s, k, FOVEA_DIMS(17, rotated / 2), -1, 1);
        else
            fovea_sample_f32(s, k, FOVEA_DIMS(2, 7, rotated / 2), -1, 1);
    }
    if (ids)
        fovea_sample_int(s, 3, FOVEA_DTYPE_I64, FOVEA_DIMS(2, 7), 0, 17);
    if (flat)
        fovea_node_set_int(s->node, "num_heads", 3);
    fovea_node_set_int(s->node, "interleaved", inter);
    fovea_node_set_int(s->node, "rotary_embedding_dim", rotated == 12 ? 0 : rotated);
    return TRUE;
}

const FoveaOp fovea_op_RotaryEmbedding = {
    .name = "RotaryEmbedding",
    .min_in = 3,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
