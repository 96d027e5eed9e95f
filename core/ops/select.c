/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Trilu ReverseSequence Compress NonZero
 * Math:   Trilu: keeps j - i >= k (upper=1, the default) or j - i <= k of each matrix, 0 elsewhere;
 *         k = in[1], default 0. ReverseSequence: the first in[1][b] elements along time_axis are
 *         reversed. Compress: the slices along `axis` (none: of the flattened input) whose condition
 *         in[1] is true. NonZero: the coordinates of elements that are not 0, [rank, n].
 * Shape:  that of in[0]; Compress and NonZero: by their condition, which must be known when the
 *         plan is made.
 * Types:  any.
 * Errors: SHAPE; NEED_VALUE; RANGE (a length longer than the time axis).
 * Source: ONNX opset 10 to 28.
 */
#include "ops/sample.h"
#include "ops/structure.h"

/* ---- Trilu ---- */

static gboolean infer_trilu(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 k;
    guint n;
    if (node->in[0]->rank < 2)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the input has rank %d, not 2 or more", node->in[0]->rank);
    return fovea_infer_const_ints(graph, node, 1, &k, 1, &n, error) &&
           fovea_infer_like(node->out[0], node->in[0]);
}

static gboolean ref_trilu(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {in[0]->strides, out[0]->strides};
    gboolean upper = fovea_node_attr_int(node, "upper", 1) != 0;
    gint64 k = 0;
    FoveaWalk walk;
    guint n, r = out[0]->rank;
    if (!fovea_run_ints(node, in[1], &k, 1, &n, error))
        return FALSE;
    fovea_walk_init(&walk, r, out[0]->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 off = walk.index[r - 1] - walk.index[r - 2];
        if (upper ? off >= k : off <= k)
            fovea_move_element(in[0], walk.at[0], out[0], walk.at[1]);
        else
            fovea_store_i64(out[0]->dtype, out[0]->data, walk.at[1], 0);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_trilu(FoveaSample *sample, guint index)
{
    static const gint64 k[] = {0, 1, -3, 40, -40};
    if (index > 9)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(3, 17, 9), -1, 1);
    if (index > 1) {
        fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 0, NULL, k[index / 2], k[index / 2] + 1);
        sample->constant[1] = TRUE;
    }
    fovea_node_set_int(sample->node, "upper", index % 2);
    return TRUE;
}

const FoveaOp fovea_op_Trilu = {.name = "Trilu",
                                .min_in = 1,
                                .max_in = 2,
                                .min_out = 1,
                                .max_out = 1,
                                .infer = infer_trilu,
                                .ref = ref_trilu,
                                .sample = sample_trilu};

/* ---- ReverseSequence ---- */

static gboolean sequence_axes(const FoveaNode *node, gint rank, guint *batch, guint *time,
                              GError **error)
{
    if (!fovea_op_axis(node, fovea_node_attr_int(node, "batch_axis", 1), rank, FALSE, batch,
                       error) ||
        !fovea_op_axis(node, fovea_node_attr_int(node, "time_axis", 0), rank, FALSE, time, error))
        return FALSE;
    return *batch != *time ||
           fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "batch and time are one axis");
}

static gboolean infer_reverse(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0], *lengths = node->in[1];
    guint batch, time;
    if (!fovea_check_ints(node, 1, error) || !sequence_axes(node, in->rank, &batch, &time, error))
        return FALSE;
    if (lengths->rank != 1 || !fovea_dim_equal(lengths->dims[0], in->dims[batch]))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "one length a batch entry is needed");
    return fovea_infer_like(node->out[0], in);
}

static gboolean ref_reverse(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {in[0]->strides, out[0]->strides};
    FoveaWalk walk;
    guint batch, time;
    if (!sequence_axes(node, (gint)in[0]->rank, &batch, &time, error))
        return FALSE;
    fovea_walk_init(&walk, out[0]->rank, out[0]->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        gint64 t = walk.index[time];
        gint64 n = fovea_load_i64(in[1]->dtype, in[1]->data, walk.index[batch] * in[1]->strides[0]);
        if (n < 0 || n > in[0]->dims[time])
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "length %" G_GINT64_FORMAT
                                   " is outside a time axis of size %" G_GINT64_FORMAT,
                                   n, in[0]->dims[time]);
        gint64 from = t < n ? n - 1 - t : t;
        fovea_move_element(in[0], walk.at[0] + (from - t) * in[0]->strides[time], out[0],
                           walk.at[1]);
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_reverse(FoveaSample *sample, guint index)
{
    if (index > 1)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(7, 9, 5), -1, 1);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_I64, 1, (gint64[]){index ? 7 : 9}, 0, 8);
    fovea_node_set_int(sample->node, "batch_axis", index ? 0 : 1);
    fovea_node_set_int(sample->node, "time_axis", index ? 1 : 0);
    return TRUE;
}

const FoveaOp fovea_op_ReverseSequence = {.name = "ReverseSequence",
                                          .min_in = 2,
                                          .max_in = 2,
                                          .min_out = 1,
                                          .max_out = 1,
                                          .infer = infer_reverse,
                                          .ref = ref_reverse,
                                          .sample = sample_reverse};

/* ---- Compress ---- */

static gboolean infer_compress(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaValue *in = node->in[0];
    const FoveaTensor *condition = node->in[1]->constant;
    const FoveaAttr *given = fovea_node_attr(node, "axis");
    FoveaDim dims[FOVEA_MAX_RANK], size = fovea_dim(1);
    gint64 chosen = 0, last = -1;
    guint axis = 0;
    if (condition == NULL)
        return fovea_infer_need(node, 1, error);
    if (given != NULL && !fovea_op_axis(node, given->i, in->rank, FALSE, &axis, error))
        return FALSE;
    for (gint i = 0; i < in->rank; i++)
        size = given == NULL ? fovea_dim_mul(graph->syms, size, in->dims[i]) : in->dims[axis];
    for (gsize i = 0; i < condition->n_elements; i++) {
        if (fovea_load_i64(condition->dtype, condition->data, (gint64)i)) {
            chosen++;
            last = (gint64)i;
        }
    }
    if (condition->rank != 1 || !fovea_dim_is_const(size) || last >= size.c)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the condition is longer than what it chooses from");
    memcpy(dims, in->dims, sizeof dims);
    dims[axis] = fovea_dim(chosen);
    return fovea_infer_set(node->out[0], in->dtype, given == NULL ? 1 : in->rank, dims);
}

/* Element number `k` in C order. */
static gint64 offset_of(const FoveaView *view, gint64 k)
{
    gint64 at = 0;
    for (guint i = view->rank; i-- > 0;) {
        at += k % view->dims[i] * view->strides[i];
        k /= view->dims[i];
    }
    return at;
}

static gboolean ref_compress(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *const *out, GError **error)
{
    const FoveaAttr *given = fovea_node_attr(node, "axis");
    gint64 to = 0;
    guint axis = 0;
    if (given != NULL && !fovea_op_axis(node, given->i, (gint)in[0]->rank, FALSE, &axis, error))
        return FALSE;
    gint64 size = given != NULL ? in[0]->dims[axis] : fovea_view_count(in[0]);
    for (gint64 i = 0; i < in[1]->dims[0]; i++) {
        if (!fovea_load_i64(in[1]->dtype, in[1]->data, i * in[1]->strides[0]))
            continue;
        if (i >= size || to >= out[0]->dims[axis])
            return fovea_node_fail(
                node, error, FOVEA_ERROR_RANGE,
                "position %" G_GINT64_FORMAT " is outside %" G_GINT64_FORMAT " elements", i, size);
        if (given == NULL) {
            fovea_move_element(in[0], offset_of(in[0], i), out[0], to++ * out[0]->strides[0]);
            continue;
        }
        FoveaView a = *in[0], b = *out[0];
        a.dims[axis] = b.dims[axis] = 1;
        a.data = (char *)a.data + i * a.strides[axis] * (gint64)fovea_dtype_size(a.dtype);
        b.data = (char *)b.data + to++ * b.strides[axis] * (gint64)fovea_dtype_size(b.dtype);
        fovea_view_copy(&a, &b);
    }
    return TRUE;
}

static gboolean sample_compress(FoveaSample *sample, guint index)
{
    if (index > 2)
        return FALSE;
    fovea_sample_f32(sample, 0, FOVEA_DIMS(5, 7, 9), -1, 1);
    fovea_sample_int(sample, 1, FOVEA_DTYPE_BOOL, 1, (gint64[]){index == 0 ? 50 : 5}, 0, 2);
    sample->constant[1] = TRUE;
    if (index > 0)
        fovea_node_set_int(sample->node, "axis", index == 1 ? 0 : -2);
    return TRUE;
}

const FoveaOp fovea_op_Compress = {.name = "Compress",
                                   .min_in = 2,
                                   .max_in = 2,
                                   .min_out = 1,
                                   .max_out = 1,
                                   .infer = infer_compress,
                                   .ref = ref_compress,
                                   .sample = sample_compress};

/* ---- NonZero ---- */

static gboolean infer_non_zero(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    const FoveaTensor *in = node->in[0]->constant;
    gint64 n = 0;
    if (in == NULL)
        return fovea_infer_need(node, 0, error);
    for (gsize i = 0; i < in->n_elements; i++)
        n += fovea_load_f64(in->dtype, in->data, (gint64)i) != 0;
    FoveaDim dims[] = {fovea_dim(in->rank), fovea_dim(n)};
    return fovea_infer_set(node->out[0], FOVEA_DTYPE_I64, 2, dims);
}

static gboolean ref_non_zero(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *const *out, GError **error)
{
    const gint64 *strides[] = {in[0]->strides};
    FoveaWalk walk;
    gint64 n = 0;
    fovea_walk_init(&walk, in[0]->rank, in[0]->dims, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        if (fovea_load_f64(in[0]->dtype, in[0]->data, walk.at[0]) == 0)
            continue;
        if (n >= out[0]->dims[1])
            return fovea_node_fail(node, error, FOVEA_ERROR_RANGE,
                                   "more than %" G_GINT64_FORMAT " elements are not zero",
                                   out[0]->dims[1]);
        for (guint i = 0; i < in[0]->rank; i++)
            fovea_store_i64(out[0]->dtype, out[0]->data,
                            i * out[0]->strides[0] + n * out[0]->strides[1], walk.index[i]);
        n++;
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean sample_non_zero(FoveaSample *sample, guint index)
{
    if (index > 0)
        return FALSE;
    fovea_sample_int(sample, 0, FOVEA_DTYPE_I64, FOVEA_DIMS(3, 5, 7), -1, 2);
    sample->constant[0] = TRUE;
    return TRUE;
}

const FoveaOp fovea_op_NonZero = {.name = "NonZero",
                                  .min_in = 1,
                                  .max_in = 1,
                                  .min_out = 1,
                                  .max_out = 1,
                                  .infer = infer_non_zero,
                                  .ref = ref_non_zero,
                                  .sample = sample_non_zero};
