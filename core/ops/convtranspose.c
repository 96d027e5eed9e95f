/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/convtranspose.c: ConvTranspose.
 *
 * Math    out[n, g*M + m, i*stride - pad + k*dilation] += w[c,m,k] x[n,c,i] for every input
 *         position i, tap k and input channel c of group g; then + b
 * Shape   x [N,C,spatial], w [C,M/G,kernel], b [M] (optional), out [N,M,spatial]
 *         size = stride*(in-1) + output_padding + (kernel-1)*dilation + 1 - pads, or output_shape
 * Types   floats, summed in double
 * Errors  SHAPE; UNSUPPORTED: spatial sizes that are not fixed
 * Source  ONNX ConvTranspose-22
 */
#include "ops/support.h"
#include "ops/window.h"

static gint64 listed(const FoveaNode *node, const char *name, guint at, gint64 fallback)
{
    guint n = 0;
    const gint64 *values = fovea_node_attr_ints(node, name, &n);
    return values != NULL && at < n ? values[at] : fallback;
}

static gboolean check_lists(const FoveaNode *node, guint n, GError **error)
{
    static const char *const names[] = {"strides", "dilations", "output_padding", "output_shape",
                                        "pads"};
    for (guint k = 0; k < G_N_ELEMENTS(names); k++) {
        guint got = 0, want = k == 4 ? 2 * n : n;
        const gint64 *values = fovea_node_attr_ints(node, names[k], &got);
        if (values != NULL && got != want)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%s has %u entries, not %u",
                                   names[k], got, want);
        for (guint i = 0; values != NULL && i < got; i++) {
            if (values[i] < (k < 2 ? 1 : 0) || values[i] > G_MAXINT32)
                return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                       "%s has the entry %" G_GINT64_FORMAT, names[k], values[i]);
        }
    }
    return TRUE;
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 3, 5, error) ||
        !fovea_infer_rank(node, 1, node->in[0]->rank, node->in[0]->rank, error))
        return FALSE;
    const FoveaValue *x = node->in[0], *w = node->in[1];
    gint64 group = fovea_node_attr_int(node, "group", 1);
    guint n = (guint)x->rank - 2;
    const char *mode = fovea_node_attr_string(node, "auto_pad", "NOTSET");
    gboolean same = g_str_has_prefix(mode, "SAME"), valid = g_str_equal(mode, "VALID");
    FoveaDim dims[FOVEA_MAX_RANK] = {x->dims[0]};
    if (!fovea_value_is_fixed(w))
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "weight of bounded size");
    if (group < 1 || !fovea_dim_equal(x->dims[1], w->dims[0]) || w->dims[0].c % group != 0)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input channels, weight and groups do not fit together");
    if (!check_lists(node, n, error))
        return FALSE;
    dims[1] = fovea_dim(w->dims[1].c * group);
    for (guint i = 0; i < n; i++) {
        gint64 stride = listed(node, "strides", i, 1);
        gint64 reach = (w->dims[2 + i].c - 1) * listed(node, "dilations", i, 1) + 1;
        gint64 pads = valid ? 0 : listed(node, "pads", i, 0) + listed(node, "pads", n + i, 0);
        gint64 shape = listed(node, "output_shape", i, 0);
        gint64 extra = listed(node, "output_padding", i, 0) + reach - pads - stride;
        FoveaDim scaled = fovea_dim_mul(graph->syms, x->dims[2 + i], fovea_dim(stride));
        dims[2 + i] = shape > 0 ? fovea_dim(shape)
                      : same    ? scaled
                                : fovea_dim_add(graph->syms, scaled, fovea_dim(extra));
        if (fovea_dim_max_value(graph->syms, dims[2 + i]) < 1)
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "pads leave nothing over");
    }
    return fovea_infer_set(node->out[0], x->dtype, x->rank, dims);
}

static void spread_plane(const FoveaSlide *s, const double *x, const double *w, double *out)
{
    for (gint64 i0 = 0; i0 < s->in[0]; i0++)
        for (gint64 i1 = 0; i1 < s->in[1]; i1++)
            for (gint64 i2 = 0; i2 < s->in[2]; i2++) {
                double value = *x++;
                const double *tap = w;
                for (gint64 k0 = 0; k0 < s->kernel[0]; k0++)
                    for (gint64 k1 = 0; k1 < s->kernel[1]; k1++)
                        for (gint64 k2 = 0; k2 < s->kernel[2]; k2++, tap++) {
                            gint64 o0 = i0 * s->stride[0] - s->before[0] + k0 * s->dilation[0];
                            gint64 o1 = i1 * s->stride[1] - s->before[1] + k1 * s->dilation[1];
                            gint64 o2 = i2 * s->stride[2] - s->before[2] + k2 * s->dilation[2];
                            if (o0 >= 0 && o0 < s->out[0] && o1 >= 0 && o1 < s->out[1] && o2 >= 0 &&
                                o2 < s->out[2])
                                out[(o0 * s->out[1] + o1) * s->out[2] + o2] += value * *tap;
                        }
            }
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaView *vb = fovea_own_view(node, in, 2);
    gint64 group = fovea_node_attr_int(node, "group", 1);
    gint64 batch = in[0]->dims[0], c_in = in[0]->dims[1], width = in[1]->dims[1];
    gint64 filters = width * group, per_group = MAX(c_in / group, 1);
    FoveaSlide s;
    fovea_slide_init_transposed(node, in[0]->rank - 2, in[0]->dims + 2, out[0]->dims + 2,
                                in[1]->dims + 2, &s);
    gint64 plane_in = s.in[0] * s.in[1] * s.in[2], plane_out = s.out[0] * s.out[1] * s.out[2];
    gint64 taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) w = x != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) z = w != NULL ? fovea_ref_room(fovea_view_count(out[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 n = 0; n < batch; n++) {
        for (gint64 m = 0; vb != NULL && m < filters; m++) {
            double bias = fovea_load_f64(vb->dtype, vb->data, m * vb->strides[0]);
            for (gint64 i = 0; i < plane_out; i++)
                z[(n * filters + m) * plane_out + i] = bias;
        }
        for (gint64 c = 0; c < c_in; c++)
            for (gint64 m = 0; m < width; m++)
                spread_plane(&s, x + (n * c_in + c) * plane_in, w + (c * width + m) * taps,
                             z + (n * filters + c / per_group * width + m) * plane_out);
    }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        guint rank;
        gint64 x[5], w[5], group, stride[3], dilation[3], pads[6], extra[3];
        gint64 shape[3]; /* 0: not given */
        const char *auto_pad;
    } cases[] = {
        {4, {1, 1, 1, 1}, {1, 1, 1, 1}, 1, {1, 1}, {1, 1}, {0}, {0}, {0}, NULL},
        {4, {2, 5, 7, 9}, {5, 8, 3, 3}, 1, {2, 2}, {1, 1}, {1, 1, 1, 1}, {1, 1}, {0}, NULL},
        {4, {1, 8, 5, 6}, {8, 3, 2, 2}, 2, {2, 2}, {1, 1}, {0}, {0}, {0}, NULL},
        {4, {1, 3, 5, 6}, {3, 4, 3, 2}, 1, {1, 3}, {2, 1}, {0, 1, 1, 0}, {0}, {0}, NULL},
        {4, {1, 3, 5, 6}, {3, 4, 3, 3}, 1, {3, 2}, {1, 1}, {0}, {0}, {16, 11}, NULL},
        {4, {1, 3, 5, 6}, {3, 4, 4, 3}, 1, {3, 2}, {1, 1}, {0}, {0}, {0}, "SAME_UPPER"},
        {4, {1, 3, 5, 6}, {3, 4, 4, 3}, 1, {3, 2}, {1, 1}, {0}, {0}, {0}, "SAME_LOWER"},
        {3, {2, 4, 17}, {4, 3, 5}, 1, {4}, {1}, {2, 1}, {0}, {0}, NULL},
        {5, {1, 2, 3, 4, 5}, {2, 3, 2, 2, 3}, 1, {1, 2, 2}, {1, 1, 1}, {0}, {0}, {0}, NULL},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    guint n = cases[index].rank - 2;
    gint64 filters = cases[index].w[1] * cases[index].group;
    fovea_sample_f32(s, 0, cases[index].rank, cases[index].x, -1, 1);
    fovea_sample_f32(s, 1, cases[index].rank, cases[index].w, -1, 1);
    s->constant[1] = s->constant[2] = TRUE;
    if (index % 3 != 0)
        fovea_sample_f32(s, 2, FOVEA_DIMS(filters), -1, 1);
    fovea_node_set_int(s->node, "group", cases[index].group);
    fovea_node_set_ints(s->node, "strides", cases[index].stride, n);
    fovea_node_set_ints(s->node, "dilations", cases[index].dilation, n);
    fovea_node_set_ints(s->node, "output_padding", cases[index].extra, n);
    if (cases[index].auto_pad != NULL)
        fovea_node_set_string(s->node, "auto_pad", cases[index].auto_pad);
    else if (cases[index].shape[0] > 0)
        fovea_node_set_ints(s->node, "output_shape", cases[index].shape, n);
    else
        fovea_node_set_ints(s->node, "pads", cases[index].pads, 2 * n);
    return TRUE;
}

const FoveaOp fovea_op_ConvTranspose = {
    .name = "ConvTranspose",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
