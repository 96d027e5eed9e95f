/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What operators do to how far a network looks: small graphs, each held against the truth.
 */
#include "onnx/model-internal.h"
#include "ops/op.h"
#include "graph/plan-internal.h"
#include "truth.h"

#define INTS(...) ((const gint64[]){__VA_ARGS__}), G_N_ELEMENTS(((const gint64[]){__VA_ARGS__}))

/* ---- building ---- */

typedef struct Net {
    FoveaGraph *graph;
    FoveaValue *at; /* what has been made so far */
} Net;

static Net net_new(void)
{
    Net n = {fovea_graph_new(), NULL};
    n.graph->opset = 18;
    n.at = fovea_graph_add_value(n.graph, "input");
    n.at->dtype = FOVEA_DTYPE_F32;
    n.at->rank = 4;
    n.at->dims[0] = fovea_dim(1);
    n.at->dims[1] = fovea_dim(3);
    n.at->dims[2] = n.at->dims[3] = fovea_dim(-1);
    fovea_graph_add_input(n.graph, n.at);
    return n;
}

static FoveaNode *node(Net *n, const char *op, FoveaValue *const *in, guint n_in)
{
    FoveaValue *out = fovea_graph_add_value(n->graph, NULL);
    const FoveaOp *found = fovea_op_find(op);
    g_assert_nonnull(found);
    return fovea_graph_add_node(n->graph, found, op, in, n_in, &out, 1, NULL);
}

/* One more node on what has been made; b may be NULL. */
static FoveaNode *then(Net *n, const char *op, FoveaValue *b)
{
    FoveaValue *in[] = {n->at, b};
    FoveaNode *made = node(n, op, in, b != NULL ? 2 : 1);
    n->at = made->out[0];
    return made;
}

static FoveaValue *floats(Net *n, const gint64 *dims, guint rank)
{
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_F32, rank, dims, NULL);
    float *values = fovea_tensor_data_mut(tensor);
    for (gsize i = 0; i < fovea_tensor_n_elements(tensor); i++)
        values[i] = 0.3f + 0.1f * (float)((i * 7) % 5);
    return fovea_graph_add_constant(n->graph, NULL, tensor);
}

static FoveaValue *ints(Net *n, const gint64 *values, guint count)
{
    const gint64 dims[] = {count};
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, NULL);
    memcpy(fovea_tensor_data_mut(tensor), values, count * sizeof *values);
    return fovea_graph_add_constant(n->graph, NULL, tensor);
}

/* Channels to channels, kernel height x width. */
static FoveaNode *conv(Net *n, gint64 from, gint64 to, gint64 height, gint64 width)
{
    return then(n, "Conv", floats(n, INTS(to, from, height, width)));
}

static void resize(Net *n, const char *mode, float factor)
{
    const gint64 dims[] = {4};
    g_autoptr(FoveaTensor) scales = fovea_tensor_new(FOVEA_DTYPE_F32, 1, dims, NULL);
    float *values = fovea_tensor_data_mut(scales);
    values[0] = values[1] = 1;
    values[2] = values[3] = factor;
    FoveaValue *in[] = {n->at, NULL, fovea_graph_add_constant(n->graph, NULL, scales)};
    FoveaNode *made = node(n, "Resize", in, 3);
    fovea_node_set_string(made, "mode", mode);
    n->at = made->out[0];
}

static void slice(Net *n, FoveaValue *from, gint64 axis, gint64 begin, gint64 end)
{
    FoveaValue *in[] = {from, ints(n, INTS(begin)), ints(n, INTS(end)), ints(n, INTS(axis))};
    n->at = node(n, "Slice", in, 4)->out[0];
}

/* ---- local ---- */

/* Even kernels and pads on one side: left and right are not the same, nor are x and y. */
static void lopsided(Net *n)
{
    fovea_node_set_ints(conv(n, 3, 4, 2, 4), "pads", INTS(0, 3, 1, 0));
    FoveaNode *wide = conv(n, 4, 3, 1, 3);
    fovea_node_set_ints(wide, "dilations", INTS(1, 5));
    fovea_node_set_ints(wide, "pads", INTS(0, 5, 0, 5));
}

static void down_and_up(Net *n)
{
    FoveaNode *down = conv(n, 3, 4, 3, 3);
    fovea_node_set_ints(down, "strides", INTS(2, 2));
    fovea_node_set_ints(down, "pads", INTS(1, 1, 0, 0));
    FoveaNode *up = then(n, "ConvTranspose", floats(n, INTS(4, 3, 4, 4)));
    fovea_node_set_ints(up, "strides", INTS(2, 2));
    fovea_node_set_ints(up, "pads", INTS(1, 1, 1, 1));
}

static void pools(Net *n)
{
    FoveaNode *most = then(n, "MaxPool", NULL);
    fovea_node_set_ints(most, "kernel_shape", INTS(3, 5));
    fovea_node_set_ints(most, "pads", INTS(1, 2, 1, 2));
    FoveaNode *mean = then(n, "AveragePool", NULL);
    fovea_node_set_ints(mean, "kernel_shape", INTS(2, 2));
    fovea_node_set_ints(mean, "strides", INTS(2, 2));
    resize(n, "nearest", 2);
}

/* Blocks of 4 become channels, and each channel looks at all: windows. */
static void windows(Net *n)
{
    fovea_node_set_ints(conv(n, 3, 3, 3, 3), "pads", INTS(1, 1, 1, 1));
    fovea_node_set_int(then(n, "SpaceToDepth", NULL), "blocksize", 4);
    fovea_node_set_int(then(n, "Softmax", NULL), "axis", 1);
    fovea_node_set_int(then(n, "DepthToSpace", NULL), "blocksize", 4);
}

static void mirrored_edge(Net *n)
{
    fovea_node_set_string(then(n, "Pad", ints(n, INTS(0, 0, 2, 1, 0, 0, 0, 3))), "mode", "reflect");
    conv(n, 3, 3, 3, 5);
}

static void bicubic(Net *n)
{
    resize(n, "cubic", 3);
}

static void bilinear(Net *n)
{
    resize(n, "linear", 2);
}

/* Channels go different ways: only one of them through a large kernel. */
static void parted(Net *n)
{
    FoveaValue *all = n->at;
    slice(n, all, 1, 0, 1);
    fovea_node_set_ints(conv(n, 1, 1, 7, 1), "pads", INTS(3, 0, 3, 0));
    FoveaValue *first = n->at;
    slice(n, all, 1, 1, 3);
    FoveaValue *in[] = {first, n->at};
    FoveaNode *joined = node(n, "Concat", in, 2);
    fovea_node_set_int(joined, "axis", 1);
    n->at = joined->out[0];
    slice(n, n->at, 1, 1, 3); /* the large kernel's is dropped */
    fovea_node_set_ints(conv(n, 2, 3, 1, 3), "pads", INTS(0, 1, 0, 1));
}

static void grouped(Net *n)
{
    FoveaNode *own = then(n, "Conv", floats(n, INTS(6, 1, 3, 3)));
    fovea_node_set_int(own, "group", 3);
    fovea_node_set_ints(own, "pads", INTS(1, 1, 1, 1));
    FoveaNode *pairs = then(n, "Conv", floats(n, INTS(3, 2, 1, 1)));
    fovea_node_set_int(pairs, "group", 3);
}

/* Over channels alone, in another order of axes. */
static void pixelwise(Net *n)
{
    fovea_node_set_ints(then(n, "Transpose", NULL), "perm", INTS(0, 2, 3, 1));
    then(n, "LayerNormalization", floats(n, INTS(3)));
    then(n, "MatMul", floats(n, INTS(3, 3)));
    then(n, "Sigmoid", NULL);
    fovea_node_set_ints(then(n, "Transpose", NULL), "perm", INTS(0, 3, 1, 2));
    FoveaValue *in[] = {n->at, fovea_graph_find(n->graph, "input")};
    n->at = node(n, "Mul", in, 2)->out[0];
}

/* ---- whole ---- */

/* The last three columns become the first ones. */
static void rolled(Net *n)
{
    FoveaValue *all = n->at;
    slice(n, all, 3, -3, G_MAXINT32);
    FoveaValue *last = n->at;
    slice(n, all, 3, 0, -3);
    FoveaValue *in[] = {last, n->at};
    FoveaNode *joined = node(n, "Concat", in, 2);
    fovea_node_set_int(joined, "axis", 3);
    n->at = joined->out[0];
}

static void mean_of_rows(Net *n)
{
    FoveaValue *all = n->at;
    then(n, "ReduceMean", ints(n, INTS(3)));
    FoveaValue *in[] = {all, n->at};
    n->at = node(n, "Sub", in, 2)->out[0];
}

static void instance_norm(Net *n)
{
    FoveaValue *in[] = {n->at, floats(n, INTS(3)), floats(n, INTS(3))};
    n->at = node(n, "InstanceNormalization", in, 3)->out[0];
}

/* Far apart from the start, though only one column is looked at. */
static void turned(Net *n)
{
    FoveaValue *in[] = {n->at, ints(n, INTS(-1)), ints(n, INTS(G_MININT32)), ints(n, INTS(3)),
                        ints(n, INTS(-1))};
    n->at = node(n, "Slice", in, 5)->out[0];
}

/* A map of fixed size, stretched: where a pixel reads depends on the picture's size. */
static void stretched(Net *n)
{
    FoveaValue *all = n->at;
    FoveaValue *in[] = {n->at, NULL, NULL, ints(n, INTS(1, 3, 7, 7))};
    FoveaNode *small = node(n, "Resize", in, 4);
    fovea_node_set_string(small, "mode", "linear");
    FoveaValue *size[] = {all};
    FoveaNode *shape = node(n, "Shape", size, 1);
    FoveaValue *back[] = {small->out[0], NULL, NULL, shape->out[0]};
    FoveaNode *large = node(n, "Resize", back, 4);
    fovea_node_set_string(large, "mode", "linear");
    FoveaValue *both[] = {all, large->out[0]};
    n->at = node(n, "Mul", both, 2)->out[0];
}

typedef struct NetCase {
    const char *name;
    void (*build)(Net *net);
    gint align; /* 0: whole */
    gint scale;
    gboolean near; /* whole, though no pixel looks far: its place depends on the picture's size */
} NetCase;

static const NetCase cases[] = {
    {"lopsided", lopsided, 1, 1},
    {"down-and-up", down_and_up, 2, 1},
    {"pools", pools, 2, 1},
    {"windows", windows, 4, 1},
    {"mirrored-edge", mirrored_edge, 1, 1},
    {"bicubic", bicubic, 1, 3},
    {"bilinear", bilinear, 1, 2},
    {"parted", parted, 1, 1},
    {"grouped", grouped, 1, 1},
    {"pixelwise", pixelwise, 1, 1},
    {"rolled", rolled, 0, 1},
    {"mean-of-rows", mean_of_rows, 0, 1},
    {"instance-norm", instance_norm, 0, 1},
    {"turned", turned, 0, 1},
    {"stretched", stretched, 0, 1, TRUE},
};

static FoveaPlan *plan_of(const FoveaGraph *graph, gint width, gint height)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", &error);
    FoveaInputShape shape = {.name = "input", .rank = 4, .dims = {1, 3, height, width}};
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .shapes = &shape, .n_shapes = 1};
    FoveaPlan *plan = fovea_plan_new_from_graph(fovea_graph_clone(graph), device, &params, &error);
    g_assert_no_error(error);
    return plan;
}

static void check_local(const NetCase *c, Truth *t, const FoveaReach *reach)
{
    FoveaReach far = truth_travelled_anywhere(t), less = *reach;
    gint *const sides[] = {&less.left, &less.top, &less.right, &less.bottom};
    g_test_message("said %d %d %d %d, seen %d %d %d %d, windows of %d x %d", reach->left,
                   reach->top, reach->right, reach->bottom, far.left, far.top, far.right,
                   far.bottom, reach->align_x, reach->align_y);
    g_assert_cmpint(reach->align_x, ==, c->align);
    g_assert_cmpint(reach->align_y, ==, c->align);
    g_assert_true(truth_is_enough(reach, &far));
    for (guint i = 0; i < G_N_ELEMENTS(sides); i++) { /* and one less on any side is not */
        less = *reach;
        if (*sides[i] == 0)
            continue;
        --*sides[i];
        g_assert_false(truth_is_enough(&less, &far));
    }
}

static void check_case(gconstpointer data)
{
    const NetCase *c = data;
    g_autoptr(GError) error = NULL;
    Net n = net_new();
    FoveaReach reach;
    Truth t;
    c->build(&n);
    n.at->name = fovea_graph_intern(n.graph, "output");
    fovea_graph_add_output(n.graph, n.at);
    FoveaModel model = {.graph = n.graph};
    fovea_reach_find(&model, "input", "output", &reach, &error);
    g_assert_no_error(error);
    g_assert_cmpint(reach.scale_x, ==, c->scale);
    g_assert_cmpint(reach.scale_y, ==, c->scale);
    g_assert_cmpint(reach.whole, ==, c->align == 0);
    truth_make(&t, plan_of(n.graph, 48, 44), &reach);
    if (c->align > 0) {
        check_local(c, &t, &reach);
    } else {
        g_assert_nonnull(reach.why);
        g_test_message("%s", reach.why);
        FoveaRect rect = truth_changed_by(&t, 46, 20);
        if (!c->near)
            g_assert_cmpint(rect.x0, <, 10); /* the other side of the picture */
    }
    truth_clear(&t);
    fovea_reach_clear(&reach);
    fovea_graph_free(n.graph);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/reach-rules/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], check_case);
    }
    return g_test_run();
}
