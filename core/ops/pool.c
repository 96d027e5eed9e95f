/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/pool.c: MaxPool, AveragePool, LpPool, GlobalAveragePool, GlobalMaxPool, GlobalLpPool.
 *
 * Math    out[n,c,o] = max, mean or (sum |x|^p)^(1/p) over the window at o. A mean divides by the
 *         taps inside the input, or inside input and pads with count_include_pad
 * Shape   x [N,C,spatial], 1 to 3 spatial axes; Global*: any number, each becomes 1
 *         MaxPool's second output is the flat place of the maximum in x (i64; storage_order 1
 *         counts spatial places column by column)
 * Types   floats; MaxPool also integers
 * Errors  SHAPE: window larger than the padded input
 * Source  ONNX MaxPool-22, AveragePool-22, LpPool-22, Global*-22
 */
#include <math.h>

#include "ops/support.h"
#include "ops/window.h"

static gboolean kernel_of(const FoveaNode *node, guint n, gint64 *kernel, GError **error)
{
    guint got = 0;
    const gint64 *values = fovea_node_attr_ints(node, "kernel_shape", &got);
    if (values == NULL || got != n)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "kernel_shape needs one entry a spatial axis");
    memcpy(kernel, values, n * sizeof *kernel);
    return TRUE;
}

static gboolean infer_pool(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 kernel[3];
    if (!fovea_infer_rank(node, 0, 3, 5, error))
        return FALSE;
    const FoveaValue *x = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK] = {x->dims[0], x->dims[1]};
    if (!kernel_of(node, (guint)x->rank - 2, kernel, error) ||
        !fovea_slide_infer(graph, node, (guint)x->rank - 2, x->dims + 2, kernel, dims + 2, error))
        return FALSE;
    FoveaValue *places = fovea_node_out(node, 1);
    if (places != NULL && !fovea_infer_set(places, FOVEA_DTYPE_I64, x->rank, dims))
        return FALSE;
    return node->out[0] == NULL || fovea_infer_set(node->out[0], x->dtype, x->rank, dims);
}

typedef enum PoolKind { POOL_MAX, POOL_AVERAGE, POOL_LP } PoolKind;

typedef struct Pool {
    PoolKind kind;
    gboolean include_pad;
    double p;
    FoveaSlide s;
} Pool;

/* The window at out position o: its value, and the flat place of the maximum in the plane. */
static double window(const Pool *pool, const double *x, const gint64 *o, gint64 *place)
{
    const FoveaSlide *s = &pool->s;
    double value = pool->kind == POOL_MAX ? -INFINITY : 0;
    gint64 taps = 0, i[3];
    *place = -1;
    for (gint64 k0 = 0; k0 < s->kernel[0]; k0++)
        for (gint64 k1 = 0; k1 < s->kernel[1]; k1++)
            for (gint64 k2 = 0; k2 < s->kernel[2]; k2++) {
                const gint64 k[3] = {k0, k1, k2};
                gboolean inside = TRUE, padded = TRUE;
                for (guint a = 0; a < 3; a++) {
                    i[a] = o[a] * s->stride[a] - s->before[a] + k[a] * s->dilation[a];
                    inside &= i[a] >= 0 && i[a] < s->in[a];
                    padded &= i[a] < s->in[a] + s->after[a];
                }
                taps += pool->include_pad ? padded : inside;
                if (!inside)
                    continue;
                gint64 at = (i[0] * s->in[1] + i[1]) * s->in[2] + i[2];
                if (pool->kind == POOL_AVERAGE)
                    value += x[at];
                else if (pool->kind == POOL_LP)
                    value += pow(fabs(x[at]), pool->p);
                else if (*place < 0 || x[at] > value || isnan(x[at])) {
                    value = x[at];
                    *place = at;
                }
            }
    if (pool->kind == POOL_LP)
        return pow(value, 1 / pool->p);
    return pool->kind == POOL_AVERAGE && taps > 0 ? value / (double)taps : value;
}

/* Row-by-row place to column-by-column place. */
static gint64 by_columns(const FoveaSlide *s, gint64 at)
{
    gint64 i2 = at % s->in[2], i1 = at / s->in[2] % s->in[1], i0 = at / s->in[2] / s->in[1];
    guint lead = FOVEA_WINDOW_MAX - s->n;
    if (lead == 2)
        return i2;
    return lead == 1 ? i1 + i2 * s->in[1] : i0 + (i1 + i2 * s->in[1]) * s->in[0];
}

static gboolean pool_ref(const FoveaNode *node, Pool *pool, const FoveaView *const *in,
                         const FoveaView *const *out, GError **error)
{
    const FoveaView *shape = out[0] != NULL ? out[0] : out[1];
    const FoveaView *places = node->n_out > 1 ? out[1] : NULL;
    gint64 kernel[3], o[3];
    guint n = in[0]->rank - 2;
    FoveaSlide *s = &pool->s;
    if (!kernel_of(node, n, kernel, error))
        return FALSE;
    fovea_slide_init(node, n, in[0]->dims + 2, shape->dims + 2, kernel, s);
    gint64 plane_in = s->in[0] * s->in[1] * s->in[2], at = 0;
    gint64 planes = in[0]->dims[0] * in[0]->dims[1];
    gboolean columns = fovea_node_attr_int(node, "storage_order", 0) != 0;
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) z = x != NULL ? fovea_ref_room(fovea_view_count(shape), error) : NULL;
    g_autoptr(FoveaInts) where =
        z != NULL ? fovea_try_alloc((gsize)fovea_view_count(shape), sizeof *where, error) : NULL;
    if (where == NULL)
        return FALSE;
    for (gint64 plane = 0; plane < planes; plane++)
        for (o[0] = 0; o[0] < s->out[0]; o[0]++)
            for (o[1] = 0; o[1] < s->out[1]; o[1]++)
                for (o[2] = 0; o[2] < s->out[2]; o[2]++, at++) {
                    z[at] = window(pool, x + plane * plane_in, o, &where[at]);
                    where[at] = plane * plane_in + (columns ? by_columns(s, where[at]) : where[at]);
                }
    if (out[0] != NULL)
        fovea_ref_store(z, out[0]);
    if (places != NULL)
        fovea_ref_store_ints(where, places);
    return TRUE;
}

static gboolean ref_max(const FoveaNode *node, const FoveaView *const *in,
                        const FoveaView *const *out, GError **error)
{
    Pool pool = {.kind = POOL_MAX};
    return pool_ref(node, &pool, in, out, error);
}

static gboolean ref_average(const FoveaNode *node, const FoveaView *const *in,
                            const FoveaView *const *out, GError **error)
{
    Pool pool = {.kind = POOL_AVERAGE,
                 .include_pad = fovea_node_attr_int(node, "count_include_pad", 0) != 0};
    return pool_ref(node, &pool, in, out, error);
}

static gboolean ref_lp(const FoveaNode *node, const FoveaView *const *in,
                       const FoveaView *const *out, GError **error)
{
    Pool pool = {.kind = POOL_LP, .p = (double)fovea_node_attr_int(node, "p", 2)};
    return pool_ref(node, &pool, in, out, error);
}

/* ---- global pools ---- */

static gboolean infer_global(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 2, FOVEA_MAX_RANK, error))
        return FALSE;
    FoveaDim dims[FOVEA_MAX_RANK];
    for (gint i = 0; i < node->in[0]->rank; i++)
        dims[i] = i < 2 ? node->in[0]->dims[i] : fovea_dim(1);
    return fovea_infer_set(node->out[0], node->in[0]->dtype, node->in[0]->rank, dims);
}

static gboolean global(PoolKind kind, double p, const FoveaView *in, const FoveaView *out,
                       GError **error)
{
    FoveaAxisSpan span = fovea_axis_span(in, 2, in->rank - 2);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in, error);
    g_autoptr(FoveaDoubles) z = x != NULL ? fovea_ref_room(span.outer, error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++) {
        double value = kind == POOL_MAX ? -INFINITY : 0;
        for (gint64 i = 0; i < span.n; i++) {
            double at = x[o * span.n + i];
            if (kind == POOL_MAX)
                value = at > value || isnan(at) ? at : value;
            else
                value += kind == POOL_LP ? pow(fabs(at), p) : at;
        }
        z[o] = kind == POOL_LP        ? pow(value, 1 / p)
               : kind == POOL_AVERAGE ? value / (double)span.n
                                      : value;
    }
    fovea_ref_store(z, out);
    return TRUE;
}

static gboolean ref_global_average(const FoveaNode *node, const FoveaView *const *in,
                                   const FoveaView *const *out, GError **error)
{
    return global(POOL_AVERAGE, 0, in[0], out[0], error);
}

static gboolean ref_global_max(const FoveaNode *node, const FoveaView *const *in,
                               const FoveaView *const *out, GError **error)
{
    return global(POOL_MAX, 0, in[0], out[0], error);
}

static gboolean ref_global_lp(const FoveaNode *node, const FoveaView *const *in,
                              const FoveaView *const *out, GError **error)
{
    return global(POOL_LP, (double)fovea_node_attr_int(node, "p", 2), in[0], out[0], error);
}

/* ---- samples ---- */

static const struct {
    guint rank;
    gint64 x[5], kernel[3], stride[3], dilation[3], pads[6];
    gboolean ceiling;
    const char *auto_pad;
} cases[] = {
    {4, {1, 1, 1, 1}, {1, 1}, {1, 1}, {1, 1}, {0}, FALSE, NULL},
    {4, {2, 5, 13, 17}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, FALSE, NULL},
    {4, {1, 16, 9, 8}, {2, 2}, {1, 1}, {1, 1}, {0, 0, 1, 1}, FALSE, NULL},
    {4, {1, 7, 15, 10}, {2, 3}, {2, 2}, {1, 1}, {0, 1, 1, 1}, TRUE, NULL},
    {4, {1, 33, 10, 10}, {3, 3}, {2, 3}, {1, 1}, {1, 1, 1, 1}, TRUE, NULL},
    {4, {1, 3, 14, 15}, {3, 2}, {1, 2}, {2, 3}, {1, 0, 1, 1}, FALSE, NULL},
    {4, {1, 4, 9, 11}, {3, 4}, {2, 2}, {1, 1}, {0}, FALSE, "SAME_UPPER"},
    {4, {1, 4, 9, 11}, {3, 4}, {2, 2}, {1, 1}, {0}, FALSE, "SAME_LOWER"},
    {4, {1, 4, 9, 11}, {3, 4}, {2, 2}, {1, 1}, {0}, FALSE, "VALID"},
    {3, {2, 3, 31}, {4}, {3}, {1}, {1, 2}, FALSE, NULL},
    {5, {1, 2, 5, 6, 7}, {2, 2, 3}, {1, 2, 2}, {1, 1, 1}, {0, 0, 1, 1, 0, 1}, FALSE, NULL},
};

static gboolean sample_pool(FoveaSample *s, guint index)
{
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    guint n = cases[index].rank - 2;
    fovea_sample_f32(s, 0, cases[index].rank, cases[index].x, -1, 1);
    fovea_node_set_ints(s->node, "kernel_shape", cases[index].kernel, n);
    fovea_node_set_ints(s->node, "strides", cases[index].stride, n);
    fovea_node_set_ints(s->node, "dilations", cases[index].dilation, n);
    fovea_node_set_int(s->node, "ceil_mode", cases[index].ceiling);
    if (cases[index].auto_pad != NULL)
        fovea_node_set_string(s->node, "auto_pad", cases[index].auto_pad);
    else
        fovea_node_set_ints(s->node, "pads", cases[index].pads, 2 * n);
    return TRUE;
}

static gboolean sample_max(FoveaSample *s, guint index)
{
    if (index < G_N_ELEMENTS(cases))
        return sample_pool(s, index);
    index -= G_N_ELEMENTS(cases);
    if (index >= 3)
        return FALSE;
    sample_pool(s, 1 + index); /* again, with places */
    s->n_out = 2;
    fovea_node_set_int(s->node, "storage_order", index == 1);
    return TRUE;
}

static gboolean sample_average(FoveaSample *s, guint index)
{
    if (index < G_N_ELEMENTS(cases))
        return sample_pool(s, index);
    if (!sample_pool(s, index - G_N_ELEMENTS(cases)))
        return FALSE;
    fovea_node_set_int(s->node, "count_include_pad", 1);
    return TRUE;
}

static gboolean sample_lp(FoveaSample *s, guint index)
{
    if (!sample_pool(s, index))
        return FALSE;
    s->tolerance = 1e-4;
    fovea_node_set_int(s->node, "p", 1 + index % 3);
    return TRUE;
}

static gboolean sample_global(FoveaSample *s, guint index)
{
    switch (index) {
    case 0: fovea_sample_f32(s, 0, FOVEA_DIMS(1, 1, 1, 1), -1, 1); return TRUE;
    case 1: fovea_sample_f32(s, 0, FOVEA_DIMS(2, 17, 13, 7), -1, 1); return TRUE;
    case 2: fovea_sample_f32(s, 0, FOVEA_DIMS(1, 64, 10, 10), -1, 1); return TRUE;
    case 3: fovea_sample_f32(s, 0, FOVEA_DIMS(3, 5, 33), -1, 1); return TRUE;
    case 4: fovea_sample_f32(s, 0, FOVEA_DIMS(1, 3, 4, 5, 6), -1, 1); return TRUE;
    default: return FALSE;
    }
}

#define POOL(Name, outs, Infer, Ref, Sample)                                                       \
    const FoveaOp fovea_op_##Name = {                                                              \
        .name = #Name,                                                                             \
        .min_in = 1,                                                                               \
        .max_in = 1,                                                                               \
        .min_out = 1,                                                                              \
        .max_out = outs,                                                                           \
        .infer = Infer,                                                                            \
        .ref = Ref,                                                                                \
        .sample = Sample,                                                                          \
    }

POOL(MaxPool, 2, infer_pool, ref_max, sample_max);
POOL(AveragePool, 1, infer_pool, ref_average, sample_average);
POOL(LpPool, 1, infer_pool, ref_lp, sample_lp);
POOL(GlobalAveragePool, 1, infer_global, ref_global_average, sample_global);
POOL(GlobalMaxPool, 1, infer_global, ref_global_max, sample_global);
POOL(GlobalLpPool, 1, infer_global, ref_global_lp, sample_global);
