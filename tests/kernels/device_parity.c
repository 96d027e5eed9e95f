/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * usage: device-parity DEVICE PRECISION [OPERATOR...]
 *
 * Every case of every operator of ops.list on a device, by the same self-test that users have. An
 * operator that the device has no kernel for runs on the CPU and is named, not hidden: on Vulkan
 * its test is skipped with the reason. With FOVEA_VULKAN_VALIDATE=1 any validation message fails.
 */
#include <stdlib.h>

#include "fovea/ops.h"
#include "graph/plan-internal.h"
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

typedef struct {
    guint on_device;
} Count;

static void take_case(const char *op, guint index, gboolean passed, double worst,
                      const char *message, gpointer data)
{
    Count *count = data;
    if (!passed) {
        g_test_message("case %u: %s", index, message);
        g_test_fail();
    }
    count->on_device += message == NULL;
}

static void run_operator(gconstpointer data)
{
    const FoveaOp *op = data;
    g_autoptr(GError) error = NULL;
    guint before = messages(), n = 0;
    Count count = {0};
    gint failures = fovea_selftest(device, precision, op->name, take_case, &count, &n, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(n, >, 0);
    g_assert_cmpuint(messages(), ==, before);
    if (failures > 0)
        return;
    if (count.on_device == 0)
        g_test_skip("no kernel on this device");
    else if (count.on_device < n)
        g_test_message("%u of %u cases have a kernel on this device", count.on_device, n);
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
        gboolean alone = ops[i]->ref != NULL || ops[i]->expr != NULL;
        if (alone && ops[i]->sample == NULL && ops[i]->expr == NULL)
            g_test_message("%s has no cases", ops[i]->name);
        if (alone && wanted(ops[i]->name, argc, argv))
            g_test_add_data_func(path, ops[i], run_operator);
    }
    int result = g_test_run();
    fovea_device_unref(device);
    return result;
}
