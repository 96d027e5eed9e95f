/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The `fovea` command from outside: names, flags, JSON keys and exit statuses as INTERFACES.md fixes
 * them. The program's path is in FOVEA_COMMAND.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <sys/wait.h>

#include "case.h"
#include "tensor/tensor-internal.h"

static char *folder;

typedef struct Said {
    char *out, *err;
    int status;
} Said;

static void said_clear(Said *said)
{
    g_free(said->out);
    g_free(said->err);
}

/* Runs `fovea` with these arguments, NULL at the end. */
static Said fovea(const char *first, ...) G_GNUC_NULL_TERMINATED;
static Said fovea(const char *first, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    GError *error = NULL;
    Said said;
    int wait;
    va_list args;
    g_ptr_array_add(argv, (char *)g_getenv("FOVEA_COMMAND"));
    va_start(args, first);
    for (const char *arg = first; arg; arg = va_arg(args, const char *))
        g_ptr_array_add(argv, (char *)arg);
    va_end(args);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &said.out,
                 &said.err, &wait, &error);
    g_assert_no_error(error);
    g_assert_true(WIFEXITED(wait)); /* never a signal */
    said.status = WEXITSTATUS(wait);
    return said;
}

/* It failed as it should: status 1, nothing on stdout, one line on stderr that has these words. */
static void expect_failure(Said said, const char *words)
{
    g_assert_cmpint(said.status, ==, 1);
    g_assert_cmpstr(said.out, ==, "");
    if (!g_str_has_prefix(said.err, "fovea: ") || strstr(said.err, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", said.err, words);
    g_assert_true(strchr(said.err, '\n') == said.err + strlen(said.err) - 1);
    said_clear(&said);
}

static JsonNode *expect_json(Said said)
{
    GError *error = NULL;
    g_assert_cmpstr(said.err, ==, "");
    g_assert_cmpint(said.status, ==, 0);
    JsonNode *node = json_from_string(said.out, &error);
    g_assert_no_error(error);
    said_clear(&said);
    return node;
}

static void test_manners(void)
{
    Said said = fovea("--help", NULL);
    g_assert_cmpint(said.status, ==, 0);
    static const char *commands[] = {"bench", "detect", "devices", "inspect",
                                     "op",    "ops",    "run",     "selftest"};
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_assert_nonnull(strstr(said.out, commands[i]));
        Said help = fovea(commands[i], "--help", NULL);
        g_assert_cmpint(help.status, ==, 0);
        g_assert_cmpuint(strlen(help.out), >, 200);
        said_clear(&help);
        expect_failure(fovea(commands[i], "--no-such-option", NULL), "--no-such-option");
    }
    said_clear(&said);
    said = fovea("--version", NULL);
    g_assert_true(g_str_has_prefix(said.out, "fovea 0."));
    said_clear(&said);
    expect_failure(fovea("frobnicate", NULL), "frobnicate");
    expect_failure(fovea("run", "/nowhere/model.onnx", "--output", folder, NULL), "/nowhere");
    expect_failure(fovea("run", "model.onnx", NULL), "--output");
    expect_failure(fovea("bench", NULL), "model");
    expect_failure(fovea("bench", "x", "--device=toaster", NULL), "toaster");
    expect_failure(fovea("bench", "x", "--precision=f17", NULL), "f17");
    expect_failure(fovea("bench", "x", "--runs=0", NULL), "--runs");
    expect_failure(fovea("detect", NULL), "picture");
    expect_failure(fovea("detect", "x.jpg", "--threshold=7", NULL), "--threshold");
    expect_failure(fovea("op", "NoSuchOp", "--output", folder, NULL), "NoSuchOp");
}

static void test_devices(void)
{
    g_autoptr(JsonNode) node = expect_json(fovea("devices", "--json", NULL));
    JsonArray *devices = json_node_get_array(node);
    g_assert_cmpuint(json_array_get_length(devices), >=, 1);
    JsonObject *cpu = json_array_get_object_element(devices, 0);
    g_assert_cmpstr(json_object_get_string_member(cpu, "device"), ==, "cpu");
    g_assert_cmpint(json_object_get_int_member(cpu, "threads"), >=, 1);
}

static void test_ops(void)
{
    g_autoptr(JsonNode) node = expect_json(fovea("ops", "--json", NULL));
    JsonArray *ops = json_node_get_array(node);
    gboolean conv = FALSE;
    guint on_vulkan = 0;
    for (guint i = 0; i < json_array_get_length(ops); i++) {
        JsonObject *o = json_array_get_object_element(ops, i);
        g_assert_nonnull(json_object_get_string_member(o, "kind"));
        g_assert_nonnull(json_object_get_array_member(o, "systems"));
        JsonArray *devices = json_object_get_array_member(o, "devices");
        g_assert_nonnull(devices);
        for (guint k = 0; k < json_array_get_length(devices); k++)
            on_vulkan += g_str_equal(json_array_get_string_element(devices, k), "vulkan");
        conv |= g_str_equal(json_object_get_string_member(o, "name"), "Conv");
    }
    g_assert_true(conv);
#ifdef FOVEA_HAVE_VULKAN
    g_assert_cmpuint(on_vulkan, >, 100);
#else
    g_assert_cmpuint(on_vulkan, ==, 0);
#endif
}

static FoveaTensor *write_npy(const char *path, guint rank, const gint64 *dims)
{
    FoveaTensor *t = fovea_tensor_new(FOVEA_DTYPE_F32, rank, dims, NULL);
    float *data = fovea_tensor_data_mut(t);
    for (gsize i = 0; i < fovea_tensor_n_elements(t); i++)
        data[i] = (float)(i % 7) - 3;
    g_assert_true(fovea_tensor_write_npy(t, path, NULL));
    return t;
}

static void test_op(void)
{
    g_autofree char *in = g_build_filename(folder, "x.npy", NULL);
    g_autofree char *out = g_build_filename(folder, "op", NULL);
    g_autofree char *result = g_build_filename(out, "out0.npy", NULL);
    g_autofree char *input = g_strdup_printf("0=%s", in);
    g_autofree char *second = g_strdup_printf("B=%s", in);
    g_autoptr(FoveaTensor) x = write_npy(in, 2, (gint64[]){3, 5});
    Said said = fovea("op", "Softmax", "--attr", "axis=0", "--input", input, "--output", out, NULL);
    g_assert_cmpstr(said.err, ==, "");
    g_assert_cmpint(said.status, ==, 0);
    said_clear(&said);
    g_autoptr(FoveaTensor) y = fovea_tensor_read_npy(result, NULL);
    const float *p = fovea_tensor_data(y), *q = fovea_tensor_data(x);
    for (guint c = 0; c < 5; c++) {
        g_assert_cmpfloat_with_epsilon(p[c] + p[5 + c] + p[10 + c], 1, 1e-5);
        g_assert_cmpfloat_with_epsilon(p[5 + c] / p[c], exp(q[5 + c] - q[c]), 1e-3);
    }
    said = fovea("op", "Add", "--input", input, "--input", second, "--output", out, NULL);
    g_assert_cmpint(said.status, ==, 0);
    said_clear(&said);
    g_autoptr(FoveaTensor) z = fovea_tensor_read_npy(result, NULL);
    g_assert_cmpfloat(((const float *)fovea_tensor_data(z))[6], ==, 2 * q[6]);
}

static char *zoo_model(const char *name)
{
    return g_build_filename(shared_folder(), "zoo", name, "model.onnx", NULL);
}

static void test_run(void)
{
    g_autofree char *model = zoo_model("vit_cls"), *out = g_build_filename(folder, "run", NULL);
    g_autofree char *input = g_strdup_printf("image=%s/zoo/vit_cls/in_image.npy", shared_folder());
    expect_failure(fovea("run", model, "--output", out, NULL), "image (f32 [");
    expect_failure(fovea("run", model, "--input", "image=/nowhere.npy", "--output", out, NULL),
                   "/nowhere.npy");
    expect_failure(fovea("run", model, "--input", "picture=x.npy", "--output", out, NULL),
                   "no input \"picture\"");
    expect_failure(fovea("run", model, "--shape", "image=1xx3", "--output", out, NULL), "--shape");
    expect_failure(fovea("run", model, "--input", input, "--output", "/proc/none", NULL),
                   "/proc/none");
    Said said = fovea("run", model, "--device=cpu", "--input", input, "--output", out, NULL);
    g_assert_cmpstr(said.err, ==, "");
    g_assert_cmpint(said.status, ==, 0);
    said_clear(&said);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *got = g_strdup_printf("%s/out%u.npy", out, i);
        g_autofree char *want = g_strdup_printf("%s/zoo/vit_cls/out_out%u.npy", shared_folder(), i);
        g_autoptr(FoveaTensor) a = fovea_tensor_read_npy(want, NULL);
        g_autoptr(FoveaTensor) b = fovea_tensor_read_npy(got, NULL);
        Comparison c = {0};
        g_assert_nonnull(b);
        compare_tensors(&c, "out", a, b, &(Tolerance){.of_range = 2e-3});
        g_assert_cmpstr(c.failure, ==, NULL);
    }
}

/* A value inside the graph by name; '/' becomes '_' in the file's name. */
static void test_run_cut(void)
{
    g_autofree char *model = zoo_model("deformable_detr");
    g_autofree char *out = g_build_filename(folder, "cut", NULL);
    g_autofree char *file = g_build_filename(out, "_m_model_Gather_34_output_0.npy", NULL);
    Said said = fovea("run", model, "--shape", "pixel_values=1x3x96x128", "--outputs",
                      "/m/model/Gather_34_output_0", "--output", out, NULL);
    g_assert_cmpstr(said.err, ==, "");
    said_clear(&said);
    g_autoptr(FoveaTensor) t = fovea_tensor_read_npy(file, NULL);
    g_assert_nonnull(t);
    g_assert_cmpuint(fovea_tensor_n_elements(t), ==, 256);
    expect_failure(fovea("run", model, "--shape", "pixel_values=1x3x96x128", "--outputs",
                         "no_such_value", "--output", out, NULL),
                   "no_such_value");
}

static void test_bench(void)
{
    static const char *numbers[] = {"median_ms",      "p95_ms", "min_ms", "peak_bytes",
                                    "fallback_nodes", "nodes",  "steps"};
    g_autofree char *model = zoo_model("vit_cls");
    g_autoptr(JsonNode) node = expect_json(fovea("bench", model, "--device=cpu", "--shape",
                                                 "image=1x3x72x72", "--runs", "3", "--json", NULL));
    JsonObject *o = json_node_get_object(node);
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        g_assert_true(json_object_has_member(o, numbers[i]));
    g_assert_cmpstr(json_object_get_string_member(o, "device"), ==, "cpu");
    g_assert_cmpfloat(json_object_get_double_member(o, "min_ms"), >, 0);
    g_assert_cmpfloat(json_object_get_double_member(o, "min_ms"), <=,
                      json_object_get_double_member(o, "median_ms"));
    g_assert_cmpint(json_object_get_int_member(o, "peak_bytes"), >, 100000);
}

static void test_inspect(void)
{
    static const char *members[] = {"inputs",    "outputs", "parameters",
                                    "attention", "passes",  "operators_after"};
    g_autofree char *model = g_build_filename(shared_folder(), "models", "deimv2",
                                              "deimv2_hgnetv2_atto_coco.onnx", NULL);
    g_autoptr(JsonNode) node = expect_json(fovea("inspect", model, "--device=cpu", "--json", NULL));
    JsonObject *o = json_node_get_object(node);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++)
        if (!json_object_has_member(o, members[i]))
            g_error("inspect --json has no %s", members[i]);
    JsonObject *attention = json_object_get_object_member(o, "attention");
    g_assert_cmpint(json_object_get_int_member(attention, "self"), ==, 3);
    g_assert_cmpint(json_object_get_int_member(attention, "deformable"), ==, 3);
    JsonObject *cpu = json_object_get_object_member(json_object_get_object_member(o, "devices"),
                                                    "cpu");
    g_assert_cmpuint(
        json_array_get_length(json_object_get_array_member(cpu, "nodes_without_kernel")), ==, 0);
    Said said = fovea("inspect", model, "--device=cpu", NULL);
    g_assert_cmpint(said.status, ==, 0);
    g_assert_nonnull(strstr(said.out, "deformable: 3"));
    said_clear(&said);
}

static void test_detect(void)
{
    g_autofree char *model = g_build_filename(shared_folder(), "models", "deimv2",
                                              "deimv2_hgnetv2_atto_coco.onnx", NULL);
    g_autofree char *photo = g_build_filename(shared_folder(), "media", "photos", "traffic_bus.jpg",
                                              NULL);
    g_autofree char *drawn = g_build_filename(folder, "drawn.png", NULL);
    g_autoptr(JsonNode) node = expect_json(
        fovea("detect", photo, "--model", model, "-o", drawn, "--classes", "bus", "--json", NULL));
    JsonObject *o = json_node_get_object(node);
    JsonArray *found = json_object_get_array_member(o, "detections");
    g_assert_cmpint(json_object_get_int_member(o, "width"), ==, 640);
    g_assert_cmpuint(json_array_get_length(found), >, 0);
    for (guint i = 0; i < json_array_get_length(found); i++) {
        JsonObject *d = json_array_get_object_element(found, i);
        JsonArray *box = json_object_get_array_member(d, "box");
        g_assert_cmpstr(json_object_get_string_member(d, "label"), ==, "bus");
        g_assert_cmpint(json_object_get_int_member(d, "label_id"), ==, 5);
        g_assert_cmpfloat(json_object_get_double_member(d, "score"), >=, 0.5);
        g_assert_cmpuint(json_array_get_length(box), ==, 4);
        g_assert_cmpfloat(json_array_get_double_element(box, 2), <=, 640);
    }
    g_assert_true(g_file_test(drawn, G_FILE_TEST_EXISTS));
    expect_failure(fovea("detect", "/nowhere.jpg", "--model", model, NULL), "/nowhere.jpg");
    expect_failure(fovea("detect", photo, "--model", model, "--classes=unicorn", NULL), "unicorn");
}

static void remove_folder(const char *path)
{
    GDir *dir = g_dir_open(path, 0, NULL);
    for (const char *name; dir && (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (g_file_test(file, G_FILE_TEST_IS_DIR))
            remove_folder(file);
        else
            g_unlink(file);
    }
    g_clear_pointer(&dir, g_dir_close);
    g_rmdir(path);
}

static void test_no_shared(void)
{
    g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("fovea-XXXXXX", NULL);
    g_test_add_func("/command/manners", test_manners);
    g_test_add_func("/command/devices", test_devices);
    g_test_add_func("/command/ops", test_ops);
    g_test_add_func("/command/op", test_op);
    if (shared_folder() == NULL) {
        g_test_add_func("/command/models", test_no_shared);
    } else {
        g_test_add_func("/command/run", test_run);
        g_test_add_func("/command/run-cut", test_run_cut);
        g_test_add_func("/command/bench", test_bench);
        g_test_add_func("/command/inspect", test_inspect);
        g_test_add_func("/command/detect", test_detect);
    }
    int status = g_test_run();
    remove_folder(folder);
    return status;
}
