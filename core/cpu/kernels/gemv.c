/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * MatMul and Gemm of one row by constant weights: a decoder's step. What counts is how fast weights
 * come from memory, so they lie in panels of 64 columns, one behind the other, and as f16 where each
 * of them is an f16 number (files that store halves): the result is the same, half the bytes move.
 */
#include "cpu/kernels/product.h"
#include "ops/support.h"

#define LEAST 32768 /* weights; smaller products gain nothing */

/* Packed weights: panels of [K][FOVEA_SIMD_PANEL], the last one filled up with zeros. */
typedef struct Panels {
    gboolean half;
    guint8 *data;
} Panels;

typedef struct Gemv {
    const Panels *panels;
    gsize in_bytes; /* of the row, gathered */
} Gemv;

static gboolean fits(const FoveaNode *node)
{
    FoveaCpuProduct p;
    if (!fovea_cpu_product_fits(node) || node->in[1]->constant == NULL || node->in[1]->rank != 2 ||
        fovea_own_in(node, 2) != NULL || fovea_node_attr_int(node, "transA", 0) ||
        fovea_node_attr_float(node, "alpha", 1) != 1 || !fovea_cpu_product_sizes(node, &p))
        return FALSE;
    return p.m * p.batch == 1 && p.n * p.k >= LEAST;
}

/* ---- packing ---- */

static gboolean all_halves(const float *x, gsize n)
{
    for (gsize i = 0; i < n; i++)
        if (fovea_f16_to_f32(fovea_f16_from_f32(x[i])) != x[i])
            return FALSE;
    return TRUE;
}

static void panels_free(gpointer data)
{
    Panels *panels = data;
    fovea_free(panels->data);
    g_free(panels);
}

/* `like`: the weights as [K, N], whatever their strides. */
static void fill(Panels *panels, const float *from, const FoveaView *like)
{
    gint64 k = like->dims[0], n = like->dims[1];
    for (gint64 j = 0; j < n; j++) {
        gint64 base = j / FOVEA_SIMD_PANEL * FOVEA_SIMD_PANEL * k + j % FOVEA_SIMD_PANEL;
        for (gint64 i = 0; i < k; i++) {
            float value = from[i * like->strides[0] + j * like->strides[1]];
            gint64 to = base + i * FOVEA_SIMD_PANEL;
            if (panels->half)
                ((guint16 *)(gpointer)panels->data)[to] = fovea_f16_from_f32(value);
            else
                ((float *)(gpointer)panels->data)[to] = value;
        }
    }
}

static gpointer pack(const FoveaTensor *tensor, gpointer user_data, gsize *bytes, GError **error)
{
    const FoveaView *like = user_data;
    g_autoptr(FoveaTensor) wide = fovea_tensor_convert(tensor, FOVEA_DTYPE_F32, error);
    if (wide == NULL)
        return NULL;
    const float *from = fovea_tensor_data(wide);
    Panels *panels = g_new0(Panels, 1);
    panels->half = fovea_simd()->gemv_half != NULL &&
                   all_halves(from, fovea_tensor_n_elements(wide));
    gsize columns = (gsize)(like->dims[1] + FOVEA_SIMD_PANEL - 1) / FOVEA_SIMD_PANEL *
                    FOVEA_SIMD_PANEL;
    *bytes = columns * (gsize)like->dims[0] * (panels->half ? 2 : 4);
    panels->data = fovea_try_alloc(*bytes, 1, error);
    if (panels->data == NULL)
        g_clear_pointer(&panels, g_free);
    else
        fill(panels, from, like);
    return panels;
}

static gboolean compile(FoveaCpuCompile *compile, gpointer *data, GError **error)
{
    const FoveaNode *node = compile->node;
    FoveaView a, b, c;
    FoveaCpuProduct p;
    fovea_cpu_view(compile, node->in[0], &a);
    fovea_cpu_view(compile, node->in[1], &b);
    fovea_cpu_view(compile, node->out[0], &c);
    if (!fovea_cpu_product_init(node, &a, &b, &c, &p) || p.b.rank != 2) {
        compile->decline = TRUE;
        return TRUE;
    }
    Gemv *gemv = g_new0(Gemv, 1);
    *data = gemv;
    g_autofree char *layout = g_strdup_printf("gemv/%" G_GINT64_FORMAT "x%" G_GINT64_FORMAT,
                                              p.b.strides[0], p.b.strides[1]);
    gemv->panels = fovea_weights_get(compile->program->weights, node->in[1]->constant, layout, pack,
                                     &p.b, panels_free, error);
    gemv->in_bytes = ((gsize)p.k * sizeof(float) + 63) / 64 * 64;
    compile->scratch = gemv->in_bytes;
    return gemv->panels != NULL;
}

/* ---- running ---- */

typedef struct Work {
    const Panels *panels;
    const float *a;
    float *c;
    gint64 n, k, step; /* step: of c */
} Work;

static void unit(gint64 first, gint64 last, gpointer data)
{
    const Work *w = data;
    const FoveaSimd *simd = fovea_simd();
    gint64 panel = FOVEA_SIMD_PANEL * w->k;
    for (gint64 u = first; u < last; u++) {
        float sum[FOVEA_SIMD_PANEL];
        gint64 cols = MIN(FOVEA_SIMD_PANEL, w->n - u * FOVEA_SIMD_PANEL);
        if (w->panels->half)
            simd->gemv_half(sum, w->a, (guint16 *)(gpointer)w->panels->data + u * panel, w->k);
        else
            simd->gemv(sum, w->a, (float *)(gpointer)w->panels->data + u * panel, w->k);
        float *c = w->c + u * FOVEA_SIMD_PANEL * w->step;
        for (gint64 j = 0; j < cols; j++)
            c[j * w->step] = sum[j];
    }
}

static gboolean run(const FoveaCpuRun *run, GError **error)
{
    const Gemv *gemv = run->data;
    FoveaCpuProduct p;
    if (!fovea_cpu_product_init(run->node, run->in[0], run->in[1], run->out[0], &p))
        return run->node->op->ref(run->node, run->in, run->out, error);
    float *a = (float *)(gpointer)run->scratch;
    for (gint64 i = 0; i < p.k; i++)
        a[i] = ((const float *)p.a.data)[i * p.a.strides[1]];
    Work w = {
        .panels = gemv->panels, .a = a, .c = p.c.data, .n = p.n, .k = p.k, .step = p.c.strides[1]};
    gint64 units = (p.n + FOVEA_SIMD_PANEL - 1) / FOVEA_SIMD_PANEL;
    fovea_cpu_for(units, MAX(100000 / (FOVEA_SIMD_PANEL * p.k), 1), unit, &w);
    return TRUE;
}

static const char *const ops[] = {"MatMul", "Gemm", NULL};

const FoveaCpuKernel fovea_cpu_kernel_gemv = {
    .ops = ops,
    .klass = "gemv",
    .fits = fits,
    .compile = compile,
    .destroy = g_free,
    .run = run,
};
