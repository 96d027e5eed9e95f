/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/matmul.c: MatMul.
 *
 * Math    out[..., m, n] = sum_k a[..., m, k] b[..., k, n], as numpy.matmul
 * Shape   a [...,M,K] or [K], b [...,K,N] or [K]; leading dims broadcast; a 1-D operand's added
 *         dim is not in the result
 * Types   floats (summed in double), integers (64-bit, wrapping at the end)
 * Errors  SHAPE: K differs, or leading dims do not broadcast
 * Source  ONNX MatMul-13
 */
#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) ||
        !fovea_infer_rank(node, 1, 1, FOVEA_MAX_RANK, error))
        return FALSE;
    const FoveaValue *a = node->in[0], *b = node->in[1];
    FoveaDim dims[FOVEA_MAX_RANK], ka = a->dims[a->rank - 1], kb = b->dims[MAX(b->rank - 2, 0)];
    gint rank;
    if (!fovea_dim_equal(ka, kb)) {
        g_autofree char *x = fovea_value_type_string(a), *y = fovea_value_type_string(b);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "cannot multiply %s by %s", x, y);
    }
    if (!fovea_dims_broadcast(MAX(a->rank - 2, 0), a->dims, MAX(b->rank - 2, 0), b->dims, &rank,
                              dims)) {
        g_autofree char *x = fovea_value_type_string(a), *y = fovea_value_type_string(b);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "leading sizes of %s and %s do not fit", x, y);
    }
    if (a->rank > 1)
        dims[rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        dims[rank++] = b->dims[b->rank - 1];
    return fovea_infer_set(node->out[0], a->dtype, rank, dims);
}

/* Both operands and the result with at least two dims and equal leading ones. */
typedef struct Product {
    FoveaView a, b, c;
    gint64 m, n, k;
} Product;

static void as_matrix(FoveaView *view, gboolean column)
{
    if (view->rank > 1)
        return;
    if (column) {
        view->dims[1] = 1;
        view->strides[1] = 0;
    } else {
        view->dims[1] = view->dims[0];
        view->strides[1] = view->strides[0];
        view->dims[0] = 1;
        view->strides[0] = 0;
    }
    view->rank = 2;
}

static void product(const FoveaView *a, const FoveaView *b, const FoveaView *out, void *at_a,
                    void *at_b, void *at_c, FoveaDtype dtype, Product *p)
{
    gint64 dims[FOVEA_MAX_RANK + 2];
    guint lead = out->rank - (a->rank > 1) - (b->rank > 1);
    p->a = fovea_view_make(dtype, a->rank, a->dims, at_a);
    p->b = fovea_view_make(dtype, b->rank, b->dims, at_b);
    as_matrix(&p->a, FALSE);
    as_matrix(&p->b, TRUE);
    p->m = p->a.dims[p->a.rank - 2];
    p->k = p->a.dims[p->a.rank - 1];
    p->n = p->b.dims[p->b.rank - 1];
    memcpy(dims, out->dims, lead * sizeof *dims);
    dims[lead] = p->m;
    dims[lead + 1] = p->n;
    p->c = fovea_view_make(dtype, lead + 2, dims, at_c);
    dims[lead + 1] = p->k;
    fovea_view_broadcast(&p->a, lead + 2, dims, &p->a);
    dims[lead] = p->k;
    dims[lead + 1] = p->n;
    fovea_view_broadcast(&p->b, lead + 2, dims, &p->b);
}

static gboolean ref_floats(const FoveaView *a, const FoveaView *b, const FoveaView *out,
                           GError **error)
{
    g_autoptr(FoveaDoubles) x = fovea_ref_load(a, error);
    g_autoptr(FoveaDoubles) y = x != NULL ? fovea_ref_load(b, error) : NULL;
    g_autoptr(FoveaDoubles) z = y != NULL ? fovea_ref_room(fovea_view_count(out), error) : NULL;
    Product p;
    FoveaWalk walk;
    if (z == NULL)
        return FALSE;
    product(a, b, out, x, y, z, FOVEA_DTYPE_F64, &p);
    const gint64 *strides[3] = {p.a.strides, p.b.strides, p.c.strides};
    fovea_walk_init(&walk, p.c.rank - 2, p.c.dims, 3, strides);
    if (walk.empty)
        return TRUE;
    do {
        for (gint64 m = 0; m < p.m; m++) {
            double *row = z + walk.at[2] + m * p.n;
            for (gint64 k = 0; k < p.k; k++) {
                double factor = x[walk.at[0] + m * p.k + k];
                const double *from = y + walk.at[1] + k * p.n;
                for (gint64 n = 0; n < p.n; n++)
                    row[n] += factor * from[n];
            }
        }
    } while (fovea_walk_next(&walk));
    fovea_ref_store(z, out);
    return TRUE;
}

static gboolean ref_ints(const FoveaView *a, const FoveaView *b, const FoveaView *out,
                         GError **error)
{
    g_autoptr(FoveaInts) x = fovea_ref_load_ints(a, error);
    g_autoptr(FoveaInts) y = x != NULL ? fovea_ref_load_ints(b, error) : NULL;
    g_autoptr(FoveaInts)
        z = y != NULL ? fovea_try_alloc((gsize)fovea_view_count(out), sizeof *z, error) : NULL;
    Product p;
    FoveaWalk walk;
    if (z == NULL)
        return FALSE;
    product(a, b, out, x, y, z, FOVEA_DTYPE_I64, &p);
    const gint64 *strides[3] = {p.a.strides, p.b.strides, p.c.strides};
    fovea_walk_init(&walk, p.c.rank - 2, p.c.dims, 3, strides);
    if (walk.empty)
        return TRUE;
    do {
        for (gint64 m = 0; m < p.m; m++) {
            for (gint64 n = 0; n < p.n; n++) {
                guint64 sum = 0;
                for (gint64 k = 0; k < p.k; k++)
                    sum += (guint64)x[walk.at[0] + m * p.k + k] *
                           (guint64)y[walk.at[1] + k * p.n + n];
                z[walk.at[2] + m * p.n + n] = (gint64)sum;
            }
        }
    } while (fovea_walk_next(&walk));
    fovea_ref_store_ints(z, out);
    return TRUE;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    return fovea_dtype_is_float(out[0]->dtype) ? ref_floats(in[0], in[1], out[0], error)
                                               : ref_ints(in[0], in[1], out[0], error);
}

/* With epilogues, small and of a size that oneDNN takes; b constant and not, of rank 2 and 3. */
static gboolean sample_fused(FoveaSample *s, guint index)
{
    gint64 n = index % 2 ? 130 : 17, k = index % 2 ? 260 : 9;
    const gint64 out[3] = {2, index % 2 ? 65 : 13, n};
    if (!fovea_sample_epilogue(s, index / 4, 2, 3, out, 2))
        return FALSE;
    fovea_sample_f32(s, 0, FOVEA_DIMS(2, out[1], k), -1, 1);
    if (index % 4 < 2)
        fovea_sample_f32(s, 1, FOVEA_DIMS(k, n), -1, 1);
    else
        fovea_sample_f32(s, 1, FOVEA_DIMS(2, k, n), -1, 1);
    s->constant[1] = index % 4 < 2;
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        guint ra, rb;
        gint64 a[4], b[4];
        gboolean constant;
    } cases[] = {
        {2, 2, {1, 1}, {1, 1}, FALSE},
        {2, 2, {17, 31}, {31, 65}, FALSE},
        {2, 2, {17, 31}, {31, 65}, TRUE},
        {3, 2, {3, 7, 33}, {33, 15}, TRUE},
        {3, 2, {1, 1, 64}, {64, 127}, TRUE},
        {3, 3, {5, 9, 16}, {5, 16, 8}, FALSE},
        {4, 4, {2, 1, 7, 5}, {1, 3, 5, 9}, FALSE},
        {2, 4, {7, 5}, {2, 3, 5, 4}, FALSE},
        {1, 1, {33}, {33}, FALSE},
        {1, 3, {9}, {2, 9, 5}, FALSE},
        {3, 1, {2, 5, 9}, {9}, TRUE},
        {2, 2, {3, 0}, {0, 4}, FALSE},
        {2, 2, {0, 4}, {4, 3}, FALSE},
        {2, 2, {100, 200}, {200, 63}, TRUE},
    };
    if (index == G_N_ELEMENTS(cases)) {
        fovea_sample_int(s, 0, FOVEA_DTYPE_I32, FOVEA_DIMS(5, 7), -9, 9);
        fovea_sample_int(s, 1, FOVEA_DTYPE_I32, FOVEA_DIMS(7, 3), -9, 9);
        return TRUE;
    }
    if (index > G_N_ELEMENTS(cases))
        return sample_fused(s, index - G_N_ELEMENTS(cases) - 1);
    fovea_sample_f32(s, 0, cases[index].ra, cases[index].a, -1, 1);
    fovea_sample_f32(s, 1, cases[index].rb, cases[index].b, -1, 1);
    s->constant[1] = cases[index].constant;
    return TRUE;
}

const FoveaOp fovea_op_MatMul = {
    .name = "MatMul",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
