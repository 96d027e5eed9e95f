/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/attention.c: the attention node (attention/spec.h): dense and causal, any head
 * sizes, shared keys and values, bias or mask, score hook.
 */
#include "attention/spec.h"
#include "vulkan/kernels/common.h"

#define QUERIES 16 /* of one work group: attention.comp */
#define PIECE 64
#define WIDEST 512 /* head size of v: a row of it is held in registers */

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaAttention *spec = fovea_attention_spec(f->node);
    const FoveaView *q = fovea_vk_in(f, 0), *k = fovea_vk_in(f, 1), *v = fovea_vk_in(f, 2);
    const FoveaView *bias = fovea_vk_own(f, 3), *out = fovea_vk_out(f, 0);
    const gint64 scores[4] = {q->dims[0], q->dims[1], q->dims[2], k->dims[2]};
    FoveaView wide = {.rank = 4};
    if (bias != NULL && !fovea_view_broadcast(bias, 4, scores, &wide))
        return fovea_node_fail(f->node, error, FOVEA_ERROR_SHAPE, "the bias does not broadcast");
    for (guint i = 0; i < 4; i++)
        fovea_vk_word(f, scores[i]);
    fovea_vk_word(f, k->dims[1]);
    fovea_vk_word_float(f, spec->scale);
    fovea_vk_word(f, CLAMP(spec->causal_offset, -(1 << 30), 1 << 30));
    const FoveaView *views[5] = {q, k, v, &wide, out};
    for (guint i = 0; i < G_N_ELEMENTS(views); i++) {
        fovea_vk_word(f, views[i]->offset);
        for (guint a = 0; a < 4; a++)
            fovea_vk_word(f, views[i]->strides[a]);
    }
    fovea_vk_groups(f, scores[0] * scores[1] * ((scores[2] + QUERIES - 1) / QUERIES), 1);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaAttention *spec = fovea_attention_spec(node);
    const FoveaValue *bias = fovea_own_in(node, 3);
    FoveaView q, k, v;
    (void)error;
    fovea_vk_view(builder, node->in[0], &q);
    fovea_vk_view(builder, node->in[1], &k);
    fovea_vk_view(builder, node->in[2], &v);
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_attention, fill, NULL);
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_input(builder, d, 1, node->in[1]);
    fovea_vk_input(builder, d, 2, node->in[2]);
    fovea_vk_input(builder, d, 3, bias);
    fovea_vk_output(builder, d, 4, node->out[0]);
    fovea_vk_option(d, 0, (guint32)q.dims[3]);
    fovea_vk_option(d, 1, (guint32)v.dims[3]);
    fovea_vk_option(d, 2, (guint32)MAX((v.dims[3] + PIECE - 1) / PIECE, 1));
    fovea_vk_option(d, 3, bias != NULL);
    fovea_vk_option(d, 4, spec->pattern == FOVEA_ATTN_CAUSAL);
    fovea_vk_option(d, 5, spec->weight);
    fovea_vk_fx(d, spec->hook.n > 0 ? &spec->hook : NULL);
    double scores = (double)(q.dims[0] * q.dims[1] * q.dims[2]) * (double)k.dims[2];
    fovea_vk_cost(d, scores * (double)(q.dims[3] + v.dims[3]) / 1e6);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaAttention *spec = fovea_attention_spec(node);
    const FoveaValue *bias = fovea_own_in(node, 3);
    (void)device;
    (void)precision;
    if (spec->pattern > FOVEA_ATTN_WINDOW || spec->score != FOVEA_ATTN_SCALED_DOT)
        return "this attention pattern or score";
    if (spec->hook.n > 0 && spec->hook.n_args > 1)
        return "a score hook with tables";
    if (!fovea_dim_is_const(node->in[0]->dims[3]) || !fovea_dim_is_const(node->in[2]->dims[3]))
        return "head sizes that change from run to run";
    if (node->in[2]->dims[3].c > WIDEST)
        return "head sizes above 512";
    if (bias != NULL && bias->dtype != FOVEA_DTYPE_BOOL && !fovea_dtype_is_float(bias->dtype))
        return "a bias of integers";
    return fovea_vk_reals_only(node);
}

static const char *const ops[] = {"FoveaAttention", NULL};
const FoveaVkKernel fovea_vk_kernel_attention = {
    .ops = ops,
    .klass = "attention",
    .why_not = why_not,
    .emit = emit,
};
