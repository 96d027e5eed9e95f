/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/gridsample.c: GridSample.
 *
 * Math    out[n,c,o] = x[n,c] read at grid[n,o]: coordinates -1..1 span the axis, from the middle
 *         of its end elements with align_corners, else from their outer edges. mode linear, nearest
 *         (halves to even) or cubic (a = -0.75); padding_mode zeros, border or reflection
 * Shape   x [N,C,(D,)H,W], grid [N,(Do,)Ho,Wo,2 or 3] with x first, out [N,C,(Do,)Ho,Wo]
 * Types   x any number, grid floats; coordinates always f32 or better. A NaN coordinate reads as
 *         one far outside
 * Errors  SHAPE
 * Source  ONNX GridSample-22; Jaderberg et al. 2015, Spatial Transformer Networks, eq. 3 to 5
 */
#include <math.h>

#include "ops/gridsample.h"
#include "ops/support.h"

void fovea_grid_init(const FoveaNode *node, FoveaGrid *grid)
{
    const char *mode = fovea_node_attr_string(node, "mode", "linear");
    const char *pad = fovea_node_attr_string(node, "padding_mode", "zeros");
    grid->mode = g_str_equal(mode, "nearest")                                 ? FOVEA_GRID_NEAREST
                 : g_str_equal(mode, "cubic") || g_str_equal(mode, "bicubic") ? FOVEA_GRID_CUBIC
                                                                              : FOVEA_GRID_LINEAR;
    grid->pad = g_str_equal(pad, "border")       ? FOVEA_GRID_BORDER
                : g_str_equal(pad, "reflection") ? FOVEA_GRID_REFLECTION
                                                 : FOVEA_GRID_ZEROS;
    grid->align = fovea_node_attr_int(node, "align_corners", 0) != 0;
}

/* Mirrors x into low..high. */
static double reflect(double x, double low, double high)
{
    double range = high - low;
    if (range <= 0)
        return low;
    double from = fmod(fabs(x - low), 2 * range);
    return low + (from > range ? 2 * range - from : from);
}

double fovea_grid_place(const FoveaGrid *grid, double coordinate, gint64 n)
{
    double size = (double)n, low = grid->align ? 0 : -0.5;
    double x = grid->align ? (coordinate + 1) / 2 * (size - 1) : ((coordinate + 1) * size - 1) / 2;
    if (isnan(x))
        x = -0x1p30;
    x = CLAMP(x, -0x1p30, 0x1p30);
    if (grid->mode == FOVEA_GRID_NEAREST)
        x = rint(x);
    if (x >= low && x <= size - 1 - low)
        return x;
    if (grid->pad == FOVEA_GRID_BORDER)
        return CLAMP(x, 0, size - 1);
    return grid->pad == FOVEA_GRID_REFLECTION ? reflect(x, low, size - 1 - low) : x;
}

gint64 fovea_grid_fold(const FoveaGrid *grid, gint64 at, gint64 n)
{
    if (at >= 0 && at < n)
        return at;
    if (n < 1 || grid->pad == FOVEA_GRID_ZEROS)
        return -1;
    if (grid->pad == FOVEA_GRID_REFLECTION) {
        double low = grid->align ? 0 : -0.5;
        at = (gint64)reflect((double)at, low, (double)n - 1 - low);
    }
    return CLAMP(at, 0, n - 1);
}

static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

guint fovea_grid_taps(const FoveaGrid *grid, double place, gint64 n, gint64 *index, double *weight)
{
    gint64 low = (gint64)floor(place);
    guint taps = grid->mode == FOVEA_GRID_LINEAR ? 2 : grid->mode == FOVEA_GRID_CUBIC ? 4 : 1;
    if (taps == 4)
        low--;
    for (guint k = 0; k < taps; k++) {
        double reach = place - (double)(low + k);
        weight[k] = taps == 1 ? 1 : taps == 2 ? 1 - fabs(reach) : cubic(reach);
        index[k] = fovea_grid_fold(grid, low + k, n);
    }
    return taps;
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 3, 5, error) ||
        !fovea_infer_rank(node, 1, node->in[0]->rank, node->in[0]->rank, error))
        return FALSE;
    const FoveaValue *x = node->in[0], *grid = node->in[1];
    gint rank = x->rank;
    FoveaDim dims[FOVEA_MAX_RANK] = {x->dims[0], x->dims[1]};
    if (!fovea_dim_equal(x->dims[0], grid->dims[0]) ||
        !fovea_dim_is(grid->dims[rank - 1], rank - 2)) {
        g_autofree char *tx = fovea_value_type_string(x), *tg = fovea_value_type_string(grid);
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                               "input %s and grid %s do not fit together", tx, tg);
    }
    for (gint i = 2; i < rank; i++)
        dims[i] = grid->dims[i - 1];
    return fovea_infer_set(node->out[0], x->dtype, rank, dims);
}

/* Up to three axes; absent ones lead with one tap of weight 1. */
typedef struct Taps {
    guint n[3];
    gint64 index[3][4];
    double weight[3][4];
} Taps;

static double read_taps(const Taps *t, const double *plane, const gint64 *size)
{
    double sum = 0;
    for (guint a = 0; a < t->n[0]; a++)
        for (guint b = 0; b < t->n[1]; b++)
            for (guint c = 0; c < t->n[2]; c++) {
                gint64 i = t->index[0][a], j = t->index[1][b], k = t->index[2][c];
                if (i >= 0 && j >= 0 && k >= 0)
                    sum += t->weight[0][a] * t->weight[1][b] * t->weight[2][c] *
                           plane[(i * size[1] + j) * size[2] + k];
            }
    return sum;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    guint n = in[0]->rank - 2, lead = 3 - n;
    gint64 channels = in[0]->dims[1], size[3] = {1, 1, 1};
    gint64 places = fovea_axis_span(out[0], 2, n).n;
    FoveaGrid grid;
    Taps taps = {.n = {1, 1, 1}, .weight = {{1}, {1}, {1}}};
    fovea_grid_init(node, &grid);
    for (guint i = 0; i < n; i++)
        size[lead + i] = in[0]->dims[2 + i];
    gint64 plane = size[0] * size[1] * size[2];
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) g = x != NULL ? fovea_ref_load(in[1], error) : NULL;
    g_autoptr(FoveaDoubles) z = g != NULL ? fovea_ref_room(fovea_view_count(out[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 b = 0; b < in[0]->dims[0]; b++)
        for (gint64 p = 0; p < places; p++) {
            for (guint i = 0; i < n; i++) { /* the grid names the last axis first */
                double at = g[(b * places + p) * n + (n - 1 - i)];
                at = fovea_grid_place(&grid, at, size[lead + i]);
                taps.n[lead + i] = fovea_grid_taps(&grid, at, size[lead + i], taps.index[lead + i],
                                                   taps.weight[lead + i]);
            }
            for (gint64 c = 0; c < channels; c++)
                z[(b * channels + c) * places + p] =
                    read_taps(&taps, x + (b * channels + c) * plane, size);
        }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const char *const modes[] = {"linear", "nearest", "cubic"};
    static const char *const pads[] = {"zeros", "border", "reflection"};
    if (index >= 20)
        return FALSE;
    s->f32_only = TRUE;
    s->tolerance = 1e-4;
    if (index < 18) {
        gint64 c = index % 2 ? 16 : 3;
        fovea_sample_f32(s, 0, FOVEA_DIMS(2, c, 7, 9), -1, 1);
        fovea_sample_f32(s, 1, FOVEA_DIMS(2, 5, 13, 2), -1.4, 1.4);
        fovea_node_set_string(s->node, "mode", modes[index / 6]);
        fovea_node_set_string(s->node, "padding_mode", pads[index / 2 % 3]);
    } else {
        fovea_sample_f32(s, 0, FOVEA_DIMS(1, 3, 4, 5, 6), -1, 1);
        fovea_sample_f32(s, 1, FOVEA_DIMS(1, 3, 7, 2, 3), -1.4, 1.4);
        fovea_node_set_string(s->node, "mode", modes[index % 2]);
    }
    fovea_node_set_int(s->node, "align_corners", index % 2);
    return TRUE;
}

const FoveaOp fovea_op_GridSample = {
    .name = "GridSample",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
