/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The plans of an encoder and a merged decoder, as transformers.js names their files and tensors.
 */
#include "task/whisper.h"

/* The file of one part: f32 before f16, in onnx/ or beside config.json (transfer full). */
static char *find_file(const char *folder, const char *part, GError **error)
{
    static const char *endings[] = {".onnx", "_fp16.onnx"};
    static const char *places[] = {"onnx", "."};
    for (guint i = 0; i < G_N_ELEMENTS(places); i++)
        for (guint k = 0; k < G_N_ELEMENTS(endings); k++) {
            g_autofree char *name = g_strconcat(part, endings[k], NULL);
            g_autofree char *path = g_build_filename(folder, places[i], name, NULL);
            if (g_file_test(path, G_FILE_TEST_EXISTS))
                return g_steal_pointer(&path);
        }
    fovea_fail(error, FOVEA_ERROR_IO, "%s has neither onnx/%s.onnx nor onnx/%s_fp16.onnx", folder,
               part, part);
    return NULL;
}

static const FoveaIo *find_input(const FoveaModel *model, const char *name)
{
    for (guint i = 0; i < fovea_model_n_inputs(model); i++)
        if (g_str_equal(fovea_model_input(model, i)->name, name))
            return fovea_model_input(model, i);
    return NULL;
}

static gboolean open_models(FoveaTranscriber *t, const FoveaTranscriberParams *params,
                            GError **error)
{
    g_autofree char *encoder = find_file(params->model, "encoder_model", error);
    if (encoder == NULL)
        return FALSE;
    g_autofree char *decoder = find_file(params->model, "decoder_model_merged", error);
    if (decoder == NULL)
        return FALSE;
    t->encoder = fovea_model_open(encoder, params->progress, params->progress_data, error);
    if (t->encoder == NULL)
        return FALSE;
    t->decoder = fovea_model_open(decoder, params->progress, params->progress_data, error);
    return t->decoder != NULL;
}

static FoveaPlan *make_plan(FoveaModel *model, FoveaDevice *device,
                            const FoveaTranscriberParams *params, FoveaPlanParams plan,
                            GError **error)
{
    plan.precision = params->precision;
    plan.progress = params->progress;
    plan.progress_data = params->progress_data;
    plan.cancellable = params->cancellable;
    return fovea_plan_new(model, device, &plan, error);
}

static gboolean plan_encoder(FoveaTranscriber *t, const FoveaTranscriberParams *params,
                             GError **error)
{
    FoveaInputShape shape = {"input_features", 3, {1, t->mel.mels, t->mel.frames}};
    const char *output = "last_hidden_state";
    FoveaPlanParams plan = {.shapes = &shape, .n_shapes = 1, .outputs = &output, .n_outputs = 1};
    t->encode = make_plan(t->encoder, t->device, params, plan, error);
    if (t->encode == NULL)
        return FALSE;
    const FoveaIo *out = fovea_plan_output(t->encode, 0);
    if (out->rank != 3 || out->dims[1] < 1 || out->dims[2] < 1)
        return fovea_fail(error, FOVEA_ERROR_MODEL, "%s gives no positions",
                          fovea_model_path(t->encoder));
    t->positions = out->dims[1];
    t->width = out->dims[2];
    return TRUE;
}

/* How many layers of what size: the caches that the decoder asks for say it. */
static gboolean read_decoder(FoveaTranscriber *t, GError **error)
{
    const FoveaIo *io;
    const char *path = fovea_model_path(t->decoder);
    for (t->layers = 0;; t->layers++) {
        g_autofree char *name = g_strdup_printf("past_key_values.%u.decoder.key", t->layers);
        if ((io = find_input(t->decoder, name)) == NULL)
            break;
        if (io->rank != 4 || io->dims[1] < 1 || io->dims[3] < 1)
            return fovea_fail(error, FOVEA_ERROR_MODEL, "%s does not say the size of %s", path,
                              name);
        t->heads = io->dims[1];
        t->head_size = io->dims[3];
    }
    if (t->layers == 0 || t->layers > FOVEA_WHISPER_LAYERS ||
        find_input(t->decoder, "use_cache_branch") == NULL)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED,
                          "%s is no merged decoder (with use_cache_branch and past_key_values)",
                          path);
    return TRUE;
}

/* What the two plans of the decoder say about its inputs and outputs. */
typedef struct Branch {
    GArray *shapes;     /* FoveaInputShape */
    GPtrArray *outputs; /* names */
    GPtrArray *names;   /* owned strings of both */
} Branch;

static const char *keep(Branch *b, char *name)
{
    g_ptr_array_add(b->names, name);
    return name;
}

static void add_shape(Branch *b, const char *name, guint rank, const gint64 *dims)
{
    FoveaInputShape shape = {.name = name, .rank = rank};
    memcpy(shape.dims, dims, rank * sizeof *dims);
    g_array_append_val(b->shapes, shape);
}

/* Shapes of all caches: self only where `self` is not negative, else it stays bounded. */
static void add_caches(Branch *b, const FoveaTranscriber *t, gint64 self, gint64 cross)
{
    for (guint i = 0; i < t->layers; i++)
        for (guint kind = 0; kind < 4; kind++) {
            gint64 length = kind < 2 ? self : cross;
            const char *name =
                keep(b, g_strdup_printf("past_key_values.%u.%s", i, fovea_whisper_caches[kind]));
            if (length >= 0)
                add_shape(b, name, 4, (gint64[]){1, t->heads, length, t->head_size});
        }
}

static void add_presents(Branch *b, const FoveaTranscriber *t, guint kinds)
{
    for (guint i = 0; i < t->layers; i++)
        for (guint kind = 0; kind < kinds; kind++)
            g_ptr_array_add(
                b->outputs,
                (char *)keep(b, g_strdup_printf("present.%u.%s", i, fovea_whisper_caches[kind])));
}

static FoveaPlan *plan_branch(FoveaTranscriber *t, const FoveaTranscriberParams *params, Branch *b,
                              gboolean cache, const char *bounded, gint64 capacity, GError **error)
{
    FoveaPlan *plan = NULL;
    FoveaBoundedDim bound = {bounded, capacity};
    g_autoptr(FoveaTensor) flag = fovea_tensor_new(FOVEA_DTYPE_BOOL, 1, (gint64[]){1}, error);
    add_shape(b, "encoder_hidden_states", 3, (gint64[]){1, t->positions, t->width});
    if (flag != NULL) {
        *(guint8 *)fovea_tensor_data_mut(flag) = cache;
        FoveaInputValue value = {"use_cache_branch", flag, TRUE};
        FoveaPlanParams p = {
            .shapes = (FoveaInputShape *)(gpointer)b->shapes->data,
            .n_shapes = b->shapes->len,
            .values = &value,
            .n_values = 1,
            .bounded = &bound,
            .n_bounded = 1,
            .outputs = (const char *const *)b->outputs->pdata,
            .n_outputs = b->outputs->len,
        };
        plan = make_plan(t->decoder, t->device, params, p, error);
    }
    g_array_free(b->shapes, TRUE);
    g_ptr_array_free(b->outputs, TRUE);
    g_ptr_array_free(b->names, TRUE);
    return plan;
}

static Branch branch_new(void)
{
    return (Branch){g_array_new(FALSE, TRUE, sizeof(FoveaInputShape)), g_ptr_array_new(),
                    g_ptr_array_new_with_free_func(g_free)};
}

static gboolean plan_decoder(FoveaTranscriber *t, const FoveaTranscriberParams *params,
                             GError **error)
{
    Branch b = branch_new();
    add_caches(&b, t, 0, 0);
    add_presents(&b, t, 4);
    t->prefill = plan_branch(t, params, &b, FALSE, "decoder_sequence_length", t->prefill_most,
                             error);
    if (t->prefill == NULL)
        return FALSE;
    b = branch_new();
    add_shape(&b, "input_ids", 2, (gint64[]){1, 1});
    add_caches(&b, t, -1, t->positions);
    add_presents(&b, t, 2);
    g_ptr_array_add(b.outputs, (char *)"logits");
    t->step = plan_branch(t, params, &b, TRUE, "past_decoder_sequence_length", t->max_tokens,
                          error);
    if (t->step == NULL)
        return FALSE;
    const FoveaIo *logits = fovea_plan_output(t->step, (guint)fovea_plan_n_outputs(t->step) - 1);
    if (logits->rank != 3 || logits->dtype != FOVEA_DTYPE_F32 || logits->dims[1] != 1 ||
        logits->dims[2] < 1 || logits->dims[2] > G_MAXINT32)
        return fovea_fail(error, FOVEA_ERROR_UNSUPPORTED, "%s gives no f32 logits",
                          fovea_model_path(t->decoder));
    t->vocabulary = (guint)logits->dims[2];
    return TRUE;
}

gboolean fovea_whisper_plan(FoveaTranscriber *t, const FoveaTranscriberParams *params,
                            GError **error)
{
    return open_models(t, params, error) && plan_encoder(t, params, error) &&
           read_decoder(t, error) && plan_decoder(t, params, error);
}
