/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The Vulkan backend as a whole: that validation speaks up when it should and is silent else, plans
 * of several steps over windows, sizes that change from run to run, and machines that fail.
 */
#include <math.h>

#include "fovea/session.h"
#include "graph/device-internal.h"
#include "graph/plan-internal.h"
#include "vulkan/debug.h"

static FoveaDevice *open_device(void)
{
    g_autoptr(GError) error = NULL;
    FoveaDevice *device = fovea_device_open("vulkan", &error);
    g_assert_no_error(error);
    return device;
}

static guint expected_messages; /* those of provoke() */

/* Must be the first test: if no message comes for a mistake, silence later says nothing. */
static void provoke(void)
{
    g_autoptr(FoveaDevice) device = open_device();
    guint before = fovea_vulkan_messages();
    g_assert_true(fovea_vulkan_validating());
    fovea_vulkan_provoke(device);
    expected_messages = fovea_vulkan_messages();
    g_assert_cmpuint(expected_messages, >, before);
}

static void no_message(void)
{
    g_assert_cmpuint(fovea_vulkan_messages(), ==, expected_messages);
}

/* ---- small graphs ---- */

static FoveaValue *input(FoveaGraph *graph, const char *name, FoveaDtype dtype, guint rank,
                         const gint64 *dims)
{
    FoveaValue *value = fovea_graph_add_value(graph, name);
    value->dtype = dtype;
    value->rank = (gint)rank;
    for (guint i = 0; i < rank; i++)
        value->dims[i] = fovea_dim(dims[i]);
    fovea_graph_add_input(graph, value);
    return value;
}

static FoveaValue *integers(FoveaGraph *graph, guint n, const gint64 *values)
{
    gint64 dims[] = {n};
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, NULL);
    memcpy(tensor->data, values, n * sizeof *values);
    return fovea_graph_add_constant(graph, NULL, tensor);
}

static FoveaNode *node(FoveaGraph *graph, const char *op, const char *name, FoveaValue **in,
                       guint n_in)
{
    FoveaValue *out = fovea_graph_add_value(graph, name);
    return fovea_graph_add_node(graph, fovea_op_find(op), name, in, n_in, &out, 1, NULL);
}

static FoveaTensor *numbers(guint rank, const gint64 *dims, double scale)
{
    FoveaTensor *tensor = fovea_tensor_new(FOVEA_DTYPE_F32, rank, dims, NULL);
    for (gsize i = 0; i < tensor->n_elements; i++)
        ((float *)tensor->data)[i] = (float)(scale * sin(1.7 * (double)i + scale));
    return tensor;
}

/* y = Concat(Transpose(x) + b, Slice(Transpose(x) * b, every second column backwards)), z = y > 0 */
static FoveaGraph *window_graph(void)
{
    FoveaGraph *graph = fovea_graph_new();
    FoveaValue *x = input(graph, "x", FOVEA_DTYPE_F32, 3, (gint64[]){2, 5, 7});
    FoveaValue *b = input(graph, "b", FOVEA_DTYPE_F32, 1, (gint64[]){5});
    FoveaNode *turn = node(graph, "Transpose", "turn", &x, 1);
    fovea_node_set_ints(turn, "perm", (gint64[]){0, 2, 1}, 3);
    FoveaNode *sum = node(graph, "Add", "sum", (FoveaValue *[]){turn->out[0], b}, 2);
    FoveaNode *product = node(graph, "Mul", "product", (FoveaValue *[]){turn->out[0], b}, 2);
    FoveaValue *slice_in[] = {product->out[0], integers(graph, 1, (gint64[]){4}),
                              integers(graph, 1, (gint64[]){-6}), integers(graph, 1, (gint64[]){2}),
                              integers(graph, 1, (gint64[]){-2})};
    FoveaNode *slice = node(graph, "Slice", "slice", slice_in, 5);
    FoveaNode *join = node(graph, "Concat", "y", (FoveaValue *[]){sum->out[0], slice->out[0]}, 2);
    fovea_node_set_int(join, "axis", 2);
    FoveaNode *zero = node(graph, "Sub", "zero", (FoveaValue *[]){b, b}, 2);
    FoveaValue *pick_in[] = {zero->out[0], integers(graph, 1, (gint64[]){0}),
                             integers(graph, 1, (gint64[]){1})};
    FoveaNode *pick = node(graph, "Slice", "pick", pick_in, 3);
    FoveaNode *test = node(graph, "Greater", "z", (FoveaValue *[]){join->out[0], pick->out[0]}, 2);
    fovea_graph_add_output(graph, join->out[0]);
    fovea_graph_add_output(graph, test->out[0]);
    return graph;
}

static FoveaPlan *plan_for(FoveaDevice *device, FoveaGraph *graph, const FoveaPlanParams *params)
{
    g_autoptr(GError) error = NULL;
    FoveaPlan *plan = fovea_plan_new_from_graph(graph, device, params, &error);
    g_assert_no_error(error);
    if (device->info.kind == FOVEA_DEVICE_VULKAN)
        g_assert_cmpuint(fovea_plan_stats(plan)->fallback_nodes, ==, 0);
    return plan;
}

static void run(FoveaSession *session, FoveaTensor *const *in, guint n)
{
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < n; i++)
        fovea_session_set_input(session, i, in[i], &error);
    g_assert_no_error(error);
    fovea_session_run(session, &error);
    g_assert_no_error(error);
}

static void compare_output(FoveaSession *a, FoveaSession *b, guint index, double tolerance)
{
    g_autoptr(FoveaTensor) x = fovea_session_get_output(a, index, NULL);
    g_autoptr(FoveaTensor) y = fovea_session_get_output(b, index, NULL);
    g_assert_cmpuint(x->n_elements, ==, y->n_elements);
    for (gsize i = 0; i < x->n_elements; i++)
        g_assert_cmpfloat(fabs(fovea_load_f64(x->dtype, x->data, (gint64)i) -
                               fovea_load_f64(y->dtype, y->data, (gint64)i)),
                          <=, tolerance);
}

static void windows(void)
{
    g_autoptr(FoveaDevice) cpu = fovea_device_open("cpu", NULL), vulkan = open_device();
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    g_autoptr(FoveaPlan) plan_a = plan_for(cpu, window_graph(), &params);
    g_autoptr(FoveaPlan) plan_b = plan_for(vulkan, window_graph(), &params);
    g_autoptr(FoveaSession) a = fovea_session_new(plan_a, NULL);
    g_autoptr(FoveaSession) b = fovea_session_new(plan_b, NULL);
    for (guint times = 0; times < 3; times++) {
        g_autoptr(FoveaTensor) x = numbers(3, (gint64[]){2, 5, 7}, 1 + times);
        g_autoptr(FoveaTensor) bias = numbers(1, (gint64[]){5}, 0.5);
        FoveaTensor *in[] = {x, bias};
        run(a, in, 2);
        run(b, in, 2);
        compare_output(a, b, 0, 1e-6);
        compare_output(a, b, 1, 0);
    }
    no_message();
}

/* past grows by one row a run: present = Concat(past, x), y = present * present. */
static FoveaGraph *growing_graph(void)
{
    FoveaGraph *graph = fovea_graph_new();
    FoveaValue *past = input(graph, "past", FOVEA_DTYPE_F32, 3, (gint64[]){1, -1, 4});
    past->dim_names[1] = "n";
    FoveaValue *x = input(graph, "x", FOVEA_DTYPE_F32, 3, (gint64[]){1, 1, 4});
    FoveaNode *join = node(graph, "Concat", "present", (FoveaValue *[]){past, x}, 2);
    fovea_node_set_int(join, "axis", 1);
    FoveaValue *present = join->out[0];
    FoveaNode *square = node(graph, "Mul", "y", (FoveaValue *[]){present, present}, 2);
    fovea_graph_add_output(graph, present);
    fovea_graph_add_output(graph, square->out[0]);
    return graph;
}

static void growing(void)
{
    g_autoptr(FoveaDevice) device = open_device();
    g_autoptr(GError) error = NULL;
    FoveaBoundedDim bound = {"n", 12};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .bounded = &bound, .n_bounded = 1};
    g_autoptr(FoveaPlan) plan = plan_for(device, growing_graph(), &params);
    g_autoptr(FoveaSession) session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    g_autoptr(FoveaTensor) none = numbers(3, (gint64[]){1, 0, 4}, 1);
    fovea_session_carry(session, 0, 0, &error);
    g_assert_no_error(error);
    guint64 allocated = 0;
    for (guint step = 0; step < 10; step++) {
        g_autoptr(FoveaTensor) x = numbers(3, (gint64[]){1, 1, 4}, 1 + step);
        float y[13 * 4];
        if (step == 0)
            fovea_session_set_input(session, 0, none, &error);
        fovea_session_set_input(session, 1, x, &error);
        g_assert_no_error(error);
        allocated = step == 1 ? fovea_alloc_count() : allocated;
        fovea_session_run(session, &error);
        g_assert_no_error(error);
        fovea_session_read_output(session, 1, y, (step + 1) * 16, &error);
        g_assert_no_error(error);
        for (guint i = 0; i < (step + 1) * 4; i++) {
            double value = (1.0 + i / 4) * sin(1.7 * (i % 4) + 1.0 + i / 4);
            g_assert_cmpfloat_with_epsilon(y[i], value * value, 1e-4);
        }
        if (step > 1) /* the tensor above is the only allocation of a step */
            g_assert_cmpuint(fovea_alloc_count() - allocated, ==, step - 1);
    }
    no_message();
}

/* ---- failing machines ---- */

static void large_integer(void)
{
    g_autoptr(FoveaDevice) device = open_device();
    g_autoptr(GError) error = NULL;
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    FoveaGraph *graph = fovea_graph_new();
    gint64 two = 2;
    FoveaValue *x = input(graph, "x", FOVEA_DTYPE_I64, 1, &two);
    FoveaNode *sum = node(graph, "Add", "y", (FoveaValue *[]){x, x}, 2);
    fovea_graph_add_output(graph, sum->out[0]);
    g_autoptr(FoveaPlan) plan = plan_for(device, graph, &params);
    g_autoptr(FoveaSession) session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, &two, NULL);
    ((gint64 *)tensor->data)[1] = (gint64)1 << 40;
    g_assert_false(fovea_session_set_input(session, 0, tensor, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_RANGE);
    g_clear_error(&error);
    ((gint64 *)tensor->data)[1] = -7;
    g_assert_true(fovea_session_set_input(session, 0, tensor, &error));
    g_assert_true(fovea_session_run(session, &error));
    gint64 y[2];
    g_assert_true(fovea_session_read_output(session, 0, y, sizeof y, &error));
    g_assert_cmpint(y[1], ==, -14);
    no_message();
}

static void out_of_memory(void)
{
    g_autoptr(FoveaDevice) device = open_device();
    g_autoptr(GError) error = NULL;
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    g_autoptr(FoveaPlan) plan = plan_for(device, window_graph(), &params);
    g_setenv("FOVEA_VULKAN_FAIL", "oom", TRUE);
    FoveaSession *session = fovea_session_new(plan, &error);
    g_unsetenv("FOVEA_VULKAN_FAIL");
    g_assert_null(session);
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
    g_clear_error(&error);
    session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    fovea_session_free(session);
    no_message();
}

static void no_device(void)
{
    g_autoptr(GError) error = NULL;
    g_setenv("FOVEA_VULKAN_FAIL", "nodevice", TRUE);
    g_assert_null(fovea_device_open("vulkan", &error));
    g_unsetenv("FOVEA_VULKAN_FAIL");
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE);
    g_assert_cmpuint(strlen(error->message), >, 20);
    g_clear_error(&error);
    g_assert_null(fovea_device_open("vulkan:63", &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE);
}

/* A machine without any driver; the loader reads this once a process. */
static void no_driver(void)
{
    if (g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        g_setenv("VK_ICD_FILENAMES", "/dev/null", TRUE);
        g_setenv("VK_DRIVER_FILES", "/dev/null", TRUE);
        g_autoptr(GPtrArray) devices = fovea_devices();
        g_assert_cmpuint(devices->len, ==, 1);
        g_assert_null(fovea_device_open("vulkan", &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE);
        g_assert_nonnull(strstr(error->message, "Vulkan"));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
}

/* Last, because a lost device stays lost until it is opened anew. */
static void lost(void)
{
    g_autoptr(FoveaDevice) device = open_device();
    g_autoptr(GError) error = NULL;
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    FoveaPlan *plan = plan_for(device, window_graph(), &params);
    FoveaSession *session = fovea_session_new(plan, &error);
    g_autoptr(FoveaTensor) x = numbers(3, (gint64[]){2, 5, 7}, 1);
    g_autoptr(FoveaTensor) bias = numbers(1, (gint64[]){5}, 0.5);
    fovea_session_set_input(session, 0, x, &error);
    fovea_session_set_input(session, 1, bias, &error);
    g_assert_no_error(error);
    g_setenv("FOVEA_VULKAN_FAIL", "lost", TRUE);
    g_assert_false(fovea_session_run(session, &error));
    g_unsetenv("FOVEA_VULKAN_FAIL");
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE_LOST);
    g_clear_error(&error);
    g_assert_false(fovea_session_run(session, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_DEVICE_LOST);
    fovea_session_free(session);
    fovea_plan_unref(plan);
    g_clear_pointer(&device, fovea_device_unref);
    windows(); /* a fresh device works */
}

int main(int argc, char **argv)
{
    g_setenv("FOVEA_VULKAN_VALIDATE", "1", FALSE);
    g_test_init(&argc, &argv, NULL);
    if (!g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        g_autoptr(FoveaDevice) device = fovea_device_open("vulkan", &error);
        if (device == NULL) {
            g_print("1..0 # SKIP %s\n", error->message);
            return 0;
        }
    }
    g_test_add_func("/vulkan/provoke", provoke);
    g_test_add_func("/vulkan/windows", windows);
    g_test_add_func("/vulkan/growing", growing);
    g_test_add_func("/vulkan/large-integer", large_integer);
    g_test_add_func("/vulkan/out-of-memory", out_of_memory);
    g_test_add_func("/vulkan/no-device", no_device);
    g_test_add_func("/vulkan/no-driver", no_driver);
    g_test_add_func("/vulkan/lost", lost);
    return g_test_run();
}
