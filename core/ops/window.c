/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ops/window.h"

typedef enum AutoPad { PAD_GIVEN, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID } AutoPad;

static AutoPad auto_pad(const FoveaNode *node)
{
    const char *text = fovea_node_attr_string(node, "auto_pad", "NOTSET");
    return g_str_equal(text, "SAME_UPPER")   ? PAD_SAME_UPPER
           : g_str_equal(text, "SAME_LOWER") ? PAD_SAME_LOWER
           : g_str_equal(text, "VALID")      ? PAD_VALID
                                             : PAD_GIVEN;
}

static gint64 listed(const FoveaNode *node, const char *name, guint at, gint64 fallback)
{
    guint n = 0;
    const gint64 *values = fovea_node_attr_ints(node, name, &n);
    return values != NULL && at < n ? values[at] : fallback;
}

static void fill(const FoveaNode *node, guint n, const gint64 *in, const gint64 *out,
                 const gint64 *kernel, FoveaSlide *s)
{
    guint lead = FOVEA_WINDOW_MAX - n;
    memset(s, 0, sizeof *s);
    s->n = n;
    for (guint i = 0; i < FOVEA_WINDOW_MAX; i++)
        s->in[i] = s->out[i] = s->kernel[i] = s->stride[i] = s->dilation[i] = 1;
    for (guint i = 0; i < n; i++) {
        s->in[lead + i] = in[i];
        s->out[lead + i] = out[i];
        s->kernel[lead + i] = kernel[i];
        s->stride[lead + i] = listed(node, "strides", i, 1);
        s->dilation[lead + i] = listed(node, "dilations", i, 1);
        s->before[lead + i] = listed(node, "pads", i, 0);
        s->after[lead + i] = listed(node, "pads", n + i, 0);
    }
}

static void split_pad(AutoPad mode, gint64 total, gint64 *before, gint64 *after)
{
    total = MAX(total, 0);
    *before = mode == PAD_SAME_LOWER ? total - total / 2 : total / 2;
    *after = total - *before;
}

void fovea_slide_init(const FoveaNode *node, guint n, const gint64 *in, const gint64 *out,
                      const gint64 *kernel, FoveaSlide *s)
{
    AutoPad mode = auto_pad(node);
    fill(node, n, in, out, kernel, s);
    for (guint i = FOVEA_WINDOW_MAX - n; mode != PAD_GIVEN && i < FOVEA_WINDOW_MAX; i++) {
        gint64 reach = (s->kernel[i] - 1) * s->dilation[i] + 1;
        s->before[i] = s->after[i] = 0;
        if (mode != PAD_VALID)
            split_pad(mode, (s->out[i] - 1) * s->stride[i] + reach - s->in[i], &s->before[i],
                      &s->after[i]);
    }
}

void fovea_slide_init_transposed(const FoveaNode *node, guint n, const gint64 *in,
                                 const gint64 *out, const gint64 *kernel, FoveaSlide *s)
{
    AutoPad mode = auto_pad(node);
    guint n_shape = 0;
    gboolean shaped = fovea_node_attr_ints(node, "output_shape", &n_shape) != NULL;
    fill(node, n, in, out, kernel, s);
    for (guint i = FOVEA_WINDOW_MAX - n; i < FOVEA_WINDOW_MAX; i++) {
        gint64 extra = listed(node, "output_padding", i - (FOVEA_WINDOW_MAX - n), 0);
        gint64 full = (s->in[i] - 1) * s->stride[i] + extra + (s->kernel[i] - 1) * s->dilation[i] +
                      1;
        if (mode == PAD_VALID)
            s->before[i] = s->after[i] = 0;
        else if (shaped || mode != PAD_GIVEN) /* what is too much is cropped, the odd one last
                                                 only for SAME_UPPER */
            split_pad(mode == PAD_SAME_UPPER ? PAD_SAME_UPPER : PAD_SAME_LOWER, full - s->out[i],
                      &s->before[i], &s->after[i]);
    }
}

static gboolean check(const FoveaNode *node, guint n, const gint64 *kernel, GError **error)
{
    static const char *const names[] = {"strides", "dilations", "pads"};
    for (guint k = 0; k < G_N_ELEMENTS(names); k++) {
        guint got = 0, want = k == 2 ? 2 * n : n;
        const gint64 *values = fovea_node_attr_ints(node, names[k], &got);
        if (values != NULL && got != want)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%s has %u entries, not %u",
                                   names[k], got, want);
        for (guint i = 0; values != NULL && i < got; i++) {
            if (values[i] < (k == 2 ? 0 : 1) || values[i] > G_MAXINT32)
                return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                       "%s has the entry %" G_GINT64_FORMAT, names[k], values[i]);
        }
    }
    for (guint i = 0; i < n; i++) {
        if (kernel[i] < 1 || kernel[i] > G_MAXINT32)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the window has the size %" G_GINT64_FORMAT, kernel[i]);
    }
    return TRUE;
}

gboolean fovea_slide_infer(FoveaGraph *graph, const FoveaNode *node, guint n, const FoveaDim *in,
                           const gint64 *kernel, FoveaDim *out, GError **error)
{
    FoveaSyms *syms = graph->syms;
    AutoPad mode = auto_pad(node);
    gboolean ceiling = fovea_node_attr_int(node, "ceil_mode", 0) != 0;
    if (!check(node, n, kernel, error))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        gint64 stride = listed(node, "strides", i, 1);
        gint64 reach = (kernel[i] - 1) * listed(node, "dilations", i, 1) + 1;
        gint64 before = listed(node, "pads", i, 0), after = listed(node, "pads", n + i, 0);
        FoveaDim step = fovea_dim(stride), free;
        if (mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER) {
            out[i] = fovea_dim_div(syms, fovea_dim_add(syms, in[i], fovea_dim(stride - 1)), step);
            continue;
        }
        if (mode == PAD_VALID)
            before = after = 0;
        free = fovea_dim_add(syms, in[i], fovea_dim(before + after - reach));
        if (ceiling)
            free = fovea_dim_add(syms, free, fovea_dim(stride - 1));
        out[i] = fovea_dim_add(syms, fovea_dim_div(syms, free, step), fovea_dim(1));
        if (ceiling) { /* the last window must begin inside the input or the pad before it */
            FoveaDim last = fovea_dim_add(syms, in[i], fovea_dim(before + stride - 1));
            out[i] = fovea_dim_min(syms, out[i], fovea_dim_div(syms, last, step));
        }
        if (fovea_dim_max_value(syms, out[i]) < 1 && !fovea_dim_is(in[i], 0))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the window is larger than the padded input");
        out[i] = fovea_dim_max(syms, out[i], fovea_dim(0));
    }
    return TRUE;
}
