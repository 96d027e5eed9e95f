/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/conv.c: Conv.
 *
 * Math    out[n,m,o] = b[m] + sum_{c,k} w[m,c,k] x[n, g*C/G + c, o*stride - pad + k*dilation],
 *         g = m / (M/G); x is 0 outside
 * Shape   x [N,C,spatial], w [M,C/G,kernel], b [M] (optional), out [N,M,spatial]; 1 to 3 spatial
 *         axes
 * Types   floats, summed in double
 * Errors  SHAPE: channels and groups do not fit, window larger than the padded input
 * Source  ONNX Conv-22
 */
#include "ops/support.h"
#include "ops/window.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 3, 5, error) ||
        !fovea_infer_rank(node, 1, node->in[0]->rank, node->in[0]->rank, error))
        return FALSE;
    const FoveaValue *x = node->in[0], *w = node->in[1], *b = fovea_own_in(node, 2);
    gint64 group = fovea_node_attr_int(node, "group", 1), kernel[3];
    FoveaDim dims[FOVEA_MAX_RANK] = {x->dims[0], w->dims[0]};
    if (!fovea_value_is_fixed(w))
        return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED, "weight of bounded size");
    if (group < 1 || w->dims[0].c % group != 0 || !fovea_dim_is_const(x->dims[1]) ||
        x->dims[1].c != w->dims[1].c * group) {
        g_autofree char *tx = fovea_value_type_string(x), *tw = fovea_value_type_string(w);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %s, weight %s and %" G_GINT64_FORMAT
                               " groups do not fit together",
                               tx, tw, group);
    }
    if (b != NULL && (b->rank != 1 || !fovea_dim_equal(b->dims[0], w->dims[0])))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "the bias needs one entry a filter");
    for (gint i = 2; i < x->rank; i++)
        kernel[i - 2] = w->dims[i].c;
    if (!fovea_slide_infer(graph, node, (guint)x->rank - 2, x->dims + 2, kernel, dims + 2, error))
        return FALSE;
    return fovea_infer_set(node->out[0], x->dtype, x->rank, dims);
}

/* Adds one filter's window over one input channel to an output plane. */
static void add_plane(const FoveaSlide *s, const double *x, const double *w, double *out)
{
    for (gint64 k0 = 0; k0 < s->kernel[0]; k0++)
        for (gint64 k1 = 0; k1 < s->kernel[1]; k1++)
            for (gint64 k2 = 0; k2 < s->kernel[2]; k2++) {
                double factor = *w++;
                for (gint64 o0 = 0; o0 < s->out[0]; o0++) {
                    gint64 i0 = o0 * s->stride[0] - s->before[0] + k0 * s->dilation[0];
                    if (i0 < 0 || i0 >= s->in[0])
                        continue;
                    for (gint64 o1 = 0; o1 < s->out[1]; o1++) {
                        gint64 i1 = o1 * s->stride[1] - s->before[1] + k1 * s->dilation[1];
                        if (i1 < 0 || i1 >= s->in[1])
                            continue;
                        const double *from = x + (i0 * s->in[1] + i1) * s->in[2];
                        double *to = out + (o0 * s->out[1] + o1) * s->out[2];
                        for (gint64 o2 = 0; o2 < s->out[2]; o2++) {
                            gint64 i2 = o2 * s->stride[2] - s->before[2] + k2 * s->dilation[2];
                            if (i2 >= 0 && i2 < s->in[2])
                                to[o2] += factor * from[i2];
                        }
                    }
                }
            }
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    const FoveaView *vb = fovea_own_view(node, in, 2);
    gint64 batch = in[0]->dims[0], c_in = in[0]->dims[1], filters = in[1]->dims[0];
    gint64 depth = in[1]->dims[1], per_group;
    FoveaSlide s;
    fovea_slide_init(node, in[0]->rank - 2, in[0]->dims + 2, out[0]->dims + 2, in[1]->dims + 2, &s);
    gint64 plane_in = s.in[0] * s.in[1] * s.in[2], plane_out = s.out[0] * s.out[1] * s.out[2];
    gint64 taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) w = x != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) z = w != NULL ? fovea_ref_room(fovea_view_count(out[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    per_group = MAX(filters / fovea_node_attr_int(node, "group", 1), 1);
    for (gint64 n = 0; n < batch; n++) {
        for (gint64 m = 0; m < filters; m++) {
            double *to = z + (n * filters + m) * plane_out;
            double bias = vb != NULL ? fovea_load_f64(vb->dtype, vb->data, m * vb->strides[0]) : 0;
            for (gint64 i = 0; i < plane_out; i++)
                to[i] = bias;
            for (gint64 c = 0; c < depth; c++)
                add_plane(&s, x + (n * c_in + m / per_group * depth + c) * plane_in,
                          w + (m * depth + c) * taps, to);
        }
    }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

typedef struct Case {
    guint rank;
    gint64 x[5], w[5];
    gint64 group, stride[3], dilation[3], pads[6];
    const char *auto_pad;
    gboolean bias;
} Case;

static const Case cases[] = {
    {4, {1, 1, 1, 1}, {1, 1, 1, 1}, 1, {1, 1}, {1, 1}, {0}, NULL, FALSE},
    {4, {2, 3, 17, 19}, {8, 3, 3, 3}, 1, {2, 2}, {1, 1}, {1, 1, 1, 1}, NULL, TRUE},
    {4, {1, 16, 9, 7}, {33, 16, 1, 1}, 1, {1, 1}, {1, 1}, {0}, NULL, TRUE},
    {4, {1, 15, 13, 11}, {15, 1, 5, 5}, 15, {1, 1}, {1, 1}, {2, 2, 2, 2}, NULL, TRUE},
    {4, {1, 8, 13, 11}, {16, 1, 3, 3}, 8, {2, 1}, {1, 1}, {1, 1, 0, 1}, NULL, FALSE},
    {4, {1, 6, 12, 10}, {9, 2, 3, 2}, 3, {1, 2}, {2, 1}, {2, 0, 1, 1}, NULL, TRUE},
    {4, {1, 5, 15, 14}, {7, 5, 4, 3}, 1, {2, 3}, {1, 1}, {0}, "SAME_UPPER", TRUE},
    {4, {1, 5, 15, 14}, {7, 5, 4, 3}, 1, {2, 3}, {1, 1}, {0}, "SAME_LOWER", FALSE},
    {4, {1, 5, 15, 14}, {7, 5, 4, 3}, 1, {1, 1}, {1, 2}, {0}, "VALID", FALSE},
    {3, {2, 7, 65}, {16, 7, 3}, 1, {2}, {1}, {1, 1}, NULL, TRUE},
    {3, {1, 4, 33}, {4, 1, 4}, 4, {1}, {3}, {0, 3}, NULL, TRUE},
    {5, {1, 2, 5, 6, 7}, {3, 2, 2, 3, 3}, 1, {1, 2, 1}, {1, 1, 2}, {1, 1, 0, 0, 1, 2}, NULL, TRUE},
    {4, {1, 3, 32, 32}, {16, 3, 16, 16}, 1, {16, 16}, {1, 1}, {0}, NULL, TRUE},
    {4, {1, 64, 8, 8}, {64, 64, 3, 3}, 1, {1, 1}, {1, 1}, {1, 1, 1, 1}, NULL, TRUE},
};

/* With epilogues: a dense, a grouped and a depthwise convolution. */
static gboolean sample_fused(FoveaSample *s, guint index)
{
    const gint64 group = index % 3 == 0 ? 1 : index % 3 == 1 ? 2 : 16;
    const gint64 out[4] = {2, 16, 9, 7};
    guint n_own = index % 2 ? 3 : 2;
    if (!fovea_sample_epilogue(s, index / 3, n_own, 4, out, 1))
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(2, 16, 9, 7), -1, 1);
    fovea_sample_f32(s, 1, FOVEA_DIMS(16, 16 / group, 3, 3), -1, 1);
    if (n_own == 3)
        fovea_sample_f32(s, 2, FOVEA_DIMS(16), -1, 1);
    s->constant[1] = TRUE;
    s->constant[2] = n_own == 3;
    fovea_node_set_int(s->node, "group", group);
    fovea_node_set_ints(s->node, "pads", (const gint64[]){1, 1, 1, 1}, 4);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    if (index >= G_N_ELEMENTS(cases))
        return sample_fused(s, index - G_N_ELEMENTS(cases));
    const Case *c = &cases[index];
    guint n = c->rank - 2;
    fovea_sample_f32(s, 0, c->rank, c->x, -1, 1);
    fovea_sample_f32(s, 1, c->rank, c->w, -1, 1);
    s->constant[1] = TRUE;
    if (c->bias) {
        fovea_sample_f32(s, 2, 1, c->w, -1, 1);
        s->constant[2] = TRUE;
    }
    fovea_node_set_int(s->node, "group", c->group);
    fovea_node_set_ints(s->node, "kernel_shape", c->w + 2, n);
    fovea_node_set_ints(s->node, "strides", c->stride, n);
    fovea_node_set_ints(s->node, "dilations", c->dilation, n);
    if (c->auto_pad != NULL)
        fovea_node_set_string(s->node, "auto_pad", c->auto_pad);
    else
        fovea_node_set_ints(s->node, "pads", c->pads, 2 * n);
    return TRUE;
}

const FoveaOp fovea_op_Conv = {
    .name = "Conv",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
