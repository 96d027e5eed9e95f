/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/resize.c: Resize.
 *
 * Math    along each axis x = the place in the input that output o shows (by
 *         coordinate_transformation_mode); then the nearest element (by nearest_mode), the linear
 *         or the cubic (cubic_coeff_a) mix of its neighbours. antialias widens the filter when
 *         shrinking; exclude_outside drops taps beyond the edge, else the edge is repeated
 * Shape   x any rank; scales (input 2) or sizes (input 3), for `axes` or all; roi (input 1) is for
 *         tf_crop_and_resize: starts, then ends
 * Types   any numbers; coordinates and weights in double
 * Errors  SHAPE; NEED_VALUE: scales or sizes are not known when planning
 * Source  ONNX Resize-19
 */
#include <math.h>

#include "ops/resize.h"
#include "ops/support.h"

/* Place of `axis` in the lists of scales and sizes, -1: not resized; their length. */
static gint list_place(const FoveaNode *node, guint rank, guint axis, guint *length)
{
    guint n = 0, at;
    const gint64 *axes = fovea_node_attr_ints(node, "axes", &n);
    *length = axes != NULL ? n : rank;
    if (axes == NULL)
        return (gint)axis;
    for (guint i = 0; i < n; i++) {
        if (fovea_axis(axes[i], (gint)rank, FALSE, &at) && at == axis)
            return (gint)i;
    }
    return -1;
}

typedef enum Policy { STRETCH, NOT_LARGER, NOT_SMALLER } Policy;

static Policy policy_of(const FoveaNode *node)
{
    const char *text = fovea_node_attr_string(node, "keep_aspect_ratio_policy", "stretch");
    return g_str_equal(text, "not_larger")    ? NOT_LARGER
           : g_str_equal(text, "not_smaller") ? NOT_SMALLER
                                              : STRETCH;
}

/* One scale for all axes, so that the picture keeps its proportions. */
static double common_scale(const FoveaNode *node, Policy policy, guint rank, const gint64 *in,
                           const gint64 *sizes)
{
    double scale = policy == NOT_LARGER ? INFINITY : 0;
    guint length;
    for (guint i = 0; i < rank; i++) {
        gint k = list_place(node, rank, i, &length);
        if (k < 0 || in[i] < 1)
            continue;
        double own = (double)sizes[k] / (double)in[i];
        scale = policy == NOT_LARGER ? MIN(scale, own) : MAX(scale, own);
    }
    return isfinite(scale) ? scale : 1;
}

static gboolean from_sizes(FoveaGraph *graph, const FoveaNode *node, FoveaDim *dims, GError **error)
{
    const FoveaValue *x = node->in[0];
    guint rank = (guint)x->rank, n, length;
    FoveaDim sizes[FOVEA_MAX_RANK];
    gint64 in[FOVEA_MAX_RANK] = {0}, asked[FOVEA_MAX_RANK] = {0};
    Policy policy = policy_of(node);
    if (!fovea_infer_ints(graph, node, 3, sizes, FOVEA_MAX_RANK, &n, error))
        return FALSE;
    list_place(node, rank, 0, &length);
    if (n != length)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%u sizes for %u axes", n, length);
    for (guint i = 0; i < n; i++)
        asked[i] = sizes[i].c;
    for (guint i = 0; i < rank; i++) {
        gint k = list_place(node, rank, i, &length);
        in[i] = x->dims[i].c;
        if (k >= 0 && policy == STRETCH)
            dims[i] = sizes[k];
        else if (k >= 0 && (!fovea_dim_is_const(x->dims[i]) || !fovea_dim_is_const(sizes[k])))
            return fovea_node_fail(node, error, FOVEA_ERROR_UNSUPPORTED,
                                   "keep_aspect_ratio_policy with sizes that are not fixed");
    }
    double scale = common_scale(node, policy, rank, in, asked);
    for (guint i = 0; policy != STRETCH && i < rank; i++) {
        if (list_place(node, rank, i, &length) >= 0)
            dims[i] = fovea_dim((gint64)floor(scale * (double)in[i] + 0.5));
    }
    return TRUE;
}

static gboolean from_scales(const FoveaNode *node, FoveaDim *dims, GError **error)
{
    const FoveaValue *x = node->in[0];
    const FoveaTensor *scales = node->in[2]->constant;
    guint rank = (guint)x->rank, length;
    list_place(node, rank, 0, &length);
    if (scales == NULL)
        return fovea_infer_need(node, 2, error);
    if (scales->n_elements != length)
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "%u scales for %u axes",
                               (guint)scales->n_elements, length);
    for (guint i = 0; i < rank; i++) {
        gint k = list_place(node, rank, i, &length);
        float scale = k >= 0 ? (float)fovea_load_f64(scales->dtype, scales->data, k) : 1;
        if (scale == 1)
            continue;
        if (!(scale > 0) || !fovea_dim_is_const(x->dims[i]))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE,
                                   "the scale %g of a size that is not fixed or not positive",
                                   (double)scale);
        dims[i] = fovea_dim((gint64)MIN(floorf((float)x->dims[i].c * scale), 1e15f));
    }
    return TRUE;
}

static gboolean has_elements(const FoveaValue *value)
{
    return value != NULL && !(value->rank == 1 && fovea_dim_is(value->dims[0], 0));
}

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    if (!fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error))
        return FALSE;
    const FoveaValue *x = node->in[0];
    FoveaDim dims[FOVEA_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    if (has_elements(fovea_own_in(node, 3))) {
        if (!from_sizes(graph, node, dims, error))
            return FALSE;
    } else if (has_elements(fovea_own_in(node, 2))) {
        if (!from_scales(node, dims, error))
            return FALSE;
    } else {
        return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "neither scales nor sizes");
    }
    for (gint i = 0; i < x->rank; i++) {
        if (fovea_dim_is(x->dims[i], 0) && !fovea_dim_is(dims[i], 0))
            return fovea_node_fail(node, error, FOVEA_ERROR_SHAPE, "nothing to resize from");
    }
    return fovea_infer_set(node->out[0], x->dtype, x->rank, dims);
}

/* ---- taps ---- */

static double flat(const FoveaView *view, gint64 at)
{
    return fovea_load_f64(view->dtype, view->data, at * view->strides[0]);
}

static double scale_of(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                       guint axis, gint place)
{
    const FoveaView *scales = fovea_own_view(node, in, 2), *sizes = fovea_own_view(node, in, 3);
    gint64 asked[FOVEA_MAX_RANK] = {0};
    Policy policy = policy_of(node);
    if (scales != NULL && scales->rank == 1 && scales->dims[0] > place)
        return flat(scales, place);
    if (policy == STRETCH || sizes == NULL || sizes->rank != 1)
        return (double)out->dims[axis] / (double)in[0]->dims[axis];
    for (gint64 i = 0; i < MIN(sizes->dims[0], FOVEA_MAX_RANK); i++)
        asked[i] = (gint64)flat(sizes, i);
    return common_scale(node, policy, in[0]->rank, in[0]->dims, asked);
}

typedef struct Mapping {
    const char *mode;
    double scale, n_in, n_out, width; /* width = scale * n_in, not rounded */
    double start, end;                /* of the region, for tf_crop_and_resize */
} Mapping;

static double place_in(const Mapping *m, double o)
{
    if (g_str_equal(m->mode, "align_corners"))
        return m->width == 1 ? 0 : o * (m->n_in - 1) / (m->width - 1);
    if (g_str_equal(m->mode, "asymmetric"))
        return o / m->scale;
    if (g_str_equal(m->mode, "tf_crop_and_resize"))
        return m->start * (m->n_in - 1) +
               (m->n_out == 1 ? (m->end - m->start) * (m->n_in - 1) / 2
                              : o * (m->end - m->start) * (m->n_in - 1) / (m->n_out - 1));
    if (g_str_equal(m->mode, "pytorch_half_pixel") && m->n_out == 1)
        return -0.5;
    if (g_str_equal(m->mode, "tf_half_pixel_for_nn"))
        return (o + 0.5) / m->scale;
    double middle = (o + 0.5) / m->scale - 0.5;
    if (g_str_equal(m->mode, "half_pixel_symmetric"))
        middle += m->n_in / 2 * (1 - m->n_out / m->width);
    return middle;
}

static double cubic(double x, double a)
{
    x = fabs(x);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static gint64 nearest(const char *mode, double x)
{
    double low = floor(x), part = x - low;
    if (part == 0 || g_str_equal(mode, "floor"))
        return (gint64)low;
    if (g_str_equal(mode, "ceil"))
        return (gint64)low + 1;
    return (gint64)low + (g_str_equal(mode, "round_prefer_ceil") ? part >= 0.5 : part > 0.5);
}

typedef enum Filter { NEAREST, LINEAR, CUBIC } Filter;

static void fill_taps(const FoveaNode *node, Filter filter, const Mapping *m, double shrink,
                      FoveaResizeAxis *t)
{
    const char *nearest_mode = fovea_node_attr_string(node, "nearest_mode", "round_prefer_floor");
    gboolean drop = fovea_node_attr_int(node, "exclude_outside", 0) != 0;
    gboolean crop = g_str_equal(m->mode, "tf_crop_and_resize");
    double a = fovea_node_attr_float(node, "cubic_coeff_a", -0.75);
    for (gint64 o = 0; o < t->out; o++) {
        gint64 *index = t->index + o * t->taps;
        double *weight = t->weight + o * t->taps, sum = 0, x = place_in(m, (double)o);
        x = CLAMP(x, -1e9, 1e9);
        gint64 first = (gint64)floor(x) + 1 - t->taps / 2;
        for (guint k = 0; k < t->taps; k++) {
            gint64 i = filter == NEAREST ? nearest(nearest_mode, x) : first + k;
            double reach = ((double)i - x) * shrink;
            weight[k] = filter == NEAREST  ? 1
                        : filter == LINEAR ? MAX(1 - fabs(reach), 0)
                                           : cubic(reach, a);
            if (drop && filter != NEAREST && (i < 0 || i >= t->in))
                weight[k] = 0;
            sum += weight[k];
            index[k] = CLAMP(i, 0, t->in - 1);
        }
        for (guint k = 0; k < t->taps; k++)
            weight[k] /= sum != 0 ? sum : 1;
        if (crop && (x < 0 || x > m->n_in - 1))
            index[0] = -1;
    }
}

gboolean fovea_resize_axis(const FoveaNode *node, const FoveaView *const *in, const FoveaView *out,
                           guint axis, FoveaResizeAxis *t, GError **error)
{
    const char *mode = fovea_node_attr_string(node, "mode", "nearest");
    Filter filter = g_str_equal(mode, "linear")  ? LINEAR
                    : g_str_equal(mode, "cubic") ? CUBIC
                                                 : NEAREST;
    const FoveaView *roi = fovea_own_view(node, in, 1);
    guint length;
    gint place = list_place(node, in[0]->rank, axis, &length);
    Mapping m = {.n_in = (double)in[0]->dims[axis], .n_out = (double)out->dims[axis], .end = 1};
    memset(t, 0, sizeof *t);
    m.mode = fovea_node_attr_string(node, "coordinate_transformation_mode", "half_pixel");
    gboolean crop = g_str_equal(m.mode, "tf_crop_and_resize");
    m.scale = place >= 0 ? scale_of(node, in, out, axis, place) : 1;
    t->identity = place < 0 || (m.scale == 1 && m.n_in == m.n_out && !crop);
    if (t->identity)
        return TRUE;
    m.width = m.scale * m.n_in;
    if (crop && roi != NULL && roi->rank == 1 && roi->dims[0] >= 2 * (gint64)length) {
        m.start = flat(roi, place);
        m.end = flat(roi, place + (gint64)length);
    }
    double shrink = fovea_node_attr_int(node, "antialias", 0) ? MIN(m.scale, 1.0) : 1;
    t->in = in[0]->dims[axis];
    t->out = out->dims[axis];
    double reach = filter == NEAREST ? 0.5 : (filter == LINEAR ? 1 : 2) / shrink;
    t->taps = filter == NEAREST ? 1 : 2 * (guint)MIN(ceil(reach), 1e6);
    t->index = fovea_try_alloc((gsize)t->out * t->taps, sizeof *t->index, error);
    t->weight = t->index != NULL
                    ? fovea_try_alloc((gsize)t->out * t->taps, sizeof *t->weight, error)
                    : NULL;
    if (t->weight == NULL) {
        fovea_resize_axis_clear(t);
        return FALSE;
    }
    fill_taps(node, filter, &m, shrink, t);
    return TRUE;
}

void fovea_resize_axis_clear(FoveaResizeAxis *t)
{
    g_clear_pointer(&t->index, fovea_free);
    g_clear_pointer(&t->weight, fovea_free);
}

/* ---- reference ---- */

/* [outer, in, inner] -> [outer, out, inner] in new memory. */
static double *apply(const FoveaResizeAxis *t, const double *x, gint64 outer, gint64 inner,
                     double beyond, GError **error)
{
    double *z = fovea_ref_room(outer * t->out * inner, error);
    for (gint64 o = 0; z != NULL && o < outer; o++)
        for (gint64 k = 0; k < t->out; k++) {
            const gint64 *index = t->index + k * t->taps;
            double *to = z + (o * t->out + k) * inner;
            for (gint64 i = 0; i < inner; i++) {
                double sum = 0;
                for (guint a = 0; a < t->taps && index[0] >= 0; a++)
                    sum += t->weight[k * t->taps + a] * x[(o * t->in + index[a]) * inner + i];
                to[i] = index[0] < 0 ? beyond : sum;
            }
        }
    return z;
}

static gboolean ref(const FoveaNode *node, const FoveaView *const *in, const FoveaView *const *out,
                    GError **error)
{
    double beyond = fovea_node_attr_float(node, "extrapolation_value", 0);
    double *x = fovea_ref_load(in[0], error);
    for (guint axis = 0; x != NULL && axis < in[0]->rank; axis++) {
        gint64 outer = 1, inner = 1;
        FoveaResizeAxis table;
        for (guint i = 0; i < in[0]->rank; i++) {
            outer *= i < axis ? out[0]->dims[i] : 1;
            inner *= i > axis ? in[0]->dims[i] : 1;
        }
        double *z = NULL;
        gboolean ok = fovea_resize_axis(node, in, out[0], axis, &table, error);
        if (ok && table.identity)
            continue;
        if (ok)
            z = apply(&table, x, outer, inner, beyond, error);
        fovea_resize_axis_clear(&table);
        fovea_free(x);
        x = z;
    }
    if (x == NULL)
        return FALSE;
    fovea_ref_store(x, out[0]);
    fovea_free(x);
    return TRUE;
}

typedef struct Case {
    const char *mode, *map, *nearest;
    float scale[2]; /* 0: sizes are given instead */
    gint64 sizes[2];
    gboolean antialias, exclude;
    const char *policy;
} Case;

static const Case cases[] = {
    {"nearest", "half_pixel", "round_prefer_floor", {2, 2}, {0}, FALSE, FALSE, NULL},
    {"nearest", "asymmetric", "floor", {2, 3}, {0}, FALSE, FALSE, NULL},
    {"nearest", "half_pixel", "ceil", {0}, {11, 5}, FALSE, FALSE, NULL},
    {"nearest", "align_corners", "round_prefer_ceil", {0}, {9, 17}, FALSE, FALSE, NULL},
    {"nearest",
     "tf_half_pixel_for_nn",
     "round_prefer_floor",
     {0.6f, 1.7f},
     {0},
     FALSE,
     FALSE,
     NULL},
    {"linear", "half_pixel", NULL, {2, 2}, {0}, FALSE, FALSE, NULL},
    {"linear", "align_corners", NULL, {0}, {13, 15}, FALSE, FALSE, NULL},
    {"linear", "pytorch_half_pixel", NULL, {0}, {1, 33}, FALSE, FALSE, NULL},
    {"linear", "half_pixel_symmetric", NULL, {0.7f, 2.3f}, {0}, FALSE, FALSE, NULL},
    {"linear", "asymmetric", NULL, {0.5f, 0.5f}, {0}, FALSE, TRUE, NULL},
    {"linear", "half_pixel", NULL, {0.4f, 0.3f}, {0}, TRUE, FALSE, NULL},
    {"linear", "tf_crop_and_resize", NULL, {0}, {9, 7}, FALSE, FALSE, NULL},
    {"cubic", "half_pixel", NULL, {1.5f, 2}, {0}, FALSE, FALSE, NULL},
    {"cubic", "align_corners", NULL, {0}, {4, 17}, FALSE, TRUE, NULL},
    {"cubic", "half_pixel", NULL, {0.4f, 0.6f}, {0}, TRUE, FALSE, NULL},
    {"linear", "half_pixel", NULL, {0}, {16, 33}, FALSE, FALSE, "not_larger"},
    {"nearest", "half_pixel", "floor", {0}, {16, 33}, FALSE, FALSE, "not_smaller"},
};

static void sample_scales(FoveaSample *s, guint n, float h, float w)
{
    fovea_sample_f32(s, 2, 1, (const gint64[]){n}, 1, 1.5);
    float *scales = fovea_tensor_data_mut(s->in[2]);
    for (guint i = 0; i < n; i++)
        scales[i] = i + 2 < n ? 1 : i + 1 < n ? h : w;
    s->constant[2] = TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const gint64 axes[] = {2, -1};
    if (index >= G_N_ELEMENTS(cases) + 2)
        return FALSE;
    if (index >= G_N_ELEMENTS(cases)) { /* other ranks */
        gboolean deep = index > G_N_ELEMENTS(cases);
        fovea_sample_f32(s, 0, deep ? 5 : 3, (const gint64[]){2, 3, 7, 5, 6}, -1, 1);
        sample_scales(s, deep ? 5 : 3, 2, 1.5f);
        fovea_node_set_string(s->node, "mode", "linear");
        return TRUE;
    }
    const Case *c = &cases[index];
    fovea_sample_f32(s, 0, FOVEA_DIMS(2, index % 2 ? 16 : 5, 10, 13), -1, 1);
    fovea_node_set_string(s->node, "mode", c->mode);
    fovea_node_set_string(s->node, "coordinate_transformation_mode", c->map);
    if (c->nearest != NULL)
        fovea_node_set_string(s->node, "nearest_mode", c->nearest);
    if (c->policy != NULL)
        fovea_node_set_string(s->node, "keep_aspect_ratio_policy", c->policy);
    fovea_node_set_int(s->node, "antialias", c->antialias);
    fovea_node_set_int(s->node, "exclude_outside", c->exclude);
    if (c->scale[0] > 0) {
        sample_scales(s, 4, c->scale[0], c->scale[1]);
    } else {
        fovea_node_set_ints(s->node, "axes", axes, 2);
        fovea_sample_const_ints(s, 3, c->sizes, 2);
    }
    if (g_str_equal(c->map, "tf_crop_and_resize")) {
        static const float roi[] = {0.2f, -0.1f, 0.9f, 0.7f};
        fovea_sample_f32(s, 1, FOVEA_DIMS(4), 0, 1);
        memcpy(fovea_tensor_data_mut(s->in[1]), roi, sizeof roi);
        s->constant[1] = TRUE;
        fovea_node_set_float(s->node, "extrapolation_value", 7);
    }
    return TRUE;
}

const FoveaOp fovea_op_Resize = {
    .name = "Resize",
    .min_in = 1,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .ref = ref,
    .sample = sample,
};
