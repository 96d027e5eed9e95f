/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention/deformable.c: DeformableAttention. Its contract is in spec.h.
 *
 * A level may have its own number of points; the weights of all levels lie one after the other.
 * Errors  SHAPE
 * Source  Zhu et al. 2021, Deformable DETR, eq. 3
 */
#include "attention/spec.h"
#include "ops/gridsample.h"
#include "ops/support.h"

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    gint64 levels = fovea_node_attr_int(node, "levels", 1), points = 0;
    if (!fovea_infer_rank(node, 0, 3, 4, error))
        return FALSE;
    const FoveaValue *weight = node->in[0];
    FoveaDim n = weight->dims[0], t = weight->dims[weight->rank - 2];
    if (levels < 1 || fovea_node_n_own(node) != 1 + 2 * (guint64)levels)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "each level needs one value and one grid");
    for (guint l = 0; l < levels; l++) {
        if (!fovea_infer_rank(node, 1 + 2 * l, 4, 4, error) ||
            !fovea_infer_rank(node, 2 + 2 * l, 4, 4, error))
            return FALSE;
        const FoveaValue *value = node->in[1 + 2 * l], *grid = node->in[2 + 2 * l];
        if (!fovea_dim_equal(value->dims[0], n) || !fovea_dim_equal(grid->dims[0], n) ||
            !fovea_dim_equal(grid->dims[1], t) || !fovea_dim_is(grid->dims[3], 2) ||
            !fovea_dim_is_const(grid->dims[2]) ||
            !fovea_dim_equal(value->dims[1], node->in[1]->dims[1]))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "value and grid of level %u do not fit the others", l);
        points += grid->dims[2].c;
    }
    if (!fovea_dim_is(weight->dims[weight->rank - 1], points) ||
        (weight->rank == 4 && !fovea_dim_is(weight->dims[1], 1)))
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "the weights do not fit the %" G_GINT64_FORMAT " points", points);
    const FoveaDim dims[3] = {n, node->in[1]->dims[1], t};
    return fovea_infer_set(node->out[0], node->in[1]->dtype, 3, dims);
}

/* Adds weight * value read at (x, y) to the channels of one query, `step` apart. */
static void add_point(const FoveaGrid *grid, const double *value, gint64 channels,
                      const gint64 *size, const double *xy, double weight, double *out, gint64 step)
{
    gint64 column[4], line[4];
    double across[4], down[4];
    guint nx = fovea_grid_taps(grid, fovea_grid_place(grid, xy[0], size[1]), size[1], column,
                               across);
    guint ny = fovea_grid_taps(grid, fovea_grid_place(grid, xy[1], size[0]), size[0], line, down);
    for (guint j = 0; j < ny; j++)
        for (guint i = 0; i < nx; i++) {
            if (line[j] < 0 || column[i] < 0)
                continue;
            const double *from = value + line[j] * size[1] + column[i];
            for (gint64 c = 0; c < channels; c++)
                out[c * step] += weight * down[j] * across[i] * from[c * size[0] * size[1]];
        }
}

static gboolean level(const FoveaGrid *grid, const FoveaView *weight, const double *w, gint64 first,
                      const FoveaView *value, const FoveaView *places, double *z, GError **error)
{
    gint64 queries = places->dims[1], points = places->dims[2], channels = value->dims[1];
    gint64 all = weight->dims[weight->rank - 1], plane = value->dims[2] * value->dims[3];
    g_autoptr(FoveaDoubles) x = fovea_ref_load(value, error);
    g_autoptr(FoveaDoubles) g = x != NULL ? fovea_ref_load(places, error) : NULL;
    if (g == NULL)
        return FALSE;
    for (gint64 n = 0; n < places->dims[0]; n++)
        for (gint64 t = 0; t < queries; t++)
            for (gint64 p = 0; p < points; p++)
                add_point(grid, x + n * channels * plane, channels, value->dims + 2,
                          g + ((n * queries + t) * points + p) * 2,
                          w[(n * queries + t) * all + first + p], z + n * channels * queries + t,
                          queries);
    return TRUE;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    guint levels = (fovea_node_n_own(node) - 1) / 2;
    gint64 first = 0;
    FoveaGrid grid;
    g_autoptr(FoveaDoubles) w = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) z = w != NULL ? fovea_ref_room(fovea_view_count(out[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    fovea_grid_init(node, &grid);
    for (guint l = 0; l < levels; l++) {
        if (!level(&grid, in[0], w, first, in[1 + 2 * l], in[2 + 2 * l], z, error))
            return FALSE;
        first += in[2 + 2 * l]->dims[2];
    }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        gint64 n, c, t;
        guint levels;
        gint64 size[3][2], points[3];
    } cases[] = {
        {1, 1, 1, 1, {{1, 1}}, {1}},
        {4, 16, 17, 3, {{9, 7}, {5, 4}, {3, 2}}, {4, 4, 4}},
        {2, 5, 31, 2, {{13, 16}, {6, 8}}, {3, 2}},
        {8, 8, 33, 2, {{10, 10}, {5, 5}}, {4, 2}},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    gint64 points = 0, n = cases[index].n, t = cases[index].t;
    s->f32_only = TRUE;
    s->tolerance = 1e-4;
    for (guint l = 0; l < cases[index].levels; l++) {
        const gint64 *size = cases[index].size[l];
        fovea_sample_f32(s, 1 + 2 * l, FOVEA_DIMS(n, cases[index].c, size[0], size[1]), -1, 1);
        fovea_sample_f32(s, 2 + 2 * l, FOVEA_DIMS(n, t, cases[index].points[l], 2), -1.2, 1.2);
        points += cases[index].points[l];
    }
    if (index % 2)
        fovea_sample_f32(s, 0, FOVEA_DIMS(n, 1, t, points), 0, 1);
    else
        fovea_sample_f32(s, 0, FOVEA_DIMS(n, t, points), 0, 1);
    fovea_node_set_int(s->node, "levels", cases[index].levels);
    if (index == 2) {
        fovea_node_set_string(s->node, "padding_mode", "border");
        fovea_node_set_int(s->node, "align_corners", 1);
    }
    return TRUE;
}

const FoveaOp fovea_op_DeformableAttention = {
    .name = "DeformableAttention",
    .min_in = 3,
    .max_in = 255,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
