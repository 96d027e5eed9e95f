/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Boxes through what slides over a picture: convolutions, pools and Resize. All of them are taken
 * one spatial axis after the other: the union over a window is the union of unions.
 */
#include <math.h>

#include "graph/reach-rules.h"
#include "ops/resize.h"
#include "ops/window.h"

#define MAX_SPATIAL FOVEA_WINDOW_MAX

/* One axis of a window. Element o of the output and element i of the input meet in tap t where
 * o * out_step + t * dilation == i * in_step + before. */
typedef struct {
    gint64 taps, dilation, before, out_step, in_step;
} Axis;

/* The first o >= 0 with a place in the input, for tap t, and how many there are. */
static gint64 meeting(const Axis *a, gint64 t, gint64 n_in, gint64 n_out, gint64 *o, gint64 *i)
{
    gint64 shift = a->before - t * a->dilation; /* o * out_step == i * in_step + shift */
    if (a->in_step == 1) {
        /* i = o * out_step - shift >= 0 */
        *o = shift > 0 ? (shift + a->out_step - 1) / a->out_step : 0;
        *i = *o * a->out_step - shift;
        return *i < n_in ? MIN(n_out - *o, (n_in - 1 - *i) / a->out_step + 1) : 0;
    }
    /* out_step is 1: o = i * in_step + shift >= 0 */
    *i = shift < 0 ? (-shift + a->in_step - 1) / a->in_step : 0;
    *o = *i * a->in_step + shift;
    return *o < n_out ? MIN(n_in - *i, (n_out - 1 - *o) / a->in_step + 1) : 0;
}

/* The union over the window along one axis of `from`, which becomes n_out long. */
static gboolean slide_axis(const FoveaView *from, guint axis, const Axis *a, gint64 n_out,
                           FoveaReachField *to, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK], from_strides[FOVEA_MAX_RANK], to_strides[FOVEA_MAX_RANK];
    memcpy(dims, from->dims, sizeof dims);
    dims[axis] = n_out;
    if (!fovea_reach_field_new(to, from->rank, dims, fovea_reach_vary(from) | 1u << axis, error))
        return FALSE;
    memcpy(from_strides, from->strides, sizeof from_strides);
    memcpy(to_strides, to->view.strides, sizeof to_strides);
    from_strides[axis] *= a->out_step;
    to_strides[axis] *= a->in_step;
    for (gint64 t = 0; t < a->taps; t++) {
        gint64 o, i;
        dims[axis] = meeting(a, t, from->dims[axis], n_out, &o, &i);
        if (dims[axis] > 0)
            fovea_reach_join(from->rank, dims, fovea_reach_boxes(from) + i * from->strides[axis],
                             from_strides,
                             fovea_reach_boxes(&to->view) + o * to->view.strides[axis], to_strides);
    }
    fovea_reach_field_compress(to);
    return TRUE;
}

static gboolean slide_axes(const FoveaView *from, guint n, const Axis *axes, const gint64 *n_out,
                           FoveaReachField *to, GError **error)
{
    FoveaReachField at = {.view = *from};
    for (guint k = 0; k < n; k++) {
        FoveaReachField next;
        gboolean ok = slide_axis(&at.view, 2 + k, &axes[k], n_out[k], &next, error);
        fovea_reach_field_clear(&at);
        if (!ok)
            return FALSE;
        at = next;
    }
    *to = at;
    return TRUE;
}

/* Channels of a convolution: each output channel reads the channels of its group. */
static gboolean mix_channels(const FoveaView *from, gint64 groups, gint64 channels,
                             FoveaReachField *to, GError **error)
{
    FoveaReachField mixed;
    FoveaView split = *from;
    guint rank = from->rank;
    gint64 dims[FOVEA_MAX_RANK], in_strides[FOVEA_MAX_RANK + 1], to_strides[FOVEA_MAX_RANK + 1];
    gint64 space[FOVEA_MAX_RANK + 1];
    if (from->strides[1] == 0 || groups == 1) {
        if (!fovea_reach_reduce(from, 1u << 1, &mixed, error))
            return FALSE;
        split = mixed.view;
        split.dims[1] = channels;
        split.strides[1] = 0;
        fovea_reach_field_share(to, &mixed, &split);
        fovea_reach_field_clear(&mixed);
        return TRUE;
    }
    memcpy(dims, from->dims, sizeof dims);
    dims[1] = channels;
    if (!fovea_reach_field_new(to, rank, dims, fovea_reach_vary(from) | 1u << 1, error))
        return FALSE;
    /* [N, group, channel in, spatial] joins into [N, group, channel out, spatial], one output
     * channel of all groups at a time. */
    gint64 per_in = from->dims[1] / groups, per_out = channels / groups;
    memcpy(space, from->dims, sizeof *space);
    space[1] = groups, space[2] = per_in;
    memcpy(space + 3, from->dims + 2, (rank - 2) * sizeof *space);
    memcpy(in_strides, from->strides, sizeof *in_strides);
    in_strides[1] = from->strides[1] * per_in, in_strides[2] = from->strides[1];
    memcpy(in_strides + 3, from->strides + 2, (rank - 2) * sizeof *space);
    memcpy(to_strides, to->view.strides, sizeof *to_strides);
    to_strides[1] = to->view.strides[1] * per_out, to_strides[2] = 0;
    memcpy(to_strides + 3, to->view.strides + 2, (rank - 2) * sizeof *space);
    for (gint64 c = 0; c < per_out; c++)
        fovea_reach_join(rank + 1, space, from->data, in_strides,
                         fovea_reach_boxes(&to->view) + c * to->view.strides[1], to_strides);
    return TRUE;
}

/* Sizes of the spatial axes, and whether the node has the shape that the rules know. */
static gboolean spatial(const FoveaNode *node, guint *n, gint64 *in, gint64 *out)
{
    gint rank = node->in[0]->rank;
    if (rank < 3 || rank > 2 + MAX_SPATIAL || node->out[0] == NULL)
        return FALSE;
    *n = (guint)rank - 2;
    for (guint i = 0; i < *n; i++) {
        in[i] = node->in[0]->dims[2 + i].c;
        out[i] = node->out[0]->dims[2 + i].c;
    }
    return TRUE;
}

static void axes_of(const FoveaSlide *slide, gboolean transposed, Axis *axes)
{
    for (guint i = 0, k = MAX_SPATIAL - slide->n; i < slide->n; i++, k++)
        axes[i] = (Axis){.taps = slide->kernel[k],
                         .dilation = transposed ? -slide->dilation[k] : slide->dilation[k],
                         .before = transposed ? -slide->before[k] : slide->before[k],
                         .out_step = transposed ? 1 : slide->stride[k],
                         .in_step = transposed ? slide->stride[k] : 1};
}

static FoveaReachDone convolve(const FoveaNode *node, const FoveaReachField *in,
                               FoveaReachField *out, gboolean transposed, GError **error)
{
    gint64 sizes[MAX_SPATIAL], results[MAX_SPATIAL], kernel[MAX_SPATIAL];
    gint64 groups = fovea_node_attr_int(node, "group", 1);
    FoveaReachField mixed;
    FoveaSlide slide;
    Axis axes[MAX_SPATIAL];
    guint n;
    if (!spatial(node, &n, sizes, results) || node->in[1]->constant == NULL || groups < 1)
        return FOVEA_REACH_ALL;
    for (guint i = 0; i < n; i++)
        kernel[i] = node->in[1]->dims[2 + i].c;
    if (transposed)
        fovea_slide_init_transposed(node, n, sizes, results, kernel, &slide);
    else
        fovea_slide_init(node, n, sizes, results, kernel, &slide);
    axes_of(&slide, transposed, axes);
    if (!mix_channels(&in[0].view, groups, node->out[0]->dims[1].c, &mixed, error))
        return FOVEA_REACH_FAILED;
    gboolean ok = slide_axes(&mixed.view, n, axes, results, &out[0], error);
    fovea_reach_field_clear(&mixed);
    return ok ? FOVEA_REACH_DONE : FOVEA_REACH_FAILED;
}

FoveaReachDone fovea_reach_conv(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    return convolve(node, in, out, FALSE, error);
}

FoveaReachDone fovea_reach_conv_transpose(const FoveaNode *node, const FoveaReachField *in,
                                          FoveaReachField *out, GError **error)
{
    return convolve(node, in, out, TRUE, error);
}

FoveaReachDone fovea_reach_pool(const FoveaNode *node, const FoveaReachField *in,
                                FoveaReachField *out, GError **error)
{
    gint64 sizes[MAX_SPATIAL], results[MAX_SPATIAL];
    FoveaSlide slide;
    Axis axes[MAX_SPATIAL];
    guint n, got = 0;
    const gint64 *kernel = fovea_node_attr_ints(node, "kernel_shape", &got);
    if (!spatial(node, &n, sizes, results) || kernel == NULL || got != n ||
        (node->n_out > 1 && node->out[1] != NULL))
        return FOVEA_REACH_ALL;
    fovea_slide_init(node, n, sizes, results, kernel, &slide);
    axes_of(&slide, FALSE, axes);
    return slide_axes(&in[0].view, n, axes, results, &out[0], error) ? FOVEA_REACH_DONE
                                                                     : FOVEA_REACH_FAILED;
}

/* ---- Resize ---- */

/* A factor that is the same for all sizes, as far as one size can tell: a whole number, one part of
 * that many, or a ratio of small numbers. A map stretched to the picture's size has another factor
 * for each size, and so every pixel's place depends on the picture's size: nothing that a tile could
 * repeat. */
static gboolean is_fixed(double factor)
{
    for (gint k = 1; k <= 8; k++) {
        double up = factor * k, down = k / factor;
        if ((k == 1 || up < 8.5) && fabs(up - round(up)) < 1e-5)
            return TRUE;
        if ((k == 1 || down < 8.5) && fabs(down - round(down)) < 1e-5)
            return TRUE;
    }
    return FALSE;
}

static gboolean resize_along(const FoveaView *from, guint axis, const FoveaResizeAxis *table,
                             FoveaReachField *to, GError **error)
{
    gint64 dims[FOVEA_MAX_RANK];
    memcpy(dims, from->dims, sizeof dims);
    dims[axis] = table->out;
    if (!fovea_reach_field_new(to, from->rank, dims, fovea_reach_vary(from) | 1u << axis, error))
        return FALSE;
    dims[axis] = 1;
    for (gint64 o = 0; o < table->out; o++) {
        for (guint t = 0; t < table->taps; t++) {
            gint64 i = table->index[o * table->taps + t];
            if (i >= 0 && table->weight[o * table->taps + t] != 0)
                fovea_reach_join(from->rank, dims,
                                 fovea_reach_boxes(from) + i * from->strides[axis], from->strides,
                                 fovea_reach_boxes(&to->view) + o * to->view.strides[axis],
                                 to->view.strides);
        }
    }
    fovea_reach_field_compress(to);
    return TRUE;
}

FoveaReachDone fovea_reach_resize(const FoveaNode *node, const FoveaReachField *in,
                                  FoveaReachField *out, GError **error)
{
    FoveaView steer[4], result = in[0].view;
    const FoveaView *given[4] = {&in[0].view, NULL, NULL, NULL};
    FoveaReachField at = {.view = in[0].view};
    for (guint k = 1; k < 4 && k < node->n_in; k++) {
        if (node->in[k] == NULL)
            continue;
        if (node->in[k]->constant == NULL)
            return FOVEA_REACH_ALL;
        steer[k] = fovea_view_of_tensor(node->in[k]->constant);
        given[k] = &steer[k];
    }
    fovea_reach_dims(node->out[0], result.dims);
    for (guint axis = 0; axis < result.rank; axis++) {
        FoveaResizeAxis table = {0};
        FoveaReachField next;
        GError *cause = NULL;
        gint64 n = at.view.dims[axis];
        if (n == 0 || !fovea_resize_axis(node, given, &result, axis, &table, &cause) ||
            (!table.identity && !is_fixed((double)result.dims[axis] / (double)n))) {
            g_clear_error(&cause);
            fovea_resize_axis_clear(&table);
            fovea_reach_field_clear(&at);
            return FOVEA_REACH_ALL;
        }
        if (table.identity)
            continue;
        gboolean ok = resize_along(&at.view, axis, &table, &next, error);
        fovea_resize_axis_clear(&table);
        fovea_reach_field_clear(&at);
        if (!ok)
            return FOVEA_REACH_FAILED;
        at = next;
    }
    if (at.memory == NULL)
        fovea_reach_field_share(&at, &in[0], &in[0].view);
    out[0] = at;
    return FOVEA_REACH_DONE;
}
