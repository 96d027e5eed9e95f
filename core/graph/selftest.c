/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The self-test: every operator's cases on a device against the double-precision reference.
 */
#include <math.h>

#include "fovea/ops.h"
#include "fovea/session.h"
#include "graph/device-internal.h"
#include "graph/plan-internal.h"
#include "ops/sample.h"

/* Error over the reference's range where an operator names no tolerance of its own. */
#define DEFAULT_TOLERANCE 2e-5
#define F16_FACTOR 1000
#define F16_LEAST 1e-2
#define F16_MOST 3e-2 /* what INTERFACES.md allows a model */
#define RANGE_LEAST 1e-30
#define F16_RANGE_LEAST 1e-3

/* At f16 the kernels read rounded inputs; so must the reference, or Equal and TopK cannot agree.
 * Constants may have decided shapes already (scales of Resize). */
static gboolean round_inputs(FoveaSample *sample, GError **error)
{
    for (guint k = 0; k < sample->n_in; k++) {
        FoveaTensor *tensor = sample->in[k];
        if (tensor == NULL || tensor->dtype != FOVEA_DTYPE_F32 || sample->constant[k])
            continue;
        g_autoptr(FoveaTensor) half = fovea_tensor_convert(tensor, FOVEA_DTYPE_F16, error);
        FoveaTensor *rounded = half != NULL ? fovea_tensor_convert(half, FOVEA_DTYPE_F32, error)
                                            : NULL;
        if (rounded == NULL)
            return FALSE;
        fovea_tensor_unref(tensor);
        sample->in[k] = rounded;
    }
    return TRUE;
}

static FoveaSession *run_sample(const FoveaSample *sample, FoveaDevice *device,
                                FoveaPrecision precision, guint *fallback, GError **error)
{
    FoveaPlanParams params = {.precision = precision, .no_passes = TRUE};
    FoveaPlan *plan = fovea_plan_new_from_graph(fovea_graph_clone(sample->graph), device, &params,
                                                error);
    if (plan == NULL)
        return NULL;
    FoveaSession *session = fovea_session_new(plan, error);
    *fallback = plan->stats.fallback_nodes;
    gboolean ok = session != NULL;
    for (guint i = 0; ok && i < fovea_plan_n_inputs(plan); i++) {
        guint64 slot = 0; /* inputs are named in0, in1, ... by the sample */
        ok = g_ascii_string_to_unsigned(fovea_plan_input(plan, i)->name + 2, 10, 0,
                                        FOVEA_SAMPLE_MAX_IN - 1, &slot, error) &&
             fovea_session_set_input(session, i, sample->in[slot], error);
    }
    ok = ok && fovea_session_run(session, error);
    fovea_plan_unref(plan);
    if (!ok)
        g_clear_pointer(&session, fovea_session_free);
    return session;
}

/* |got - want| over want's range, G_MAXDOUBLE where one is NaN or infinite and the other is not. A
 * range below `least` counts as that: f16 has nothing below 6e-8. */
static double compare(const FoveaTensor *got, const FoveaTensor *want, double least, gsize *where)
{
    double low = G_MAXDOUBLE, high = -G_MAXDOUBLE, worst = 0;
    *where = 0;
    for (gsize i = 0; i < want->n_elements; i++) {
        double a = fovea_load_f64(want->dtype, want->data, (gint64)i);
        double b = fovea_load_f64(got->dtype, got->data, (gint64)i);
        double error = a == b || (isnan(a) && isnan(b)) ? 0 : fabs(a - b);
        if (isfinite(a)) {
            low = MIN(low, a);
            high = MAX(high, a);
        }
        if (!isfinite(error))
            error = G_MAXDOUBLE;
        if (error > worst) {
            worst = error;
            *where = i;
        }
    }
    if (worst == 0 || worst == G_MAXDOUBLE)
        return worst;
    return worst / (high < low ? 1 : MAX(MAX(high - low, MAX(fabs(high), fabs(low))), least));
}

static double tolerance_of(const FoveaSample *sample, FoveaPrecision precision)
{
    double tolerance = sample->tolerance > 0 ? sample->tolerance : DEFAULT_TOLERANCE;
    if (precision != FOVEA_PRECISION_F16)
        return tolerance;
    return CLAMP(tolerance * F16_FACTOR, F16_LEAST, F16_MOST);
}

static gboolean check_output(FoveaSession *session, guint k, const FoveaTensor *want, gboolean half,
                             double tolerance, double *worst, GError **error)
{
    gsize where;
    g_autofree char *name = g_strdup_printf("out%u", k);
    gint index = fovea_plan_find_output(fovea_session_plan(session), name);
    g_autoptr(FoveaTensor) got = index >= 0 ? fovea_session_get_output(session, (guint)index, error)
                                            : NULL;
    if (got == NULL)
        return FALSE;
    gboolean same = got->rank == want->rank &&
                    memcmp(got->dims, want->dims, got->rank * sizeof *got->dims) == 0;
    if (!same)
        return fovea_fail(error, FOVEA_ERROR_SHAPE, "output %u has another shape", k);
    double off = compare(got, want, half ? F16_RANGE_LEAST : RANGE_LEAST, &where);
    *worst = MAX(*worst, off);
    if (off <= (fovea_dtype_is_float(want->dtype) ? tolerance : 0))
        return TRUE;
    return fovea_fail(error, FOVEA_ERROR_FAILED,
                      "output %u is off by %.3g of its range at element %" G_GSIZE_FORMAT
                      " (%g instead of %g)",
                      k, off, where, fovea_load_f64(got->dtype, got->data, (gint64)where),
                      fovea_load_f64(want->dtype, want->data, (gint64)where));
}

static gboolean check_sample(FoveaSample *sample, FoveaDevice *device, FoveaPrecision precision,
                             double *worst, guint *fallback, GError **error)
{
    FoveaTensor *want[FOVEA_SAMPLE_MAX_IN] = {NULL};
    guint n = sample->node->n_out;
    if (sample->f32_only)
        precision = FOVEA_PRECISION_F32;
    if (precision == FOVEA_PRECISION_F16 && !round_inputs(sample, error))
        return FALSE;
    if (!fovea_sample_reference(sample, want, error))
        return FALSE;
    g_autoptr(FoveaSession) session = run_sample(sample, device, precision, fallback, error);
    gboolean ok = session != NULL;
    for (guint k = 0; k < n; k++) {
        if (ok && want[k] != NULL)
            ok = check_output(session, k, want[k], precision == FOVEA_PRECISION_F16,
                              tolerance_of(sample, precision), worst, error);
        fovea_tensor_unref(want[k]);
    }
    return ok;
}

gint fovea_selftest(FoveaDevice *device, FoveaPrecision precision, const char *only,
                    FoveaSelftestFunc func, gpointer user_data, guint *n_cases, GError **error)
{
    guint n, ran = 0;
    gint failures = 0;
    const FoveaOp *const *ops = fovea_ops(&n);
    if (only != NULL && fovea_op_find(only) == NULL) {
        fovea_fail(error, FOVEA_ERROR_ARGUMENT, "There is no operator '%s'", only);
        return -1;
    }
    for (guint i = 0; i < n; i++) {
        if (only != NULL && !g_str_equal(ops[i]->name, only))
            continue;
        for (guint index = 0;; index++) {
            FoveaSample sample;
            g_autoptr(GError) cause = NULL;
            double worst = 0;
            guint fallback = 0;
            gboolean ok = fovea_sample_open(&sample, ops[i], index, &cause);
            if (!ok && cause == NULL)
                break; /* past the last case */
            gboolean opened = ok;
            ok = ok && check_sample(&sample, device, precision, &worst, &fallback, &cause);
            if (opened)
                fovea_sample_close(&sample);
            ran++;
            failures += !ok;
            if (func != NULL)
                func(ops[i]->name, index, ok, worst,
                     !ok            ? cause->message
                     : fallback > 0 ? "no kernel here: ran on the CPU"
                                    : NULL,
                     user_data);
            if (!opened)
                break;
        }
    }
    if (n_cases != NULL)
        *n_cases = ran;
    return failures;
}
