/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/norm.c: LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization,
 * BatchNormalization, MeanVarianceNormalization.
 *
 * Math    y = (x - mean) / sqrt(var + epsilon) * scale + bias, where mean and variance are over
 *         the axes from `axis` on (Layer), the spatial axes (Instance), those and the channels of
 *         a group (Group), or given (Batch); RMS has no mean and no bias: x / sqrt(mean x^2 +
 *         epsilon) * scale; MeanVariance: (x - mean) / (sqrt(var) + 1e-9) over `axes`
 * Shape   out as x. Scale and bias: Layer and RMS broadcast to x, the others one a channel
 *         Layer's optional outputs Mean and InvStdDev have the reduced axes as 1
 * Types   floats; statistics always f32 or better
 * Errors  SHAPE; UNSUPPORTED: BatchNormalization in training mode
 * Source  ONNX LayerNormalization-17, RMSNormalization-23, InstanceNormalization-22,
 *         GroupNormalization-21, BatchNormalization-15, MeanVarianceNormalization-13
 */
#include <math.h>

#include "ops/support.h"

/* ---- Layer and RMS ---- */

static gboolean infer_rows(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint axis;
    if (!fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) ||
        !fovea_infer_axis(node, -1, &axis, error))
        return FALSE;
    const FoveaValue *x = node->in[0];
    for (guint k = 1; k < 3; k++) {
        FoveaDim wide[FOVEA_MAX_RANK];
        const FoveaValue *v = fovea_own_in(node, k);
        gint rank;
        gboolean fits = v == NULL ||
                        (fovea_dims_broadcast(x->rank, x->dims, v->rank, v->dims, &rank, wide) &&
                         rank == x->rank);
        for (gint i = 0; v != NULL && fits && i < rank; i++)
            fits = fovea_dim_equal(wide[i], x->dims[i]);
        if (!fits)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "scale or bias does not broadcast to the input");
    }
    FoveaDim dims[FOVEA_MAX_RANK];
    for (guint i = 0; i < (guint)x->rank; i++)
        dims[i] = i < axis ? x->dims[i] : fovea_dim(1);
    for (guint k = 1; k < node->n_out; k++) {
        if (node->out[k] != NULL && !fovea_infer_set(node->out[k], FOVEA_DTYPE_F32, x->rank, dims))
            return FALSE;
    }
    return fovea_infer_first(graph, node, error);
}

/* Mean and 1 / standard deviation of n numbers. */
static void statistics(const double *x, gint64 n, double epsilon, double *mean, double *inverse)
{
    double sum = 0, square = 0;
    for (gint64 i = 0; i < n; i++)
        sum += x[i];
    *mean = n > 0 ? sum / (double)n : 0;
    for (gint64 i = 0; i < n; i++)
        square += (x[i] - *mean) * (x[i] - *mean);
    *inverse = 1 / sqrt((n > 0 ? square / (double)n : 0) + epsilon);
}

/* x = x * scale + bias, both broadcast to the shape of `like`; either may be NULL. */
static gboolean affine(const FoveaNode *node, double *x, const FoveaView *like,
                       const FoveaView *scale, const FoveaView *bias, GError **error)
{
    static const gint64 none[FOVEA_MAX_RANK];
    FoveaView a, b;
    FoveaWalk walk;
    gint64 at = 0;
    if ((scale != NULL && !fovea_view_broadcast(scale, like->rank, like->dims, &a)) ||
        (bias != NULL && !fovea_view_broadcast(bias, like->rank, like->dims, &b)))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "scale or bias does not broadcast to the input");
    const gint64 *strides[2] = {scale != NULL ? a.strides : none, bias != NULL ? b.strides : none};
    fovea_walk_init(&walk, like->rank, like->dims, 2, strides);
    if (walk.empty)
        return TRUE;
    do {
        if (scale != NULL)
            x[at] *= fovea_load_f64(a.dtype, a.data, walk.at[0]);
        if (bias != NULL)
            x[at] += fovea_load_f64(b.dtype, b.data, walk.at[1]);
        at++;
    } while (fovea_walk_next(&walk));
    return TRUE;
}

static gboolean rows(const FoveaNode *node, gboolean centred, const FoveaView *const *in,
                     const FoveaView *const *out, GError **error)
{
    guint axis = fovea_node_axis(node, -1, in[0]->rank);
    FoveaAxisSpan span = fovea_axis_span(in[0], axis, in[0]->rank - axis);
    double epsilon = fovea_node_attr_float(node, "epsilon", 1e-5);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) means = x != NULL ? fovea_ref_room(span.outer, error) : NULL;
    g_autoptr(FoveaDoubles) inverses = means != NULL ? fovea_ref_room(span.outer, error) : NULL;
    if (inverses == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++) {
        double *row = x + o * span.n, square = 0;
        if (centred) {
            statistics(row, span.n, epsilon, &means[o], &inverses[o]);
        } else {
            for (gint64 i = 0; i < span.n; i++)
                square += row[i] * row[i];
            inverses[o] = 1 / sqrt((span.n > 0 ? square / (double)span.n : 0) + epsilon);
        }
        for (gint64 i = 0; i < span.n; i++)
            row[i] = (row[i] - means[o]) * inverses[o];
    }
    if (!affine(node, x, in[0], fovea_own_view(node, in, 1), fovea_own_view(node, in, 2), error))
        return FALSE;
    fovea_ref_store(x, out[0]);
    if (node->n_out > 1 && out[1] != NULL)
        fovea_ref_store(means, out[1]);
    if (node->n_out > 2 && out[2] != NULL)
        fovea_ref_store(inverses, out[2]);
    return TRUE;
}

static gboolean ref_layer(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    return rows(node, TRUE, in, out, error);
}

static gboolean ref_rms(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    return rows(node, FALSE, in, out, error);
}

static gboolean sample_rows(FoveaSample *s, guint index)
{
    static const struct {
        guint rank;
        gint64 dims[4], axis;
    } cases[] = {
        {2, {1, 1}, -1},    {2, {9, 17}, -1},     {3, {2, 5, 64}, -1},
        {3, {2, 5, 15}, 1}, {4, {2, 3, 4, 5}, 2}, {3, {1, 3, 257}, 2},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    gint64 axis = cases[index].axis < 0 ? cases[index].rank - 1 : cases[index].axis;
    guint n = cases[index].rank - (guint)axis;
    fovea_sample_f32(s, 0, cases[index].rank, cases[index].dims, -3, 5);
    fovea_sample_f32(s, 1, n, cases[index].dims + axis, 0.5, 1.5);
    s->constant[1] = s->constant[2] = index % 2;
    s->tolerance = 3e-5;
    fovea_node_set_int(s->node, "axis", cases[index].axis);
    fovea_node_set_float(s->node, "epsilon", index % 2 ? 1e-5f : 1e-3f);
    return TRUE;
}

static gboolean sample_layer(FoveaSample *s, guint index)
{
    if (!sample_rows(s, index))
        return FALSE;
    const gint64 *dims = fovea_tensor_dims(s->in[1]);
    if (index != 2)
        fovea_sample_f32(s, 2, fovea_tensor_rank(s->in[1]), dims, -1, 1);
    if (index == 4)
        s->n_out = 3;
    return TRUE;
}

/* ---- Instance, Group, Batch: one scale and one bias a channel ---- */

static gboolean infer_channels(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 2, FOVEA_MAX_RANK, error))
        return FALSE;
    const FoveaValue *x = node->in[0];
    for (guint k = 1; k < fovea_node_n_own(node); k++) {
        const FoveaValue *v = node->in[k];
        if (v == NULL || v->rank != 1 || !fovea_dim_equal(v->dims[0], x->dims[1]))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "input %u needs one entry a channel", k);
    }
    return fovea_infer_first(graph, node, error);
}

static gboolean infer_group(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 groups = fovea_node_attr_int(node, "num_groups", 0);
    if (!infer_channels(graph, node, error))
        return FALSE;
    if (groups < 1 || !fovea_dim_is_const(node->in[0]->dims[1]) ||
        node->in[0]->dims[1].c % groups != 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "channels do not divide into %" G_GINT64_FORMAT " groups", groups);
    return TRUE;
}

static gboolean infer_batch(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (fovea_node_attr_int(node, "training_mode", 0))
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "training mode");
    return infer_channels(graph, node, error);
}

static double channel(const FoveaView *view, gint64 c)
{
    return fovea_load_f64(view->dtype, view->data, c * view->strides[0]);
}

/* Statistics over groups of C / groups channels, then scale and bias a channel. */
static gboolean grouped(const FoveaNode *node, gint64 groups, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    gint64 batch = in[0]->dims[0], channels = in[0]->dims[1];
    gint64 plane = fovea_axis_span(in[0], 2, in[0]->rank - 2).n;
    gint64 together = groups > 0 ? channels / groups * plane : 0;
    double epsilon = fovea_node_attr_float(node, "epsilon", 1e-5), mean, inverse;
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    if (x == NULL)
        return FALSE;
    for (gint64 g = 0; g < batch * groups; g++) {
        statistics(x + g * together, together, epsilon, &mean, &inverse);
        for (gint64 i = 0; i < together; i++) {
            gint64 c = (g % groups) * (channels / groups) + i / plane;
            double *at = &x[g * together + i];
            *at = (*at - mean) * inverse * channel(in[1], c) + channel(in[2], c);
        }
    }
    fovea_ref_store(x, out[0]);
    return TRUE;
}

static gboolean ref_instance(const FoveaNode *node, const FoveaView *const *in,
                             const FoveaView *const *out, GError **error)
{
    return grouped(node, in[0]->dims[1], in, out, error);
}

static gboolean ref_group(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    return grouped(node, fovea_node_attr_int(node, "num_groups", 1), in, out, error);
}

static gboolean ref_batch(const FoveaNode *node, const FoveaView *const *in,
                          const FoveaView *const *out, GError **error)
{
    gint64 channels = in[0]->dims[1], count = fovea_view_count(in[0]);
    gint64 plane = fovea_axis_span(in[0], 2, in[0]->rank - 2).n;
    double epsilon = fovea_node_attr_float(node, "epsilon", 1e-5);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    if (x == NULL)
        return FALSE;
    for (gint64 i = 0; i < count; i++) {
        gint64 c = i / plane % channels;
        x[i] = (x[i] - channel(in[3], c)) / sqrt(channel(in[4], c) + epsilon) * channel(in[1], c) +
               channel(in[2], c);
    }
    fovea_ref_store(x, out[0]);
    return TRUE;
}

static gboolean sample_channels(FoveaSample *s, guint index)
{
    static const gint64 dims[][4] = {
        {1, 4, 1, 3}, {2, 16, 9, 7}, {1, 36, 5, 5}, {3, 4, 13, 11}, {1, 64, 8, 8}};
    if (index > G_N_ELEMENTS(dims))
        return FALSE;
    gint64 channels = index == G_N_ELEMENTS(dims) ? 8 : dims[index][1];
    if (index == G_N_ELEMENTS(dims))
        fovea_sample_f32(s, 0, FOVEA_DIMS(2, 8, 33), -3, 5);
    else
        fovea_sample_f32(s, 0, 4, dims[index], -3, 5);
    for (guint k = 1; k < 3; k++) {
        fovea_sample_f32(s, k, 1, &channels, 0.5, 1.5);
        s->constant[k] = TRUE;
    }
    s->tolerance = 3e-5;
    fovea_node_set_int(s->node, "num_groups", index % 2 ? 4 : 2);
    return TRUE;
}

static gboolean sample_batch(FoveaSample *s, guint index)
{
    if (!sample_channels(s, index))
        return FALSE;
    fovea_sample_f32(s, 3, 1, fovea_tensor_dims(s->in[1]), -1, 1);
    fovea_sample_f32(s, 4, 1, fovea_tensor_dims(s->in[1]), 0.1, 2);
    s->constant[3] = s->constant[4] = TRUE;
    return TRUE;
}

/* ---- MeanVariance ---- */

static gboolean infer_mean_variance(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint n = 0, axis;
    const gint64 *axes = fovea_node_attr_ints(node, "axes", &n);
    if (!fovea_infer_rank(node, 0, axes == NULL ? 4 : 0, FOVEA_MAX_RANK, error))
        return FALSE;
    for (guint i = 0; axes != NULL && i < n; i++) {
        if (!fovea_axis(axes[i], node->in[0]->rank, FALSE, &axis))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "axis outside the rank");
    }
    return fovea_infer_first(graph, node, error);
}

static gboolean ref_mean_variance(const FoveaNode *node, const FoveaView *const *in,
                                  const FoveaView *const *out, GError **error)
{
    static const gint64 usual[] = {0, 2, 3};
    guint n = G_N_ELEMENTS(usual), axis;
    const gint64 *axes = fovea_node_attr_ints(node, "axes", &n);
    gint64 count = fovea_view_count(in[0]), sets = 1, strides[FOVEA_MAX_RANK];
    gboolean reduced[FOVEA_MAX_RANK] = {FALSE};
    if (axes == NULL) {
        axes = usual;
        n = G_N_ELEMENTS(usual);
    }
    for (guint i = 0; i < n; i++) {
        if (fovea_axis(axes[i], (gint)in[0]->rank, FALSE, &axis))
            reduced[axis] = TRUE;
    }
    for (guint i = in[0]->rank; i-- > 0;) {
        strides[i] = reduced[i] ? 0 : sets;
        sets *= reduced[i] ? 1 : in[0]->dims[i];
    }
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) mean = x != NULL ? fovea_ref_room(sets, error) : NULL;
    g_autoptr(FoveaDoubles) var = mean != NULL ? fovea_ref_room(sets, error) : NULL;
    if (var == NULL)
        return FALSE;
    const gint64 *step[1] = {strides};
    for (guint pass = 0; pass < 3 && count > 0; pass++) {
        FoveaWalk walk;
        double share = (double)sets / (double)count;
        gint64 at = 0;
        fovea_walk_init(&walk, in[0]->rank, in[0]->dims, 1, step);
        do {
            gint64 k = walk.at[0];
            if (pass == 0)
                mean[k] += x[at] * share;
            else if (pass == 1)
                var[k] += (x[at] - mean[k]) * (x[at] - mean[k]) * share;
            else
                x[at] = (x[at] - mean[k]) / (sqrt(var[k]) + 1e-9);
            at++;
        } while (fovea_walk_next(&walk));
    }
    fovea_ref_store(x, out[0]);
    return TRUE;
}

static gboolean sample_mean_variance(FoveaSample *s, guint index)
{
    if (index >= 3)
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(3, 5, 7, 9), -3, 5);
    s->tolerance = 3e-5;
    if (index > 0)
        fovea_node_set_ints(s->node, "axes", (const gint64[]){-1, 1}, index);
    return TRUE;
}

#define NORM(Name, in_min, in_max, outs, Infer, Ref, Sample)                                       \
    const FoveaOp fovea_op_##Name = {                                                              \
        .name = #Name,                                                                             \
        .min_in = in_min,                                                                          \
        .max_in = in_max,                                                                          \
        .min_out = 1,                                                                              \
        .max_out = outs,                                                                           \
        .infer = Infer,                                                                            \
        .ref = Ref,                                                                                \
        .sample = Sample,                                                                          \
    }

NORM(LayerNormalization, 2, 3, 3, infer_rows, ref_layer, sample_layer);
NORM(RMSNormalization, 2, 2, 1, infer_rows, ref_rms, sample_rows);
NORM(InstanceNormalization, 3, 3, 1, infer_channels, ref_instance, sample_channels);
NORM(GroupNormalization, 3, 3, 1, infer_group, ref_group, sample_channels);
NORM(BatchNormalization, 5, 5, 1, infer_batch, ref_batch, sample_batch);
NORM(MeanVarianceNormalization, 1, 1, 1, infer_mean_variance, ref_mean_variance,
     sample_mean_variance);
