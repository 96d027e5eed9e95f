/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the reader makes of files that make_models.py wrote: functions, branches, external data, old
 * forms, and one sentence for each kind of broken file.
 */
#include <stdio.h>
#include <unistd.h>

#include "onnx/model-internal.h"
#include "ops/op.h"

static void print_value(GString *text, const FoveaValue *value)
{
    g_string_append_c(text, ' ');
    if (value == NULL) {
        g_string_append_c(text, '-');
    } else if (value->constant == NULL) {
        g_string_append(text, value->name);
    } else {
        g_string_append_c(text, '{');
        for (gsize i = 0; i < value->constant->n_elements; i++)
            g_string_append_printf(text, "%s%g", i ? "," : "",
                                   fovea_load_f64(value->dtype, value->constant->data, (gint64)i));
        g_string_append_c(text, '}');
    }
}

/* "Op out < in in; ..." with constants by value, subgraphs in brackets. */
static void print_graph(GString *text, const FoveaGraph *graph)
{
    for (const FoveaNode *node = graph->first; node != NULL; node = node->next) {
        g_string_append(text, node->op->name);
        for (guint i = 0; i < node->n_out; i++)
            print_value(text, node->out[i]);
        g_string_append(text, " <");
        for (guint i = 0; i < node->n_in; i++)
            print_value(text, node->in[i]);
        for (guint i = 0; i < node->n_attrs; i++) {
            const FoveaAttr *attr = &node->attrs[i];
            if (attr->type == FOVEA_ATTR_FLOAT)
                g_string_append_printf(text, " %s=%g", attr->name, attr->f);
            if (attr->type == FOVEA_ATTR_INT)
                g_string_append_printf(text, " %s=%d", attr->name, (int)attr->i);
            if (attr->type == FOVEA_ATTR_GRAPH) {
                g_string_append_printf(text, " %s=[", attr->name);
                print_graph(text, attr->graph);
                g_string_append_c(text, ']');
            }
        }
        g_string_append(text, "; ");
    }
}

static FoveaModel *open_model(const char *name, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s.onnx", TEST_DATA, name);
    return fovea_model_open(path, NULL, NULL, error);
}

static void assert_reads(const char *name, const char *want)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaModel) model = open_model(name, &error);
    g_assert_no_error(error);
    GString *text = g_string_new(NULL);
    print_graph(text, model->graph);
    g_assert_cmpstr(text->str, ==, want);
    g_string_free(text, TRUE);
}

static void test_functions(void)
{
    assert_reads("functions", "Mul %0.outer/s < x x; LeakyRelu %0.outer/l < x alpha=0.5; "
                              "Add p < %0.outer/s %0.outer/l; "
                              "Mul %2.outer/s < x x; LeakyRelu %2.outer/l < x alpha=0.25; "
                              "Add q < %2.outer/s %2.outer/l; Sub y < p q; ");
}

static void test_branches(void)
{
    assert_reads("branches", "If y < c else_branch=[Add v < x {2,3}; ] "
                             "then_branch=[Mul t < x {2,3}; If u < c else_branch=[Sub e < t x; ] "
                             "then_branch=[Add d < t x; ]; ]; ");
}

static void test_forms(void)
{
    assert_reads("external", "Add y < x {1,2}; ");
    assert_reads("unordered", "Relu a < x; Add b < a x; Mul y < b b; ");
    assert_reads("old_forms",
                 "Clip a < x {-1} {1}; ReduceMean b < a {0} keepdims=1; Softmax s < a axis=-1; "
                 "BatchNormalization m < {1,1} {1,2} {1,2} {1,2} {1,2}; Add y < b s; ");
}

static void test_typed(void)
{
    static const struct {
        const char *name;
        FoveaDtype dtype;
        double low, high;
    } want[] = {
        {"f", FOVEA_DTYPE_F32, 1.5, -2},           {"d", FOVEA_DTYPE_F64, 3, 4},
        {"h", FOVEA_DTYPE_F16, 0.5, 65504},        {"b", FOVEA_DTYPE_BF16, 1, -3},
        {"i8", FOVEA_DTYPE_I8, -128, 127},         {"u8", FOVEA_DTYPE_U8, 0, 255},
        {"i64", FOVEA_DTYPE_I64, -0x1p63, 0x1p63}, {"u32", FOVEA_DTYPE_U32, 0, 4294967295.0},
        {"u64", FOVEA_DTYPE_U64, 0, 0x1p64},       {"bo", FOVEA_DTYPE_BOOL, 1, 0}};
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaModel) model = open_model("typed", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_model_n_parameters(model), ==, 20);
    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        const FoveaValue *value = fovea_graph_find(model->graph, want[i].name);
        g_assert_nonnull(value);
        g_assert_cmpint(value->dtype, ==, want[i].dtype);
        g_assert_cmpfloat(fovea_load_f64(value->dtype, value->constant->data, 0), ==, want[i].low);
        g_assert_cmpfloat(fovea_load_f64(value->dtype, value->constant->data, 1), ==, want[i].high);
    }
}

/* Inputs keep what the file declares; the description is whole. */
static void test_declared(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaModel) model = open_model("old_forms", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_model_n_inputs(model), ==, 1);
    g_assert_cmpuint(fovea_model_n_outputs(model), ==, 1);
    const FoveaIo *in = fovea_model_input(model, 0), *out = fovea_model_output(model, 0);
    g_assert_cmpstr(in->name, ==, "x");
    g_assert_cmpint(in->dtype, ==, FOVEA_DTYPE_F32);
    g_assert_cmpint(in->rank, ==, 1);
    g_assert_cmpint(in->dims[0], ==, 2);
    g_assert_cmpstr(out->name, ==, "y");
    g_autofree char *json = fovea_model_describe(model);
    g_assert_nonnull(strstr(json, "make_models.py"));
    g_assert_nonnull(strstr(json, "\"Softmax\" : 1"));
}

static void test_sentences(void)
{
    static const struct {
        const char *name;
        FoveaError code;
        const char *part;
    } want[] = {
        {"empty", FOVEA_ERROR_MODEL, "is empty"},
        {"text", FOVEA_ERROR_MODEL, "not an ONNX model"},
        {"cut", FOVEA_ERROR_MODEL, "cut short"},
        {"not-there", FOVEA_ERROR_IO, "There is no file"},
        {"cycle", FOVEA_ERROR_MODEL, "cycle"},
        {"twice", FOVEA_ERROR_MODEL, "'y' twice"},
        {"nothing_makes", FOVEA_ERROR_MODEL, "'nowhere', which nothing in the model makes"},
        {"no_output", FOVEA_ERROR_MODEL, "Nothing in the model makes its output 'y'"},
        {"inputs", FOVEA_ERROR_MODEL, "Add 'n': it reads 'y'"},
        {"unknown", FOVEA_ERROR_UNSUPPORTED, "have: Frobnicate (2), com.microsoft.Fused (1)"},
        {"negative", FOVEA_ERROR_MODEL, "impossible shape [2,-3]"},
        {"huge", FOVEA_ERROR_MODEL, "impossible shape"},
        {"short", FOVEA_ERROR_MODEL, "Tensor 'n' should have 12 bytes"},
        {"strings", FOVEA_ERROR_UNSUPPORTED, "ONNX element type 8"},
        {"sequence", FOVEA_ERROR_UNSUPPORTED, "'x' is a sequence"},
        {"sparse", FOVEA_ERROR_UNSUPPORTED, "sparse"},
        {"opset6", FOVEA_ERROR_UNSUPPORTED, "operator set 6"},
        {"no_opset", FOVEA_ERROR_UNSUPPORTED, "ai.onnx.other.Relu (1)"},
        {"nested", FOVEA_ERROR_MODEL, "more than 64 deep"},
        {"function_recursive", FOVEA_ERROR_MODEL, "too deeply"},
        {"function_explode", FOVEA_ERROR_UNSUPPORTED, "more than 32768 nodes"},
        {"external_outside", FOVEA_ERROR_MODEL, "outside of the model's folder"},
        {"external_beyond", FOVEA_ERROR_MODEL, "beyond the end"},
        {"external_missing", FOVEA_ERROR_IO, "is missing"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(want); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(open_model(want[i].name, &error));
        g_test_message("%s: %s", want[i].name, error->message);
        g_assert_error(error, FOVEA_ERROR, (gint)want[i].code);
        if (strstr(error->message, want[i].part) == NULL)
            g_assert_cmpstr(error->message, ==, want[i].part);
    }
}

/* A link that leaves the folder is no way out either. */
static void test_link(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *folder = g_dir_make_tmp("fovea-XXXXXX", &error), *bytes = NULL;
    gsize size;
    g_assert_no_error(error);
    g_autofree char *link = g_build_filename(folder, "weights.bin", NULL);
    g_autofree char *copy = g_build_filename(folder, "external.onnx", NULL);
    g_assert_true(g_file_get_contents(TEST_DATA "/external.onnx", &bytes, &size, NULL));
    g_assert_true(g_file_set_contents(copy, bytes, (gssize)size, NULL));
    g_assert_cmpint(symlink(TEST_DATA "/weights.bin", link), ==, 0);
    g_assert_null(fovea_model_open(copy, NULL, NULL, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_MODEL);
    g_assert_nonnull(strstr(error->message, "outside"));
    g_assert_cmpint(remove(link), ==, 0);
    g_clear_error(&error);
    /* A folder is a model when it holds one file. */
    g_assert_true(g_file_get_contents(TEST_DATA "/typed.onnx", &bytes, &size, NULL));
    g_assert_true(g_file_set_contents(copy, bytes, (gssize)size, NULL));
    g_autoptr(FoveaModel) model = fovea_model_open(folder, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(fovea_model_path(model), ==, copy);
    g_assert_cmpint(remove(copy), ==, 0);
    g_assert_null(fovea_model_open(folder, NULL, NULL, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_IO);
    g_assert_cmpint(remove(folder), ==, 0);
}

/* Opening says NO_MEMORY at whichever allocation fails, and leaks nothing (run under ASan). */
static void test_no_memory(void)
{
    static const char *const names[] = {"functions", "branches", "typed", "old_forms", "external"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        fovea_alloc_fail_after(-1);
        fovea_model_unref(open_model(names[i], NULL));
        guint n = fovea_alloc_fail_after(-1);
        g_assert_cmpuint(n, >, 0);
        for (guint k = 0; k < n; k++) {
            g_autoptr(GError) error = NULL;
            fovea_alloc_fail_after((gint)k);
            g_assert_null(open_model(names[i], &error));
            g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
        }
        fovea_alloc_fail_after(-1);
    }
}

static void count_progress(const char *stage, double fraction, gpointer data)
{
    double *last = data;
    g_assert_cmpstr(stage, ==, "read");
    g_assert_cmpfloat(fraction, >=, *last);
    g_assert_cmpfloat(fraction, <=, 1);
    *last = fraction;
}

static void test_progress(void)
{
    g_autoptr(GError) error = NULL;
    double last = 0;
    g_autoptr(FoveaModel)
        model = fovea_model_open(TEST_DATA "/functions.onnx", count_progress, &last, &error);
    g_assert_no_error(error);
    g_assert_nonnull(model);
    g_assert_cmpfloat(last, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/onnx/reader/functions", test_functions);
    g_test_add_func("/onnx/reader/branches", test_branches);
    g_test_add_func("/onnx/reader/forms", test_forms);
    g_test_add_func("/onnx/reader/typed", test_typed);
    g_test_add_func("/onnx/reader/declared", test_declared);
    g_test_add_func("/onnx/reader/sentences", test_sentences);
    g_test_add_func("/onnx/reader/link", test_link);
    g_test_add_func("/onnx/reader/no-memory", test_no_memory);
    g_test_add_func("/onnx/reader/progress", test_progress);
    return g_test_run();
}
