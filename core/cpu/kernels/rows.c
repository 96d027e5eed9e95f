/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Work along one axis: Softmax, LogSoftmax, LayerNormalization, RMSNormalization.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/support.h"

static gboolean is_f32(const FoveaValue *value)
{
    return value == NULL || fovea_cpu_is_f32(value);
}

static gboolean fits(const FoveaNode *node)
{
    for (guint i = 0; i < fovea_node_n_own(node); i++) {
        if (!is_f32(node->in[i]))
            return FALSE;
    }
    return node->out[0] != NULL && fovea_cpu_is_f32(node->out[0]) &&
           (node->n_out < 2 || node->out[1] == NULL) && (node->n_out < 3 || node->out[2] == NULL);
}

/* Rows of `in` and `out` from `axis` on, which must lie together; all axes before it. */
typedef struct Rows {
    const FoveaView *in, *out;
    guint lead;
    gint64 n, count;
    gboolean log;
    float epsilon;
    const float *scale, *bias; /* one for each element of a row, or NULL */
    gboolean centred;
} Rows;

static gboolean tail_together(const FoveaView *view, guint axis)
{
    gint64 step = 1;
    for (guint i = view->rank; i-- > axis;) {
        if (view->dims[i] != 1 && view->strides[i] != step)
            return FALSE;
        step *= view->dims[i];
    }
    return TRUE;
}

static gboolean rows_init(Rows *rows, const FoveaView *in, const FoveaView *out, guint axis)
{
    *rows = (Rows){.in = in, .out = out, .lead = axis, .n = 1, .count = 1};
    for (guint i = 0; i < in->rank; i++)
        *(i < axis ? &rows->count : &rows->n) *= in->dims[i];
    return tail_together(in, axis) && tail_together(out, axis);
}

static float *row_of(const Rows *rows, const FoveaView *view, gint64 row)
{
    gint64 at = 0;
    for (guint i = rows->lead; i-- > 0;) {
        at += row % view->dims[i] * view->strides[i];
        row /= view->dims[i];
    }
    return (float *)view->data + at;
}

static void softmax_rows(gint64 first, gint64 last, gpointer data)
{
    const Rows *rows = data;
    const FoveaSimd *simd = fovea_simd();
    for (gint64 r = first; r < last; r++) {
        const float *x = row_of(rows, rows->in, r);
        float *z = row_of(rows, rows->out, r);
        float top = simd->max(x, (gsize)rows->n);
        float sum = simd->exp_sum(z, x, top, (gsize)rows->n);
        if (!rows->log) {
            simd->scale(z, 1 / sum, (gsize)rows->n);
        } else {
            float shift = top + logf(sum);
            for (gint64 i = 0; i < rows->n; i++)
                z[i] = x[i] - shift;
        }
    }
}

/* ---- softmax along an axis that is not the innermost: 64 columns at a time ---- */

#define COLUMNS 64

typedef struct Columns {
    const FoveaView *in, *out;
    guint axis, inner; /* inner: the axis along which columns stand side by side */
    gint64 blocks;
    gboolean log;
} Columns;

static void softmax_block(const Columns *c, const float *x, float *z, gint64 n)
{
    gint64 keys = c->in->dims[c->axis], sa = c->in->strides[c->axis], sb = c->out->strides[c->axis];
    gint64 a = c->in->strides[c->inner], b = c->out->strides[c->inner];
    float top[COLUMNS], sum[COLUMNS] = {0}, row[COLUMNS];
    for (gint64 i = 0; i < n; i++)
        top[i] = -INFINITY;
    for (gint64 k = 0; k < keys; k++)
        for (gint64 i = 0; i < n; i++)
            top[i] = MAX(top[i], x[k * sa + i * a]);
    for (gint64 k = 0; k < keys; k++) {
        for (gint64 i = 0; i < n; i++)
            row[i] = x[k * sa + i * a] - top[i];
        fovea_simd()->tile_f[FX_EXP](row, row, NULL, NULL, (guint)n);
        for (gint64 i = 0; i < n; i++) {
            sum[i] += row[i];
            z[k * sb + i * b] = c->log ? x[k * sa + i * a] - top[i] : row[i];
        }
    }
    for (gint64 i = 0; i < n; i++)
        sum[i] = c->log ? logf(sum[i]) : 1 / sum[i];
    for (gint64 k = 0; k < keys; k++)
        for (gint64 i = 0; i < n; i++)
            z[k * sb + i * b] = c->log ? z[k * sb + i * b] - sum[i] : z[k * sb + i * b] * sum[i];
}

static void softmax_columns(gint64 first, gint64 last, gpointer data)
{
    const Columns *c = data;
    for (gint64 unit = first; unit < last; unit++) {
        gint64 left = unit / c->blocks, from = unit % c->blocks * COLUMNS;
        gint64 a = from * c->in->strides[c->inner], b = from * c->out->strides[c->inner];
        for (guint i = c->in->rank; i-- > 0;) {
            if (i == c->axis || i == c->inner)
                continue;
            a += left % c->in->dims[i] * c->in->strides[i];
            b += left % c->in->dims[i] * c->out->strides[i];
            left /= c->in->dims[i];
        }
        softmax_block(c, (const float *)c->in->data + a, (float *)c->out->data + b,
                      MIN(COLUMNS, c->in->dims[c->inner] - from));
    }
}

static gboolean run_softmax(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0], *out = run->out[0];
    guint axis = fovea_node_axis(run->node, -1, in->rank);
    gint64 total = fovea_view_count(in);
    gboolean log = g_str_equal(run->node->op->name, "LogSoftmax");
    Rows rows;
    if (total == 0)
        return TRUE;
    if (axis + 1 == in->rank && rows_init(&rows, in, out, axis)) {
        rows.log = log;
        fovea_cpu_for(rows.count, MAX(8192 / rows.n, 1), softmax_rows, &rows);
        return TRUE;
    }
    Columns c = {.in = in, .out = out, .axis = axis, .log = log};
    c.inner = axis == 0 ? in->rank - 1 : 0;
    for (guint i = 0; i < in->rank; i++) {
        if (i != axis && in->dims[i] > 1 &&
            (in->dims[c.inner] == 1 || c.inner == axis || in->strides[i] < in->strides[c.inner]))
            c.inner = i;
    }
    if (c.inner == axis) /* of rank 1, and not together */
        return run->node->op->ref(run->node, run->in, run->out, error);
    c.blocks = (in->dims[c.inner] + COLUMNS - 1) / COLUMNS;
    gint64 units = total / in->dims[axis] / in->dims[c.inner] * c.blocks;
    fovea_cpu_for(units, MAX(8192 / (in->dims[axis] * COLUMNS), 1), softmax_columns, &c);
    return TRUE;
}

/* ---- norms ---- */

static void norm_rows(gint64 first, gint64 last, gpointer data)
{
    const Rows *rows = data;
    const FoveaSimd *simd = fovea_simd();
    for (gint64 r = first; r < last; r++) {
        const float *x = row_of(rows, rows->in, r);
        float *z = row_of(rows, rows->out, r), mean = 0, inverse;
        if (rows->centred)
            simd->moments(x, (gsize)rows->n, (double)rows->epsilon, &mean, &inverse);
        else
            inverse = 1 / sqrtf(simd->dot(x, x, (gsize)rows->n) / (float)rows->n + rows->epsilon);
        simd->normalise(z, x, mean, inverse, rows->scale, rows->bias, (gsize)rows->n);
    }
}

/* TRUE and the data where the view has one element for each of a row, in order. */
static gboolean row_parameter(const FoveaView *view, const FoveaView *in, guint axis,
                              const float **data)
{
    FoveaView wide;
    *data = NULL;
    if (view == NULL)
        return TRUE;
    if (!fovea_view_broadcast(view, in->rank, in->dims, &wide) || !tail_together(&wide, axis))
        return FALSE;
    for (guint i = 0; i < axis; i++) {
        if (wide.dims[i] != 1 && wide.strides[i] != 0)
            return FALSE;
    }
    *data = wide.data;
    return TRUE;
}

static gboolean run_norm(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *in = run->in[0];
    guint axis = fovea_node_axis(run->node, -1, in->rank);
    Rows rows;
    gboolean ok = rows_init(&rows, in, run->out[0], axis) && rows.n > 0 &&
                  row_parameter(fovea_own_view(run->node, run->in, 1), in, axis, &rows.scale) &&
                  row_parameter(fovea_own_view(run->node, run->in, 2), in, axis, &rows.bias);
    if (!ok)
        return run->node->op->ref(run->node, run->in, run->out, error);
    rows.epsilon = (float)fovea_node_attr_float(run->node, "epsilon", 1e-5);
    rows.centred = g_str_equal(run->node->op->name, "LayerNormalization");
    fovea_cpu_for(rows.count, MAX(16384 / rows.n, 1), norm_rows, &rows);
    return TRUE;
}

static const char *const softmax_ops[] = {"Softmax", "LogSoftmax", NULL};

const FoveaCpuKernel fovea_cpu_kernel_softmax = {
    .ops = softmax_ops,
    .klass = "softmax",
    .fits = fits,
    .run = run_softmax,
};

static const char *const norm_ops[] = {"LayerNormalization", "RMSNormalization", NULL};

const FoveaCpuKernel fovea_cpu_kernel_norm = {
    .ops = norm_ops,
    .klass = "norm",
    .fits = fits,
    .run = run_norm,
};
