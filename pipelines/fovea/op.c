/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea op: one operator alone.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "fovea/ops.h"

#define MAX_INPUTS 64

static char *device_name, *precision_name, *output_folder, **attr_texts, **input_texts;
static gint n_outputs;
static const GOptionEntry entries[] = {
    {"attr", 'a', 0, G_OPTION_ARG_STRING_ARRAY, &attr_texts,
     "An attribute: a number, a list like 1,2,3, or text", "KEY=VALUE"},
    {"input", 'i', 0, G_OPTION_ARG_FILENAME_ARRAY, &input_texts, "An input, from a .npy file",
     "NAME=FILE.npy"},
    {"device", 'd', 0, G_OPTION_ARG_STRING, &device_name,
     "Device: cpu (the default), vulkan or vulkan:N", "DEVICE"},
    {"precision", 'p', 0, G_OPTION_ARG_STRING, &precision_name,
     "auto, f32, f16 or bf16 (default auto: f32 on the CPU)", "PRECISION"},
    {"outputs", 0, 0, G_OPTION_ARG_INT, &n_outputs,
     "How many outputs to compute (default: those it always has)", "N"},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output_folder,
     "Folder for the outputs, made where it does not exist", "DIR"},
    {NULL},
};

static const char *description =
    "Inputs are counted as ONNX counts them. NAME may be a number, or `in` and a number, and says\n"
    "which input it is (from 0); inputs of other names take the free places in the order given.\n"
    "Output k is written as DIR/outK.npy.\n"
    "\nExample:\n"
    "  fovea op Softmax --attr axis=-1 --input 0=x.npy --device=vulkan --output out\n";

typedef struct Call {
    GArray *attrs; /* FoveaOpAttr */
    GPtrArray *texts;
    FoveaTensor *inputs[MAX_INPUTS];
    guint n_inputs;
} Call;

static gboolean refuse(GError **error, const char *what, const char *text)
{
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT, "%s, not \"%s\"", what, text);
    return FALSE;
}

static gboolean read_attrs(Call *call, GError **error)
{
    for (char **text = attr_texts; text && *text; text++) {
        const char *sign = strchr(*text, '=');
        if (sign == NULL || sign == *text)
            return refuse(error, "--attr wants KEY=VALUE", *text);
        char *key = g_strndup(*text, sign - *text);
        g_ptr_array_add(call->texts, key);
        FoveaOpAttr attr = {key, sign + 1};
        g_array_append_val(call->attrs, attr);
    }
    return TRUE;
}

/* The place that a name asks for, or -1. */
static gint place_of(const char *text, gsize length)
{
    guint64 place;
    g_autofree char *name = g_strndup(text, length);
    const char *digits = g_str_has_prefix(name, "in") ? name + 2 : name;
    return g_ascii_string_to_unsigned(digits, 10, 0, MAX_INPUTS - 1, &place, NULL) ? (gint)place
                                                                                   : -1;
}

static gboolean read_inputs(Call *call, GError **error)
{
    /* Numbered ones first: the others fill what is left. */
    for (guint pass = 0; pass < 2; pass++)
        for (char **text = input_texts; text && *text; text++) {
            const char *sign = strchr(*text, '=');
            if (sign == NULL || sign == *text || sign[1] == 0)
                return refuse(error, "--input wants NAME=FILE.npy", *text);
            gint place = place_of(*text, sign - *text);
            if ((place < 0) != (pass == 1))
                continue;
            for (guint i = 0; place < 0 && i < MAX_INPUTS; i++)
                if (call->inputs[i] == NULL)
                    place = i;
            if (place < 0 || call->inputs[place] != NULL)
                return refuse(error, "--input wants a place that is free", *text);
            call->inputs[place] = fovea_tensor_read_npy(sign + 1, error);
            if (call->inputs[place] == NULL)
                return FALSE;
            call->n_inputs = MAX(call->n_inputs, (guint)place + 1);
        }
    return TRUE;
}

static gboolean write_results(const GPtrArray *results, GError **error)
{
    if (g_mkdir_with_parents(output_folder, 0777) != 0) {
        g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "The folder %s cannot be made: %s",
                    output_folder, g_strerror(errno));
        return FALSE;
    }
    for (guint i = 0; i < results->len; i++) {
        g_autofree char *name = g_strdup_printf("out%u.npy", i);
        g_autofree char *path = g_build_filename(output_folder, name, NULL);
        if (!fovea_tensor_write_npy(results->pdata[i], path, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean run(Call *call, const char *name, GError **error)
{
    FoveaPrecision precision = FOVEA_PRECISION_AUTO;
    if (precision_name && !fovea_precision_parse(precision_name, &precision, error))
        return FALSE;
    if (!read_attrs(call, error) || !read_inputs(call, error))
        return FALSE;
    g_autoptr(FoveaDevice) device = fovea_device_open(device_name, error);
    if (device == NULL)
        return FALSE;
    GPtrArray *results = fovea_op_run(name, device, precision,
                                      (const FoveaOpAttr *)call->attrs->data, call->attrs->len,
                                      call->inputs, call->n_inputs, n_outputs, error);
    gboolean ok = results && write_results(results, error);
    g_clear_pointer(&results, g_ptr_array_unref);
    return ok;
}

int command_op(int argc, char **argv)
{
    GError *error = NULL;
    Call call = {0};
    if (!command_parse(&argc, &argv, "NAME", "Runs one operator alone.", description, entries))
        return 1;
    if (argc != 2)
        return command_fail_with(
            "`fovea op` wants the name of one operator; `fovea ops` lists them");
    if (output_folder == NULL)
        return command_fail_with("`fovea op` wants --output DIR for its results");
    if (n_outputs < 0 || n_outputs > MAX_INPUTS)
        return command_fail_with("--outputs wants a number from 0 to %d", MAX_INPUTS);
    call.attrs = g_array_new(FALSE, TRUE, sizeof(FoveaOpAttr));
    call.texts = g_ptr_array_new_with_free_func(g_free);
    gboolean ok = run(&call, argv[1], &error);
    for (guint i = 0; i < MAX_INPUTS; i++)
        g_clear_pointer(&call.inputs[i], fovea_tensor_unref);
    g_array_unref(call.attrs);
    g_ptr_array_unref(call.texts);
    return ok ? 0 : command_fail(error);
}
