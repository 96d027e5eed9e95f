/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "case.h"
#include "tensor/tensor-internal.h"

const char *shared_folder(void)
{
    static char *folder;
    if (folder == NULL) {
        const char *named = g_getenv("FOVEA_SHARED");
        folder = named ? g_strdup(named)
                       : g_build_filename(FOVEA_SOURCE_ROOT, "..", "shared", NULL);
    }
    return g_file_test(folder, G_FILE_TEST_IS_DIR) ? folder : NULL;
}

static void named_clear(gpointer data)
{
    NamedTensor *named = data;
    g_free(named->name);
    g_clear_pointer(&named->tensor, fovea_tensor_unref);
}

/* A uint8 input that stands for f32: x * mul + add, in f32. */
static FoveaTensor *transform(FoveaTensor *tensor, JsonObject *how, GError **error)
{
    float mul = json_object_get_double_member_with_default(how, "mul", 1);
    float add = json_object_get_double_member_with_default(how, "add", 0);
    FoveaTensor *out = fovea_tensor_convert(tensor, FOVEA_DTYPE_F32, error);
    fovea_tensor_unref(tensor);
    if (out == NULL)
        return NULL;
    float *data = fovea_tensor_data_mut(out);
    for (gsize i = 0; i < fovea_tensor_n_elements(out); i++)
        data[i] = data[i] * mul + add;
    return out;
}

static gboolean load_tensors(const Case *c, JsonObject *files, JsonObject *transforms, GArray *to,
                             GError **error)
{
    JsonObjectIter iter;
    const char *name;
    JsonNode *node;
    json_object_iter_init_ordered(&iter, files);
    while (json_object_iter_next_ordered(&iter, &name, &node)) {
        g_autofree char *path = g_build_filename(c->folder, json_node_get_string(node), NULL);
        FoveaTensor *tensor = fovea_tensor_read_npy(path, error);
        if (tensor && transforms && json_object_has_member(transforms, name))
            tensor = transform(tensor, json_object_get_object_member(transforms, name), error);
        if (tensor == NULL)
            return FALSE;
        NamedTensor named = {g_strdup(name), tensor};
        g_array_append_val(to, named);
    }
    return TRUE;
}

static JsonObject *member(JsonObject *o, const char *name)
{
    return json_object_has_member(o, name) ? json_object_get_object_member(o, name) : NULL;
}

gboolean case_load(Case *c, const char *kind, const char *name, gboolean second, GError **error)
{
    memset(c, 0, sizeof *c);
    c->inputs = g_array_new(FALSE, TRUE, sizeof(NamedTensor));
    c->outputs = g_array_new(FALSE, TRUE, sizeof(NamedTensor));
    g_array_set_clear_func(c->inputs, named_clear);
    g_array_set_clear_func(c->outputs, named_clear);
    c->folder = g_build_filename(shared_folder(), kind, name, NULL);
    g_autofree char *meta = g_build_filename(c->folder, "meta.json", NULL);
    c->parser = json_parser_new();
    if (!json_parser_load_from_file(c->parser, meta, error))
        return FALSE;
    JsonObject *o = json_node_get_object(json_parser_get_root(c->parser));
    /* Goldens name their model from the top of shared/, zoo entries from their own folder. */
    gboolean golden = g_str_equal(kind, "golden");
    c->model = g_build_filename(golden ? shared_folder() : c->folder,
                                json_object_get_string_member(o, "model"), NULL);
    c->atol = json_object_get_double_member_with_default(o, "atol_f32", 0);
    c->rtol = json_object_get_double_member_with_default(o, "rtol_f32", 0);
    c->atol_by_output = member(o, "atol_f32_per_output");
    c->topk_rows = json_object_get_boolean_member_with_default(o, "topk_rows", FALSE);
    JsonObject *run = second ? member(o, "alt") : o;
    return load_tensors(c, member(run, "inputs"), member(o, "input_transform"), c->inputs, error) &&
           load_tensors(c, member(run, "outputs"), NULL, c->outputs, error);
}

void case_clear(Case *c)
{
    g_clear_pointer(&c->inputs, g_array_unref);
    g_clear_pointer(&c->outputs, g_array_unref);
    g_clear_object(&c->parser);
    g_free(c->folder);
    g_free(c->model);
}

gboolean case_has_second(const Case *c)
{
    return member(json_node_get_object(json_parser_get_root(c->parser)), "alt") != NULL;
}

FoveaTensor *case_output(const Case *c, const char *name)
{
    for (guint i = 0; i < c->outputs->len; i++) {
        const NamedTensor *named = &g_array_index(c->outputs, NamedTensor, i);
        if (g_str_equal(named->name, name))
            return named->tensor;
    }
    return NULL;
}

void case_tolerance(const Case *c, const char *output, FoveaPrecision precision, Tolerance *t)
{
    *t = (Tolerance){.of_range = tolerance_of_range(precision)};
    if (precision != FOVEA_PRECISION_F32)
        return;
    t->atol = c->atol;
    t->rtol = c->rtol;
    if (c->atol_by_output && json_object_has_member(c->atol_by_output, output))
        t->atol = json_object_get_double_member(c->atol_by_output, output);
}

void case_params(const Case *c, FoveaPlanParams *params)
{
    FoveaInputShape *shapes = g_new0(FoveaInputShape, c->inputs->len);
    FoveaInputValue *values = g_new0(FoveaInputValue, c->inputs->len);
    for (guint i = 0; i < c->inputs->len; i++) {
        const NamedTensor *named = &g_array_index(c->inputs, NamedTensor, i);
        shapes[i].name = values[i].name = named->name;
        shapes[i].rank = named->tensor->rank;
        memcpy(shapes[i].dims, named->tensor->dims, sizeof shapes[i].dims);
        values[i].value = named->tensor;
    }
    params->shapes = shapes;
    params->values = values;
    params->n_shapes = params->n_values = c->inputs->len;
}

gboolean case_set_inputs(const Case *c, FoveaSession *session, GError **error)
{
    FoveaPlan *plan = fovea_session_plan(session);
    for (guint i = 0; i < c->inputs->len; i++) {
        const NamedTensor *named = &g_array_index(c->inputs, NamedTensor, i);
        gint index = fovea_plan_find_input(plan, named->name);
        if (index >= 0 && !fovea_session_set_input(session, index, named->tensor, error))
            return FALSE;
    }
    return TRUE;
}

FoveaDevice *open_or_skip(const char *device)
{
    g_autoptr(GError) error = NULL;
    FoveaDevice *opened = fovea_device_open(device, &error);
    if (opened == NULL && !g_str_equal(device, "cpu"))
        g_test_skip(error->message);
    else
        g_assert_no_error(error);
    return opened;
}
