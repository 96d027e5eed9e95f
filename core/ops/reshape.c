/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Identity Reshape Flatten Squeeze Unsqueeze
 * Math:   the same elements in C order under another shape.
 * Shape:  Reshape: in[1], where 0 keeps the size of that axis (unless allowzero) and one -1 takes
 *         what is left. Flatten: [product before axis, product from axis on]. Squeeze: without the
 *         axes of in[1], or without all of size 1. Unsqueeze: with new axes of size 1 at in[1].
 * Types:  any.
 * Errors: SHAPE (the number of elements would change); NEED_VALUE.
 * Source: ONNX opset 13 to 25.
 */
#include "ops/sample.h"
#include "ops/structure.h"

static gboolean ref_flat(const FoveaNode *node, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    return fovea_copy_flat(node, in[0], out[0], error);
}

/* ---- windows ---- */

/* Strides of out dims [o0, o1) over the window's axes [i0, i1), which hold as many elements, where
 * all sizes are numbers: walk both from the end, matching groups whose products agree; a group is
 * usable where its axes lie without gaps. */
static gboolean split_strides(FoveaSyms *syms, const FoveaWindow *in, gint i0, gint i1,
                              FoveaWindow *out, gint o0, gint o1)
{
    gint i = i1 - 1, o = o1 - 1;
    while (i >= i0 || o >= o0) {
        gint64 have = i >= i0 ? in->dims[i].c : 1, want = o >= o0 ? out->dims[o].c : 1;
        FoveaDim step = i >= i0 ? in->strides[i] : fovea_dim(1);
        if (have == 1 && i >= i0) {
            i--;
            continue;
        }
        if (want == 1 && o >= o0) {
            out->strides[o--] = step;
            continue;
        }
        if (i < i0 || o < o0)
            return FALSE;
        gint64 used = 1; /* elements of the group already given to out axes */
        for (;;) {
            want = out->dims[o].c;
            out->strides[o] = fovea_dim_mul(syms, step, fovea_dim(used));
            used *= want;
            o--;
            while (used > have) { /* the next input axis must go on where this one ends */
                do {
                    if (--i < i0)
                        return FALSE;
                } while (in->dims[i].c == 1);
                if (!fovea_dim_equal(in->strides[i], fovea_dim_mul(syms, step, fovea_dim(have))))
                    return FALSE;
                have *= in->dims[i].c;
            }
            if (used == have)
                break;
            if (o < o0)
                return FALSE;
        }
        i--;
    }
    return TRUE;
}

static gboolean all_const(const FoveaDim *dims, gint from, gint to)
{
    for (gint i = from; i < to; i++) {
        if (!fovea_dim_is_const(dims[i]) || dims[i].c == 0)
            return FALSE;
    }
    return TRUE;
}

/* Axes [i0, i1) lie without gaps, so any split of them is C order over the last stride. */
static gboolean packed_strides(FoveaSyms *syms, const FoveaWindow *in, gint i0, gint i1,
                               FoveaWindow *out, gint o0, gint o1)
{
    FoveaDim step = fovea_dim(1), next = step;
    gboolean any = FALSE;
    for (gint i = i1 - 1; i >= i0; i--) {
        if (fovea_dim_is(in->dims[i], 1))
            continue;
        if (any && !fovea_dim_equal(next, in->strides[i]))
            return FALSE;
        if (!any)
            step = in->strides[i];
        any = TRUE;
        next = fovea_dim_mul(syms, in->strides[i], in->dims[i]);
    }
    for (gint o = o1 - 1; o >= o0; o--) {
        out->strides[o] = step;
        step = fovea_dim_mul(syms, step, out->dims[o]);
    }
    return TRUE;
}

/* Equal axes at both ends keep their strides; what lies between is split or merged. */
static gboolean view_reshape(const FoveaNode *node, guint slot, const FoveaWindow *in,
                             FoveaWindow *out)
{
    const FoveaValue *to = node->out[slot];
    gint lead = 0, i1 = in->rank, o1 = to->rank;
    *out = (FoveaWindow){.rank = to->rank, .offset = in->offset};
    memcpy(out->dims, to->dims, sizeof out->dims);
    while (lead < i1 && lead < o1 && fovea_dim_equal(in->dims[lead], out->dims[lead])) {
        out->strides[lead] = in->strides[lead];
        lead++;
    }
    while (i1 > lead && o1 > lead && fovea_dim_equal(in->dims[i1 - 1], out->dims[o1 - 1])) {
        i1--, o1--;
        out->strides[o1] = in->strides[i1];
    }
    FoveaSyms *syms = node->graph->syms;
    if (all_const(in->dims, lead, i1) && all_const(out->dims, lead, o1))
        return split_strides(syms, in, lead, i1, out, lead, o1);
    /* A new or lost axis of size 1 beside symbolic ones. */
    return packed_strides(syms, in, lead, i1, out, lead, o1);
}

static gboolean view_same(const FoveaNode *node, guint slot, const FoveaWindow *in,
                          FoveaWindow *out)
{
    *out = *in;
    return slot == 0;
}

/* Axes of size 1 come or go: every other axis keeps its stride. */
static gboolean view_ones(const FoveaNode *node, guint slot, const FoveaWindow *in,
                          FoveaWindow *out)
{
    const FoveaValue *to = node->out[0];
    gint i = 0;
    *out = (FoveaWindow){.rank = to->rank, .offset = in->offset};
    for (gint o = 0; o < to->rank; o++) {
        out->dims[o] = to->dims[o];
        while (i < in->rank && fovea_dim_is(in->dims[i], 1) && !fovea_dim_is(to->dims[o], 1))
            i++;
        if (i < in->rank && fovea_dim_equal(in->dims[i], to->dims[o]))
            out->strides[o] = in->strides[i++];
        else if (!fovea_dim_is(to->dims[o], 1))
            return FALSE;
    }
    return TRUE;
}

/* ---- Identity ---- */

static gboolean infer_identity(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    fovea_infer_like(node->out[0], node->in[0]);
    fovea_infer_pass_content(graph, node->in[0], node->out[0]);
    return TRUE;
}

static gboolean sample_identity(FoveaSample *sample, guint index)
{
    return fovea_sample_domain(sample, index, -1, 1);
}

const FoveaOp fovea_op_Identity = {.name = "Identity",
                                   .min_in = 1,
                                   .max_in = 1,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .is_view = TRUE,
                                   .infer = infer_identity,
                                   .ref = ref_flat,
                                   .view = view_same,
                                   .sample = sample_identity};

/* ---- Reshape ---- */

/* Product of `from`, and of `to` without the entry `skip`, after equal entries have cancelled. */
static void cancelled_products(FoveaSyms *syms, const FoveaDim *from, gint n_from,
                               const FoveaDim *to, gint n_to, gint skip, FoveaDim *a, FoveaDim *b)
{
    gboolean gone[FOVEA_MAX_RANK] = {FALSE};
    *a = *b = fovea_dim(1);
    for (gint o = 0; o < n_to; o++) {
        gint match = -1;
        for (gint i = 0; o != skip && i < n_from && match < 0; i++) {
            if (!gone[i] && fovea_dim_equal(from[i], to[o]) && !fovea_dim_is(to[o], 0))
                match = i;
        }
        if (match >= 0)
            gone[match] = TRUE;
        else if (o != skip)
            *b = fovea_dim_mul(syms, *b, to[o]);
    }
    for (gint i = 0; i < n_from; i++) {
        if (!gone[i])
            *a = fovea_dim_mul(syms, *a, from[i]);
    }
}

static gboolean reshape_mismatch(const FoveaNode *node, const FoveaDim *dims, gint rank,
                                 GError **error)
{
    GString *to = g_string_new("[");
    g_autofree char *from = fovea_value_type_string(node->in[0]);
    for (gint i = 0; i < rank; i++) {
        g_autofree char *one = fovea_dim_to_string(node->graph->syms, dims[i]);
        g_string_append_printf(to, "%s%s", i ? "," : "", one);
    }
    g_string_append_c(to, ']');
    fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%s cannot be given the shape %s", from,
                    to->str);
    g_string_free(to, TRUE);
    return FALSE;
}

/* The one -1 takes what is left; without it the products must agree. */
static gboolean settle(FoveaSyms *syms, const FoveaNode *node, FoveaDim *dims, gint rank, gint open,
                       GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim have, rest;
    cancelled_products(syms, in->dims, in->rank, dims, rank, open, &have, &rest);
    if (open < 0)
        return fovea_dim_equal(have, rest) || reshape_mismatch(node, dims, rank, error);
    if (fovea_dim_is(rest, 0) ||
        (fovea_dim_is_const(have) && fovea_dim_is_const(rest) && have.c % rest.c != 0))
        return reshape_mismatch(node, dims, rank, error);
    dims[open] = fovea_dim_div(syms, have, rest);
    return TRUE;
}

static gboolean infer_reshape(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    gboolean allow_zero = fovea_node_attr_int(node, "allowzero", 0) != 0;
    gint open = -1;
    guint rank;
    if (!fovea_infer_ints(graph, node, 1, dims, FOVEA_MAX_RANK, &rank, error))
        return FALSE;
    for (guint i = 0; i < rank; i++) {
        if (fovea_dim_is(dims[i], 0) && !allow_zero) {
            if ((gint)i >= in->rank)
                return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                       "size 0 at axis %u copies an axis the input does not have",
                                       i);
            dims[i] = in->dims[i];
        } else if (fovea_dim_is(dims[i], -1)) {
            if (open >= 0)
                return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "more than one size is -1");
            open = (gint)i;
        } else if (fovea_dim_is_const(dims[i]) && dims[i].c < 0) {
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "a size is %" G_GINT64_FORMAT,
                                   dims[i].c);
        }
    }
    if (!settle(graph->syms, node, dims, (gint)rank, open, error))
        return FALSE;
    fovea_infer_set(node->out[0], in->dtype, (gint)rank, dims);
    fovea_infer_pass_content(graph, in, node->out[0]);
    return TRUE;
}

static gboolean sample_reshape(FoveaSample *sample, guint index)
{
    static const struct {
        guint n;
        gint64 to[4];
        gboolean allow_zero;
    } cases[] = {
        {2, {6, 35}}, {3, {0, -1, 5}}, {1, {-1}}, {4, {2, 3, 7, 5}}, {4, {1, 210, 1, 1}},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 21, 5), -1, 1);
    fovea_sample_const_ints(sample, 1, cases[index].to, cases[index].n);
    return TRUE;
}

const FoveaOp fovea_op_Reshape = {.name = "Reshape",
                                  .min_in = 2,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .is_view = TRUE,
                                  .infer = infer_reshape,
                                  .ref = ref_flat,
                                  .view = view_reshape,
                                  .sample = sample_reshape};

/* ---- Flatten ---- */

static gboolean infer_flatten(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    FoveaDim dims[2] = {fovea_dim(1), fovea_dim(1)};
    guint axis;
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "axis", 1), in->rank, TRUE, &axis, error))
        return FALSE;
    /* A negative axis counts from the rank, not from the rank + 1. */
    if (fovea_node_attr_int(node, "axis", 1) < 0)
        axis = (guint)MAX(fovea_node_attr_int(node, "axis", 1) + in->rank, 0);
    for (gint i = 0; i < in->rank; i++) {
        FoveaDim *to = &dims[i >= (gint)axis];
        *to = fovea_dim_mul(graph->syms, *to, in->dims[i]);
    }
    fovea_infer_set(node->out[0], in->dtype, 2, dims);
    fovea_infer_pass_content(graph, in, node->out[0]);
    return TRUE;
}

static gboolean sample_flatten(FoveaSample *sample, guint index)
{
    if (index > 4)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(2, 3, 5, 7), -1, 1);
    fovea_node_set_int(sample->node, "axis", (gint64)index - (index == 4 ? 6 : 0));
    return TRUE;
}

const FoveaOp fovea_op_Flatten = {.name = "Flatten",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .is_view = TRUE,
                                  .infer = infer_flatten,
                                  .ref = ref_flat,
                                  .view = view_reshape,
                                  .sample = sample_flatten};

/* ---- Squeeze, Unsqueeze ---- */

/* The axes of input 1 as marks on a tensor of `rank`; an axis named twice is an error. */
static gboolean mark_axes(FoveaGraph *graph, const FoveaNode *node, gint rank, gboolean *marked,
                          guint *n, GError **error)
{
    gint64 axes[FOVEA_MAX_RANK];
    memset(marked, 0, sizeof *marked * FOVEA_MAX_RANK);
    if (!fovea_infer_const_ints(graph, node, 1, axes, FOVEA_MAX_RANK, n, error))
        return FALSE;
    if (rank < 0)
        rank = node->in[0]->rank + (gint)*n;
    if (!fovea_check_rank(node, rank, error))
        return FALSE;
    for (guint i = 0; i < *n; i++) {
        guint axis;
        if (!fovea_op_axis(node, axes[i], rank, FALSE, &axis, error))
            return FALSE;
        if (marked[axis])
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "axis %u is named twice", axis);
        marked[axis] = TRUE;
    }
    return TRUE;
}

static gboolean infer_squeeze(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    gboolean marked[FOVEA_MAX_RANK];
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank = 0;
    guint n;
    if (!mark_axes(graph, node, in->rank, marked, &n, error))
        return FALSE;
    for (gint i = 0; i < in->rank; i++) {
        gboolean one = fovea_dim_is(in->dims[i], 1);
        if (marked[i] && !one) {
            g_autofree char *text = fovea_dim_to_string(graph->syms, in->dims[i]);
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "axis %d has size %s, not 1", i,
                                   text);
        }
        if (!marked[i] && !(one && fovea_node_in(node, 1) == NULL))
            dims[rank++] = in->dims[i];
    }
    fovea_infer_set(node->out[0], in->dtype, rank, dims);
    fovea_infer_pass_content(graph, in, node->out[0]);
    return TRUE;
}

static gboolean sample_squeeze(FoveaSample *sample, guint index)
{
    static const gint64 axes[] = {1, -1};
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 1, 5, 1), -1, 1);
    if (index > 0)
        fovea_sample_const_ints(sample, 1, axes, index);
    return TRUE;
}

const FoveaOp fovea_op_Squeeze = {.name = "Squeeze",
                                  .min_in = 1,
                                  .max_in = 2,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .is_view = TRUE,
                                  .infer = infer_squeeze,
                                  .ref = ref_flat,
                                  .view = view_ones,
                                  .sample = sample_squeeze};

static gboolean infer_unsqueeze(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    gboolean marked[FOVEA_MAX_RANK];
    FoveaDim dims[FOVEA_MAX_RANK];
    guint n;
    gint from = 0;
    if (!mark_axes(graph, node, -1, marked, &n, error))
        return FALSE;
    gint rank = in->rank + (gint)n;
    for (gint i = 0; i < rank; i++)
        dims[i] = marked[i] ? fovea_dim(1) : in->dims[from++];
    fovea_infer_set(node->out[0], in->dtype, rank, dims);
    fovea_infer_pass_content(graph, in, node->out[0]);
    return TRUE;
}

static gboolean sample_unsqueeze(FoveaSample *sample, guint index)
{
    static const gint64 axes[][2] = {{0, 3}, {-1, 1}, {2, 2}};
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 5), -1, 1);
    fovea_sample_const_ints(sample, 1, axes[index], index == 2 ? 1 : 2);
    return TRUE;
}

const FoveaOp fovea_op_Unsqueeze = {.name = "Unsqueeze",
                                    .min_in = 2,
                                    .max_in = 2,
                                    .min_out = 1,
                                    .max_out = 1,
                                    .is_view = TRUE,
                                    .infer = infer_unsqueeze,
                                    .ref = ref_flat,
                                    .view = view_ones,
                                    .sample = sample_unsqueeze};
