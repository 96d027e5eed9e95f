/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MatMul and Gemm by our own loops: small or dynamic products (the step of a decoder whose cache
 * grows), and everything where oneDNN is not installed.
 */
#include "cpu/kernels/copy.h"
#include "cpu/kernels/product.h"
#include "ops/support.h"

/* ---- one form for both operators ---- */

static gboolean real(const FoveaValue *value)
{
    return value != NULL && fovea_dtype_is_float(value->dtype) && value->dtype != FOVEA_DTYPE_F64;
}

gboolean fovea_cpu_product_fits(const FoveaNode *node)
{
    return real(node->in[0]) && real(node->in[1]) && real(node->out[0]) &&
           (fovea_own_in(node, 2) == NULL || real(fovea_own_in(node, 2)));
}

guint fovea_cpu_product_n_in(const FoveaNode *node)
{
    return fovea_node_n_own(node);
}

gboolean fovea_cpu_product_sizes(const FoveaNode *node, FoveaCpuProduct *p)
{
    const FoveaValue *a = node->in[0], *b = node->in[1];
    gboolean ta = fovea_node_attr_int(node, "transA", 0) != 0;
    gboolean tb = fovea_node_attr_int(node, "transB", 0) != 0;
    if (a->rank < 2 || b->rank < 2 || !fovea_value_is_fixed(a) || !fovea_value_is_fixed(b))
        return FALSE;
    p->m = a->dims[a->rank - (ta ? 1 : 2)].c;
    p->k = a->dims[a->rank - (ta ? 2 : 1)].c;
    p->n = b->dims[b->rank - (tb ? 2 : 1)].c;
    p->batch = 1;
    for (gint i = 0; i < node->out[0]->rank - 2; i++)
        p->batch *= node->out[0]->dims[i].c;
    return TRUE;
}

static void turn(FoveaView *view)
{
    guint i = view->rank - 2, j = view->rank - 1;
    gint64 n = view->dims[i], s = view->strides[i];
    view->dims[i] = view->dims[j];
    view->strides[i] = view->strides[j];
    view->dims[j] = n;
    view->strides[j] = s;
}

static void add_axis(FoveaView *view, guint at)
{
    for (guint i = view->rank; i > at; i--) {
        view->dims[i] = view->dims[i - 1];
        view->strides[i] = view->strides[i - 1];
    }
    view->dims[at] = 1;
    view->strides[at] = 0;
    view->rank++;
}

/* The leading axes and M as one axis, where the strides walk on evenly. */
static gboolean fold_rows(FoveaView *view)
{
    guint m = view->rank - 2;
    gint64 n = 1, step = view->strides[m];
    gboolean first = TRUE;
    for (guint i = m + 1; i-- > 0;) {
        if (view->dims[i] == 1)
            continue;
        if (first)
            step = view->strides[i];
        else if (view->strides[i] != step * n)
            return FALSE;
        first = FALSE;
        n *= view->dims[i];
    }
    view->dims[0] = n;
    view->strides[0] = step;
    view->dims[1] = view->dims[m + 1];
    view->strides[1] = view->strides[m + 1];
    view->rank = 2;
    return TRUE;
}

gboolean fovea_cpu_product_init(const FoveaNode *node, const FoveaView *a, const FoveaView *b,
                                const FoveaView *c, FoveaCpuProduct *p)
{
    p->a = *a;
    p->b = *b;
    p->c = *c;
    if (a->rank == 1) {
        add_axis(&p->a, 0);
        add_axis(&p->c, p->c.rank - (b->rank > 1));
    }
    if (b->rank == 1) {
        add_axis(&p->b, 1);
        add_axis(&p->c, p->c.rank);
    }
    if (fovea_node_attr_int(node, "transA", 0))
        turn(&p->a);
    if (fovea_node_attr_int(node, "transB", 0))
        turn(&p->b);
    gboolean single = TRUE;
    for (guint i = 0; i + 2 < p->b.rank; i++)
        single &= p->b.dims[i] == 1;
    if (single && p->a.rank > 2) {
        FoveaView rows = p->a, out = p->c;
        if (fold_rows(&rows) && fold_rows(&out) && rows.dims[0] == out.dims[0]) {
            while (p->b.rank > 2) {
                p->b.rank--;
                memmove(p->b.dims, p->b.dims + 1, p->b.rank * sizeof *p->b.dims);
                memmove(p->b.strides, p->b.strides + 1, p->b.rank * sizeof *p->b.strides);
            }
            p->a = rows;
            p->c = out;
        }
    }
    if (MAX(p->a.rank, p->b.rank) > p->c.rank || p->c.rank > FOVEA_MAX_RANK)
        return FALSE;
    while (p->a.rank < p->c.rank)
        add_axis(&p->a, 0);
    while (p->b.rank < p->c.rank)
        add_axis(&p->b, 0);
    guint lead = p->c.rank - 2;
    p->m = p->c.dims[lead];
    p->n = p->c.dims[lead + 1];
    p->k = p->a.dims[lead + 1];
    p->batch = 1;
    for (guint i = 0; i < lead; i++)
        p->batch *= p->c.dims[i];
    return TRUE;
}

/* ---- running ---- */

/* Rows of one matrix of the batch are a unit of work. b's rows must lie together: else each unit
 * would have to pack it, so it is copied once, before. */
typedef struct Work {
    const FoveaCpuProduct *p;
    gint64 bands, band; /* bands of `band` rows a matrix */
    gint64 cuts, cut;   /* and of `cut` columns */
    float alpha;
} Work;

static gint64 offset(const FoveaView *view, const FoveaView *like, gint64 batch)
{
    gint64 at = 0;
    for (guint i = like->rank - 2; i-- > 0;) {
        gint64 index = batch % like->dims[i];
        batch /= like->dims[i];
        at += view->dims[i] == 1 ? 0 : index * view->strides[i];
    }
    return at;
}

static void unit(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    const FoveaCpuProduct *p = w->p;
    guint lead = p->c.rank - 2;
    for (gint64 u = first; u < last; u++) {
        gint64 batch = u / (w->bands * w->cuts), row = u / w->cuts % w->bands * w->band;
        gint64 col = u % w->cuts * w->cut;
        gint64 rows = MIN(w->band, p->m - row), cols = MIN(w->cut, p->n - col);
        const float *a = (const float *)p->a.data + offset(&p->a, &p->c, batch) +
                         row * p->a.strides[lead];
        const float *b = (const float *)p->b.data + offset(&p->b, &p->c, batch) + col;
        float *c = (float *)p->c.data + offset(&p->c, &p->c, batch) + row * p->c.strides[lead] +
                   col;
        fovea_simd()->gemm(rows, cols, p->k, a, p->a.strides[lead], p->a.strides[lead + 1], b,
                           p->b.strides[lead], c, p->c.strides[lead], FALSE);
    }
}

typedef struct Gemm {
    gsize pack_bytes; /* of b, where it does not lie right */
    gsize out_bytes;
    void *packed; /* a constant b, packed once; or NULL */
} Gemm;

static gsize view_bytes(const FoveaView *view)
{
    return ((gsize)fovea_view_count(view) * sizeof(float) + 63) / 64 * 64;
}

static gpointer pack_weights(const FoveaTensor *tensor, gpointer user_data, gsize *bytes,
                             GError **error)
{
    const FoveaView *from = user_data;
    FoveaView like = *from;
    g_autoptr(FoveaTensor) wide = fovea_tensor_convert(tensor, FOVEA_DTYPE_F32, error);
    float *data = wide != NULL ? fovea_try_alloc(view_bytes(from), 1, error) : NULL;
    if (data == NULL)
        return NULL;
    like.dtype = FOVEA_DTYPE_F32;
    like.data = wide->data;
    FoveaView to = fovea_view_make(FOVEA_DTYPE_F32, from->rank, from->dims, data);
    fovea_view_copy(&like, &to);
    *bytes = view_bytes(from);
    return data;
}

static gboolean compile_gemm(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaNode *node = compile->node;
    FoveaView a, b, c;
    FoveaCpuProduct p;
    Gemm *gemm = g_new0(Gemm, 1);
    *data = gemm;
    fovea_cpu_view(compile, node->in[0], &a);
    fovea_cpu_view(compile, node->in[1], &b);
    fovea_cpu_view(compile, node->out[0], &c);
    if (!fovea_cpu_product_init(node, &a, &b, &c, &p)) {
        compile->decline = TRUE;
        return TRUE;
    }
    gboolean lies_right = p.b.strides[p.b.rank - 1] == 1 || p.n == 1;
    if (node->in[1]->constant != NULL && !lies_right) {
        FoveaView from = p.b;
        g_autofree char *layout = g_strdup_printf("gemm/%d/%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT,
                                                  (int)p.b.rank, p.b.strides[p.b.rank - 2],
                                                  p.b.strides[p.b.rank - 1]);
        gemm->packed = fovea_weights_get(compile->program->weights, node->in[1]->constant, layout,
                                         pack_weights, &from, fovea_free, error);
        return gemm->packed != NULL;
    }
    /* Whether b lies right may change from run to run only for dynamic steps: room for both. */
    if (!lies_right || compile->dynamic)
        gemm->pack_bytes = view_bytes(&p.b);
    gemm->out_bytes = view_bytes(&p.c);
    compile->scratch = gemm->pack_bytes + gemm->out_bytes;
    return TRUE;
}

/* beta C and alpha, after the product: a pass over the result that is still in the cache. */
static void finish(const FoveaCpuRun *run, const FoveaView *bias)
{
    float alpha = (float)fovea_node_attr_float(run->node, "alpha", 1);
    float beta = (float)fovea_node_attr_float(run->node, "beta", 1);
    const FoveaView *out = run->out[0];
    FoveaView wide = {0};
    if (alpha == 1 && (bias == NULL || beta == 0))
        return;
    if (bias != NULL && !fovea_view_broadcast(bias, 2, out->dims, &wide))
        return;
    for (gint64 m = 0; m < out->dims[0]; m++) {
        float *row = (float *)out->data + m * out->strides[0];
        const float *from = (const float *)wide.data + m * wide.strides[0];
        for (gint64 n = 0; n < out->dims[1]; n++) {
            float *to = row + n * out->strides[1];
            *to = *to * alpha + (bias != NULL ? from[n * wide.strides[1]] * beta : 0);
        }
    }
}

static gboolean run_gemm(const FoveaCpuRun *run, GError **error)
{
    const Gemm *gemm = run->data;
    FoveaCpuProduct p;
    FoveaView result;
    if (!fovea_cpu_product_init(run->node, run->in[0], run->in[1], run->out[0], &p))
        return run->node->op->ref(run->node, run->in, run->out, error);
    guint lead = p.c.rank - 2;
    if (gemm->packed != NULL) {
        p.b = fovea_view_make(FOVEA_DTYPE_F32, p.b.rank, p.b.dims, gemm->packed);
    } else if (p.b.strides[lead + 1] != 1 && p.n != 1) {
        FoveaView packed = fovea_view_make(FOVEA_DTYPE_F32, p.b.rank, p.b.dims,
                                           run->scratch + gemm->out_bytes);
        fovea_cpu_copy(&p.b, &packed);
        p.b = packed;
    }
    result = p.c;
    gboolean scattered = p.c.strides[lead + 1] != 1 && p.n != 1;
    if (scattered)
        p.c = fovea_view_make(FOVEA_DTYPE_F32, p.c.rank, p.c.dims, run->scratch);
    Work w = {.p = &p, .band = p.m, .bands = 1, .cut = p.n, .cuts = 1};
    if (p.batch < 8 && p.m > 12) {
        w.band = MAX((p.m / 8 + 11) / 12 * 12, 12);
        w.bands = (p.m + w.band - 1) / w.band;
    } else if (p.batch < 8 && p.n > 128) {
        w.cut = MAX((p.n / 8 + 63) / 64 * 64, 64);
        w.cuts = (p.n + w.cut - 1) / w.cut;
    }
    gint64 units = p.batch * w.bands * w.cuts;
    gint64 work = MAX(p.m * p.n * p.k * p.batch / MAX(units, 1), 1);
    fovea_cpu_for(units, MAX(200000 / work, 1), unit, &w);
    if (scattered)
        fovea_cpu_copy(&p.c, &result);
    if (run->node->op->max_in > 2)
        finish(run, fovea_own_view(run->node, run->in, 2));
    return TRUE;
}

static const char *const ops[] = {"MatMul", "Gemm", NULL};

const FoveaCpuKernel fovea_cpu_kernel_gemm = {
    .ops = ops,
    .klass = "gemm",
    .fits = fovea_cpu_product_fits,
    .compile = compile_gemm,
    .destroy = g_free,
    .run = run_gemm,
};
