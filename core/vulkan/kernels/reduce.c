/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/reduce.c: Reduce*, ArgMax, ArgMin and the global pools.
 */
#include "vulkan/kernels/common.h"

typedef enum Kind {
    SUM,
    MEAN,
    MAXIMUM,
    MINIMUM,
    PROD,
    L1,
    L2,
    SUM_SQUARE,
    LOG_SUM,
    LOG_SUM_EXP,
    ARG_MAX,
    ARG_MIN
} Kind; /* the numbers of reduce.comp */

static const struct {
    const char *name;
    Kind kind;
} kinds[] = {
    {"ReduceSum", SUM},
    {"ReduceMean", MEAN},
    {"ReduceMax", MAXIMUM},
    {"ReduceMin", MINIMUM},
    {"ReduceProd", PROD},
    {"ReduceL1", L1},
    {"ReduceL2", L2},
    {"ReduceSumSquare", SUM_SQUARE},
    {"ReduceLogSum", LOG_SUM},
    {"ReduceLogSumExp", LOG_SUM_EXP},
    {"ArgMax", ARG_MAX},
    {"ArgMin", ARG_MIN},
    {"GlobalAveragePool", MEAN},
    {"GlobalMaxPool", MAXIMUM},
};

static Kind kind_of(const FoveaNode *node)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(node->op->name, kinds[i].name))
            return kinds[i].kind;
    }
    g_return_val_if_reached(SUM);
}

typedef struct ReduceData {
    guint32 mask; /* axes that are reduced */
    gboolean keep;
    guint lanes;
} ReduceData;

/* The axes were constants when shapes were inferred. */
static gboolean mask_of(const FoveaNode *node, guint32 *mask)
{
    const FoveaValue *axes = fovea_own_in(node, 1);
    guint rank = (guint)node->in[0]->rank, axis;
    *mask = 0;
    if (g_str_has_prefix(node->op->name, "Global")) {
        *mask = ((1u << rank) - 1) & ~3u;
        return TRUE;
    }
    if (g_str_has_prefix(node->op->name, "Arg")) {
        *mask = 1u << fovea_node_axis(node, 0, rank);
        return TRUE;
    }
    FoveaDim list[FOVEA_MAX_CONTENT];
    guint n = 0;
    if (axes != NULL && !fovea_infer_content(node->graph, axes, list, &n))
        return FALSE;
    for (guint i = 0; i < n; i++) {
        if (!fovea_axis(list[i].c, (gint)rank, FALSE, &axis))
            return FALSE;
        *mask |= 1u << axis;
    }
    if (n == 0 && !fovea_node_attr_int(node, "noop_with_empty_axes", 0))
        *mask = (1u << rank) - 1;
    return TRUE;
}

static void walks_of(const ReduceData *data, const FoveaView *x, const FoveaView *out,
                     FoveaVkWalk *kept, FoveaVkWalk *reduced)
{
    guint at = 0;
    fovea_vk_walk_init(kept, 2);
    fovea_vk_walk_init(reduced, 2);
    for (guint i = 0; i < x->rank; i++) {
        gboolean gone = (data->mask >> i) & 1;
        const gint64 strides[2] = {x->strides[i], gone ? 0 : out->strides[at]};
        fovea_vk_walk_axis(gone ? reduced : kept, x->dims[i], strides);
        at += !gone || data->keep;
    }
    fovea_vk_walk_sort(kept, 1);
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    const FoveaView *x = fovea_vk_in(f, 0), *out = fovea_vk_out(f, 0);
    const ReduceData *data = f->data;
    FoveaVkWalk kept, reduced;
    (void)error;
    walks_of(data, x, out, &kept, &reduced);
    gint64 rows = fovea_vk_walk_count(&kept);
    fovea_vk_word(f, x->offset);
    fovea_vk_word(f, out->offset);
    fovea_vk_walk_words(f, &kept);
    fovea_vk_walk_words(f, &reduced);
    fovea_vk_row_groups(f, rows, data->lanes);
    return TRUE;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    FoveaVkDispatch *d = fovea_vk_dispatch(builder, node, FOVEA_VK_SHADER_reduce, fill, NULL);
    ReduceData *data = fovea_vk_data(d, sizeof *data);
    FoveaVkWalk kept, reduced;
    FoveaView x, out;
    if (!mask_of(node, &data->mask))
        return fovea_node_fail(node, error, FOVEA_ERROR_NEED_VALUE, "axes are not known");
    data->keep = g_str_has_prefix(node->op->name, "Global") ||
                 fovea_node_attr_int(node, "keepdims", 1) != 0;
    fovea_vk_view(builder, node->in[0], &x);
    fovea_vk_view(builder, node->out[0], &out);
    walks_of(data, &x, &out, &kept, &reduced);
    data->lanes = fovea_vk_lanes(fovea_vk_walk_count(&kept), fovea_vk_walk_count(&reduced));
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_output(builder, d, 1, node->out[0]);
    fovea_vk_option(d, 0, kind_of(node));
    fovea_vk_option(d, 1, data->lanes);
    fovea_vk_option(d, 2, fovea_node_attr_int(node, "select_last_index", 0) != 0);
    fovea_vk_cost(d, (double)fovea_view_count(&x) / 1e6);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    guint32 mask;
    Kind kind = kind_of(node);
    (void)device;
    (void)precision;
    if (!mask_of(node, &mask))
        return "axes that are computed at run time";
    if (kind == L2 || kind == LOG_SUM || kind == LOG_SUM_EXP)
        return fovea_vk_reals_only(node);
    return NULL;
}

static const char *const ops[] = {
    "ArgMax",    "ArgMin",       "GlobalAveragePool", "GlobalMaxPool",   "ReduceL1",
    "ReduceL2",  "ReduceLogSum", "ReduceLogSumExp",   "ReduceMax",       "ReduceMean",
    "ReduceMin", "ReduceProd",   "ReduceSum",         "ReduceSumSquare", NULL};
const FoveaVkKernel fovea_vk_kernel_reduce = {
    .ops = ops,
    .klass = "reduce",
    .why_not = why_not,
    .emit = emit,
};
