/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/matmul.c: MatMul and Gemm, by tiles, or, where rows are few, row by row. Where the
 * right operand has no batch, the rows of the whole batch are taken as one matrix.
 */
#include "vulkan/kernels/common.h"

#define FEW_ROWS 4

/* Output axes: the batch (its last axis apart), rows, columns. */
static FoveaVkGroups groups_of(const FoveaNode *node)
{
    FoveaVkGroups groups = {0};
    guint rank = (guint)node->out[0]->rank, rows = 1, columns = 1;
    if (g_str_equal(node->op->name, "MatMul")) {
        rows = node->in[0]->rank > 1;
        columns = node->in[1]->rank > 1;
    }
    guint batch = rank - rows - columns;
    groups.g[0].n = (guint8)(batch > 1 ? batch - 1 : 0);
    groups.g[1].first = groups.g[0].n;
    groups.g[1].n = batch > 0;
    groups.g[2].first = (guint8)batch;
    groups.g[2].n = (guint8)rows;
    groups.g[3].first = (guint8)(batch + rows);
    groups.g[3].n = (guint8)columns;
    return groups;
}

static gboolean epilogue(const FoveaNode *node)
{
    FoveaVkGroups groups = groups_of(node);
    return fovea_vk_epilogue_fits(node, &groups);
}

typedef struct ProductData {
    gboolean tiled;
    FoveaVkTile tile;
} ProductData;

typedef struct Product {
    FoveaView a, b, c, out; /* all of one rank: batch, rows, columns */
    guint batch;            /* axes */
    gint64 rows;            /* before those of the batch were joined to them */
    gboolean has_c;
} Product;

static void swap_last(FoveaView *view)
{
    gint64 d = view->dims[0], s = view->strides[0];
    view->dims[0] = view->dims[1];
    view->strides[0] = view->strides[1];
    view->dims[1] = d;
    view->strides[1] = s;
}

/* Inserts an axis of size 1. */
static void insert_axis(FoveaView *view, guint at)
{
    for (guint i = view->rank; i > at; i--) {
        view->dims[i] = view->dims[i - 1];
        view->strides[i] = view->strides[i - 1];
    }
    view->dims[at] = 1;
    view->strides[at] = 0;
    view->rank++;
}

static gboolean widen(FoveaView *view, const Product *p)
{
    gint64 dims[FOVEA_MAX_RANK + 2];
    memcpy(dims, p->out.dims, p->batch * sizeof *dims);
    dims[p->batch] = view->dims[view->rank - 2];
    dims[p->batch + 1] = view->dims[view->rank - 1];
    return fovea_view_broadcast(view, p->batch + 2, dims, view);
}

static gboolean product_of(const FoveaVkFill *fill, Product *p)
{
    const FoveaNode *node = fill->node;
    const FoveaView *c = NULL;
    p->a = *fovea_vk_in(fill, 0);
    p->b = *fovea_vk_in(fill, 1);
    p->out = *fovea_vk_out(fill, 0);
    p->has_c = FALSE;
    if (g_str_equal(node->op->name, "Gemm")) {
        if (fovea_node_attr_int(node, "transA", 0))
            swap_last(&p->a);
        if (fovea_node_attr_int(node, "transB", 0))
            swap_last(&p->b);
        c = fovea_vk_own(fill, 2);
    }
    if (p->out.rank + (p->a.rank < 2) + (p->b.rank < 2) > FOVEA_MAX_RANK)
        return FALSE;
    if (p->a.rank < 2) {
        insert_axis(&p->out, p->out.rank - (p->b.rank > 1));
        insert_axis(&p->a, 0);
    }
    if (p->b.rank < 2) {
        insert_axis(&p->out, p->out.rank);
        insert_axis(&p->b, 1);
    }
    p->batch = p->out.rank - 2;
    p->rows = p->out.dims[p->batch];
    p->has_c = c != NULL;
    p->c = p->out;
    memset(p->c.strides, 0, sizeof p->c.strides);
    p->c.offset = 0;
    if (c != NULL && !fovea_view_broadcast(c, p->out.rank, p->out.dims, &p->c))
        return FALSE;
    return widen(&p->a, p) && widen(&p->b, p);
}

/* TRUE where the batch and the rows of a view lie like one axis, whose stride is *stride. */
static gboolean rows_join(const FoveaView *view, guint batch, gint64 *stride)
{
    gint64 next = 0;
    gboolean found = FALSE;
    *stride = 0;
    for (guint i = batch + 1; i-- > 0;) {
        if (view->dims[i] == 1)
            continue;
        if (found && view->strides[i] != next)
            return FALSE;
        if (!found)
            *stride = view->strides[i];
        found = TRUE;
        next = view->strides[i] * view->dims[i];
    }
    return TRUE;
}

/* A batch times one matrix is one product with more rows. */
static void join_batch(Product *p)
{
    gint64 count = 1, stride_a, stride_out;
    for (guint i = 0; i < p->batch; i++) {
        if (p->b.dims[i] != 1 && p->b.strides[i] != 0)
            return;
        count *= p->out.dims[i];
    }
    if (count == 1 || p->has_c || !rows_join(&p->a, p->batch, &stride_a) ||
        !rows_join(&p->out, p->batch, &stride_out))
        return;
    p->a.strides[p->batch] = stride_a;
    p->out.strides[p->batch] = stride_out;
    p->out.dims[p->batch] *= count;
    for (guint i = 0; i < p->batch; i++)
        p->out.dims[i] = 1;
}

static gboolean fill(FoveaVkFill *f, GError **error)
{
    Product p;
    FoveaVkWalk walk;
    const ProductData *data = f->data;
    FoveaVkGroups groups = groups_of(f->node);
    if (!product_of(f, &p))
        return fovea_node_fail(f->node, error, FOVEA_ERROR_SHAPE, "operands do not fit together");
    gint64 inner = p.batch > 0 ? MAX(p.out.dims[p.batch - 1], 1) : 1;
    join_batch(&p);
    guint row = p.batch, column = p.batch + 1;
    gint64 m = p.out.dims[row], n = p.out.dims[column], k = p.a.dims[column];
    fovea_vk_word(f, m);
    fovea_vk_word(f, n);
    fovea_vk_word(f, k);
    fovea_vk_word_float(f, (float)fovea_node_attr_float(f->node, "alpha", 1));
    fovea_vk_word_float(f, (float)fovea_node_attr_float(f->node, "beta", 1));
    const FoveaView *views[4] = {&p.a, &p.b, &p.c, &p.out};
    for (guint v = 0; v < 4; v++) {
        fovea_vk_word(f, views[v]->offset);
        fovea_vk_word(f, views[v]->strides[row]);
        fovea_vk_word(f, views[v]->strides[column]);
    }
    fovea_vk_word(f, MAX(p.rows, 1));
    fovea_vk_word(f, inner);
    fovea_vk_walk_init(&walk, 4);
    for (guint i = 0; i < p.batch; i++) {
        const gint64 strides[4] = {p.a.strides[i], p.b.strides[i], p.c.strides[i],
                                   p.out.strides[i]};
        fovea_vk_walk_axis(&walk, p.out.dims[i], strides);
    }
    gint64 batch = fovea_vk_walk_count(&walk);
    fovea_vk_walk_words(f, &walk);
    /* gemv.comp takes 16 columns at once where the depth lies together, else 64. */
    gint64 width = p.b.strides[row] == 1 ? 16 : 64;
    fovea_vk_groups(f,
                    batch * (data->tiled ? fovea_vk_tile_count(&data->tile, m, n)
                                         : m * ((n + width - 1) / width)),
                    1);
    return fovea_vk_word_epilogue(f, &groups, error);
}

static gboolean few_rows(FoveaVkBuilder *builder, const FoveaNode *node)
{
    FoveaView out, b;
    fovea_vk_view(builder, node->out[0], &out);
    fovea_vk_view(builder, node->in[1], &b);
    gint64 columns = b.rank > 1 ? out.dims[out.rank - 1] : 1;
    gint64 rows = node->in[0]->rank > 1 ? out.dims[out.rank - (b.rank > 1 ? 2 : 1)] : 1;
    if (b.rank <= 2 && columns > 0)
        rows = fovea_view_count(&out) / columns;
    return rows <= FEW_ROWS;
}

static gboolean emit(FoveaVkBuilder *builder, const FoveaNode *node, GError **error)
{
    gboolean tiled = !few_rows(builder, node);
    const FoveaValue *c = g_str_equal(node->op->name, "Gemm") ? fovea_own_in(node, 2) : NULL;
    FoveaView a, out;
    (void)error;
    FoveaVkDispatch *d = fovea_vk_dispatch(
        builder, node, tiled ? FOVEA_VK_SHADER_matmul : FOVEA_VK_SHADER_gemv, fill, NULL);
    ProductData *data = fovea_vk_data(d, sizeof *data);
    fovea_vk_view(builder, node->out[0], &out);
    *data = (ProductData){
        tiled, fovea_vk_tile(builder, node->in[1]->rank > 1 ? out.dims[out.rank - 1] : 1)};
    fovea_vk_input(builder, d, 0, node->in[0]);
    fovea_vk_input(builder, d, 1, node->in[1]);
    fovea_vk_input(builder, d, 2, c);
    fovea_vk_output(builder, d, 3, node->out[0]);
    fovea_vk_option(d, 0, c != NULL);
    if (tiled)
        fovea_vk_tile_options(d, &data->tile);
    fovea_vk_epilogue(d, 4);
    fovea_vk_view(builder, node->in[0], &a);
    gboolean turned = g_str_equal(node->op->name, "Gemm") && fovea_node_attr_int(node, "transA", 0);
    fovea_vk_cost(d,
                  (double)fovea_view_count(&out) * (double)a.dims[turned ? 0 : a.rank - 1] / 1e6);
    return TRUE;
}

static const char *why_not(FoveaDevice *device, const FoveaNode *node, FoveaPrecision precision)
{
    (void)device;
    (void)precision;
    gint extra = (node->in[0]->rank < 2) + (node->in[1]->rank < 2);
    if (node->out[0]->rank + extra > FOVEA_MAX_RANK)
        return "rank too high";
    return fovea_vk_reals_only(node);
}

static const char *const ops[] = {"Gemm", "MatMul", NULL};
const FoveaVkKernel fovea_vk_kernel_matmul = {
    .ops = ops,
    .klass = "matmul",
    .why_not = why_not,
    .epilogue = epilogue,
    .emit = emit,
};
