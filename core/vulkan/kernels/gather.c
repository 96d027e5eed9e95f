/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/gather.c: Gather, GatherElements, GatherND, the other way ScatterElements and
 * ScatterND, and, without indices, DepthToSpace and SpaceToDepth. They differ only in which axes a walk over the elements has, and which of data's axes
 * the indices count along. An index outside is not followed and fails the run.
 */
#include "vulkan/kernels/common.h"

/* Order of the walk's views. */
enum { DATA, INDICES, RESULT, VIEWS };

typedef struct Gather {
    FoveaVkWalk walk;
    guint tuple; /* indices an element */
    gint64 tuple_step;
    gint64 size[FOVEA_MAX_RANK], stride[FOVEA_MAX_RANK];
} Gather;

static void add_axis(Gather *g, gint64 size, gint64 data, gint64 indices, gint64 result)
{
    const gint64 strides[VIEWS] = {data, indices, result};
    fovea_vk_walk_axis(&g->walk, size, strides);
}

static void index_along(Gather *g, const FoveaView *view, guint axis)
{
    g->size[g->tuple] = view->dims[axis];
    g->stride[g->tuple++] = view->strides[axis];
}

static void gather(Gather *g, guint axis, const FoveaView *data, const FoveaView *indices,
                   const FoveaView *out)
{
    for (guint i = 0; i < axis; i++)
        add_axis(g, data->dims[i], data->strides[i], 0, out->strides[i]);
    for (guint i = 0; i < indices->rank; i++)
        add_axis(g, indices->dims[i], 0, indices->strides[i], out->strides[axis + i]);
    for (guint i = axis + 1; i < data->rank; i++)
        add_axis(g, data->dims[i], data->strides[i], 0, out->strides[indices->rank + i - 1]);
    index_along(g, data, axis);
}

/* The whole is indexed along axis; `part`, shaped like indices, is walked over. */
static void elements(Gather *g, guint axis, const FoveaView *whole, const FoveaView *indices,
                     const FoveaView *part, gboolean scatter)
{
    for (guint i = 0; i < indices->rank; i++) {
        gint64 along = i == axis ? 0 : whole->strides[i];
        if (scatter)
            add_axis(g, indices->dims[i], part->strides[i], indices->strides[i], along);
        else
            add_axis(g, indices->dims[i], along, indices->strides[i], part->strides[i]);
    }
    index_along(g, whole, axis);
}

/* The same for tuples of indices, the last axis of indices, after `batch` axes in common. */
static void tuples(Gather *g, guint batch, const FoveaView *whole, const FoveaView *indices,
                   const FoveaView *part, gboolean scatter)
{
    guint lead = indices->rank - 1, n = (guint)indices->dims[lead], rest = whole->rank - batch - n;
    g->tuple_step = indices->strides[lead];
    for (guint i = 0; i < lead + rest; i++) {
        guint axis = i < lead ? i : batch + n + i - lead;
        gint64 along = i < batch || i >= lead ? whole->strides[axis] : 0;
        gint64 index = i < lead ? indices->strides[i] : 0;
        if (scatter)
            add_axis(g, part->dims[i], part->strides[i], index, along);
        else
            add_axis(g, part->dims[i], along, index, part->strides[i]);
    }
    for (guint k = 0; k < n; k++)
        index_along(g, whole, batch + k);
}

static void words(FoveaVkFill *f, Gather *g, const FoveaView *const views[VIEWS])
{
    fovea_vk_walk_sort(&g->walk, RESULT);
    for (guint v = 0; v < VIEWS; v++)
        fovea_vk_word(f, views[v] != NULL ? views[v]->offset : 0);
    fovea_vk_word(f, f->node->id);
    fovea_vk_word(f, g->tuple);
    fovea_vk_word(f, g->tuple_step);
    gint64 count = fovea_vk_walk_count(&g->walk);
    fovea_vk_walk_words(f, &g->walk);
    for (guint k = 0; k < g->tuple; k++) {
        fovea_vk_word(f, g->size[k]);
        fovea_vk_word(f, g->stride[k]);
    }
    fovea_vk_groups(f, count, 128);
}

static gboolean fill_gather(FoveaVkFill *f, GError **error)
{
    const FoveaView *data = fovea_vk_in(f, 0), *indices = fovea_vk_in(f, 1);
    const FoveaView *out = fovea_vk_out(f, 0), *views[VIEWS] = {data, indices, out};
    const char *name = f->node->op->name;
    Gather g = {0};
    (void)error;
    fovea_vk_walk_init(&g.walk, VIEWS);
    if (g_str_equal(name, "Gather"))
        gather(&g, fovea_node_axis(f->node, 0, data->rank), data, indices, out);
    else if (g_str_equal(name, "GatherElements"))
        elements(&g, fovea_node_axis(f->node, 0, data->rank), data, indices, out, FALSE);
    else
        tuples(&g, (guint)fovea_node_attr_int(f->node, "batch_dims", 0), data, indices, out, FALSE);
    words(f, &g, views);
    return TRUE;
}

/* The element-wise copy that a scatter begins with: no indices at all. */
static gboolean fill_copy(FoveaVkFill *f, GError **error)
{
    const FoveaView *data = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    const FoveaView *views[VIEWS] = {data, NULL, out};
    Gather g = {0};
    (void)error;
    fovea_vk_walk_init(&g.walk, VIEWS);
    for (guint i = 0; i < data->rank; i++)
        add_axis(&g, data->dims[i], data->strides[i], 0, out->strides[i]);
    words(f, &g, views);
    return TRUE;
}

static gboolean fill_scatter(FoveaVkFill *f, GError **error)
{
    const FoveaView *indices = fovea_vk_in(f, 1), *updates = fovea_vk_in(f, 2);
    const FoveaView *out = fovea_vk_out(f, 0), *views[VIEWS] = {updates, indices, out};
    Gather g = {0};
    (void)error;
    fovea_vk_walk_init(&g.walk, VIEWS);
    if (g_str_equal(f->node->op->name, "ScatterElements"))
        elements(&g, fovea_node_axis(f->node, 0, out->rank), out, indices, updates, TRUE);
    else
        tuples(&g, 0, out, indices, updates, TRUE);
    words(f, &g, views);
    return TRUE;
}

/* Blocks of block * block pixels against as many channels: six axes. */
static gboolean fill_depth(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    const FoveaView *views[VIEWS] = {x, NULL, out};
    gboolean to_space = g_str_equal(f->node->op->name, "DepthToSpace");
    gint64 block = fovea_node_attr_int(f->node, "blocksize", 1);
    const FoveaView *deep = to_space ? x : out, *wide = to_space ? out : x;
    gint64 channels = wide->dims[1], row, column, channel;
    if (g_str_equal(fovea_node_attr_string(f->node, "mode", "DCR"), "CRD")) {
        channel = deep->strides[1] * block * block;
        row = deep->strides[1] * block;
        column = deep->strides[1];
    } else {
        channel = deep->strides[1];
        row = deep->strides[1] * channels * block;
        column = deep->strides[1] * channels;
    }
    const gint64 axes[6][3] = {
        {wide->dims[0], deep->strides[0], wide->strides[0]},
        {channels, channel, wide->strides[1]},
        {deep->dims[2], deep->strides[2], wide->strides[2] * block},
        {block, row, wide->strides[2]},
        {deep->dims[3], deep->strides[3], wide->strides[3] * block},
        {block, column, wide->strides[3]},
    };
    Gather g = {0};
    (void)error;
    fovea_vk_walk_init(&g.walk, VIEWS);
    for (guint i = 0; i < G_N_ELEMENTS(axes); i++)
        add_axis(&g, axes[i][0], axes[i][to_space ? 1 : 2], 0, axes[i][to_space ? 2 : 1]);
    words(f, &g, views);
    return TRUE;
}

static gboolean emit_depth(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_gather, fill_depth, NULL);
    (void)error;
    fovea_vk_input(builder, d, DATA, node->in[0]);
    fovea_vk_output(builder, d, RESULT, node->out[0]);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_gather, fill_gather,
                                           NULL);
    (void)error;
    fovea_vk_input(builder, d, DATA, node->in[0]);
    fovea_vk_input(builder, d, INDICES, node->in[1]);
    fovea_vk_output(builder, d, RESULT, node->out[0]);
    return TRUE;
}

static gboolean emit_scatter(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_gather, fill_copy, NULL);
    (void)error;
    fovea_vk_input(builder, d, DATA, node->in[0]);
    fovea_vk_output(builder, d, RESULT, node->out[0]);
    d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_gather, fill_scatter, NULL);
    fovea_vk_input(builder, d, DATA, node->in[2]);
    fovea_vk_input(builder, d, INDICES, node->in[1]);
    fovea_vk_spec(d, RESULT, fovea_vk_store(builder, node->out[0]));
    fovea_vk_bind(d, RESULT, node->out[0], FOVEA_VK_READ_WRITE);
    fovea_vk_option(d, 0, 1);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    const FoveaValue *indices = node->in[1];
    (void)device;
    (void)precision;
    if (g_str_equal(node->op->name, "GatherND") &&
        !fovea_dim_is_const(indices->dims[indices->rank - 1]))
        return "tuples whose length changes from run to run";
    return NULL;
}

static const char *why_not_scatter(FoveaDevice *device, const FoveaNode *node,
                                   FoveaPrecision precision)
{
    const FoveaValue *indices = node->in[1];
    (void)device;
    (void)precision;
    if (!g_str_equal(fovea_node_attr_string(node, "reduction", "none"), "none"))
        return "a scatter that adds up";
    if (g_str_equal(node->op->name, "ScatterND") &&
        !fovea_dim_is_const(indices->dims[indices->rank - 1]))
        return "tuples whose length changes from run to run";
    return NULL;
}

static const char *const ops[] = {"Gather", "GatherElements", "GatherND", NULL};
const FoveaVkKernel fovea_vk_kernel_gather = {
    .ops = ops,
    .klass = "gather",
    .why_not = why_not,
    .emit = emit,
};

static const char *const scatters[] = {"ScatterElements", "ScatterND", NULL};
const FoveaVkKernel fovea_vk_kernel_scatter = {
    .ops = scatters,
    .klass = "gather",
    .why_not = why_not_scatter,
    .emit = emit_scatter,
};

static const char *const depths[] = {"DepthToSpace", "SpaceToDepth", NULL};
const FoveaVkKernel fovea_vk_kernel_depth = {
    .ops = depths,
    .klass = "copy",
    .emit = emit_depth,
};
