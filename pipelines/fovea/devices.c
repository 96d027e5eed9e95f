/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea devices: what was found, with limits and features.
 */
#include <stdio.h>

#include "command.h"

static gboolean as_json;
static const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print a JSON array", NULL},
    {NULL},
};

static const char *yes_no(gboolean value)
{
    return value ? "yes" : "no";
}

static const char *true_false(gboolean value)
{
    return value ? "true" : "false";
}

static void print_text(const FoveaDeviceInfo *info)
{
    printf("%s: %s\n", info->spec, info->name);
    printf("  driver              %s\n", info->driver ? info->driver : "");
    if (info->kind == FOVEA_DEVICE_CPU) {
        printf("  threads             %u\n", info->threads);
    } else {
        printf("  computes on the CPU %s\n", yes_no(info->software));
        printf("  subgroup size       %u\n", info->subgroup_size);
        printf("  shared memory       %.0f KiB\n", info->max_shared_memory / 1024.0);
        printf("  largest tensor      %.0f MiB\n", info->max_buffer_range / 1048576.0);
    }
    printf("  memory              %.0f MiB\n", info->memory / 1048576.0);
    printf("  f16                 %s\n", yes_no(info->f16));
    printf("  bf16                %s\n", yes_no(info->bf16));
    printf("  int8                %s\n", yes_no(info->int8));
    printf("  cooperative matrix  %s\n", yes_no(info->cooperative_matrix));
}

static void print_json(const FoveaDeviceInfo *info)
{
    g_autofree char *spec = command_json_string(info->spec);
    g_autofree char *name = command_json_string(info->name);
    g_autofree char *driver = command_json_string(info->driver ? info->driver : "");
    printf("{\"device\": %s, \"kind\": \"%s\", \"name\": %s, \"driver\": %s, \"software\": %s, "
           "\"f16\": %s, \"bf16\": %s, \"int8\": %s, \"cooperative_matrix\": %s, "
           "\"subgroup_size\": %u, \"threads\": %u, \"max_buffer_range\": %" G_GUINT64_FORMAT
           ", \"max_shared_memory\": %" G_GUINT64_FORMAT ", \"memory\": %" G_GUINT64_FORMAT "}",
           spec, info->kind == FOVEA_DEVICE_CPU ? "cpu" : "vulkan", name, driver,
           true_false(info->software), true_false(info->f16), true_false(info->bf16),
           true_false(info->int8), true_false(info->cooperative_matrix), info->subgroup_size,
           info->threads, info->max_buffer_range, info->max_shared_memory, info->memory);
}

int command_devices(int argc, char **argv)
{
    if (!command_parse(&argc, &argv, NULL, "Lists the CPU and every Vulkan device of this machine.",
                       "The names at the start of a line are what --device takes. A driver that "
                       "fails to load is left out, with a warning.\n",
                       entries))
        return 1;
    if (argc > 1)
        return command_fail_with("`fovea devices` takes no argument \"%s\"", argv[1]);
    g_autoptr(GPtrArray) devices = fovea_devices();
    if (as_json)
        printf("[");
    for (guint i = 0; i < devices->len; i++) {
        const FoveaDeviceInfo *info = fovea_device_info(devices->pdata[i]);
        if (as_json) {
            printf("%s", i ? ",\n " : "");
            print_json(info);
        } else {
            printf("%s", i ? "\n" : "");
            print_text(info);
        }
    }
    if (as_json)
        printf("]\n");
    return 0;
}
