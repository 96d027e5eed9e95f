/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea selftest: are the kernels right on this device?
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "fovea/ops.h"

static char *device_name, *precision_name, *only;
static gboolean verbose;
static const GOptionEntry entries[] = {
    {"device", 'd', 0, G_OPTION_ARG_STRING, &device_name,
     "Device: cpu (the default), vulkan or vulkan:N", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision_name,
     "auto, f32, f16 or bf16 (default auto: f32 on the CPU)", "PRECISION"},
    {"op", 0, 0, G_OPTION_ARG_STRING, &only, "Only the cases of this operator", "NAME"},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Show the cases that pass too", NULL},
    {NULL},
};

typedef struct Tally {
    double worst;
    char worst_op[64];
    guint elsewhere; /* passed, but the device has no kernel for it */
} Tally;

static void on_case(const char *op, guint index, gboolean passed, double worst, const char *message,
                    gpointer data)
{
    Tally *tally = data;
    if (worst > tally->worst) {
        tally->worst = worst;
        g_strlcpy(tally->worst_op, op, sizeof tally->worst_op);
    }
    if (!passed)
        printf("FAIL %s case %u: %s (worst error %.2e of the range)\n", op, index,
               message ? message : "", worst);
    else if (verbose)
        printf("ok   %s case %u (worst error %.2e of the range)%s%s\n", op, index, worst,
               message ? ": " : "", message ? message : "");
    tally->elsewhere += passed && message != NULL;
}

int command_selftest(int argc, char **argv)
{
    GError *error = NULL;
    FoveaPrecision precision = FOVEA_PRECISION_AUTO;
    Tally tally = {0};
    guint cases = 0;
    if (!command_parse(&argc, &argv, NULL,
                       "Checks the kernels of a device against the double-precision reference.",
                       "Ends with one line for a bug report. Exit status 1 where a case failed.\n",
                       entries))
        return 1;
    if (argc > 1)
        return command_fail_with("`fovea selftest` takes no argument \"%s\"", argv[1]);
    if (precision_name && !fovea_precision_parse(precision_name, &precision, &error))
        return command_fail(error);
    g_autoptr(FoveaDevice) device = fovea_device_open(device_name, &error);
    if (device == NULL)
        return command_fail(error);
    gint failures = fovea_selftest(device, precision, only, on_case, &tally, &cases, &error);
    if (failures < 0)
        return command_fail(error);
    const FoveaDeviceInfo *info = fovea_device_info(device);
    if (tally.elsewhere > 0)
        printf("%u of these have no kernel on this device and ran on the CPU\n", tally.elsewhere);
    printf("fovea %s selftest: %u of %u cases passed, worst error %.2e (%s), precision %s, %s, %s, "
           "%s\n",
           fovea_version(), cases - failures, cases, tally.worst,
           tally.worst_op[0] ? tally.worst_op : "none", precision_name ? precision_name : "auto",
           info->spec, info->name, info->driver ? info->driver : "");
    if (cases == 0)
        return command_fail_with("There was no case to run%s%s", only ? " for " : "",
                                 only ? only : "");
    return failures ? command_fail_with("%d of %u cases failed", failures, cases) : 0;
}
