/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/reduce.c: ReduceSum, Mean, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp.
 *
 * Math    over the reduced axes: sum x; sum x / n; max; min; prod x; sum |x|; sqrt(sum x^2);
 *         sum x^2; log(sum x); log(sum exp x), the last shifted by the maximum
 * Shape   axes (input 1, integers): none means all, or nothing with noop_with_empty_axes (then
 *         the arithmetic still holds for sets of one). keepdims (default 1) leaves sizes of 1
 * Types   floats in double; integers in 64 bits (wrapping); bool for Max and Min. An empty set
 *         gives 0, 1, -inf, inf or NaN as its operation says
 * Errors  SHAPE: axis outside or twice; NEED_VALUE: axes are not known when planning
 * Source  ONNX Reduce*-18, ReduceMax/Min-20
 */
#include <math.h>

#include "ops/support.h"

typedef enum Kind {
    SUM,
    MEAN,
    MAXIMUM,
    MINIMUM,
    PROD,
    L1,
    L2,
    SUM_SQUARE,
    LOG_SUM,
    LOG_SUM_EXP,
} Kind;

/* Bit i: axis i is reduced. */
static gboolean mask_of(const FoveaNode *node, const gint64 *axes, guint n, gint rank,
                        guint32 *mask, GError **error)
{
    *mask = 0;
    for (guint i = 0; i < n; i++) {
        guint axis;
        if (!fovea_axis(axes[i], rank, FALSE, &axis) || (*mask & (1u << axis)))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "axis %" G_GINT64_FORMAT " is outside rank %d or named twice",
                                   axes[i], rank);
        *mask |= 1u << axis;
    }
    if (n == 0 && !fovea_node_attr_int(node, "noop_with_empty_axes", 0))
        *mask = (1u << rank) - 1;
    return TRUE;
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 axes[FOVEA_MAX_RANK];
    guint n = 0;
    guint32 mask;
    const FoveaValue *x = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    gint rank = 0;
    if (fovea_own_in(node, 1) != NULL &&
        !fovea_infer_const_ints(graph, node, 1, axes, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    if (!mask_of(node, axes, n, x->rank, &mask, error))
        return FALSE;
    for (gint i = 0; i < x->rank; i++) {
        if (!(mask & (1u << i)))
            dims[rank++] = x->dims[i];
        else if (fovea_node_attr_int(node, "keepdims", 1))
            dims[rank++] = fovea_dim(1);
    }
    return fovea_infer_set(node->out[0], x->dtype, rank, dims);
}

/* The input as [kept..., reduced...] views: strides permuted, so that a walk over the kept dims
 * gives the outputs in order and one over the others gives a set. */
typedef struct Sets {
    guint n_kept, n_reduced;
    gint64 kept[FOVEA_MAX_RANK], kept_strides[FOVEA_MAX_RANK];
    gint64 reduced[FOVEA_MAX_RANK], reduced_strides[FOVEA_MAX_RANK];
    gint64 count; /* of one set */
} Sets;

static gboolean sets_init(const FoveaNode *node, const FoveaView *const *in, Sets *sets,
                          GError **error)
{
    const FoveaView *axes = fovea_own_view(node, in, 1);
    gint64 list[FOVEA_MAX_RANK], strides[FOVEA_MAX_RANK];
    guint n = axes != NULL ? (guint)MIN(fovea_view_count(axes), FOVEA_MAX_RANK) : 0;
    guint32 mask;
    for (guint i = 0; i < n; i++)
        list[i] = fovea_load_i64(axes->dtype, axes->data, i * (axes->rank ? axes->strides[0] : 0));
    if (!mask_of(node, list, n, (gint)in[0]->rank, &mask, error))
        return FALSE;
    memset(sets, 0, sizeof *sets);
    sets->count = 1;
    fovea_strides_contiguous(in[0]->rank, in[0]->dims, strides);
    for (guint i = 0; i < in[0]->rank; i++) {
        if (mask & (1u << i)) {
            sets->reduced[sets->n_reduced] = in[0]->dims[i];
            sets->reduced_strides[sets->n_reduced++] = strides[i];
            sets->count *= in[0]->dims[i];
        } else {
            sets->kept[sets->n_kept] = in[0]->dims[i];
            sets->kept_strides[sets->n_kept++] = strides[i];
        }
    }
    return TRUE;
}

static double start_f(Kind kind)
{
    return kind == PROD ? 1 : kind == MAXIMUM ? -INFINITY : kind == MINIMUM ? INFINITY : 0;
}

static double fold_f(Kind kind, double sum, double x, double shift)
{
    switch (kind) {
    case MAXIMUM: return isnan(sum) || x <= sum ? sum : x;
    case MINIMUM: return isnan(sum) || x >= sum ? sum : x;
    case PROD: return sum * x;
    case L1: return sum + fabs(x);
    case L2:
    case SUM_SQUARE: return sum + x * x;
    case LOG_SUM_EXP: return sum + exp(x - shift);
    default: return sum + x;
    }
}

static double finish_f(Kind kind, double sum, gint64 count, double shift)
{
    switch (kind) {
    case MEAN: return sum / (double)count;
    case L2: return sqrt(sum);
    case LOG_SUM: return log(sum);
    case LOG_SUM_EXP: return log(sum) + shift;
    default: return sum;
    }
}

static double reduce_set(Kind kind, const Sets *sets, const double *x)
{
    const gint64 *strides[1] = {sets->reduced_strides};
    double sum = start_f(kind), shift = 0;
    FoveaWalk walk;
    fovea_walk_init(&walk, sets->n_reduced, sets->reduced, 1, strides);
    if (walk.empty)
        return finish_f(kind, sum, 0, 0);
    if (kind == LOG_SUM_EXP) {
        shift = -INFINITY;
        do
            shift = MAX(shift, x[walk.at[0]]);
        while (fovea_walk_next(&walk));
        shift = isfinite(shift) ? shift : 0;
        fovea_walk_init(&walk, sets->n_reduced, sets->reduced, 1, strides);
    }
    do
        sum = fold_f(kind, sum, x[walk.at[0]], shift);
    while (fovea_walk_next(&walk));
    return finish_f(kind, sum, sets->count, shift);
}

static gint64 reduce_set_ints(Kind kind, const Sets *sets, const gint64 *x, FoveaDtype dtype)
{
    const gint64 *strides[1] = {sets->reduced_strides};
    gboolean wide = dtype == FOVEA_DTYPE_U64, first = TRUE;
    guint64 sum = kind == PROD, bits = 0;
    FoveaWalk walk;
    fovea_walk_init(&walk, sets->n_reduced, sets->reduced, 1, strides);
    if (walk.empty && (kind == MAXIMUM || kind == MINIMUM)) { /* the type's lowest or highest */
        if (dtype == FOVEA_DTYPE_BOOL)
            return kind == MINIMUM;
        fovea_store_f64(dtype, &bits, 0, start_f(kind));
        if (dtype == FOVEA_DTYPE_BOOL)
            return kind == MINIMUM;
        return fovea_load_i64(dtype, &bits, 0);
    }
    if (walk.empty)
        return (gint64)sum;
    do {
        gint64 at = x[walk.at[0]];
        gboolean less = wide ? (guint64)at < sum : at < (gint64)sum;
        switch (kind) {
        case MAXIMUM: sum = first || !less ? (guint64)at : sum; break;
        case MINIMUM: sum = first || less ? (guint64)at : sum; break;
        case PROD: sum *= (guint64)at; break;
        case L1: sum += at < 0 && !wide ? 0 - (guint64)at : (guint64)at; break;
        case SUM_SQUARE: sum += (guint64)at * (guint64)at; break;
        default: sum += (guint64)at; break;
        }
        first = FALSE;
    } while (fovea_walk_next(&walk));
    if (kind == MEAN)
        return wide ? (gint64)(sum / (guint64)sets->count) : (gint64)sum / sets->count;
    return (gint64)sum;
}

static gboolean reduce(Kind kind, const FoveaNode *node, const FoveaView *const *in,
                       const FoveaView *const *out, GError **error)
{
    Sets sets;
    FoveaWalk walk;
    gint64 at = 0, total = fovea_view_count(out[0]);
    gboolean ints = !fovea_dtype_is_float(in[0]->dtype) && kind != L2 && kind < LOG_SUM;
    g_autoptr(FoveaDoubles) x = NULL, z = NULL;
    g_autoptr(FoveaInts) xi = NULL, zi = NULL;
    if (!sets_init(node, in, &sets, error))
        return FALSE;
    if (ints) {
        xi = fovea_ref_load_ints(in[0], error);
        zi = xi != NULL ? fovea_try_alloc((gsize)total, sizeof *zi, error) : NULL;
    } else {
        x = fovea_ref_load(in[0], error);
        z = x != NULL ? fovea_ref_room(total, error) : NULL;
    }
    if (z == NULL && zi == NULL)
        return FALSE;
    const gint64 *strides[1] = {sets.kept_strides};
    fovea_walk_init(&walk, sets.n_kept, sets.kept, 1, strides);
    if (walk.empty)
        return TRUE;
    do {
        if (ints)
            zi[at++] = reduce_set_ints(kind, &sets, xi + walk.at[0], in[0]->dtype);
        else
            z[at++] = reduce_set(kind, &sets, x + walk.at[0]);
    } while (fovea_walk_next(&walk));
    if (ints)
        fovea_ref_store_ints(zi, out[0]);
    else
        fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        guint rank, n;
        gint64 dims[5], axes[4], keep;
    } cases[] = {
        {2, 1, {1, 1}, {1}, 1},           {2, 1, {7, 33}, {-1}, 1},
        {2, 1, {65, 17}, {0}, 0},         {3, 2, {5, 15, 31}, {0, 2}, 1},
        {4, 2, {2, 13, 9, 7}, {2, 3}, 1}, {4, 1, {2, 13, 9, 7}, {1}, 0},
        {3, 0, {3, 5, 7}, {0}, 1},        {3, 0, {3, 5, 7}, {0}, 0},
        {2, 1, {3, 1000}, {1}, 0},        {4, 3, {2, 3, 5, 4}, {0, 1, 3}, 0},
    };
    const guint n_cases = G_N_ELEMENTS(cases);
    if (index >= n_cases + 2)
        return FALSE;
    if (index >= n_cases) {
        fovea_sample_f32(s, 0, FOVEA_DIMS(4, 9), 0.5, 1.5);
        fovea_node_set_int(s->node, "noop_with_empty_axes", 1);
        if (index > n_cases)
            fovea_sample_const_ints(s, 1, (const gint64[]){1}, 1);
        return TRUE;
    }
    fovea_sample_f32(s, 0, cases[index].rank, cases[index].dims, 0.5, 1.5);
    if (cases[index].n > 0)
        fovea_sample_const_ints(s, 1, cases[index].axes, cases[index].n);
    fovea_node_set_int(s->node, "keepdims", cases[index].keep);
    return TRUE;
}

#define REDUCE(Name, kind)                                                                         \
    static gboolean ref_##kind(const FoveaNode *node, const FoveaView *const *in,                  \
                               const FoveaView *const *out, GError **error)                        \
    {                                                                                              \
        return reduce(kind, node, in, out, error);                                                 \
    }                                                                                              \
    const FoveaOp fovea_op_##Name = {                                                              \
        .name = #Name,                                                                             \
        .min_in = 1,                                                                               \
        .max_in = 2,                                                                               \
        .min_out = 1,                                                                              \
        .max_out = 1,                                                                              \
        .infer = infer,                                                                            \
        .ref = ref_##kind,                                                                         \
        .sample = sample,                                                                          \
    };

REDUCE(ReduceSum, SUM)
REDUCE(ReduceMean, MEAN)
REDUCE(ReduceMax, MAXIMUM)
REDUCE(ReduceMin, MINIMUM)
REDUCE(ReduceProd, PROD)
REDUCE(ReduceL1, L1)
REDUCE(ReduceL2, L2)
REDUCE(ReduceSumSquare, SUM_SQUARE)
REDUCE(ReduceLogSum, LOG_SUM)
REDUCE(ReduceLogSumExp, LOG_SUM_EXP)
