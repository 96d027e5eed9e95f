/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MatMul and Gemm by oneDNN: static sizes of some weight. Small and dynamic ones go to
 * kernels/gemm.c.
 */
#include "cpu/dnnl/dnnl-internal.h"
#include "cpu/kernels/product.h"
#include "cpu/tile.h"

typedef struct Product {
    FoveaDnnlCall call;
    dnnl_memory_t a, b, c;
    const void *packed; /* b's weights, or NULL: read from the node's input */
    FoveaTileProgram *after;
} Product;

static gboolean fits(const FoveaNode *node)
{
    FoveaCpuProduct p;
    if (fovea_dnnl() == NULL || !fovea_cpu_product_fits(node))
        return FALSE;
    for (guint i = 0; i < 2; i++) {
        if (!fovea_value_is_fixed(node->in[i]))
            return FALSE;
    }
    return fovea_cpu_product_sizes(node, &p) && p.m * p.n * p.k * p.batch >= 4000000 && p.m >= 8;
}

static gboolean does_epilogue(const FoveaNode *node)
{
    return TRUE;
}

static void product_free(gpointer data)
{
    Product *product = data;
    fovea_dnnl_clear(&product->call);
    g_free(product->after);
    g_free(product);
}

static dnnl_status_t describe(const FoveaCpuProduct *p, const FoveaView *bias, gboolean any,
                              dnnl_primitive_attr_t attr, dnnl_primitive_desc_t *pd)
{
    const FoveaDnnl *d = fovea_dnnl();
    dnnl_memory_desc_t a, b, c, extra;
    dnnl_matmul_desc_t desc;
    dnnl_dims_t dims;
    fovea_dnnl_desc(&p->a, &a);
    fovea_dnnl_desc(&p->b, &b);
    fovea_dnnl_desc(&p->c, &c);
    if (any) {
        for (guint i = 0; i < p->b.rank; i++)
            dims[i] = p->b.dims[i];
        d->memory_desc_init_by_tag(&b, (int)p->b.rank, dims, dnnl_f32, dnnl_format_tag_any);
    }
    if (bias != NULL)
        fovea_dnnl_desc(bias, &extra);
    dnnl_status_t status = d->matmul_desc_init(&desc, &a, &b, bias != NULL ? &extra : NULL, &c);
    return status != dnnl_success ? status
                                  : d->primitive_desc_create(pd, &desc, attr, d->engine, NULL);
}

static gboolean compile_product(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaDnnl *d = fovea_dnnl();
    const FoveaNode *node = compile->node;
    const FoveaTensor *weights = node->in[1]->constant;
    FoveaCpuProduct p;
    FoveaView views[4], *in[3] = {NULL};
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_memory_desc_t a, b, c;
    for (guint i = 0; i < MIN(fovea_cpu_product_n_in(node), 3); i++) {
        if (node->in[i] == NULL)
            continue;
        fovea_cpu_view(compile, node->in[i], &views[i]);
        in[i] = &views[i];
    }
    fovea_cpu_view(compile, node->out[0], &views[3]);
    if (compile->dynamic || in[2] != NULL ||
        !fovea_cpu_product_init(node, in[0], in[1], &views[3], &p)) {
        compile->decline = TRUE;
        return TRUE;
    }
    Product *product = g_new0(Product, 1);
    *data = product;
    if (d->primitive_attr_create(&attr) != dnnl_success)
        return fovea_dnnl_fail(dnnl_out_of_memory, node, error);
    d->primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
    fovea_dnnl_desc(&p.c, &c);
    gboolean any = weights != NULL, fused = FALSE;
    if (fovea_node_has_epilogue(node) && p.c.rank == views[3].rank &&
        fovea_dnnl_posts(compile, &p.c, &c, &product->call.posts)) {
        d->primitive_attr_set_post_ops(attr, product->call.posts.ops);
        fused = describe(&p, NULL, any, attr, &pd) == dnnl_success;
        if (!fused) {
            fovea_dnnl_posts_clear(&product->call.posts);
            fovea_dnnl_no_posts(&attr);
        }
    }
    dnnl_status_t status = fused ? dnnl_success : describe(&p, NULL, any, attr, &pd);
    d->primitive_attr_destroy(attr);
    if (status != dnnl_success || fovea_dnnl_is_slow(pd)) {
        if (status == dnnl_success)
            d->primitive_desc_destroy(pd);
        compile->decline = TRUE;
        return TRUE;
    }
    fovea_dnnl_desc(&p.a, &a);
    fovea_dnnl_desc(&p.b, &b);
    product->a = fovea_dnnl_add(&product->call, DNNL_ARG_SRC, &a);
    product->c = fovea_dnnl_add(&product->call, DNNL_ARG_DST, &c);
    fovea_dnnl_add_posts(&product->call);
    if (any) {
        const dnnl_memory_desc_t *best = d->primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
        product->b = fovea_dnnl_add(&product->call, DNNL_ARG_WEIGHTS, best);
        product->packed = fovea_dnnl_weights(compile->program, weights, &b, best, error);
        if (product->packed == NULL) {
            d->primitive_desc_destroy(pd);
            return FALSE;
        }
    } else {
        product->b = fovea_dnnl_add(&product->call, DNNL_ARG_WEIGHTS, &b);
    }
    if (!fovea_dnnl_finish(&product->call, pd, node, error))
        return FALSE;
    compile->scratch = product->call.scratchpad_bytes;
    if (fovea_node_has_epilogue(node) && !fused) {
        product->after = g_new0(FoveaTileProgram, 1);
        fovea_tile_compile(node->fx, product->after);
    }
    return TRUE;
}

static gboolean run_product(const FoveaCpuRun *run, GError **error)
{
    Product *product = run->data;
    fovea_dnnl_set(product->a, run->in[0]->data);
    fovea_dnnl_set(product->b,
                   product->packed != NULL ? (void *)product->packed : run->in[1]->data);
    fovea_dnnl_set(product->c, run->out[0]->data);
    fovea_dnnl_set_posts(&product->call, run);
    fovea_dnnl_run(&product->call, run->scratch);
    if (product->after != NULL)
        fovea_cpu_run_epilogue(run, product->after);
    return TRUE;
}

static const char *const ops[] = {"MatMul", "Gemm", NULL};

const FoveaCpuKernel fovea_cpu_kernel_product = {
    .ops = ops,
    .klass = "gemm",
    .fits = fits,
    .epilogue = does_epilogue,
    .compile = compile_product,
    .destroy = product_free,
    .run = run_product,
};
