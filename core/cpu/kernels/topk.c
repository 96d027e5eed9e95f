/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * TopK of f32 rows: value and place are packed into one integer whose order is the wanted one, so
 * that choosing and sorting compare single numbers and equal values stand by place.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/support.h"

static gboolean fits(const FoveaNode *node)
{
    const FoveaValue *x = node->in[0];
    guint axis;
    return fovea_cpu_is_f32(x) &&
           fovea_axis(fovea_node_attr_int(node, "axis", -1), x->rank, FALSE, &axis) &&
           fovea_dim_is_const(x->dims[axis]) && x->dims[axis].c < G_MAXUINT32 &&
           fovea_dim_is_const((node->out[0] != NULL ? node->out[0] : node->out[1])->dims[axis]);
}

/* Smaller numbers come first: the largest value (NaN before all), then the lowest place. */
static guint64 pack(float value, gboolean largest, gint64 place)
{
    guint32 bits, order;
    value = largest ? value : -value;
    value = value == 0 ? 0 : value; /* -0 equals 0 */
    memcpy(&bits, &value, sizeof bits);
    order = bits >> 31 ? ~bits : bits | 0x80000000u;
    if (value != value)
        order = G_MAXUINT32;
    return (guint64)(guint32)~order << 32 | (guint32)place;
}

static void sink(guint64 *heap, gint64 n, gint64 at)
{
    guint64 moved = heap[at];
    for (gint64 child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1] > heap[child])
            child++;
        if (heap[child] <= moved)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* The k smallest of n numbers, sorted, at the beginning: a heap of the best so far. */
static void choose(guint64 *x, gint64 n, gint64 k)
{
    for (gint64 i = k / 2; i-- > 0;)
        sink(x, k, i);
    for (gint64 i = k; i < n && k > 0; i++) {
        if (x[i] < x[0]) {
            x[0] = x[i];
            sink(x, k, 0);
        }
    }
    for (gint64 last = k; last-- > 1;) {
        guint64 top = x[0];
        x[0] = x[last];
        x[last] = top;
        sink(x, last, 0);
    }
}

typedef struct Work {
    const FoveaView *in, *values, *places, *shape;
    guint axis;
    gboolean largest;
    guint64 *room;
    gint64 n, k, per_task, rows;
} Work;

static gint64 row_offset(const Work *w, const FoveaView *view, gint64 row)
{
    gint64 at = 0;
    for (guint i = w->in->rank; i-- > 0;) {
        if (i == w->axis)
            continue;
        at += row % w->in->dims[i] * view->strides[i];
        row /= w->in->dims[i];
    }
    return at;
}

static void task(guint number, gpointer data)
{
    const Work *w = data;
    guint64 *x = w->room + (gint64)number * w->n;
    for (gint64 row = number * w->per_task; row < MIN((number + 1) * w->per_task, w->rows); row++) {
        const float *from = (const float *)w->in->data + row_offset(w, w->in, row);
        gint64 step = w->in->strides[w->axis];
        for (gint64 i = 0; i < w->n; i++)
            x[i] = pack(from[i * step], w->largest, i);
        choose(x, w->n, w->k);
        for (gint64 i = 0; i < w->k; i++) {
            gint64 place = (guint32)x[i];
            if (w->values != NULL)
                ((float *)w->values->data)[row_offset(w, w->values, row) +
                                           i * w->values->strides[w->axis]] = from[place * step];
            if (w->places != NULL)
                fovea_store_i64(w->places->dtype, w->places->data,
                                row_offset(w, w->places, row) + i * w->places->strides[w->axis],
                                place);
        }
    }
}

#define TASKS 16

static gboolean compile_topk(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    guint axis = fovea_node_axis(compile->node, -1, (guint)compile->node->in[0]->rank);
    compile->scratch = (gsize)compile->node->in[0]->dims[axis].c * TASKS * sizeof(guint64);
    return TRUE;
}

static gboolean run_topk(const FoveaCpuRun *run, GError **error)
{
    Work w = {.in = run->in[0], .values = run->out[0]};
    w.places = run->node->n_out > 1 ? run->out[1] : NULL;
    w.axis = fovea_node_axis(run->node, -1, w.in->rank);
    w.largest = fovea_node_attr_int(run->node, "largest", 1) != 0;
    w.room = (guint64 *)(gpointer)run->scratch;
    w.n = w.in->dims[w.axis];
    w.k = (w.values != NULL ? w.values : w.places)->dims[w.axis];
    w.rows = w.n > 0 ? fovea_view_count(w.in) / w.n : 0;
    gint64 tasks = CLAMP(w.rows * w.n / 4096, 1, TASKS);
    w.per_task = (w.rows + tasks - 1) / tasks;
    fovea_cpu_parallel((guint)tasks, task, &w);
    return TRUE;
}

static const char *const ops[] = {"TopK", NULL};

const FoveaCpuKernel fovea_cpu_kernel_topk = {
    .ops = ops,
    .klass = "topk",
    .fits = fits,
    .compile = compile_topk,
    .run = run_topk,
};
