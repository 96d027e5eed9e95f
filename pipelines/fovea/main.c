/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The `fovea` command: finds the subcommand.
 */
#include <locale.h>
#include <stdio.h>

#include "command.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *line;
} commands[] = {
    {"bench", command_bench, "Measure how long a model takes on a device"},
    {"compare", command_compare, "Tell how far two pictures are apart"},
    {"detect", command_detect, "Find objects in pictures"},
    {"devices", command_devices, "List the devices of this machine and what they can do"},
    {"inspect", command_inspect, "Show what a model contains and what becomes of it"},
    {"op", command_op, "Run one operator alone on tensors from files"},
    {"ops", command_ops, "List every operator and attention variant"},
    {"restore", command_restore, "Make pictures and videos better or larger"},
    {"run", command_run, "Run a model once on tensors from files"},
    {"selftest", command_selftest, "Check the kernels of a device"},
    {"transcribe", command_transcribe, "Write down what is said in sound and videos"},
};

static void print_help(void)
{
    printf("Usage: fovea COMMAND [OPTION...] [ARGUMENT...]\n\n"
           "Runs attention models (ONNX) on the CPU and on Vulkan GPUs.\n\nCommands:\n");
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].line);
    printf("\n`fovea COMMAND --help` tells what a command takes.\n"
           "\nOptions:\n"
           "  --help     Show this text\n"
           "  --version  Show the version\n"
           "\nExit status: 0 when all went well, else 1 with one sentence on stderr.\n"
           "\nEnvironment:\n"
           "  FOVEA_DEBUG=0..3  Messages of the library: errors, warnings (the default), what it\n"
           "                    does, everything\n"
           "  FOVEA_PROFILE=1   `fovea bench` also says where the time goes\n"
           "  FOVEA_MODELS      Folders in which models are looked for where none is named, "
           "separated\n"
           "                    by ':'\n"
           "  XDG_CACHE_HOME    Compiled pipelines are kept in its folder fovea\n"
           "\nExamples:\n"
           "  fovea detect holiday.jpg -o boxes.png\n"
           "  fovea restore small.mp4 -o large.mp4\n"
           "  fovea bench model.onnx --device=vulkan --shape images=1x3x320x320 --json\n"
           "  fovea inspect model.onnx\n"
           "  fovea selftest --device=vulkan\n"
           "  fovea transcribe talk.mp4 --output talk.srt\n");
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, ""); /* file names; numbers keep their point */
    if (argc < 2) {
        print_help();
        return 1;
    }
    if (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h") ||
        g_str_equal(argv[1], "help")) {
        print_help();
        return 0;
    }
    if (g_str_equal(argv[1], "--version")) {
        printf("fovea %s\n", fovea_version());
        return 0;
    }
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++)
        if (g_str_equal(argv[1], commands[i].name)) {
            g_autofree char *name = g_strdup_printf("fovea %s", argv[1]);
            g_set_prgname(name);
            int status = commands[i].run(argc - 1, argv + 1);
            if (fflush(stdout) != 0 || ferror(stdout))
                return command_fail_with("The results could not be written to the output");
            return status;
        }
    return command_fail_with("There is no command \"%s\"; `fovea --help` lists them", argv[1]);
}
