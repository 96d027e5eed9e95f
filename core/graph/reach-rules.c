/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes through operators that compute: element by element, over axes, products.
 */
#include "graph/reach-rules.h"

#include "graph/passes/passes.h"
#include "ops/support.h"

static FoveaReachDone done(gboolean ok)
{
    return ok ? FOVEA_REACH_DONE : FOVEA_REACH_FAILED;
}

static gboolean same_boxes(const FoveaView *a, const FoveaView *b)
{
    return a->data == b->data && a->rank == b->rank &&
           memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0 &&
           memcmp(a->strides, b->strides, a->rank * sizeof *a->strides) == 0;
}

/* Output k of the node: the union of n fields, each broadcast to its shape. What has only one such
 * field is that field. */
static gboolean join_fields(const FoveaNode *node, guint k, const FoveaReachField *const *fields,
                            guint n, FoveaReachField *out, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    guint rank = (guint)node->out[k]->rank, n_wide = 0;
    g_autofree FoveaView *wide = g_new0(FoveaView, n + 1);
    guint32 vary = 0;
    fovea_reach_dims(node->out[k], dims);
    for (guint i = 0; i < n; i++) {
        gboolean fits = fovea_view_broadcast(&fields[i]->view, rank, dims, &wide[n_wide]);
        if (!fits || (n_wide > 0 && same_boxes(&wide[n_wide - 1], &wide[n_wide])))
            continue;
        vary |= fovea_reach_vary(&wide[n_wide++]);
    }
    if (n_wide == 1 && n > 0) {
        fovea_reach_field_share(&out[k], fields[0], &wide[0]);
        return TRUE;
    }
    if (!fovea_reach_field_new(&out[k], rank, dims, vary, error))
        return FALSE;
    for (guint i = 0; i < n_wide; i++)
        fovea_reach_join(rank, dims, wide[i].data, wide[i].strides, out[k].view.data,
                         out[k].view.strides);
    return TRUE;
}

/* Element by element: also norms whose statistics are given. */
static FoveaReachDone pointwise(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    g_autofree const FoveaReachField **fields = g_new0(const FoveaReachField *, node->n_in + 1);
    guint n = 0;
    if (node->n_out != 1)
        return FOVEA_REACH_ALL;
    for (guint k = 0; k < node->n_in; k++) {
        if (node->in[k] != NULL && node->in[k]->constant == NULL)
            fields[n++] = &in[k];
    }
    return done(join_fields(node, 0, fields, n, out, error));
}

/* Values that do not depend on any input's elements. */
static FoveaReachDone nothing(const FoveaNode *node, const FoveaReachField *in,
                              FoveaReachField *out, GError **error)
{
    (void)in;
    return done(join_fields(node, 0, NULL, 0, out, error));
}

/* ---- over axes ---- */

/* The union over axes; outputs have them with size 1, in full, or not at all. */
static gboolean spread(const FoveaNode *node, guint k, const FoveaReachField *sum,
                       FoveaReachField *out, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    FoveaView wide;
    guint rank = (guint)node->out[k]->rank;
    fovea_reach_dims(node->out[k], dims);
    if (rank != sum->view.rank || !fovea_view_broadcast(&sum->view, rank, dims, &wide))
        return fovea_reach_reshape(&sum->view, rank, dims, &out[k], error);
    fovea_reach_field_share(&out[k], sum, &wide);
    return TRUE;
}

static FoveaReachDone over_axes(const FoveaNode *node, guint32 axes, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    FoveaReachField sum;
    gboolean ok = fovea_reach_reduce(&in[0].view, axes, &sum, error);
    for (guint k = 0; ok && k < node->n_out; k++) {
        if (node->out[k] != NULL)
            ok = spread(node, k, &sum, out, error);
    }
    if (!ok) {
        for (guint k = 0; k < node->n_out; k++)
            fovea_reach_field_clear(&out[k]);
    }
    fovea_reach_field_clear(&sum);
    return done(ok);
}

static FoveaReachDone reduction(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    guint32 axes;
    return fovea_reduce_axes(node, &axes) ? over_axes(node, axes, in, out, error) : FOVEA_REACH_ALL;
}

static FoveaReachDone over_one_axis(const FoveaNode *node, const FoveaReachField *in,
                                    FoveaReachField *out, GError **error)
{
    gboolean first = g_str_has_prefix(node->op->name, "Arg"); /* ArgMax: the first by default */
    guint axis;
    if (!fovea_axis(fovea_node_attr_int(node, "axis", first ? 0 : -1), node->in[0]->rank, FALSE,
                    &axis))
        return FOVEA_REACH_ALL;
    return over_axes(node, 1u << axis, in, out, error);
}

/* The axis is input 1. */
static FoveaReachDone cumulation(const FoveaNode *node, const FoveaReachField *in,
                                 FoveaReachField *out, GError **error)
{
    guint axis;
    const FoveaTensor *given = node->in[1]->constant;
    if (given == NULL || given->n_elements != 1 ||
        !fovea_axis(fovea_load_i64(given->dtype, given->data, 0), node->in[0]->rank, FALSE, &axis))
        return FOVEA_REACH_ALL;
    return over_axes(node, 1u << axis, in, out, error);
}

/* LayerNormalization and RMSNormalization: from `axis` on. Scales and shifts that are computed are
 * too rare for a rule. */
static FoveaReachDone norm_rows(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    guint axis, rank = (guint)node->in[0]->rank;
    for (guint k = 1; k < node->n_in; k++) {
        if (node->in[k] != NULL && node->in[k]->constant == NULL)
            return FOVEA_REACH_ALL;
    }
    if (!fovea_axis(fovea_node_attr_int(node, "axis", -1), (gint)rank, FALSE, &axis))
        return FOVEA_REACH_ALL;
    return over_axes(node, ((1u << rank) - 1) & ~((1u << axis) - 1), in, out, error);
}

/* Spatial axes of [N, C, ...]. */
static FoveaReachDone over_picture(const FoveaNode *node, const FoveaReachField *in,
                                   FoveaReachField *out, GError **error)
{
    guint rank = (guint)node->in[0]->rank;
    for (guint k = 1; k < node->n_in; k++) {
        if (node->in[k] != NULL && node->in[k]->constant == NULL)
            return FOVEA_REACH_ALL;
    }
    return rank < 2 ? FOVEA_REACH_ALL : over_axes(node, ((1u << rank) - 1) & ~3u, in, out, error);
}

static FoveaReachDone over_channels(const FoveaNode *node, const FoveaReachField *in,
                                    FoveaReachField *out, GError **error)
{
    return over_axes(node, 1u << 1, in, out, error);
}

/* ---- products ---- */

/* Both sides reduced over the axis that is summed, then joined over the result. */
static FoveaReachDone product(const FoveaNode *node, const FoveaView *a, guint a_sum,
                              const FoveaView *b, guint b_sum, const FoveaReachField *c,
                              FoveaReachField *out, GError **error)
{
    FoveaReachField left = {0}, right = {0};
    gboolean ok = fovea_reach_reduce(a, 1u << a_sum, &left, error) &&
                  fovea_reach_reduce(b, 1u << b_sum, &right, error);
    const FoveaReachField *fields[] = {&left, &right, c};
    ok = ok && join_fields(node, 0, fields, c != NULL ? 3 : 2, out, error);
    fovea_reach_field_clear(&left);
    fovea_reach_field_clear(&right);
    return done(ok);
}

static FoveaReachDone matmul(const FoveaNode *node, const FoveaReachField *in, FoveaReachField *out,
                             GError **error)
{
    guint a = in[0].view.rank, b = in[1].view.rank;
    if (a < 2 || b < 2)
        return FOVEA_REACH_ALL;
    return product(node, &in[0].view, a - 1, &in[1].view, b - 2, NULL, out, error);
}

static FoveaView turned(const FoveaView *view, gboolean turn)
{
    FoveaView out = *view;
    for (guint i = 0; turn && i < 2; i++) {
        out.dims[i] = view->dims[1 - i];
        out.strides[i] = view->strides[1 - i];
    }
    return out;
}

static FoveaReachDone gemm(const FoveaNode *node, const FoveaReachField *in, FoveaReachField *out,
                           GError **error)
{
    gboolean with_c = node->n_in > 2 && node->in[2] != NULL;
    if (in[0].view.rank != 2 || in[1].view.rank != 2)
        return FOVEA_REACH_ALL;
    FoveaView a = turned(&in[0].view, fovea_node_attr_int(node, "transA", 0) != 0);
    FoveaView b = turned(&in[1].view, fovea_node_attr_int(node, "transB", 0) != 0);
    return product(node, &a, 1, &b, 0, with_c ? &in[2] : NULL, out, error);
}

/* Letters of one term of an equation; FALSE for what has no rule here ("...", a letter twice). */
static gboolean read_term(const char **at, guint *n, char *letters)
{
    *n = 0;
    for (; **at != '\0' && **at != ',' && **at != '-'; (*at)++) {
        if (**at == ' ')
            continue;
        if (!g_ascii_isalpha(**at) || *n == FOVEA_MAX_RANK || memchr(letters, **at, *n) != NULL)
            return FALSE;
        letters[(*n)++] = **at;
    }
    return TRUE;
}

/* The operand's axes in the order of the result's letters, what is summed over joined. */
static gboolean einsum_operand(const FoveaView *view, const char *letters, const char *result,
                               guint n_result, FoveaReachField *sum, GError **error)
{
    guint32 axes = 0;
    for (guint i = 0; i < view->rank; i++)
        axes |= memchr(result, letters[i], n_result) == NULL ? 1u << i : 0;
    if (!fovea_reach_reduce(view, axes, sum, error))
        return FALSE;
    FoveaView wide = {.dtype = FOVEA_DTYPE_I64, .rank = n_result, .data = sum->view.data};
    for (guint o = 0; o < n_result; o++) {
        wide.dims[o] = 1;
        for (guint i = 0; i < view->rank; i++) {
            if (letters[i] == result[o]) {
                wide.dims[o] = sum->view.dims[i];
                wide.strides[o] = sum->view.strides[i];
            }
        }
    }
    sum->view = wide;
    return TRUE;
}

static FoveaReachDone einsum(const FoveaNode *node, const FoveaReachField *in, FoveaReachField *out,
                             GError **error)
{
    const char *at = fovea_node_attr_string(node, "equation", "");
    char letters[4][FOVEA_MAX_RANK], result[FOVEA_MAX_RANK];
    FoveaReachField sums[4] = {{.memory = NULL}};
    const FoveaReachField *fields[4];
    guint n, n_result;
    for (guint k = 0; k < node->n_in; k++, at += *at == ',') {
        if (k == 4 || !read_term(&at, &n, letters[k]) || n != in[k].view.rank)
            return FOVEA_REACH_ALL;
        fields[k] = &sums[k];
    }
    if (!g_str_has_prefix(at, "->"))
        return FOVEA_REACH_ALL;
    at += 2;
    if (!read_term(&at, &n_result, result) || *at != '\0' || n_result != (guint)node->out[0]->rank)
        return FOVEA_REACH_ALL;
    gboolean ok = TRUE;
    for (guint k = 0; ok && k < node->n_in; k++)
        ok = einsum_operand(&in[k].view, letters[k], result, n_result, &sums[k], error);
    ok = ok && join_fields(node, 0, fields, node->n_in, out, error);
    for (guint k = 0; k < node->n_in; k++)
        fovea_reach_field_clear(&sums[k]);
    return done(ok);
}

/* All of one batch entry (a window, often) sees all of it. */
static FoveaReachDone attention(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    FoveaReachField sums[3] = {{.memory = NULL}};
    const FoveaReachField *fields[3] = {&sums[0], &sums[1], &sums[2]};
    gboolean ok = TRUE;
    if (node->n_out != 1)
        return FOVEA_REACH_ALL;
    for (guint k = 3; k < node->n_in; k++) {
        if (node->in[k] != NULL && node->in[k]->constant == NULL)
            return FOVEA_REACH_ALL;
    }
    for (guint k = 0; ok && k < 3; k++) {
        const FoveaView *view = &in[k].view;
        ok = fovea_reach_reduce(view, ((1u << view->rank) - 1) & ~1u, &sums[k], error);
    }
    ok = ok && join_fields(node, 0, fields, 3, out, error);
    for (guint k = 0; k < 3; k++)
        fovea_reach_field_clear(&sums[k]);
    return done(ok);
}

/* ---- the table ---- */

static const struct {
    const char *name;
    FoveaReachRule rule;
} rules[] = {
    {"ArgMax", over_one_axis},
    {"ArgMin", over_one_axis},
    {"Attention", attention},
    {"AveragePool", fovea_reach_pool},
    {"BatchNormalization", pointwise},
    {"CenterCropPad", fovea_reach_moved},
    {"Concat", fovea_reach_concat},
    {"Conv", fovea_reach_conv},
    {"ConvTranspose", fovea_reach_conv_transpose},
    {"CumProd", cumulation},
    {"CumSum", cumulation},
    {"DepthToSpace", fovea_reach_depth},
    {"Einsum", einsum},
    {"Expand", fovea_reach_expand},
    {"EyeLike", nothing},
    {"Flatten", fovea_reach_flat},
    {"Gather", fovea_reach_gather},
    {"GatherElements", fovea_reach_moved},
    {"GatherND", fovea_reach_moved},
    {"Gemm", gemm},
    {"GlobalAveragePool", over_picture},
    {"GlobalLpPool", over_picture},
    {"GlobalMaxPool", over_picture},
    {"Hardmax", over_one_axis},
    {"Identity", fovea_reach_view},
    {"InstanceNormalization", over_picture},
    {"LRN", over_channels},
    {"LayerNormalization", norm_rows},
    {"LogSoftmax", over_one_axis},
    {"LpNormalization", over_one_axis},
    {"LpPool", fovea_reach_pool},
    {"MatMul", matmul},
    {"MaxPool", fovea_reach_pool},
    {"Pad", fovea_reach_pad},
    {"RMSNormalization", norm_rows},
    {"ReduceL1", reduction},
    {"ReduceL2", reduction},
    {"ReduceLogSum", reduction},
    {"ReduceLogSumExp", reduction},
    {"ReduceMax", reduction},
    {"ReduceMean", reduction},
    {"ReduceMin", reduction},
    {"ReduceProd", reduction},
    {"ReduceSum", reduction},
    {"ReduceSumSquare", reduction},
    {"Reshape", fovea_reach_flat},
    {"Resize", fovea_reach_resize},
    {"ReverseSequence", fovea_reach_moved},
    {"Scalars", nothing},
    {"ScatterElements", fovea_reach_moved},
    {"ScatterND", fovea_reach_moved},
    {"Shape", nothing},
    {"Size", nothing},
    {"Slice", fovea_reach_view},
    {"Softmax", over_one_axis},
    {"SpaceToDepth", fovea_reach_moved},
    {"Split", fovea_reach_view},
    {"Squeeze", fovea_reach_flat},
    {"Tile", fovea_reach_moved},
    {"TopK", over_one_axis},
    {"Transpose", fovea_reach_view},
    {"Trilu", fovea_reach_moved},
    {"Unsqueeze", fovea_reach_flat},
};

FoveaReachRule fovea_reach_rule(const FoveaNode *node)
{
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (fovea_is_op(node, rules[i].name))
            return rules[i].rule;
    }
    return fovea_node_is_pointwise(node) ? pointwise : NULL;
}
