/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GridSample (linear, nearest; two axes) and DeformableAttention. The taps of a point are found
 * once and used for all channels.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/gridsample.h"
#include "ops/support.h"

#define CHANNELS 256 /* held on the stack while points are summed */

typedef struct Taps {
    guint n;
    const float *at[4];
    float weight[4];
} Taps;

/* Two taps along an axis of n elements: a place and the weight of the one after it; FALSE where
 * nothing is read. In double: a coordinate that lies on an edge must fall on its side. */
static inline gboolean find_pair(const FoveaGrid *grid, float coordinate, gint64 n, gint64 *low,
                                 double *part)
{
    double size = (double)n, c = (double)coordinate;
    double x = grid->align ? (c + 1) / 2 * (size - 1) : ((c + 1) * size - 1) / 2;
    if (grid->pad == FOVEA_GRID_BORDER)
        x = x > 0 ? (x < size - 1 ? x : size - 1) : 0;
    if (!(x > -1 && x < size)) /* NaN too */
        return FALSE;
    *low = (gint64)(x + 1) - 1;
    *part = x - (double)*low;
    return TRUE;
}

static void linear_taps(const FoveaGrid *grid, const FoveaView *map, const float *data, float x,
                        float y, float weight, Taps *taps)
{
    gint64 h = map->dims[2], w = map->dims[3], column, line;
    double across, down;
    taps->n = 0;
    if (!find_pair(grid, x, w, &column, &across) || !find_pair(grid, y, h, &line, &down))
        return;
    for (guint j = 0; j < 2; j++)
        for (guint i = 0; i < 2; i++) {
            gint64 a = line + j, b = column + i;
            if (a < 0 || b < 0 || a >= h || b >= w)
                continue;
            taps->at[taps->n] = data + a * map->strides[2] + b * map->strides[3];
            taps->weight[taps->n++] = (float)((j ? down : 1 - down) * (i ? across : 1 - across)) *
                                      weight;
        }
}

/* The up to four taps of the point (x, y), their weights times `weight`. */
static void find_taps(const FoveaGrid *grid, const FoveaView *map, const float *data, float x,
                      float y, float weight, Taps *taps)
{
    gint64 column[4], line[4];
    double across[4], down[4];
    gint64 h = map->dims[2], w = map->dims[3];
    if (grid->mode == FOVEA_GRID_LINEAR && grid->pad != FOVEA_GRID_REFLECTION) {
        linear_taps(grid, map, data, x, y, weight, taps);
        return;
    }
    double px = fovea_grid_place(grid, (double)x, w), py = fovea_grid_place(grid, (double)y, h);
    guint nx = fovea_grid_taps(grid, px, w, column, across);
    guint ny = fovea_grid_taps(grid, py, h, line, down);
    taps->n = 0;
    for (guint j = 0; j < MIN(ny, 2); j++)
        for (guint i = 0; i < MIN(nx, 2); i++) {
            if (line[j] < 0 || column[i] < 0)
                continue;
            taps->at[taps->n] = data + line[j] * map->strides[2] + column[i] * map->strides[3];
            taps->weight[taps->n++] = (float)(down[j] * across[i]) * weight;
        }
}

/* sum[c] += the map at the taps, for all channels. */
static void add_point(const FoveaSimd *simd, const Taps *taps, gint64 step, gint64 channels,
                      float *sum)
{
    if (step == 1) {
        simd->mix(sum, taps->n, taps->at, taps->weight, (gsize)channels);
        return;
    }
    for (guint k = 0; k < taps->n; k++) {
        for (gint64 c = 0; c < channels; c++)
            sum[c] += taps->weight[k] * taps->at[k][c * step];
    }
}

static gboolean fits(const FoveaNode *node)
{
    const char *mode = fovea_node_attr_string(node, "mode", "linear");
    for (guint i = 0; i < fovea_node_n_own(node); i++) {
        if (node->in[i] == NULL || !fovea_cpu_is_f32(node->in[i]))
            return FALSE;
    }
    return strstr(mode, "cubic") == NULL &&
           fovea_dim_is_const(node->in[0]->dims[1]); /* channels, or weights of one value */
}

/* ---- GridSample ---- */

typedef struct Sample {
    FoveaGrid grid;
    const FoveaView *map, *places, *out;
} Sample;

static gboolean fits_grid(const FoveaNode *node)
{
    return node->in[0]->rank == 4 && node->in[0]->dims[1].c <= CHANNELS && fits(node);
}

static void grid_lines(gint64 first, gint64 last, gpointer data)
{
    const Sample *s = data;
    const FoveaSimd *simd = fovea_simd();
    gint64 height = s->out->dims[2], width = s->out->dims[3], channels = s->out->dims[1];
    for (gint64 line = first; line < last; line++) {
        gint64 n = line / height, y = line % height;
        const float *places = (const float *)s->places->data + n * s->places->strides[0] +
                              y * s->places->strides[1];
        const float *map = (const float *)s->map->data + n * s->map->strides[0];
        float *out = (float *)s->out->data + n * s->out->strides[0] + y * s->out->strides[2];
        for (gint64 x = 0; x < width; x++) {
            const float *at = places + x * s->places->strides[2];
            float sum[CHANNELS];
            Taps taps;
            memset(sum, 0, (gsize)channels * sizeof *sum);
            find_taps(&s->grid, s->map, map, at[0], at[s->places->strides[3]], 1, &taps);
            add_point(simd, &taps, s->map->strides[1], channels, sum);
            for (gint64 c = 0; c < channels; c++)
                out[c * s->out->strides[1] + x * s->out->strides[3]] = sum[c];
        }
    }
}

static gboolean run_grid(const FoveaCpuRun *run, GError **error)
{
    Sample s = {.map = run->in[0], .places = run->in[1], .out = run->out[0]};
    fovea_grid_init(run->node, &s.grid);
    gint64 work = s.out->dims[3] * (s.out->dims[1] + 16);
    fovea_cpu_for(s.out->dims[0] * s.out->dims[2], MAX(4096 / MAX(work, 1), 1), grid_lines, &s);
    return TRUE;
}

static const char *const grid_ops[] = {"GridSample", NULL};

const FoveaCpuKernel fovea_cpu_kernel_gridsample = {
    .ops = grid_ops,
    .klass = "sample",
    .fits = fits_grid,
    .run = run_grid,
};

/* ---- DeformableAttention ---- */

typedef struct Deform {
    FoveaGrid grid;
    guint levels;
    const FoveaView *const *in;
    const FoveaView *out;
} Deform;

static gboolean fits_deform(const FoveaNode *node)
{
    return node->in[1] != NULL && fovea_dim_is_const(node->in[1]->dims[1]) &&
           node->in[1]->dims[1].c <= CHANNELS && fits(node);
}

static void deform_queries(gint64 first, gint64 last, gpointer data)
{
    const Deform *d = data;
    const FoveaSimd *simd = fovea_simd();
    const FoveaView *weight = d->in[0], *out = d->out;
    gint64 queries = out->dims[2], channels = out->dims[1];
    gint64 step = weight->strides[weight->rank - 1];
    for (gint64 unit = first; unit < last; unit++) {
        gint64 n = unit / queries, t = unit % queries;
        const float *w = (const float *)weight->data + n * weight->strides[0] +
                         t * weight->strides[weight->rank - 2];
        float sum[CHANNELS];
        memset(sum, 0, (gsize)channels * sizeof *sum);
        for (guint l = 0; l < d->levels; l++) {
            const FoveaView *map = d->in[1 + 2 * l], *places = d->in[2 + 2 * l];
            const float *values = (const float *)map->data + n * map->strides[0];
            const float *at = (const float *)places->data + n * places->strides[0] +
                              t * places->strides[1];
            for (gint64 p = 0; p < places->dims[2]; p++, w += step) {
                const float *xy = at + p * places->strides[2];
                Taps taps;
                find_taps(&d->grid, map, values, xy[0], xy[places->strides[3]], *w, &taps);
                add_point(simd, &taps, map->strides[1], channels, sum);
            }
        }
        float *to = (float *)out->data + n * out->strides[0] + t * out->strides[2];
        for (gint64 c = 0; c < channels; c++)
            to[c * out->strides[1]] = sum[c];
    }
}

static gboolean run_deform(const FoveaCpuRun *run, GError **error)
{
    Deform d = {.in = run->in, .out = run->out[0]};
    d.levels = (fovea_node_n_own(run->node) - 1) / 2;
    fovea_grid_init(run->node, &d.grid);
    fovea_cpu_for(d.out->dims[0] * d.out->dims[2], 32, deform_queries, &d);
    return TRUE;
}

static const char *const deform_ops[] = {"DeformableAttention", NULL};

const FoveaCpuKernel fovea_cpu_kernel_deformable = {
    .ops = deform_ops,
    .klass = "attention",
    .fits = fits_deform,
    .run = run_deform,
};
