/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "compare.h"
#include "tensor/tensor-internal.h"

double tolerance_of_range(FoveaPrecision precision)
{
    switch (precision) {
    case FOVEA_PRECISION_F16: return 3e-2;
    case FOVEA_PRECISION_BF16: return 1e-1;
    default: return 2e-3;
    }
}

static void fail(Comparison *c, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void fail(Comparison *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (c->failure == NULL)
        c->failure = g_strdup_vprintf(format, args);
    va_end(args);
}

static double at(const FoveaTensor *t, gsize i)
{
    return fovea_load_f64(t->dtype, t->data, i);
}

/* Largest minus smallest finite value; where that is 0, the largest magnitude, or 1. */
static double range_of(const FoveaTensor *t)
{
    double low = INFINITY, high = -INFINITY;
    for (gsize i = 0; i < t->n_elements; i++) {
        double v = at(t, i);
        if (isfinite(v)) {
            low = fmin(low, v);
            high = fmax(high, v);
        }
    }
    if (high > low)
        return high - low;
    return isfinite(high) && high != 0 ? fabs(high) : 1;
}

static gboolean same_shape(const FoveaTensor *a, const FoveaTensor *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static void compare_integers(Comparison *c, const char *name, const FoveaTensor *want,
                             const FoveaTensor *got)
{
    for (gsize i = 0; i < want->n_elements; i++) {
        gint64 w = fovea_load_i64(want->dtype, want->data, i);
        gint64 g = fovea_load_i64(got->dtype, got->data, i);
        if (w != g) {
            c->worst = INFINITY;
            fail(c, "%s[%zu] is %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT, name, (size_t)i, g,
                 w);
            return;
        }
    }
}

void compare_tensors(Comparison *c, const char *name, const FoveaTensor *want,
                     const FoveaTensor *got, const Tolerance *tolerance)
{
    if (!same_shape(want, got) ||
        fovea_dtype_is_float(want->dtype) != fovea_dtype_is_float(got->dtype)) {
        g_autofree char *a = fovea_shape_to_string(want->rank, want->dims);
        g_autofree char *b = fovea_shape_to_string(got->rank, got->dims);
        c->worst = INFINITY;
        fail(c, "%s is %s%s, not %s%s", name, fovea_dtype_name(got->dtype), b,
             fovea_dtype_name(want->dtype), a);
        return;
    }
    if (!fovea_dtype_is_float(want->dtype)) {
        compare_integers(c, name, want, got);
        return;
    }
    double range = range_of(want);
    gboolean given = tolerance->atol > 0 || tolerance->rtol > 0;
    for (gsize i = 0; i < want->n_elements; i++) {
        double w = at(want, i), g = at(got, i);
        if (w == g || (isnan(w) && isnan(g)))
            continue;
        double error = isfinite(w) && isfinite(g) ? fabs(w - g) : INFINITY;
        double allowed = given ? tolerance->atol + tolerance->rtol * fabs(w)
                               : tolerance->of_range * range;
        c->worst = fmax(c->worst, error / range);
        if (!(error <= allowed))
            fail(c, "%s[%zu] is %.7g, not %.7g (allowed %.3g, range %.4g)", name, (size_t)i, g, w,
                 allowed, range);
    }
}

static double overlap(const FoveaTensor *a, gsize i, const FoveaTensor *b, gsize j)
{
    double p[4], q[4];
    for (guint k = 0; k < 4; k++) {
        p[k] = at(a, i * 4 + k);
        q[k] = at(b, j * 4 + k);
    }
    double w = fmin(p[2], q[2]) - fmax(p[0], q[0]), h = fmin(p[3], q[3]) - fmax(p[1], q[1]);
    double both = fmax(w, 0) * fmax(h, 0);
    double all = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - both;
    return all > 0 ? both / all : 0;
}

/* Every row of a with enough score has a row of b of its own: the one that overlaps most. */
static void find_all(Comparison *c, const char *what, const DetectionRows *a,
                     const DetectionRows *b, double least, double score_error)
{
    gsize n = a->scores->n_elements, m = b->scores->n_elements;
    g_autofree gboolean *taken = g_new0(gboolean, m + 1);
    for (gsize i = 0; i < n; i++) {
        double score = at(a->scores, i), best = 0;
        gsize match = m;
        if (!(score >= least))
            continue;
        for (gsize j = 0; j < m; j++) {
            if (taken[j] || at(a->labels, i) != at(b->labels, j) ||
                !(fabs(score - at(b->scores, j)) <= score_error))
                continue;
            double iou = overlap(a->boxes, i, b->boxes, j);
            if (iou > best) {
                best = iou;
                match = j;
            }
        }
        if (best < 0.98) {
            c->worst = INFINITY;
            fail(c, "%s: row %zu of label %.0f and score %.4f (best overlap %.3f)", what, (size_t)i,
                 at(a->labels, i), score, best);
            return;
        }
        taken[match] = TRUE;
        c->worst = fmax(c->worst, fabs(score - at(b->scores, match)));
    }
}

void compare_detections(Comparison *c, const DetectionRows *want, const DetectionRows *got,
                        double least, double score_error)
{
    if (!same_shape(want->scores, got->scores) || !same_shape(want->boxes, got->boxes) ||
        !same_shape(want->labels, got->labels)) {
        c->worst = INFINITY;
        fail(c, "the rows have other shapes");
        return;
    }
    find_all(c, "missing", want, got, least, score_error);
    find_all(c, "invented", got, want, least, score_error);
}

void compare_finite(Comparison *c, const char *name, const FoveaTensor *got)
{
    for (gsize i = 0; fovea_dtype_is_float(got->dtype) && i < got->n_elements; i++)
        if (!isfinite(at(got, i))) {
            c->worst = INFINITY;
            fail(c, "%s[%zu] is %g", name, (size_t)i, at(got, i));
            return;
        }
}
