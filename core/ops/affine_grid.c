/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * AffineGrid
 * Math:   grid[n, .., k] = sum_j theta[n, k, j] p_j with p = (x, y, 1) or (x, y, z, 1): positions
 *         evenly spaced over -1..1, that are pixel centres: p = (2 i + 1) / S - 1; with
 *         align_corners -1 + 2 i / (S - 1) (0 where S is 1).
 * Shape:  theta [N, 2, 3] and size [N, C, H, W] -> [N, H, W, 2]; theta [N, 3, 4] and
 *         [N, C, D, H, W] -> [N, D, H, W, 3].
 * Types:  floats; size integer.
 * Errors: SHAPE; NEED_VALUE (the size).
 * Source: ONNX opset 20; Jaderberg et al. 2015, eq. 1.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean infer_affine_grid(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *theta = node->in[0];
    FoveaDim size[FOVEA_MAX_RANK], dims[FOVEA_MAX_RANK];
    guint n;
    if (!fovea_infer_ints(graph, node, 1, size, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    if ((n != 4 && n != 5) || theta->rank != 3 || !fovea_dim_equal(theta->dims[0], size[0]) ||
        !fovea_dim_is(theta->dims[1], n - 2) || !fovea_dim_is(theta->dims[2], n - 1) ||
        !fovea_dtype_is_float(theta->dtype))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "theta does not fit a size of %u entries", n);
    dims[0] = size[0];
    for (guint i = 2; i < n; i++)
        dims[i - 1] = size[i];
    dims[n - 1] = fovea_dim(n - 2);
    return fovea_infer_set(node->out[0], theta->dtype, (gint)n, dims);
}

static double position(gint64 i, gint64 size, gboolean align)
{
    if (!align)
        return (2 * (double)i + 1) / (double)size - 1;
    return size > 1 ? 2 * (double)i / (double)(size - 1) - 1 : 0;
}

static gboolean ref_affine_grid(const FoveaNode *node, const FoveaView *const *in,
                                const FoveaView *const *out, GError **error)
{
    const FoveaView *theta = in[0], *to = out[0];
    const gint64 *strides[] = {to->strides};
    gboolean align = fovea_node_attr_int(node, "align_corners", 0) != 0;
    guint spatial = to->rank - 2;
    FoveaWalk walk;
    fovea_walk_init(&walk, to->rank, to->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 row = walk.index[0] * theta->strides[0] +
                     walk.index[to->rank - 1] * theta->strides[1];
        double sum = fovea_load_f64(theta->dtype, theta->data, row + spatial * theta->strides[2]);
        for (guint j = 0; j < spatial; j++) { /* x is the last axis of the picture */
            guint axis = spatial - j;
            sum += fovea_load_f64(theta->dtype, theta->data, row + j * theta->strides[2]) *
                   position(walk.index[axis], to->dims[axis], align);
        }
        fovea_store_f64(to->dtype, to->data, walk.at[0], sum);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_affine_grid(FoveaSample *sample, guint index)
{
    static const gint64 size[][5] = {{2, 3, 5, 7}, {2, 3, 4, 5, 7}};
    if (index > 3)
        return FALSE;
    guint d = index / 2;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 2 + d, 3 + d), -1, 1);
    fovea_sample_const_ints(sample, 1, size[d], 4 + d);
    fovea_node_set_int(sample->node, "align_corners", index % 2);
    return TRUE;
}

const FoveaOp fovea_op_AffineGrid = {.name = "AffineGrid",
                                     .min_in = 2,
                                     .max_in = 2,
                                     .min_out = 1,
                                     .max_out = 1,
                                     .infer = infer_affine_grid,
                                     .ref = ref_affine_grid,
                                     .sample = sample_affine_grid};
