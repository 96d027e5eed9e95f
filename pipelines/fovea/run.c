/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea run: any ONNX model once, tensors in and out as .npy files.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "job.h"

static char *output_folder;
static const GOptionEntry entries[] = {
    JOB_ENTRIES,
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output_folder,
     "Folder for the outputs, made where it does not exist", "DIR"},
    {NULL},
};

static const char *description =
    "Each output is written as DIR/NAME.npy, with '/' in names made '_'; bfloat16 is written as\n"
    "uint16 holding the bits. An input that has only a --shape is made up: a fixed random "
    "sequence\n"
    "in -1..1 for floats, zeros for integers. At f32 a Cast to f16 inside the graph does not "
    "round.\n"
    "\nExample:\n"
    "  fovea run model.onnx --device=vulkan --input images=in.npy --output out\n";

static gboolean write_outputs(Job *job, GError **error)
{
    if (g_mkdir_with_parents(output_folder, 0777) != 0) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "The folder %s cannot be made: %s",
                    output_folder, g_strerror(errno));
        return FALSE;
    }
    for (guint i = 0; i < fovea_plan_n_outputs(job->plan); i++) {
        g_autoptr(FoveaTensor) tensor = fovea_session_get_output(job->session, i, error);
        if (tensor == NULL)
            return FALSE;
        g_autofree char *name = g_strdup_printf("%s.npy", fovea_plan_output(job->plan, i)->name);
        g_strdelimit(name, "/", '_');
        g_autofree char *path = g_build_filename(output_folder, name, NULL);
        if (!fovea_tensor_write_npy(tensor, path, error))
            return FALSE;
    }
    return TRUE;
}

int command_run(int argc, char **argv)
{
    GError *error = NULL;
    Job job;
    if (!command_parse(&argc, &argv, "MODEL", "Runs a model once and writes its outputs.",
                       description, entries))
        return 1;
    if (argc != 2)
        return command_fail_with("`fovea run` wants one model (an .onnx file or a model folder)");
    if (output_folder == NULL)
        return command_fail_with("`fovea run` wants --output DIR for its results");
    gboolean ok = job_open(&job, argv[1], &error) && job_plan(&job, &error) &&
                  job_fill(&job, &error) && fovea_session_run(job.session, &error) &&
                  write_outputs(&job, &error);
    job_clear(&job);
    return ok ? 0 : command_fail(error);
}
