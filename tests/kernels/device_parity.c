/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: device-parity DEVICE PRECISION [OPERATOR...]
 *
 * Every case of every operator of ops.list on a device, compared with the reference in double. An
 * operator that the device has no kernel for runs on the CPU and is named, not hidden: on Vulkan
 * its test is skipped with the reason. With FOVEA_VULKAN_VALIDATE=1 any validation message fails.
 */
#include <math.h>
#include <stdlib.h>

#include "fovea/session.h"
#include "graph/plan-internal.h"
#include "ops/sample.h"
#ifdef FOVEA_HAVE_VULKAN
#include "vulkan/debug.h"
#endif

static FoveaDevice *device;
static FoveaPrecision precision;

static guint messages(void)
{
#ifdef FOVEA_HAVE_VULKAN
    return fovea_vulkan_messages();
#else
    return 0;
#endif
}

static gboolean set_inputs(FoveaSession *session, const FoveaPlan *plan, const FoveaSample *sample,
                           GError **error)
{
    for (guint k = 0; k < sample->n_in; k++) {
        const FoveaValue *value = fovea_node_in(sample->node, k);
        gint index = value != NULL && sample->in[k] != NULL && !sample->constant[k]
                         ? fovea_plan_find_input(plan, value->name)
                         : -1;
        if (index >= 0 && !fovea_session_set_input(session, (guint)index, sample->in[k], error))
            return FALSE;
    }
    return TRUE;
}

/* Worst error over the range of what is expected; infinite where NaN or infinity differ. */
static double worst_error(const FoveaTensor *want, const FoveaTensor *have)
{
    double low = INFINITY, high = -INFINITY, worst = 0;
    gboolean real = fovea_dtype_is_float(have->dtype);
    for (gsize i = 0; i < want->n_elements; i++) {
        double a = fovea_load_f64(want->dtype, want->data, (gint64)i);
        if (isfinite(a)) {
            low = MIN(low, a);
            high = MAX(high, a);
        }
    }
    double range = MAX(MAX(high - low, fabs(high)), 1e-3);
    for (gsize i = 0; i < want->n_elements; i++) {
        double a = fovea_load_f64(want->dtype, want->data, (gint64)i);
        double b = fovea_load_f64(have->dtype, have->data, (gint64)i);
        double e = isnan(a) || isnan(b)   ? (isnan(a) == isnan(b) ? 0 : INFINITY)
                   : isinf(a) || isinf(b) ? (a == b ? 0 : INFINITY)
                                          : fabs(a - b) / range;
        worst = MAX(worst, real || e == 0 ? e : INFINITY);
    }
    return worst;
}

static double allowed(const FoveaSample *sample)
{
    double tolerance = sample->tolerance > 0 ? sample->tolerance : 1e-5;
    return precision == FOVEA_PRECISION_F16 ? MAX(tolerance * 1000, 1e-2) : tolerance;
}

static void compare(const FoveaSample *sample, FoveaSession *session, guint index)
{
    g_autoptr(GError) error = NULL;
    FoveaTensor *want[FOVEA_SAMPLE_MAX_IN] = {NULL};
    g_assert_true(fovea_sample_reference(sample, want, &error));
    for (guint k = 0; k < sample->node->n_out; k++) {
        const FoveaValue *value = sample->node->out[k];
        gint at = value != NULL ? fovea_plan_find_output(fovea_session_plan(session), value->name)
                                : -1;
        if (at < 0 || want[k] == NULL)
            continue;
        g_autoptr(FoveaTensor) have = fovea_session_get_output(session, (guint)at, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(have->n_elements, ==, want[k]->n_elements);
        double worst = worst_error(want[k], have);
        if (!(worst <= allowed(sample))) {
            g_test_message("case %u, output %u: error %g of the range, allowed %g", index, k, worst,
                           allowed(sample));
            g_test_fail();
        }
    }
    for (guint k = 0; k < sample->node->n_out; k++)
        g_clear_pointer(&want[k], fovea_tensor_unref);
}

/* TRUE where the device ran it. */
static gboolean run_case(const FoveaSample *sample, guint index)
{
    g_autoptr(GError) error = NULL;
    FoveaPlanParams params = {.precision = sample->f32_only ? FOVEA_PRECISION_F32 : precision,
                              .no_passes = TRUE};
    g_autoptr(FoveaPlan)
        plan = fovea_plan_new_from_graph(fovea_graph_clone(sample->graph), device, &params, &error);
    if (plan == NULL)
        g_test_message("case %u", index);
    g_assert_no_error(error);
    if (fovea_plan_stats(plan)->fallback_nodes > 0) {
        if (plan->refused->len > 0)
            g_test_message("case %u runs on the CPU: %s", index,
                           (char *)g_ptr_array_index(plan->refused, 0));
        return FALSE;
    }
    g_autoptr(FoveaSession) session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    gboolean ok = set_inputs(session, plan, sample, &error) && fovea_session_run(session, &error);
    if (!ok)
        g_test_message("case %u", index);
    g_assert_no_error(error);
    g_assert_true(ok);
    compare(sample, session, index);
    return TRUE;
}

/* At f16 the inputs are numbers that f16 holds, so that comparisons and roundings see what the
 * reference sees. Constants may decide shapes, which are inferred already. */
static void round_inputs(const FoveaSample *sample)
{
    for (guint k = 0; k < sample->n_in && precision == FOVEA_PRECISION_F16; k++) {
        FoveaTensor *tensor = sample->in[k];
        if (tensor == NULL || sample->constant[k] || tensor->dtype != FOVEA_DTYPE_F32)
            continue;
        float *data = tensor->data;
        for (gsize i = 0; i < tensor->n_elements; i++)
            data[i] = fovea_f16_to_f32(fovea_f16_from_f32(data[i]));
    }
}

static void run_operator(gconstpointer data)
{
    const FoveaOp *op = data;
    guint before = messages(), ran = 0, index = 0;
    for (;; index++) {
        g_autoptr(GError) error = NULL;
        FoveaSample sample;
        if (!fovea_sample_open(&sample, op, index, &error)) {
            g_assert_no_error(error);
            break;
        }
        round_inputs(&sample);
        ran += run_case(&sample, index);
        fovea_sample_close(&sample);
    }
    g_assert_cmpuint(messages(), ==, before);
    if (ran == 0)
        g_test_skip("no kernel on this device");
    else if (ran < index)
        g_test_message("%u of %u cases have a kernel on this device", ran, index);
}

static gboolean wanted(const char *name, int argc, char **argv)
{
    for (int i = 3; i < argc; i++) { /* g_test_init has taken its own options away */
        if (g_str_equal(argv[i], name))
            return TRUE;
    }
    return argc <= 3;
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    guint n;
    g_test_init(&argc, &argv, NULL);
    if (argc < 3 || !fovea_precision_parse(argv[2], &precision, &error)) {
        g_printerr("usage: device-parity DEVICE PRECISION [OPERATOR...]\n");
        return 2;
    }
    device = fovea_device_open(argv[1], &error);
    if (device == NULL) {
        g_print("1..0 # SKIP %s\n", error->message);
        return g_str_equal(argv[1], "cpu") || g_getenv("FOVEA_NEED_DEVICE") != NULL;
    }
    const FoveaOp *const *ops = fovea_ops(&n);
    for (guint i = 0; i < n; i++) {
        g_autofree char *path = g_strdup_printf("/%s/%s", argv[1], ops[i]->name);
        /* Append is what lowering makes of a Concat that grows in place; it cannot stand alone. */
        if ((ops[i]->ref == NULL && ops[i]->expr == NULL) || g_str_equal(ops[i]->name, "Append"))
            continue;
        if (wanted(ops[i]->name, argc, argv))
            g_test_add_data_func(path, ops[i], run_operator);
    }
    int result = g_test_run();
    fovea_device_unref(device);
    return result;
}
