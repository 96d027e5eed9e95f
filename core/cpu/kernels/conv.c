/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conv by our own products: for maps whose size changes from run to run, and where oneDNN is not
 * installed. A block of output places takes one product for each tap; the block stays in the cache.
 */
#include "cpu/kernel.h"
#include "ops/support.h"
#include "ops/window.h"

#define PLACES 24   /* output places of a block, along the last axis */
#define FILTERS 128 /* filters of a block */

typedef struct Conv {
    const float *weights; /* [groups][taps][C/G][M/G] */
} Conv;

typedef struct Work {
    const FoveaSimd *simd;
    const FoveaView *x, *bias, *out;
    const float *weights;
    FoveaSlide s;
    gint64 in_step[3], out_step[3];
    gint64 groups, depth, filters; /* C/G and M/G */
    gint64 blocks;                 /* along the last axis */
} Work;

static gboolean real(const FoveaValue *value)
{
    return value != NULL && fovea_dtype_is_float(value->dtype) && value->dtype != FOVEA_DTYPE_F64;
}

static gboolean fits(const FoveaNode *node)
{
    const FoveaValue *bias = fovea_own_in(node, 2);
    return real(node->in[0]) && real(node->out[0]) && real(node->in[1]) &&
           node->in[1]->constant != NULL && (bias == NULL || real(bias));
}

static gboolean channels_last(const FoveaNode *node)
{
    return node->out[0]->rank == 4;
}

static gpointer pack(const FoveaTensor *tensor, gpointer user_data, gsize *bytes, GError **error)
{
    gint64 groups = *(gint64 *)user_data, filters = tensor->dims[0] / groups;
    gint64 depth = tensor->dims[1], taps = 1;
    for (guint i = 2; i < tensor->rank; i++)
        taps *= tensor->dims[i];
    g_autoptr(FoveaTensor) wide = fovea_tensor_convert(tensor, FOVEA_DTYPE_F32, error);
    float *to = wide != NULL ? fovea_try_alloc(wide->n_elements, sizeof *to, error) : NULL;
    if (to == NULL)
        return NULL;
    const float *from = wide->data;
    for (gint64 g = 0; g < groups; g++)
        for (gint64 m = 0; m < filters; m++)
            for (gint64 c = 0; c < depth; c++)
                for (gint64 k = 0; k < taps; k++)
                    to[((g * taps + k) * depth + c) * filters + m] = *from++;
    *bytes = wide->n_elements * sizeof *to;
    return to;
}

static gboolean compile_conv(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaNode *node = compile->node;
    gint64 groups = fovea_node_attr_int(node, "group", 1);
    g_autofree char *layout = g_strdup_printf("conv/%" G_GINT64_FORMAT, groups);
    Conv *conv = g_new0(Conv, 1);
    *data = conv;
    conv->weights = fovea_weights_get(compile->program->weights, node->in[1]->constant, layout,
                                      pack, &groups, fovea_free, error);
    return conv->weights != NULL;
}

/* Adds tap k[] of group g to rows o2..o2+n of the block. */
static void add_tap(const Work *w, const gint64 *at, gint64 tap, gint64 tap2, gint64 g, gint64 m,
                    gint64 n_filters, const float *x, gint64 o2, gint64 n, float *sum)
{
    const FoveaSlide *s = &w->s;
    gint64 stride = s->stride[2], begin = o2 * stride - s->before[2] + tap2 * s->dilation[2];
    gint64 low = begin < 0 ? (-begin + stride - 1) / stride : 0;
    gint64 high = s->in[2] > begin ? MIN(n, (s->in[2] - begin + stride - 1) / stride) : 0;
    gint64 taps = s->kernel[0] * s->kernel[1] * s->kernel[2], channel = w->x->strides[1];
    if (high <= low)
        return;
    const float *from = x + at[0] * w->in_step[0] + at[1] * w->in_step[1] +
                        (begin + low * stride) * w->in_step[2] + g * w->depth * channel;
    const float *b = w->weights + (g * taps + tap) * w->depth * w->filters + m;
    w->simd->gemm(high - low, n_filters, w->depth, from, stride * w->in_step[2], channel, b,
                  w->filters, sum + low * FILTERS, FILTERS, TRUE);
}

/* Places o2..o2+n of the line o[], filters m..m+n_filters of group g. */
static void block(const Work *w, const gint64 *o, gint64 g, gint64 m, gint64 n_filters,
                  const float *x, float *out, gint64 o2, gint64 n)
{
    const FoveaSlide *s = &w->s;
    float sum[PLACES * FILTERS];
    gint64 first = g * w->filters + m, tap = 0, at[2];
    for (gint64 i = 0; i < n; i++)
        for (gint64 c = 0; c < n_filters; c++)
            sum[i * FILTERS + c] =
                w->bias != NULL ? ((const float *)w->bias->data)[(first + c) * w->bias->strides[0]]
                                : 0;
    for (gint64 a = 0; a < s->kernel[0]; a++)
        for (gint64 b = 0; b < s->kernel[1]; b++) {
            at[0] = o[0] * s->stride[0] - s->before[0] + a * s->dilation[0];
            at[1] = o[1] * s->stride[1] - s->before[1] + b * s->dilation[1];
            gboolean inside = at[0] >= 0 && at[0] < s->in[0] && at[1] >= 0 && at[1] < s->in[1];
            for (gint64 c = 0; c < s->kernel[2]; c++, tap++) {
                if (inside)
                    add_tap(w, at, tap, c, g, m, n_filters, x, o2, n, sum);
            }
        }
    for (gint64 i = 0; i < n; i++) {
        float *to = out + (o2 + i) * w->out_step[2] + first * w->out->strides[1];
        for (gint64 c = 0; c < n_filters; c++)
            to[c * w->out->strides[1]] = sum[i * FILTERS + c];
    }
}

/* A unit is one block of places of one line, all filters. */
static void units(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    for (gint64 unit = first; unit < last; unit++) {
        gint64 line = unit / w->blocks, o2 = unit % w->blocks * PLACES;
        gint64 n = line / (w->s.out[0] * w->s.out[1]);
        gint64 o[2] = {line / w->s.out[1] % w->s.out[0], line % w->s.out[1]};
        const float *x = (const float *)w->x->data + n * w->x->strides[0];
        float *out = (float *)w->out->data + n * w->out->strides[0] + o[0] * w->out_step[0] +
                     o[1] * w->out_step[1];
        for (gint64 g = 0; g < w->groups; g++)
            for (gint64 m = 0; m < w->filters; m += FILTERS)
                block(w, o, g, m, MIN(FILTERS, w->filters - m), x, out, o2,
                      MIN(PLACES, w->s.out[2] - o2));
    }
}

static gboolean run_conv(const FoveaCpuRun *run, GError **error)
{
    const FoveaView *weight = run->in[1];
    Work w = {.simd = fovea_simd(), .x = run->in[0], .out = run->out[0]};
    guint n = w.x->rank - 2;
    w.bias = fovea_own_view(run->node, run->in, 2);
    w.weights = ((const Conv *)run->data)->weights;
    w.groups = fovea_node_attr_int(run->node, "group", 1);
    w.depth = weight->dims[1];
    w.filters = weight->dims[0] / w.groups;
    fovea_slide_init(run->node, n, w.x->dims + 2, w.out->dims + 2, weight->dims + 2, &w.s);
    for (guint i = 0; i < n; i++) {
        w.in_step[FOVEA_WINDOW_MAX - n + i] = w.x->strides[2 + i];
        w.out_step[FOVEA_WINDOW_MAX - n + i] = w.out->strides[2 + i];
    }
    w.blocks = (w.s.out[2] + PLACES - 1) / PLACES;
    gint64 lines = w.x->dims[0] * w.s.out[0] * w.s.out[1];
    gint64 work = PLACES * fovea_view_count(weight);
    fovea_cpu_for(lines * w.blocks, MAX(200000 / MAX(work, 1), 1), units, &w);
    return TRUE;
}

static const char *const ops[] = {"Conv", NULL};

const FoveaCpuKernel fovea_cpu_kernel_ownconv = {
    .ops = ops,
    .klass = "conv",
    .fits = fits,
    .channels_last = channels_last,
    .compile = compile_conv,
    .destroy = g_free,
    .run = run_conv,
};
