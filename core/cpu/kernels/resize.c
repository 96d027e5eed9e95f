/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Resize of the last two axes of a [N,C,H,W] map: the taps of each line and column are found when
 * the plan is made; a vector of channels is mixed at a time where maps lie channels-last.
 */
#include "cpu/kernel.h"
#include "ops/resize.h"
#include "ops/support.h"

#define CHANNELS 64

typedef struct Axis {
    guint taps;
    gint64 *at; /* element offsets, [out][taps] */
    float *weight;
} Axis;

typedef struct Resize {
    Axis axis[2];
    gboolean nearest; /* one tap of weight 1 a side: a copy of any element type */
} Resize;

typedef struct Work {
    const FoveaSimd *simd;
    const Resize *resize;
    const FoveaView *in, *out;
} Work;

static gboolean fits(const FoveaNode *node)
{
    const FoveaValue *x = node->in[0], *z = node->out[0];
    for (guint i = 1; i < fovea_node_n_own(node); i++) {
        if (node->in[i] != NULL && node->in[i]->constant == NULL)
            return FALSE;
    }
    return x->rank == 4 && fovea_cpu_is_f32(x) && fovea_value_is_fixed(x) &&
           fovea_value_is_fixed(z) && fovea_dim_equal(x->dims[0], z->dims[0]) &&
           fovea_dim_equal(x->dims[1], z->dims[1]) &&
           !g_str_equal(fovea_node_attr_string(node, "coordinate_transformation_mode", ""),
                        "tf_crop_and_resize");
}

static gboolean channels_last(const FoveaNode *node)
{
    return TRUE;
}

static void resize_free(gpointer data)
{
    Resize *resize = data;
    for (guint i = 0; i < 2; i++) {
        fovea_free(resize->axis[i].at);
        fovea_free(resize->axis[i].weight);
    }
    g_free(resize);
}

static gboolean make_axis(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                          guint axis, Axis *to, GError **error)
{
    FoveaResizeAxis table;
    gint64 n = out->dims[axis];
    if (!fovea_resize_axis(node, in, out, axis, &table, error))
        return FALSE;
    to->taps = table.identity ? 1 : table.taps;
    to->at = fovea_try_alloc((gsize)n * to->taps, sizeof *to->at, error);
    to->weight = to->at != NULL ? fovea_try_alloc((gsize)n * to->taps, sizeof *to->weight, error)
                                : NULL;
    for (gint64 i = 0; to->weight != NULL && i < n * to->taps; i++) {
        to->at[i] = (table.identity ? i : table.index[i]) * in[0]->strides[axis];
        to->weight[i] = table.identity ? 1 : (float)table.weight[i];
    }
    fovea_resize_axis_clear(&table);
    return to->weight != NULL;
}

static gboolean compile_resize(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaNode *node = compile->node;
    FoveaView in, out, constant[4];
    const FoveaView *views[4] = {&in};
    if (compile->dynamic) {
        compile->decline = TRUE;
        return TRUE;
    }
    fovea_cpu_view(compile, node->in[0], &in);
    fovea_cpu_view(compile, node->out[0], &out);
    for (guint i = 1; i < MIN(fovea_node_n_own(node), 4); i++) {
        if (node->in[i] != NULL) {
            constant[i] = fovea_view_of_tensor(node->in[i]->constant);
            views[i] = &constant[i];
        }
    }
    Resize *resize = g_new0(Resize, 1);
    *data = resize;
    if (!make_axis(node, views, &out, 2, &resize->axis[0], error) ||
        !make_axis(node, views, &out, 3, &resize->axis[1], error))
        return FALSE;
    resize->nearest = resize->axis[0].taps == 1 && resize->axis[1].taps == 1;
    return TRUE;
}

static void mix(const Work *w, const float *from, gint64 y, gint64 x, float *to, gint64 n)
{
    const Axis *down = &w->resize->axis[0], *across = &w->resize->axis[1];
    gint64 a = w->in->strides[1], b = w->out->strides[1];
    float sum[CHANNELS] = {0};
    for (guint j = 0; j < down->taps; j++)
        for (guint i = 0; i < across->taps; i++) {
            const float *at = from + down->at[y * down->taps + j] +
                              across->at[x * across->taps + i];
            float factor = down->weight[y * down->taps + j] * across->weight[x * across->taps + i];
            if (a == 1) {
                w->simd->axpy(sum, factor, at, (gsize)n);
            } else {
                for (gint64 c = 0; c < n; c++)
                    sum[c] += factor * at[c * a];
            }
        }
    for (gint64 c = 0; c < n; c++)
        to[c * b] = sum[c];
}

static void lines(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    gint64 height = w->out->dims[2], width = w->out->dims[3], channels = w->in->dims[1];
    for (gint64 line = first; line < last; line++) {
        gint64 n = line / height, y = line % height;
        const float *from = (const float *)w->in->data + n * w->in->strides[0];
        float *to = (float *)w->out->data + n * w->out->strides[0] + y * w->out->strides[2];
        for (gint64 x = 0; x < width; x++)
            for (gint64 c = 0; c < channels; c += CHANNELS)
                mix(w, from + c * w->in->strides[1], y, x,
                    to + x * w->out->strides[3] + c * w->out->strides[1],
                    MIN(CHANNELS, channels - c));
    }
}

static gboolean run_resize(const FoveaCpuRun *run, GError **error)
{
    const Resize *resize = run->data;
    Work w = {fovea_simd(), resize, run->in[0], run->out[0]};
    gint64 work = w.out->dims[3] * w.out->dims[1] * resize->axis[0].taps * resize->axis[1].taps;
    fovea_cpu_for(w.out->dims[0] * w.out->dims[2], MAX(65536 / MAX(work, 1), 1), lines, &w);
    return TRUE;
}

static const char *const ops[] = {"Resize", NULL};

const FoveaCpuKernel fovea_cpu_kernel_resize = {
    .ops = ops,
    .klass = "resize",
    .fits = fits,
    .channels_last = channels_last,
    .compile = compile_resize,
    .destroy = resize_free,
    .run = run_resize,
};
