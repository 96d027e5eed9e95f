/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Conv and ConvTranspose by oneDNN: channels-last feature maps, packed constant weights, epilogue
 * as post-operations where they can say it.
 */
#include "cpu/dnnl/dnnl-internal.h"
#include "cpu/kernels/copy.h"
#include "cpu/tile.h"
#include "ops/support.h"
#include "ops/window.h"

typedef struct Conv {
    FoveaDnnlCall call;
    dnnl_memory_t src, dst;
    /* Channels-last copies where the node's own memory lies otherwise; offsets in scratch. */
    gboolean pack_src, unpack_dst;
    FoveaView src_view, dst_view; /* of the copies */
    gsize src_at, dst_at;
    FoveaTileProgram *after; /* epilogue that post-operations cannot say, or NULL */
} Conv;

static gboolean fixed_f32(const FoveaValue *value)
{
    return value != NULL && fovea_value_is_fixed(value) && fovea_dtype_is_float(value->dtype) &&
           value->dtype != FOVEA_DTYPE_F64;
}

static gboolean fits(const FoveaNode *node)
{
    const FoveaValue *w = fovea_own_in(node, 1), *b = fovea_own_in(node, 2);
    if (fovea_dnnl() == NULL || !fixed_f32(node->in[0]) || !fixed_f32(node->out[0]) || w == NULL ||
        w->constant == NULL || (b != NULL && b->constant == NULL))
        return FALSE;
    for (gint i = 0; i < node->in[0]->rank; i++) {
        if (node->in[0]->dims[i].c < 1 || node->out[0]->dims[i].c < 1)
            return FALSE;
    }
    return TRUE;
}

static gboolean channels_last(const FoveaNode *node)
{
    return node->out[0]->rank == 4;
}

static gboolean does_epilogue(const FoveaNode *node)
{
    return TRUE;
}

/* Channels-last strides for the view's sizes. */
static void lay_channels_last(FoveaView *view)
{
    gint64 step = view->dims[1];
    view->strides[1] = 1;
    for (guint i = view->rank; i-- > 2;) {
        view->strides[i] = step;
        step *= view->dims[i];
    }
    view->strides[0] = step;
}

static gboolean same_memory(const FoveaView *a, const FoveaView *b)
{
    for (guint i = 0; i < a->rank; i++) {
        if (a->dims[i] != 1 && a->strides[i] != b->strides[i])
            return FALSE;
    }
    return TRUE;
}

/* [M,C/G,k] as oneDNN wants it: with a leading group axis. ConvTranspose: [C,M/G,k], with the
 * first two axes exchanged. */
static void weight_view(const FoveaTensor *w, gint64 groups, gboolean transposed, FoveaView *view)
{
    FoveaView plain = fovea_view_of_tensor(w);
    *view = plain;
    view->rank = plain.rank + 1;
    view->dims[0] = groups;
    view->strides[0] = plain.strides[0] * (plain.dims[0] / groups);
    view->dims[1] = plain.dims[0] / groups;
    view->strides[1] = plain.strides[0];
    for (guint i = 1; i < plain.rank; i++) {
        view->dims[1 + i] = plain.dims[i];
        view->strides[1 + i] = plain.strides[i];
    }
    if (transposed) {
        view->dims[1] = plain.dims[1];
        view->strides[1] = plain.strides[1];
        view->dims[2] = plain.dims[0] / groups;
        view->strides[2] = plain.strides[0];
    }
    if (groups == 1) {
        view->rank--;
        for (guint i = 0; i < view->rank; i++) {
            view->dims[i] = view->dims[i + 1];
            view->strides[i] = view->strides[i + 1];
        }
    }
}

/* The primitive's description with weights in whatever layout is best. */
static dnnl_status_t describe(const FoveaNode *node, const Conv *conv, const FoveaView *w,
                              const FoveaTensor *b, gboolean transposed, dnnl_primitive_attr_t attr,
                              dnnl_primitive_desc_t *pd)
{
    const FoveaDnnl *d = fovea_dnnl();
    guint n = conv->src_view.rank - 2;
    dnnl_memory_desc_t src, dst, weight, bias;
    dnnl_dims_t dims, strides, dilates, before, after;
    gint64 kernel[3];
    FoveaSlide s;
    fovea_dnnl_desc(&conv->src_view, &src);
    fovea_dnnl_desc(&conv->dst_view, &dst);
    for (guint i = 0; i < w->rank; i++)
        dims[i] = w->dims[i];
    for (guint i = 0; i < n; i++)
        kernel[i] = w->dims[w->rank - n + i];
    d->memory_desc_init_by_tag(&weight, (int)w->rank, dims, dnnl_f32, dnnl_format_tag_any);
    if (b != NULL) {
        dims[0] = conv->dst_view.dims[1];
        d->memory_desc_init_by_tag(&bias, 1, dims, dnnl_f32, dnnl_a);
    }
    if (transposed)
        fovea_slide_init_transposed(node, n, conv->src_view.dims + 2, conv->dst_view.dims + 2,
                                    kernel, &s);
    else
        fovea_slide_init(node, n, conv->src_view.dims + 2, conv->dst_view.dims + 2, kernel, &s);
    for (guint i = 0; i < n; i++) {
        guint a = FOVEA_WINDOW_MAX - n + i;
        gint64 reach = (s.kernel[a] - 1) * s.dilation[a] + 1;
        gint64 wide = transposed ? s.out[a] : s.in[a], narrow = transposed ? s.in[a] : s.out[a];
        strides[i] = s.stride[a];
        dilates[i] = s.dilation[a] - 1;
        before[i] = s.before[a];
        /* The pad after that makes the sizes come out; negative where the input is cropped. */
        after[i] = (narrow - 1) * s.stride[a] + reach - wide - s.before[a];
    }
    dnnl_convolution_desc_t conv_desc;
    dnnl_status_t status =
        transposed ? d->dilated_deconvolution_forward_desc_init(
                         &conv_desc, dnnl_forward_inference, dnnl_deconvolution_direct, &src,
                         &weight, b != NULL ? &bias : NULL, &dst, strides, dilates, before, after)
                   : d->dilated_convolution_forward_desc_init(
                         &conv_desc, dnnl_forward_inference, dnnl_convolution_direct, &src, &weight,
                         b != NULL ? &bias : NULL, &dst, strides, dilates, before, after);
    if (status != dnnl_success)
        return status;
    return d->primitive_desc_create(pd, &conv_desc, attr, d->engine, NULL);
}

/* Tries with the epilogue inside; FALSE where that is impossible or slow. */
static gboolean describe_fused(const FoveaCpuCompile *compile, Conv *conv, const FoveaView *w,
                               const FoveaTensor *b, gboolean transposed,
                               dnnl_primitive_attr_t *attr, dnnl_primitive_desc_t *pd)
{
    dnnl_memory_desc_t dst;
    fovea_dnnl_desc(&conv->dst_view, &dst);
    if (conv->unpack_dst || !fovea_node_has_epilogue(compile->node) ||
        !fovea_dnnl_posts(compile, &conv->dst_view, &dst, &conv->call.posts))
        return FALSE;
    if (fovea_dnnl()->primitive_attr_set_post_ops(*attr, conv->call.posts.ops) == dnnl_success &&
        describe(compile->node, conv, w, b, transposed, *attr, pd) == dnnl_success) {
        if (!fovea_dnnl_is_slow(*pd))
            return TRUE;
        fovea_dnnl()->primitive_desc_destroy(*pd);
    }
    fovea_dnnl_posts_clear(&conv->call.posts);
    fovea_dnnl_no_posts(attr);
    return FALSE;
}

static void conv_free(gpointer data)
{
    Conv *conv = data;
    fovea_dnnl_clear(&conv->call);
    g_free(conv->after);
    g_free(conv);
}

static gboolean make_weights(const FoveaCpuCompile *compile, Conv *conv, dnnl_primitive_desc_t pd,
                             const FoveaView *w, const FoveaTensor *b, GError **error)
{
    const FoveaDnnl *d = fovea_dnnl();
    const dnnl_memory_desc_t *best = d->primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    dnnl_memory_desc_t from;
    fovea_dnnl_desc(w, &from);
    void *packed = fovea_dnnl_weights(compile->program, compile->node->in[1]->constant, &from, best,
                                      error);
    if (packed == NULL)
        return FALSE;
    fovea_dnnl_set(fovea_dnnl_add(&conv->call, DNNL_ARG_WEIGHTS, best), packed);
    if (b == NULL)
        return TRUE;
    const dnnl_memory_desc_t *flat = d->primitive_desc_query_md(pd, dnnl_query_weights_md, 1);
    void *bias = fovea_dnnl_weights(compile->program, b, flat, flat, error);
    fovea_dnnl_set(fovea_dnnl_add(&conv->call, DNNL_ARG_BIAS, flat), bias);
    return bias != NULL;
}

static gboolean compile_conv(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaDnnl *d = fovea_dnnl();
    const FoveaNode *node = compile->node;
    gboolean transposed = g_str_equal(node->op->name, "ConvTranspose");
    const FoveaTensor *b = fovea_own_in(node, 2) != NULL ? node->in[2]->constant : NULL;
    FoveaView in, out, w;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    if (compile->dynamic) {
        compile->decline = TRUE;
        return TRUE;
    }
    Conv *conv = g_new0(Conv, 1);
    *data = conv;
    fovea_cpu_view(compile, node->in[0], &in);
    fovea_cpu_view(compile, node->out[0], &out);
    weight_view(node->in[1]->constant, fovea_node_attr_int(node, "group", 1), transposed, &w);
    conv->src_view = in;
    conv->dst_view = out;
    lay_channels_last(&conv->src_view);
    lay_channels_last(&conv->dst_view);
    conv->pack_src = !same_memory(&in, &conv->src_view);
    conv->unpack_dst = !same_memory(&out, &conv->dst_view);
    if (d->primitive_attr_create(&attr) != dnnl_success)
        return fovea_dnnl_fail(dnnl_out_of_memory, node, error);
    d->primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    gboolean fused = describe_fused(compile, conv, &w, b, transposed, &attr, &pd);
    dnnl_status_t status = fused ? dnnl_success
                                 : describe(node, conv, &w, b, transposed, attr, &pd);
    d->primitive_attr_destroy(attr);
    if (status != dnnl_success) { /* a case that the library does not know */
        compile->decline = TRUE;
        return TRUE;
    }
    dnnl_memory_desc_t src, dst;
    fovea_dnnl_desc(&conv->src_view, &src);
    fovea_dnnl_desc(&conv->dst_view, &dst);
    conv->src = fovea_dnnl_add(&conv->call, DNNL_ARG_SRC, &src);
    conv->dst = fovea_dnnl_add(&conv->call, DNNL_ARG_DST, &dst);
    fovea_dnnl_add_posts(&conv->call);
    if (!make_weights(compile, conv, pd, &w, b, error)) {
        d->primitive_desc_destroy(pd);
        return FALSE;
    }
    if (!fovea_dnnl_finish(&conv->call, pd, node, error))
        return FALSE;
    conv->src_at = (conv->call.scratchpad_bytes + 63) / 64 * 64;
    conv->dst_at = conv->src_at;
    if (conv->pack_src)
        conv->dst_at += ((gsize)fovea_view_count(&in) * sizeof(float) + 63) / 64 * 64;
    compile->scratch = conv->dst_at;
    if (conv->unpack_dst)
        compile->scratch += (gsize)fovea_view_count(&out) * sizeof(float);
    if (fovea_node_has_epilogue(node) && !fused) {
        conv->after = g_new0(FoveaTileProgram, 1);
        fovea_tile_compile(node->fx, conv->after);
    }
    return TRUE;
}

static gboolean run_conv(const FoveaCpuRun *run, GError **error)
{
    Conv *conv = run->data;
    void *src = run->in[0]->data, *dst = run->out[0]->data;
    if (conv->pack_src) {
        FoveaView to = conv->src_view;
        src = to.data = run->scratch + conv->src_at;
        fovea_cpu_copy(run->in[0], &to);
    }
    if (conv->unpack_dst)
        dst = run->scratch + conv->dst_at;
    fovea_dnnl_set(conv->src, src);
    fovea_dnnl_set(conv->dst, dst);
    fovea_dnnl_set_posts(&conv->call, run);
    fovea_dnnl_run(&conv->call, run->scratch);
    if (conv->unpack_dst) {
        FoveaView from = conv->dst_view;
        from.data = dst;
        fovea_cpu_copy(&from, run->out[0]);
    }
    if (conv->after != NULL)
        fovea_cpu_run_epilogue(run, conv->after);
    return TRUE;
}

static const char *const ops[] = {"Conv", "ConvTranspose", NULL};

const FoveaCpuKernel fovea_cpu_kernel_conv = {
    .ops = ops,
    .klass = "conv",
    .fits = fits,
    .channels_last = channels_last,
    .epilogue = does_epilogue,
    .compile = compile_conv,
    .destroy = conv_free,
    .run = run_conv,
};
