/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Scalars Copy (ours: passes make them)
 * Math:   Scalars: no inputs; the integers that the output's content expressions give at the run's
 *         scalars. The session fills them in; there is no reference. Copy: the same elements in
 *         memory of its own, in C order.
 * Shape:  Scalars: as its maker set it. Copy: that of in[0].
 * Types:  Scalars: integer; Copy: any.
 * Errors: MODEL (Scalars without content).
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean infer_scalars(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *out = node->out[0];
    if (out->content == NULL || out->rank < 0 || fovea_fx_class_of(out->dtype) == FOVEA_FX_F)
        return fovea_node_fail(node, error, FOVEA_ERROR_MODEL,
                               "its output has no integer expressions");
    return TRUE;
}

const FoveaOp fovea_op_Scalars = {
    .name = "Scalars", .min_out = 1, .max_out = 1, .infer = infer_scalars};

static gboolean infer_copy(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    fovea_infer_like(node->out[0], node->in[0]);
    fovea_infer_pass_content(graph, node->in[0], node->out[0]);
    return TRUE;
}

static gboolean ref_copy(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    fovea_view_copy(in[0], out[0]);
    return TRUE;
}

static gboolean sample_copy(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -1, 1);
}

const FoveaOp fovea_op_Copy = {.name = "Copy",
                               .min_in = 1,
                               .max_in = 1,
                               .min_out = 1,
                               .max_out = 1,
                               .infer = infer_copy,
                               .ref = ref_copy,
                               .sample = sample_copy};
