/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * InstanceNormalization and GroupNormalization of f32 maps in any layout.
 */
#include <math.h>

#include "cpu/kernel.h"
#include "ops/support.h"

typedef struct Work {
    const FoveaView *in, *scale, *bias, *out;
    gint64 groups, together; /* channels of a group */
    double epsilon;
} Work;

static gboolean fits(const FoveaNode *node)
{
    for (guint i = 0; i < fovea_node_n_own(node); i++) {
        if (node->in[i] == NULL || !fovea_cpu_is_f32(node->in[i]))
            return FALSE;
    }
    return TRUE;
}

/* in and out from channel `first` of picture n on: [together, spatial...]. */
static void window(const Work *w, const FoveaView *view, gint64 n, gint64 first, FoveaView *part)
{
    *part = *view;
    part->rank = view->rank - 1;
    memmove(part->dims, view->dims + 1, part->rank * sizeof *part->dims);
    memmove(part->strides, view->strides + 1, part->rank * sizeof *part->strides);
    part->dims[0] = w->together;
    part->data = (float *)view->data + n * view->strides[0] + first * view->strides[1];
}

static void normalise(const Work *w, const FoveaView *in, const FoveaView *out, gint64 first)
{
    const gint64 *strides[2] = {in->strides, out->strides};
    const float *x = in->data, *scale = w->scale->data, *bias = w->bias->data;
    gint64 count = fovea_view_count(in);
    double sum = 0, squares = 0;
    FoveaWalk walk;
    for (guint pass = 0; pass < 2; pass++) {
        fovea_walk_init(&walk, in->rank, in->dims, 1, strides);
        double mean = sum / (double)count;
        do {
            double at = (double)x[walk.at[0]];
            if (pass == 0)
                sum += at;
            else
                squares += (at - mean) * (at - mean);
        } while (fovea_walk_next(&walk));
    }
    float mean = (float)(sum / (double)count);
    float inverse = (float)(1 / sqrt(squares / (double)count + w->epsilon));
    fovea_walk_init(&walk, in->rank, in->dims, 2, strides);
    do {
        gint64 c = first + walk.index[0];
        ((float *)out->data)[walk.at[1]] = (x[walk.at[0]] - mean) * inverse *
                                               scale[c * w->scale->strides[0]] +
                                           bias[c * w->bias->strides[0]];
    } while (fovea_walk_next(&walk));
}

static void groups(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    for (gint64 unit = first; unit < last; unit++) {
        gint64 channel = unit % w->groups * w->together;
        FoveaView in, out;
        window(w, w->in, unit / w->groups, channel, &in);
        window(w, w->out, unit / w->groups, channel, &out);
        normalise(w, &in, &out, channel);
    }
}

static gboolean run_norm(const FoveaCpuRun *run, GError **error)
{
    Work w = {.in = run->in[0], .scale = run->in[1], .bias = run->in[2], .out = run->out[0]};
    if (fovea_view_count(w.in) == 0)
        return TRUE;
    w.groups = g_str_equal(run->node->op->name, "InstanceNormalization")
                   ? w.in->dims[1]
                   : fovea_node_attr_int(run->node, "num_groups", 1);
    w.together = w.in->dims[1] / w.groups;
    w.epsilon = fovea_node_attr_float(run->node, "epsilon", 1e-5);
    gint64 work = fovea_view_count(w.in) / (w.in->dims[0] * w.groups);
    fovea_cpu_for(w.in->dims[0] * w.groups, MAX(4096 / MAX(work, 1), 1), groups, &w);
    return TRUE;
}

static const char *const ops[] = {"InstanceNormalization", "GroupNormalization", NULL};

const FoveaCpuKernel fovea_cpu_kernel_groupnorm = {
    .ops = ops,
    .klass = "norm",
    .fits = fits,
    .run = run_norm,
};
