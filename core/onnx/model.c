/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * onnx/model.c: FoveaModel: opening files and folders, and what the file says of itself.
 */
#include <json-glib/json-glib.h>

#include "onnx/build.h"
#include "graph/plan-internal.h"
#include "onnx/model-internal.h"

/* The only .onnx file of a folder, or NULL. */
static char *only_onnx(const char *folder, guint *n)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    char *found = NULL;
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        if (!g_str_has_suffix(name, ".onnx"))
            continue;
        ++*n;
        if (found == NULL)
            found = g_build_filename(folder, name, NULL);
    }
    g_clear_pointer(&dir, g_dir_close);
    if (*n != 1)
        g_clear_pointer(&found, g_free);
    return found;
}

/* Which file of a model folder is the model: model.onnx here or in onnx/, else the only one. */
static char *find_in_folder(const char *folder, GError **error)
{
    guint n = 0;
    char *inner = g_build_filename(folder, "onnx", NULL), *path;
    path = g_build_filename(folder, "model.onnx", NULL);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_free(path);
        path = g_build_filename(inner, "model.onnx", NULL);
    }
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_free(path);
        path = only_onnx(folder, &n);
        if (path == NULL && n == 0)
            path = only_onnx(inner, &n);
    }
    g_free(inner);
    if (path == NULL && n == 0)
        fovea_fail(error, FOVEA_ERROR_IO, "The folder '%s' holds no .onnx file", folder);
    else if (path == NULL)
        fovea_fail(error, FOVEA_ERROR_IO,
                   "The folder '%s' holds %u .onnx files and no model.onnx: name one of them",
                   folder, n);
    return path;
}

/* Of a file x/onnx/y.onnx the model's folder is x, as on the Hugging Face hub. */
static char *folder_of(const char *path)
{
    char *folder = g_path_get_dirname(path), *base = g_path_get_basename(folder);
    if (g_str_equal(base, "onnx")) {
        char *outer = g_path_get_dirname(folder);
        char *config = g_build_filename(outer, "config.json", NULL);
        if (g_file_test(config, G_FILE_TEST_EXISTS)) {
            g_free(folder);
            folder = g_strdup(outer);
        }
        g_free(config);
        g_free(outer);
    }
    g_free(base);
    return folder;
}

static void describe_io(FoveaIo *io, const FoveaValue *value)
{
    io->name = value->name;
    io->dtype = value->dtype;
    io->rank = value->rank;
    for (gint i = 0; i < value->rank; i++) {
        io->dims[i] = fovea_dim_is_const(value->dims[i]) ? value->dims[i].c : -1;
        io->dim_names[i] = value->dim_names[i];
    }
}

/* Outputs: the file's own declaration, for the graph's values know nothing yet. */
static void describe_output(FoveaModel *model, FoveaIo *io, const FoveaValue *value,
                            const OnnxValueInfo *info)
{
    io->name = value->name;
    io->dtype = info->dtype > 0 && info->dtype < 64 && fovea_dtype_size((FoveaDtype)info->dtype) > 0
                    ? (FoveaDtype)info->dtype
                    : FOVEA_DTYPE_NONE;
    io->rank = info->has_shape && info->rank <= FOVEA_MAX_RANK ? (gint)info->rank : -1;
    for (gint i = 0; i < io->rank; i++) {
        io->dims[i] = MAX(info->dims[i].value, -1);
        if (*info->dims[i].param != '\0')
            io->dim_names[i] = fovea_graph_intern(model->graph, info->dims[i].param);
    }
}

static void count_parameters(FoveaModel *model, const OnnxModel *onnx)
{
    for (guint i = 0; i < onnx->graph.n_inits; i++) {
        gint64 count;
        const OnnxTensor *init = &onnx->graph.inits[i];
        if (fovea_shape_count(init->rank, init->dims, &count))
            model->n_parameters += (guint64)count;
    }
}

static void fill_io(FoveaModel *model, const OnnxModel *onnx)
{
    FoveaGraph *graph = model->graph;
    GHashTableIter iter;
    gpointer count;
    model->n_inputs = graph->inputs->len;
    model->n_outputs = graph->outputs->len;
    model->inputs = g_new0(FoveaIo, model->n_inputs);
    model->outputs = g_new0(FoveaIo, model->n_outputs);
    for (guint i = 0; i < model->n_inputs; i++)
        describe_io(&model->inputs[i], g_ptr_array_index(graph->inputs, i));
    for (guint i = 0; i < model->n_outputs; i++)
        describe_output(model, &model->outputs[i], g_ptr_array_index(graph->outputs, i),
                        &onnx->graph.outputs[i]);
    g_hash_table_iter_init(&iter, model->op_counts);
    while (g_hash_table_iter_next(&iter, NULL, &count))
        model->n_nodes += GPOINTER_TO_UINT(count);
    model->ir_version = onnx->ir_version;
    model->opset = graph->opset;
    model->producer = g_strdup(onnx->producer);
}

FoveaModel *fovea_model_from_bytes(GBytes *bytes, const char *path, const char *folder,
                                   FoveaProgressFunc progress, gpointer progress_data,
                                   GError **error)
{
    FoveaSpan file;
    OnnxSource source = {.bytes = bytes, .folder = folder};
    file.data = g_bytes_get_data(bytes, &file.size);
    g_autoptr(OnnxModel) onnx = fovea_onnx_parse(file, error);
    if (onnx == NULL)
        return NULL;
    if (progress != NULL)
        progress("read", 0.5, progress_data);
    FoveaModel *model = g_new0(FoveaModel, 1);
    g_atomic_ref_count_init(&model->refs);
    g_mutex_init(&model->lock);
    model->bytes = g_bytes_ref(bytes);
    model->path = g_strdup(path);
    model->folder = folder_of(path);
    model->op_counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    model->graph = fovea_onnx_build(onnx, &source, model->op_counts, progress, progress_data,
                                    error);
    g_clear_pointer(&source.external, g_hash_table_unref);
    if (model->graph == NULL) {
        fovea_model_unref(model);
        return NULL;
    }
    fill_io(model, onnx);
    count_parameters(model, onnx);
    if (progress != NULL)
        progress("read", 1, progress_data);
    return model;
}

static GBytes *map_file(const char *path, GError **error)
{
    GError *why = NULL;
    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        fovea_fail(error, FOVEA_ERROR_IO, "There is no file '%s'", path);
    else if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        fovea_fail(error, FOVEA_ERROR_IO, "'%s' is not a plain file", path);
    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return NULL;
    GMappedFile *file = g_mapped_file_new(path, FALSE, &why);
    if (file == NULL) {
        fovea_fail(error, FOVEA_ERROR_IO, "The model cannot be read: %s", why->message);
        g_error_free(why);
        return NULL;
    }
    GBytes *bytes = g_mapped_file_get_bytes(file);
    g_mapped_file_unref(file);
    if (g_bytes_get_size(bytes) > 0)
        return bytes;
    fovea_fail(error, FOVEA_ERROR_MODEL, "The model file '%s' is empty", path);
    g_bytes_unref(bytes);
    return NULL;
}

char *fovea_model_find_file(const char *path, GError **error)
{
    return g_file_test(path, G_FILE_TEST_IS_DIR) ? find_in_folder(path, error) : g_strdup(path);
}

FoveaModel *fovea_model_open(const char *path, FoveaProgressFunc progress, gpointer progress_data,
                             GError **error)
{
    GError *why = NULL;
    g_autofree char *file = fovea_model_find_file(path, error);
    if (file == NULL)
        return NULL;
    GBytes *bytes = map_file(file, error);
    if (bytes == NULL)
        return NULL;
    g_autofree char *beside = g_path_get_dirname(file);
    FoveaModel *model = fovea_model_from_bytes(bytes, file, beside, progress, progress_data, &why);
    g_bytes_unref(bytes);
    if (model == NULL) {
        fovea_fail(error, (FoveaError)why->code, "%s: %s", file, why->message);
        g_error_free(why);
    }
    return model;
}

FoveaModel *fovea_model_ref(FoveaModel *model)
{
    g_atomic_ref_count_inc(&model->refs);
    return model;
}

void fovea_model_unref(FoveaModel *model)
{
    if (model == NULL || !g_atomic_ref_count_dec(&model->refs))
        return;
    if (model->attached_free != NULL)
        model->attached_free(model->attached);
    fovea_graph_free(model->graph);
    g_hash_table_unref(model->op_counts);
    g_bytes_unref(model->bytes);
    g_mutex_clear(&model->lock);
    g_free(model->inputs);
    g_free(model->outputs);
    g_free(model->producer);
    g_free(model->path);
    g_free(model->folder);
    g_free(model);
}

const char *fovea_model_path(const FoveaModel *model)
{
    return model->path;
}

guint fovea_model_n_inputs(const FoveaModel *model)
{
    return model->n_inputs;
}

const FoveaIo *fovea_model_input(const FoveaModel *model, guint index)
{
    return index < model->n_inputs ? &model->inputs[index] : NULL;
}

guint fovea_model_n_outputs(const FoveaModel *model)
{
    return model->n_outputs;
}

const FoveaIo *fovea_model_output(const FoveaModel *model, guint index)
{
    return index < model->n_outputs ? &model->outputs[index] : NULL;
}

guint64 fovea_model_n_parameters(const FoveaModel *model)
{
    return model->n_parameters;
}

/* ---- describe ---- */

static void add_io(JsonBuilder *json, const char *member, const FoveaIo *io, guint n)
{
    json_builder_set_member_name(json, member);
    json_builder_begin_array(json);
    for (guint i = 0; i < n; i++) {
        json_builder_begin_object(json);
        json_builder_set_member_name(json, "name");
        json_builder_add_string_value(json, io[i].name);
        json_builder_set_member_name(json, "dtype");
        json_builder_add_string_value(json, fovea_dtype_name(io[i].dtype));
        json_builder_set_member_name(json, "shape");
        if (io[i].rank < 0)
            json_builder_add_null_value(json);
        else
            json_builder_begin_array(json);
        for (gint k = 0; k < io[i].rank; k++) {
            if (io[i].dims[k] >= 0)
                json_builder_add_int_value(json, io[i].dims[k]);
            else
                json_builder_add_string_value(json, io[i].dim_names[k] ? io[i].dim_names[k] : "?");
        }
        if (io[i].rank >= 0)
            json_builder_end_array(json);
        json_builder_end_object(json);
    }
    json_builder_end_array(json);
}

static void add_ops(JsonBuilder *json, GHashTable *counts)
{
    GList *names = g_list_sort(g_hash_table_get_keys(counts), (GCompareFunc)strcmp);
    json_builder_set_member_name(json, "operators");
    json_builder_begin_object(json);
    for (GList *l = names; l != NULL; l = l->next) {
        json_builder_set_member_name(json, l->data);
        json_builder_add_int_value(json, GPOINTER_TO_UINT(g_hash_table_lookup(counts, l->data)));
    }
    json_builder_end_object(json);
    g_list_free(names);
}

char *fovea_model_describe(const FoveaModel *model)
{
    g_autoptr(JsonBuilder) json = json_builder_new();
    json_builder_begin_object(json);
    json_builder_set_member_name(json, "path");
    json_builder_add_string_value(json, model->path);
    json_builder_set_member_name(json, "producer");
    json_builder_add_string_value(json, model->producer);
    json_builder_set_member_name(json, "ir_version");
    json_builder_add_int_value(json, model->ir_version);
    json_builder_set_member_name(json, "opset");
    json_builder_add_int_value(json, model->opset);
    json_builder_set_member_name(json, "parameters");
    json_builder_add_int_value(json, (gint64)model->n_parameters);
    json_builder_set_member_name(json, "nodes");
    json_builder_add_int_value(json, model->n_nodes);
    add_io(json, "inputs", model->inputs, model->n_inputs);
    add_io(json, "outputs", model->outputs, model->n_outputs);
    add_ops(json, model->op_counts);
    json_builder_end_object(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    return json_to_string(root, TRUE);
}

const FoveaGraph *fovea_model_graph(const FoveaModel *model)
{
    return model->graph;
}
