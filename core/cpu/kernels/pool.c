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
    gboolean max, include_pad, rows;
    gint64 in_step[3], out_step[3]; /* strides of the three spatial axes */
} Work;

static gboolean fits(const FoveaNode *node)
{
    return fovea_cpu_is_f32(node->in[0]) && node->out[0] != NULL &&
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

/* The taps of axis `a` at output place o that lie inside: first..last; and how many lie inside the
 * padded input. */
typedef struct Reach {
    gint64 begin, first, last, whole;
} Reach;

static void reach_of(const FoveaSlide *s, guint a, gint64 o, Reach *r)
{
    gint64 d = s->dilation[a], edge;
    r->begin = o * s->stride[a] - s->before[a];
    edge = s->in[a] - r->begin;
    r->first = r->begin < 0 ? -r->begin : 0;
    r->last = MAX(edge, 0);
    r->whole = MAX(edge + s->after[a], 0);
    if (d > 1) {
        r->first = (r->first + d - 1) / d;
        r->last = (r->last + d - 1) / d;
        r->whole = (r->whole + d - 1) / d;
    }
    r->last = MAX(MIN(r->last, s->kernel[a]), r->first);
    r->whole = MIN(r->whole, s->kernel[a]);
}

/* One output place, n channels. */
static void place(const Work *w, const Reach *reach, const float *from, float *to, gint64 n)
{
    const FoveaSlide *s = &w->s;
    float sum[CHANNELS];
    gint64 taps = 1, whole = 1, step[3], skip = 0;
    for (guint a = 0; a < 3; a++) {
        taps *= reach[a].last - reach[a].first;
        whole *= reach[a].whole;
        step[a] = s->dilation[a] * w->in_step[a];
        skip += reach[a].begin * w->in_step[a];
    }
    for (gint64 c = 0; c < n; c++)
        sum[c] = w->max ? -INFINITY : 0;
    for (gint64 a = reach[0].first; a < reach[0].last; a++)
        for (gint64 b = reach[1].first; b < reach[1].last; b++)
            for (gint64 c = reach[2].first; c < reach[2].last; c++)
                take(w, sum, from + skip + a * step[0] + b * step[1] + c * step[2],
                     w->in->strides[1], n);
    gint64 count = w->include_pad ? whole : taps, out_step = w->out->strides[1];
    float share = w->max || count == 0 ? 1 : 1 / (float)count;
    for (gint64 c = 0; c < n; c++)
        to[c * out_step] = w->max ? sum[c] : sum[c] * share;
}

/* A whole line at once where windows move by one place and maps lie channels-last without gaps:
 * each tap is then one long row. */
static void line_of_rows(const Work *w, Reach *reach, const float *from, float *to)
{
    const FoveaSlide *s = &w->s;
    gint64 channels = w->in->dims[1], width = s->out[2], d = s->dilation[2];
    for (gint64 i = 0; i < width * channels; i++)
        to[i] = w->max ? -INFINITY : 0;
    for (gint64 a = reach[0].first; a < reach[0].last; a++)
        for (gint64 b = reach[1].first; b < reach[1].last; b++)
            for (gint64 c = 0; c < s->kernel[2]; c++) {
                gint64 shift = c * d - s->before[2]; /* from output place to input place */
                gint64 low = MAX(-shift, 0), high = MIN(s->in[2] - shift, width);
                const float *row = from + (reach[0].begin + a * s->dilation[0]) * w->in_step[0] +
                                   (reach[1].begin + b * s->dilation[1]) * w->in_step[1] +
                                   (low + shift) * channels;
                if (high > low && w->max)
                    w->simd->maximum(to + low * channels, row, (gsize)((high - low) * channels));
                else if (high > low)
                    w->simd->axpy(to + low * channels, 1, row, (gsize)((high - low) * channels));
            }
    for (gint64 o2 = 0; !w->max && o2 < width; o2++) {
        gint64 count = 1;
        reach_of(s, 2, o2, &reach[2]);
        for (guint a = 0; a < 3; a++)
            count *= w->include_pad ? reach[a].whole : reach[a].last - reach[a].first;
        w->simd->scale(to + o2 * channels, count > 0 ? 1 / (float)count : 1, (gsize)channels);
    }
}

/* A unit is one line of output places of one picture. */
static void lines(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    gint64 channels = w->in->dims[1];
    Reach reach[3];
    for (gint64 line = first; line < last; line++) {
        gint64 n = line / (w->s.out[0] * w->s.out[1]);
        gint64 o0 = line / w->s.out[1] % w->s.out[0], o1 = line % w->s.out[1];
        const float *from = (const float *)w->in->data + n * w->in->strides[0];
        float *to = (float *)w->out->data + n * w->out->strides[0] + o0 * w->out_step[0] +
                    o1 * w->out_step[1];
        reach_of(&w->s, 0, o0, &reach[0]);
        reach_of(&w->s, 1, o1, &reach[1]);
        if (w->rows) {
            line_of_rows(w, reach, from, to);
            continue;
        }
        for (gint64 o2 = 0; o2 < w->s.out[2]; o2++, to += w->out_step[2]) {
            reach_of(&w->s, 2, o2, &reach[2]);
            for (gint64 c = 0; c < channels; c += CHANNELS)
                place(w, reach, from + c * w->in->strides[1], to + c * w->out->strides[1],
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
    w.rows = w.s.stride[2] == 1 && w.in->strides[1] == 1 && w.out->strides[1] == 1 &&
             w.in_step[2] == w.in->dims[1] && w.out_step[2] == w.in->dims[1];
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
