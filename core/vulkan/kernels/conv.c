/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/conv.c: Conv and ConvTranspose of one and two dimensions. A plain convolution is a
 * matrix product over tiles; grouped, depthwise and transposed ones go element by element.
 */
#include "ops/window.h"
#include "vulkan/kernels/common.h"

static gboolean is_transposed(const FoveaNode *node)
{
    return g_str_equal(node->op->name, "ConvTranspose");
}

/* Group k is axis k: n, c, h, w; maps of one dimension have no h. */
static FoveaVkGroups groups_of(const FoveaNode *node)
{
    FoveaVkGroups groups = {0};
    gboolean flat = node->out[0]->rank == 3;
    for (guint8 i = 0; i < 4; i++) {
        groups.g[i].first = flat && i == 3 ? 2 : i;
        groups.g[i].n = flat && i == 2 ? 0 : 1;
    }
    return groups;
}

static gboolean epilogue(const FoveaNode *node)
{
    FoveaVkGroups groups = groups_of(node);
    return fovea_vk_epilogue_fits(node, &groups);
}

typedef struct ConvData {
    gboolean tiled, packed, transposed;
    FoveaVkTile tile;
} ConvData;

/* Appends offset and strides n, c, h, w. */
static void map_words(FoveaVkFill *f, const FoveaView *view)
{
    fovea_vk_word(f, view->offset);
    fovea_vk_word(f, view->strides[0]);
    fovea_vk_word(f, view->strides[1]);
    fovea_vk_word(f, view->rank == 4 ? view->strides[2] : 0);
    fovea_vk_word(f, view->strides[view->rank - 1]);
}

/* Offset and strides along: filter, channel inside a group, kernel row, kernel column. */
static void filter_words(FoveaVkFill *f, const ConvData *data, const FoveaView *w)
{
    gint64 column = w->dims[0] * w->dims[1], row = column * w->dims[w->rank - 1];
    guint filter = data->transposed ? 1 : 0;
    if (data->packed) { /* kernel row, kernel column, channel, filter */
        fovea_vk_word(f, 0);
        fovea_vk_word(f, 1);
        fovea_vk_word(f, w->dims[filter]);
        fovea_vk_word(f, row);
        fovea_vk_word(f, column);
        return;
    }
    fovea_vk_word(f, w->offset);
    fovea_vk_word(f, w->strides[filter]);
    fovea_vk_word(f, w->strides[1 - filter]);
    fovea_vk_word(f, w->rank == 4 ? w->strides[2] : 0);
    fovea_vk_word(f, w->strides[w->rank - 1]);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const ConvData *data = f->data;
    const FoveaView *x = fovea_vk_in(f, 0), *w = fovea_vk_in(f, 1), *b = fovea_vk_own(f, 2);
    const FoveaView *out = fovea_vk_out(f, 0);
    gint64 group = fovea_node_attr_int(f->node, "group", 1);
    FoveaVkGroups groups = groups_of(f->node);
    FoveaSlide s;
    (data->transposed ? fovea_slide_init_transposed : fovea_slide_init)(
        f->node, x->rank - 2, x->dims + 2, out->dims + 2, w->dims + 2, &s);
    const gint64 sizes[] = {out->dims[0],       out->dims[1],  s.out[1],      s.out[2],
                            x->dims[1] / group, s.in[1],       s.in[2],       s.kernel[1],
                            s.kernel[2],        s.stride[1],   s.stride[2],   s.before[1],
                            s.before[2],        s.dilation[1], s.dilation[2], group};
    for (guint i = 0; i < G_N_ELEMENTS(sizes); i++)
        fovea_vk_word(f, sizes[i]);
    map_words(f, x);
    filter_words(f, data, w);
    fovea_vk_word(f, b != NULL ? b->offset : 0);
    fovea_vk_word(f, b != NULL ? b->strides[0] : 0);
    map_words(f, out);
    gint64 places = out->dims[0] * s.out[1] * s.out[2];
    if (data->tiled)
        fovea_vk_groups(f, fovea_vk_tile_count(&data->tile, places, out->dims[1]), 1);
    else
        fovea_vk_groups(f, places * out->dims[1], 128);
    return fovea_vk_word_epilogue(f, &groups, error);
}

static FoveaVkBuffer *pack(FoveaVkBuilder *builder, const FoveaValue *weight, gboolean transposed,
                           GError **error)
{
    static const guint flat[2][3] = {{2, 1, 0}, {2, 0, 1}};
    static const guint square[2][4] = {{2, 3, 1, 0}, {2, 3, 0, 1}};
    const guint *order = weight->rank == 3 ? flat[transposed] : square[transposed];
    return fovea_vk_permuted(builder, weight, order, transposed ? "vk/hwoi" : "vk/hwio", error);
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    const FoveaValue *weight = node->in[1], *bias = fovea_own_in(node, 2);
    gboolean tiled = !is_transposed(node) && fovea_node_attr_int(node, "group", 1) == 1;
    FoveaVkDispatch *d = fovea_vk_dispatch(
        builder, node, tiled ? FOVEA_VK_SHADER_conv : FOVEA_VK_SHADER_conv_direct, fill, NULL);
    ConvData *data = fovea_vk_data(d, sizeof *data);
    *data = (ConvData){tiled, weight->constant != NULL, is_transposed(node),
                       fovea_vk_tile(builder, node->out[0]->dims[1].c)};
    fovea_vk_input(builder, d, 0, node->in[0]);
    if (data->packed) {
        FoveaVkBuffer *packed = pack(builder, weight, data->transposed, error);
        if (packed == NULL)
            return FALSE;
        fovea_vk_spec(d, 1, fovea_vk_store(builder, weight));
        fovea_vk_bind_buffer(d, 1, packed);
    } else {
        fovea_vk_input(builder, d, 1, weight);
    }
    fovea_vk_input(builder, d, 2, bias);
    fovea_vk_output(builder, d, 3, node->out[0]);
    fovea_vk_option(d, 0, bias != NULL);
    if (tiled) {
        fovea_vk_tile_options(d, &data->tile);
        fovea_vk_option(d, 6, data->packed);
    } else {
        fovea_vk_option(d, 1, data->transposed);
    }
    fovea_vk_epilogue(d, 4);
    FoveaView w, out;
    fovea_vk_view(builder, weight, &w);
    fovea_vk_view(builder, node->out[0], &out);
    fovea_vk_cost(d, (double)fovea_view_count(&out) / (double)MAX(out.dims[1], 1) *
                         (double)fovea_view_count(&w) / 1e6);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    return node->in[0]->rank > 4 ? "three spatial axes" : fovea_vk_reals_only(node);
}

static gboolean channels_last(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    /* Pictures of a few channels would be mostly padding. */
    return fovea_dim_is_const(node->out[0]->dims[1]) && node->out[0]->dims[1].c >= 4;
}

static const char *const ops[] = {"Conv", "ConvTranspose", NULL};
const FoveaVkKernel fovea_vk_kernel_conv = {
    .ops = ops,
    .klass = "conv",
    .why_not = why_not,
    .channels_last = channels_last,
    .epilogue = epilogue,
    .emit = emit,
};
