/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MaxPool and AveragePool: a vector of channels at a time where maps lie channels-last.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/window.h"

typedef struct Work {
    const FoveaSimd *simd;
    const FoveaView *in, *out;
    FoveaSlide s;
    gboolean max, include_pad;
    gint64 in_step[3], out_step[3]; /* strides of the three spatial axes */
} Work;

static gboolean fits(const FoveaNode *node)
{
    return node->in[0]->dtype == FOVEA_DTYPE_F32 && node->out[0] != NULL &&
           (node->n_out < 2 || node->out[1] == NULL);
}

static gboolean channels_last(const FoveaNode *node)
{
    return node->out[0]->rank == 4;
}

#define CHANNELS 64 /* at a time */

/* Adds or maximises n channels of one input place. */
static void take(const Work *w, float *sum, const float *from, gint64 step, gint64 n)
{
    if (step == 1) {
        if (w->max)
            w->simd->maximum(sum, from, (gsize)n);
        else
            w->simd->axpy(sum, 1, from, (gsize)n);
    } else if (!w->max) {
        for (gint64 c = 0; c < n; c++)
            sum[c] += from[c * step];
    } else {
        for (gint64 c = 0; c < n; c++) {
            float x = from[c * step];
            sum[c] = x > sum[c] || x != x ? x : sum[c];
        }
    }
}

/* One output place, n channels. */
static void place(const Work *w, const gint64 *o, const float *from, float *to, gint64 n)
{
    const FoveaSlide *s = &w->s;
    gint64 first[3], last[3], taps = 1, whole = 1;
    float sum[CHANNELS];
    for (guint a = 0; a < 3; a++) {
        gint64 begin = o[a] * s->stride[a] - s->before[a], d = s->dilation[a];
        first[a] = begin < 0 ? (-begin + d - 1) / d : 0;
        last[a] = begin >= s->in[a] ? 0 : MIN(s->kernel[a], (s->in[a] - begin + d - 1) / d);
        last[a] = MAX(last[a], first[a]);
        taps *= last[a] - first[a];
        gint64 edge = s->in[a] + s->after[a] - begin;
        whole *= MIN(s->kernel[a], MAX((edge + d - 1) / d, 0));
    }
    for (gint64 c = 0; c < n; c++)
        sum[c] = w->max ? -INFINITY : 0;
    for (gint64 a = first[0]; a < last[0]; a++)
        for (gint64 b = first[1]; b < last[1]; b++)
            for (gint64 c = first[2]; c < last[2]; c++) {
                gint64 at = 0, k[3] = {a, b, c};
                for (guint i = 0; i < 3; i++)
                    at += (o[i] * s->stride[i] - s->before[i] + k[i] * s->dilation[i]) *
                          w->in_step[i];
                take(w, sum, from + at, w->in->strides[1], n);
            }
    gint64 count = w->include_pad ? whole : taps;
    for (gint64 c = 0; c < n; c++)
        to[c * w->out->strides[1]] = w->max || count == 0 ? sum[c] : sum[c] / (float)count;
}

/* A unit is one line of output places of one picture. */
static void lines(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    gint64 channels = w->in->dims[1], o[3];
    for (gint64 line = first; line < last; line++) {
        gint64 n = line / (w->s.out[0] * w->s.out[1]);
        o[0] = line / w->s.out[1] % w->s.out[0];
        o[1] = line % w->s.out[1];
        const float *from = (const float *)w->in->data + n * w->in->strides[0];
        for (o[2] = 0; o[2] < w->s.out[2]; o[2]++) {
            float *to = (float *)w->out->data + n * w->out->strides[0];
            for (guint a = 0; a < 3; a++)
                to += o[a] * w->out_step[a];
            for (gint64 c = 0; c < channels; c += CHANNELS)
                place(w, o, from + c * w->in->strides[1], to + c * w->out->strides[1],
                      MIN(CHANNELS, channels - c));
        }
    }
}

static gboolean run_pool(const FoveaCpuRun *run, GError **error)
{
    const FoveaNode *node = run->node;
    Work w = {.simd = fovea_simd(), .in = run->in[0], .out = run->out[0]};
    guint n = w.in->rank - 2, n_kernel = 0;
    const gint64 *kernel = fovea_node_attr_ints(node, "kernel_shape", &n_kernel);
    w.max = g_str_equal(node->op->name, "MaxPool");
    w.include_pad = fovea_node_attr_int(node, "count_include_pad", 0) != 0;
    fovea_slide_init(node, n, w.in->dims + 2, w.out->dims + 2, kernel, &w.s);
    for (guint i = 0; i < n; i++) {
        w.in_step[FOVEA_WINDOW_MAX - n + i] = w.in->strides[2 + i];
        w.out_step[FOVEA_WINDOW_MAX - n + i] = w.out->strides[2 + i];
    }
    gint64 work = w.s.out[2] * w.in->dims[1] * w.s.kernel[0] * w.s.kernel[1] * w.s.kernel[2];
    fovea_cpu_for(w.in->dims[0] * w.s.out[0] * w.s.out[1], MAX(65536 / MAX(work, 1), 1), lines, &w);
    return TRUE;
}

static const char *const ops[] = {"MaxPool", "AveragePool", NULL};

const FoveaCpuKernel fovea_cpu_kernel_pool = {
    .ops = ops,
    .klass = "pool",
    .fits = fits,
    .channels_last = channels_last,
    .run = run_pool,
};
