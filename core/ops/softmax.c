/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/softmax.c: Softmax, LogSoftmax, Hardmax.
 *
 * Math    along `axis` (default -1), m the maximum: exp(x - m) / sum exp(x - m);
 *         x - m - log(sum exp(x - m)); 1 at the first maximum and 0 elsewhere
 * Shape   out as x
 * Types   floats; always computed in f32 or better
 * Errors  SHAPE: axis outside
 * Source  ONNX Softmax-13, LogSoftmax-13, Hardmax-13
 */
#include <math.h>

#include "ops/support.h"

typedef enum Kind { SOFT, LOG_SOFT, HARD } Kind;

static gboolean infer(FoveaGraph *graph, FoveaNode *node, GError **error)
{
    guint axis;
    return fovea_infer_rank(node, 0, 1, FOVEA_MAX_RANK, error) &&
           fovea_infer_axis(node, -1, &axis, error) && fovea_infer_first(graph, node, error);
}

static void row(Kind kind, const double *x, double *z, gint64 n, gint64 step)
{
    double top = -INFINITY, sum = 0;
    gint64 first = 0;
    for (gint64 k = 0; k < n; k++) {
        if (k == 0 || x[k * step] > top) {
            top = x[k * step];
            first = k;
        }
    }
    for (gint64 k = 0; k < n; k++)
        sum += exp(x[k * step] - top);
    for (gint64 k = 0; k < n; k++) {
        double at = x[k * step] - top;
        z[k * step] = kind == SOFT ? exp(at) / sum : kind == LOG_SOFT ? at - log(sum) : k == first;
    }
}

static gboolean run(Kind kind, const FoveaNode *node, const FoveaView *const *in,
                    const FoveaView *const *out, GError **error)
{
    FoveaAxisSpan span = fovea_axis_span(in[0], fovea_node_axis(node, -1, in[0]->rank), 1);
    g_autoptr(FoveaDoubles) x = fovea_ref_load(in[0], error);
    g_autoptr(FoveaDoubles) z = x != NULL ? fovea_ref_room(fovea_view_count(in[0]), error) : NULL;
    if (z == NULL)
        return FALSE;
    for (gint64 o = 0; o < span.outer; o++)
        for (gint64 i = 0; i < span.inner; i++) {
            gint64 at = o * span.n * span.inner + i;
            row(kind, x + at, z + at, span.n, span.inner);
        }
    fovea_ref_store(z, out[0]);
    return TRUE;
}

static gboolean sample(FoveaSample *s, guint index)
{
    static const struct {
        guint rank;
        gint64 dims[4], axis;
        double reach;
    } cases[] = {
        {1, {1}, 0, 1},          {2, {5, 17}, -1, 4},       {3, {2, 9, 65}, -1, 30},
        {3, {2, 33, 7}, 1, 4},   {4, {1, 4, 15, 15}, 3, 4}, {4, {2, 3, 5, 7}, 0, 4},
        {2, {3, 1000}, -1, 100}, {2, {0, 5}, -1, 1},
    };
    if (index >= G_N_ELEMENTS(cases))
        return FALSE;
    s->f32_only = TRUE;
    fovea_sample_f32(s, 0, cases[index].rank, cases[index].dims, -cases[index].reach,
                     cases[index].reach);
    fovea_node_set_int(s->node, "axis", cases[index].axis);
    return TRUE;
}

#define SOFTMAX(Name, kind)                                                                        \
    static gboolean ref_##kind(const FoveaNode *node, const FoveaView *const *in,                  \
                               const FoveaView *const *out, GError **error)                        \
    {                                                                                              \
        return run(kind, node, in, out, error);                                                    \
    }                                                                                              \
    const FoveaOp fovea_op_##Name = {                                                              \
        .name = #Name,                                                                             \
        .min_in = 1,                                                                               \
        .max_in = 1,                                                                               \
        .min_out = 1,                                                                              \
        .max_out = 1,                                                                              \
        .infer = infer,                                                                            \
        .ref = ref_##kind,                                                                         \
        .sample = sample,                                                                          \
    };

SOFTMAX(Softmax, SOFT)
SOFTMAX(LogSoftmax, LOG_SOFT)
SOFTMAX(Hardmax, HARD)
