/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ReduceSum, Mean, Max, Min, SumSquare, L1, L2 and the global pools over f32: by rows where the reduced
 * axes lie together, else a vector of kept elements at a time.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/support.h"

typedef enum Kind { SUM, MEAN, MAXIMUM, MINIMUM, SQUARES, LENGTH, SIZES } Kind;

typedef struct Work {
    Kind kind;
    const float *in;
    float *out;
    guint n_kept, n_reduced;
    gint64 kept[FOVEA_MAX_RANK], kept_in[FOVEA_MAX_RANK], kept_out[FOVEA_MAX_RANK];
    gint64 reduced[FOVEA_MAX_RANK], step[FOVEA_MAX_RANK]; /* the last is the narrowest stride */
    gint64 count;                                         /* of a set */
    gint64 wide; /* kept elements that are done together: the last kept axis, or 1 */
} Work;

static gint kind_of(const char *name)
{
    static const struct {
        const char *name;
        Kind kind;
    } kinds[] = {
        {"ReduceSum", SUM},         {"ReduceMean", MEAN},         {"ReduceMax", MAXIMUM},
        {"ReduceMin", MINIMUM},     {"ReduceSumSquare", SQUARES}, {"GlobalAveragePool", MEAN},
        {"GlobalMaxPool", MAXIMUM}, {"ReduceL2", LENGTH},         {"ReduceL1", SIZES},
    };
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].name, name))
            return kinds[i].kind;
    }
    return -1;
}

static gboolean fits(const FoveaNode *node)
{
    return fovea_cpu_is_f32(node->in[0]);
}

static void fold(Kind kind, float *sum, const float *x, gint64 step, gint64 n)
{
    switch (kind) {
    case MAXIMUM:
        for (gint64 i = 0; i < n; i++)
            sum[i] = x[i * step] > sum[i] || x[i * step] != x[i * step] ? x[i * step] : sum[i];
        break;
    case MINIMUM:
        for (gint64 i = 0; i < n; i++)
            sum[i] = x[i * step] < sum[i] || x[i * step] != x[i * step] ? x[i * step] : sum[i];
        break;
    case SQUARES:
    case LENGTH:
        for (gint64 i = 0; i < n; i++)
            sum[i] += x[i * step] * x[i * step];
        break;
    case SIZES:
        for (gint64 i = 0; i < n; i++)
            sum[i] += fabsf(x[i * step]);
        break;
    default:
        for (gint64 i = 0; i < n; i++)
            sum[i] += x[i * step];
        break;
    }
}

#define LANES 64

/* Lanes to one number. */
static float gather(Kind kind, const float *lane, guint n)
{
    float total = lane[0];
    for (guint i = 1; i < n; i++) {
        if (kind == MAXIMUM)
            total = lane[i] > total || lane[i] != lane[i] ? lane[i] : total;
        else if (kind == MINIMUM)
            total = lane[i] < total || lane[i] != lane[i] ? lane[i] : total;
        else
            total += lane[i];
    }
    return total;
}

static float finish(const Work *w, float total)
{
    return w->kind == MEAN ? total / (float)w->count : w->kind == LENGTH ? sqrtf(total) : total;
}

static float start(Kind kind)
{
    return kind == MAXIMUM ? -INFINITY : kind == MINIMUM ? INFINITY : 0;
}

/* Walks all but `skip` last reduced axes; calls for each with the offset. */
static gint64 offset_of(const Work *w, guint n, gint64 index)
{
    gint64 at = 0;
    for (guint i = n; i-- > 0;) {
        at += index % w->reduced[i] * w->step[i];
        index /= w->reduced[i];
    }
    return at;
}

/* One set, whose last reduced axis is run through in lanes. */
static float reduce_row(const Work *w, const float *x)
{
    float lane[LANES];
    gint64 n = w->n_reduced > 0 ? w->reduced[w->n_reduced - 1] : 1;
    gint64 step = w->n_reduced > 0 ? w->step[w->n_reduced - 1] : 1;
    for (guint i = 0; i < LANES; i++)
        lane[i] = start(w->kind);
    for (gint64 r = 0; r < w->count / MAX(n, 1); r++) {
        const float *row = x + (w->n_reduced > 1 ? offset_of(w, w->n_reduced - 1, r) : 0);
        for (gint64 k = 0; k < n; k += LANES)
            fold(w->kind, lane, row + k * step, step, MIN(LANES, n - k));
    }
    return gather(w->kind, lane, LANES);
}

/* n sets next to each other. */
static void reduce_wide(const Work *w, const float *x, float *out, gint64 in_step, gint64 out_step,
                        gint64 n)
{
    float sum[LANES];
    for (gint64 i = 0; i < n; i++)
        sum[i] = start(w->kind);
    for (gint64 r = 0; r < w->count; r++)
        fold(w->kind, sum, x + offset_of(w, w->n_reduced, r), in_step, n);
    for (gint64 i = 0; i < n; i++)
        out[i * out_step] = finish(w, sum[i]);
}

static void sets(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    guint n = w->wide > 1 ? w->n_kept - 1 : w->n_kept;
    for (gint64 set = first; set < last; set++) {
        gint64 blocks = (w->wide + LANES - 1) / LANES, left = set / blocks, in = 0, out = 0;
        for (guint i = n; i-- > 0;) {
            in += left % w->kept[i] * w->kept_in[i];
            out += left % w->kept[i] * w->kept_out[i];
            left /= w->kept[i];
        }
        if (w->wide == 1) {
            w->out[out] = finish(w, reduce_row(w, w->in + in));
            continue;
        }
        gint64 from = set % blocks * LANES;
        reduce_wide(w, w->in + in + from * w->kept_in[n], w->out + out + from * w->kept_out[n],
                    w->kept_in[n], w->kept_out[n], MIN(LANES, w->wide - from));
    }
}

/* Which axes go: bit i. */
static guint32 reduced_axes(const FoveaCpuRun *run)
{
    const FoveaView *axes = fovea_own_view(run->node, run->in, 1);
    guint32 mask = 0;
    guint rank = run->in[0]->rank, axis;
    if (g_str_has_prefix(run->node->op->name, "Global"))
        return ((1u << rank) - 1) & ~3u;
    for (gint64 i = 0; axes != NULL && i < fovea_view_count(axes); i++) {
        gint64 at = fovea_load_i64(axes->dtype, axes->data, axes->rank ? i * axes->strides[0] : 0);
        if (fovea_axis(at, (gint)rank, FALSE, &axis))
            mask |= 1u << axis;
    }
    if (mask == 0 && !fovea_node_attr_int(run->node, "noop_with_empty_axes", 0))
        mask = (1u << rank) - 1;
    return mask;
}

/* Sorts an axis into a list by its stride, widest first. */
static void insert(gint64 *dims, gint64 *a, gint64 *b, guint n, gint64 dim, gint64 sa, gint64 sb)
{
    guint at = n;
    while (at > 0 && ABS(a[at - 1]) < ABS(sa))
        at--;
    for (guint i = n; i > at; i--) {
        dims[i] = dims[i - 1];
        a[i] = a[i - 1];
        if (b != NULL)
            b[i] = b[i - 1];
    }
    dims[at] = dim;
    a[at] = sa;
    if (b != NULL)
        b[at] = sb;
}

static gboolean run_reduce(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *out = run->out[0];
    guint32 mask = reduced_axes(run);
    gboolean keep = out->rank == in->rank;
    Work w = {.kind = (Kind)kind_of(run->node->op->name), .in = in->data, .out = out->data};
    gint64 total = 1;
    w.count = 1;
    for (guint i = 0, o = 0; i < in->rank; i++) {
        gboolean gone = mask & (1u << i);
        gint64 out_stride = gone ? 0 : out->strides[o];
        o += keep || !gone;
        total *= gone ? 1 : in->dims[i];
        w.count *= gone ? in->dims[i] : 1;
        if (in->dims[i] == 1)
            continue;
        if (gone)
            insert(w.reduced, w.step, NULL, w.n_reduced++, in->dims[i], in->strides[i], 0);
        else
            insert(w.kept, w.kept_in, w.kept_out, w.n_kept++, in->dims[i], in->strides[i],
                   out_stride);
    }
    if (total == 0 || w.count == 0)
        return run->node->op->ref(run->node, run->in, run->out, error);
    gint64 narrow = w.n_reduced > 0 ? ABS(w.step[w.n_reduced - 1]) : G_MAXINT64;
    w.wide = 1;
    if (w.n_kept > 0 && ABS(w.kept_in[w.n_kept - 1]) < narrow)
        w.wide = w.kept[w.n_kept - 1];
    gint64 units = total / w.wide * ((w.wide + LANES - 1) / LANES);
    fovea_cpu_for(units, MAX(32768 / MAX(w.count * MIN(w.wide, LANES), 1), 1), sets, &w);
    return TRUE;
}

static const char *const ops[] = {"ReduceSum",       "ReduceMean", "ReduceMax", "ReduceMin",
                                  "ReduceSumSquare", "ReduceL1",   "ReduceL2",  "GlobalAveragePool",
                                  "GlobalMaxPool",   NULL};

const FoveaCpuKernel fovea_cpu_kernel_reduce = {
    .ops = ops,
    .klass = "reduce",
    .fits = fits,
    .run = run_reduce,
};
