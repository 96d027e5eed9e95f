/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * DepthToSpace SpaceToDepth
 * Math:   b = blocksize. DepthToSpace: out[n, c, h b + i, w b + j] = in[n, k, h, w] with
 *         k = (i b + j) C + c (mode DCR, the default) or k = (c b + i) b + j (CRD), C the channels
 *         of the output. SpaceToDepth is the inverse, with the same modes.
 * Shape:  [N, C/b^2, H b, W b]; [N, C b^2, H/b, W/b].
 * Types:  any.
 * Errors: SHAPE (sizes that b does not divide); MODEL (an unknown mode).
 * Source: ONNX opset 13, 28; Shi et al. 2016 (sub-pixel convolution).
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean settings(const FoveaNode *node, gint64 *block, gboolean *crd, GError **error)
{
    const char *mode = fovea_node_attr_string(node, "mode", "DCR");
    *block = fovea_node_attr_int(node, "blocksize", 0);
    *crd = g_str_equal(mode, "CRD");
    if (*block < 1 || *block > 1 << 15 || (!*crd && !g_str_equal(mode, "DCR")))
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL,
                               "blocksize %" G_GINT64_FORMAT " or mode '%s' is not valid", *block,
                               mode);
    return TRUE;
}

static gboolean infer_space(FoveaGraph *graph, FoveaNode *node, gboolean to_space, GError **error)
{
    FoveaSyms *syms = graph->syms;
    const FoveaValue *in = node->in[0];
    gint64 block;
    gboolean crd;
    if (!settings(node, &block, &crd, error))
        return FALSE;
    if (in->rank != 4)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the input has rank %d, not 4",
                               in->rank);
    FoveaDim b = fovea_dim(block), bb = fovea_dim(block * block);
    FoveaDim c = in->dims[1], h = in->dims[2], w = in->dims[3];
    gboolean fits = to_space ? fovea_dim_is(fovea_dim_mod(syms, c, bb), 0)
                             : (!fovea_dim_is_const(h) || h.c % block == 0) &&
                                   (!fovea_dim_is_const(w) || w.c % block == 0);
    if (!fits)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "blocksize %" G_GINT64_FORMAT " does not divide the input's sizes",
                               block);
    FoveaDim down[] = {in->dims[0], fovea_dim_mul(syms, c, bb), fovea_dim_div(syms, h, b),
                       fovea_dim_div(syms, w, b)};
    FoveaDim up[] = {in->dims[0], fovea_dim_div(syms, c, bb), fovea_dim_mul(syms, h, b),
                     fovea_dim_mul(syms, w, b)};
    return fovea_infer_set(node->out[0], in->dtype, 4, to_space ? up : down);
}

/* Both ways: `space` has few channels, `depth` many; `from` is the one that is read. */
static gboolean run_space(const FoveaNode *node, const FoveaView *space, const FoveaView *depth,
                          gboolean to_space, GError **error)
{
    const gint64 *strides[] = {space->strides};
    gint64 b, channels = space->dims[1];
    gboolean crd;
    FoveaWalk walk;
    if (!settings(node, &b, &crd, error))
        return FALSE;
    fovea_walk_init(&walk, 4, space->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 c = walk.index[1], i = walk.index[2] % b, j = walk.index[3] % b;
        gint64 k = crd ? (c * b + i) * b + j : (i * b + j) * channels + c;
        gint64 at = walk.index[0] * depth->strides[0] + k * depth->strides[1] +
                    walk.index[2] / b * depth->strides[2] + walk.index[3] / b * depth->strides[3];
        if (to_space)
            fovea_move_element(depth, at, space, walk.at[0]);
        else
            fovea_move_element(space, walk.at[0], depth, at);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean infer_depth_to_space(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_space(graph, node, TRUE, error);
}

static gboolean ref_depth_to_space(const FoveaNode *node, const FoveaView *const *in,
                                   const FoveaView *const *out, GError **error)
{
    return run_space(node, out[0], in[0], TRUE, error);
}

static gboolean infer_space_to_depth(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    return infer_space(graph, node, FALSE, error);
}

static gboolean ref_space_to_depth(const FoveaNode *node, const FoveaView *const *in,
                                   const FoveaView *const *out, GError **error)
{
    return run_space(node, in[0], out[0], FALSE, error);
}

/* blocks of 1, 2, 3 in both modes */
static void set_block(FoveaSample *sample, guint index)
{
    fovea_node_set_int(sample->node, "blocksize", 1 + index / 2);
    fovea_node_set_string(sample->node, "mode", index % 2 ? "CRD" : "DCR");
}

static gboolean sample_depth_to_space(FoveaSample *sample, guint index)
{
    if (index > 5)
        return FALSE;
    set_block(sample, index);
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 36, 5, 7), -1, 1);
    return TRUE;
}

static gboolean sample_space_to_depth(FoveaSample *sample, guint index)
{
    if (index > 5)
        return FALSE;
    set_block(sample, index);
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 5, 6, 18), -1, 1);
    return TRUE;
}

const FoveaOp fovea_op_DepthToSpace = {.name = "DepthToSpace",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .infer = infer_depth_to_space,
                                       .ref = ref_depth_to_space,
                                       .sample = sample_depth_to_space};
const FoveaOp fovea_op_SpaceToDepth = {.name = "SpaceToDepth",
                                       .min_in = 1,
                                       .max_in = 1,
                                       .min_out = 1,
                                       .max_out = 1,
                                       .infer = infer_space_to_depth,
                                       .ref = ref_space_to_depth,
                                       .sample = sample_space_to_depth};
