/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Shape rules with a bounded dimension, and views. Each small graph is inferred once with the scalar
 * n and once with every number: sizes and known integers must be the same. Each view operator's
 * window, laid over memory in several orders, must show what its reference computes.
 */
#include "fovea/session.h"
#include "graph/plan-internal.h"
#include "ops/sample.h"
#include "tensor/tensor-internal.h"

/* ---- small graphs ---- */

typedef struct {
    FoveaGraph *graph;
    FoveaDim n;
    GPtrArray *values; /* what is compared */
} Build;

static FoveaValue *input(Build *b, FoveaDtype dtype, gint rank, const FoveaDim *dims)
{
    FoveaValue *value = fovea_graph_add_value(b->graph, NULL);
    fovea_infer_set(value, dtype, rank, dims);
    fovea_graph_add_input(b->graph, value);
    return value;
}

static FoveaValue *ints(Build *b, guint n, const gint64 *values)
{
    gint64 dims[] = {n};
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 1, dims, NULL);
    memcpy(fovea_tensor_data_mut(tensor), values, n * sizeof *values);
    return fovea_graph_add_constant(b->graph, NULL, tensor);
}

static FoveaValue *number(Build *b, gint64 value)
{
    g_autoptr(FoveaTensor) tensor = fovea_tensor_new(FOVEA_DTYPE_I64, 0, NULL, NULL);
    *(gint64 *)fovea_tensor_data_mut(tensor) = value;
    return fovea_graph_add_constant(b->graph, NULL, tensor);
}

#define INTS(b, ...)                                                                               \
    ints(b, sizeof((gint64[]){__VA_ARGS__}) / sizeof(gint64), (gint64[]){__VA_ARGS__})

/* A node of up to four inputs with the integer attribute `axis`. */
static FoveaValue *apply(Build *b, const char *op, gint64 axis, FoveaValue *p, FoveaValue *q,
                         FoveaValue *r, FoveaValue *s)
{
    g_autoptr(GError) error = NULL;
    FoveaValue *in[] = {p, q, r, s}, *out = fovea_graph_add_value(b->graph, NULL);
    guint n = s != NULL ? 4 : r != NULL ? 3 : q != NULL ? 2 : 1;
    FoveaNode *node = fovea_graph_add_node(b->graph, fovea_op_find(op), op, in, n, &out, 1, NULL);
    fovea_node_set_int(node, "axis", axis);
    fovea_node_set_int(node, "to", FOVEA_DTYPE_I32);
    fovea_node_infer(b->graph, node, &error);
    g_assert_no_error(error);
    g_ptr_array_add(b->values, out);
    return out;
}

/* x [n, 8] -> its sizes, one of them as a scalar */
static FoveaValue *size_of(Build *b, FoveaValue *x, gint64 axis)
{
    return apply(b, "Gather", 0, apply(b, "Shape", 0, x, NULL, NULL, NULL), number(b, axis), NULL,
                 NULL);
}

static void build_reshape(Build *b)
{
    FoveaDim dims[] = {b->n, fovea_dim(8)};
    FoveaValue *x = input(b, FOVEA_DTYPE_F32, 2, dims);
    FoveaValue *n = apply(b, "Unsqueeze", 0, size_of(b, x, 0), INTS(b, 0), NULL, NULL);
    FoveaValue *to = apply(b, "Concat", 0, n, INTS(b, 2), INTS(b, -1), NULL);
    FoveaValue *heads = apply(b, "Reshape", 0, x, to, NULL, NULL);
    apply(b, "Flatten", 1, heads, NULL, NULL, NULL);
    FoveaValue *twice = apply(b, "Mul", 0, n, INTS(b, 2), NULL, NULL);
    apply(b, "Reshape", 0, x, apply(b, "Concat", 0, twice, INTS(b, 4), NULL, NULL), NULL, NULL);
    apply(b, "Reshape", 0, x, INTS(b, -1), NULL, NULL);
    apply(b, "Reshape", 0, apply(b, "Reshape", 0, x, INTS(b, -1), NULL, NULL), INTS(b, -1, 8), NULL,
          NULL);
    apply(b, "Size", 0, heads, NULL, NULL, NULL);
}

static void build_mask(Build *b)
{
    FoveaDim dims[] = {fovea_dim(1), b->n};
    FoveaValue *x = input(b, FOVEA_DTYPE_F32, 2, dims), *n = size_of(b, x, 1);
    FoveaValue *total = apply(b, "Add", 0, n, number(b, 3), NULL, NULL);
    FoveaValue *t = apply(b, "Range", 0, number(b, 3), total, number(b, 1), NULL);
    FoveaValue *s = apply(b, "Range", 0, number(b, 0), total, number(b, 2), NULL);
    FoveaValue *row = apply(b, "Unsqueeze", 0, t, INTS(b, 1), NULL, NULL);
    FoveaValue *mask = apply(b, "LessOrEqual", 0, s, row, NULL, NULL);
    apply(b, "Trilu", 0, mask, NULL, NULL, NULL);
    FoveaValue *one = apply(b, "Unsqueeze", 0, n, INTS(b, 0), NULL, NULL);
    FoveaValue *square = apply(b, "Concat", 0, one, one, NULL, NULL);
    apply(b, "ConstantOfShape", 0, square, NULL, NULL, NULL);
    apply(b, "Range", 0, n, number(b, -1), number(b, -3), NULL);
    /* Exporters' Expand: where the wanted size is -1 take the tensor's own. */
    FoveaValue *wanted = apply(b, "Concat", 0, INTS(b, -1), one, NULL, NULL);
    FoveaValue *own = INTS(b, 1, 1), *minus = INTS(b, -1);
    FoveaValue *open = apply(b, "Equal", 0, wanted, minus, NULL, NULL);
    FoveaValue *to = apply(b, "Where", 0, open, own, wanted, NULL);
    FoveaDim small[] = {fovea_dim(1), fovea_dim(1)};
    apply(b, "Expand", 0, input(b, FOVEA_DTYPE_F32, 2, small), to, NULL, NULL);
}

static void build_slices(Build *b)
{
    FoveaDim dims[] = {b->n, fovea_dim(8)}, table[] = {fovea_dim(40), fovea_dim(4)};
    FoveaDim fresh[] = {fovea_dim(2), fovea_dim(8)};
    FoveaValue *x = input(b, FOVEA_DTYPE_F32, 2, dims), *y = input(b, FOVEA_DTYPE_F32, 2, fresh);
    FoveaValue *positions = input(b, FOVEA_DTYPE_F32, 2, table);
    FoveaValue *all = apply(b, "Concat", 0, x, y, NULL, NULL);
    FoveaValue *n = apply(b, "Unsqueeze", 0, size_of(b, x, 0), INTS(b, 0), NULL, NULL);
    FoveaValue *total = apply(b, "Unsqueeze", 0, size_of(b, all, 0), INTS(b, 0), NULL, NULL);
    apply(b, "Slice", 0, positions, n, total, INTS(b, 0));
    apply(b, "Slice", 0, positions, INTS(b, 0), total, INTS(b, 0));
    apply(b, "Slice", 0, all, INTS(b, -1), INTS(b, G_MAXINT64), INTS(b, 0));
    apply(b, "Slice", 0, all, INTS(b, 1), INTS(b, -1), INTS(b, 0));
    apply(b, "Slice", 0, x, INTS(b, -3), INTS(b, G_MAXINT64), INTS(b, 0));
    apply(b, "Slice", 0, x, INTS(b, 2), INTS(b, 5), INTS(b, 0));
    apply(b, "Append", 0, x, y, NULL, NULL);
    apply(b, "Cast", 0, total, NULL, NULL, NULL);
    FoveaValue *half = apply(b, "Div", 0, total, INTS(b, 2), NULL, NULL);
    FoveaValue *rest = apply(b, "Mod", 0, total, INTS(b, 2), NULL, NULL);
    apply(b, "Max", 0, apply(b, "Min", 0, half, INTS(b, 3), NULL, NULL), rest, NULL, NULL);
    apply(b, "Sub", 0, total, n, NULL, NULL);
}

static void build_moves(Build *b)
{
    FoveaDim dims[] = {fovea_dim(3), b->n, fovea_dim(2)};
    FoveaValue *x = input(b, FOVEA_DTYPE_F32, 3, dims);
    FoveaValue *shape = apply(b, "Shape", 0, x, NULL, NULL, NULL);
    FoveaValue *part = apply(b, "Slice", 0, shape, INTS(b, 1), INTS(b, 3), INTS(b, 0));
    apply(b, "Concat", 0, part, shape, NULL, NULL);
    apply(b, "Transpose", 0, x, NULL, NULL, NULL);
    apply(b, "Tile", 0, x, INTS(b, 1, 2, 3), NULL, NULL);
    apply(b, "Pad", 0, x, INTS(b, 0, 1, 0, 0, 2, 0), NULL, NULL);
    apply(b, "Pad", 0, shape, INTS(b, 1, 1), NULL, NULL);
    apply(b, "Tile", 0, part, INTS(b, 2), NULL, NULL);
    FoveaValue *grid = apply(b, "Reshape", 0, apply(b, "Concat", 0, part, part, NULL, NULL),
                             INTS(b, 2, 2), NULL, NULL);
    apply(b, "Transpose", 0, grid, NULL, NULL, NULL);
    apply(b, "ScatterND", 0, shape, apply(b, "Unsqueeze", 0, INTS(b, 2), INTS(b, 1), NULL, NULL),
          INTS(b, 9), NULL);
    apply(b, "Expand", 0, apply(b, "Squeeze", 0, INTS(b, 7), NULL, NULL, NULL), INTS(b, 2), NULL,
          NULL);
    FoveaDim index[] = {b->n};
    apply(b, "Gather", 0, x, input(b, FOVEA_DTYPE_I64, 1, index), NULL, NULL);
    apply(b, "CumSum", 0, x, number(b, 1), NULL, NULL);
}

static void build_nothing(Build *b)
{
}

static void begin(Build *b, FoveaSyms *syms, FoveaDim n, void (*make)(Build *b))
{
    b->graph = fovea_graph_new();
    fovea_syms_unref(b->graph->syms);
    b->graph->syms = fovea_syms_ref(syms);
    b->n = n;
    b->values = g_ptr_array_new();
    make(b);
}

static void end(Build *b)
{
    fovea_graph_free(b->graph);
    g_ptr_array_free(b->values, TRUE);
}

static void check_value(const FoveaSyms *syms, FoveaGraph *graph, guint index,
                        const FoveaValue *symbolic, const FoveaValue *fixed, const gint64 *scalars)
{
    FoveaDim want[FOVEA_MAX_CONTENT], have[FOVEA_MAX_CONTENT];
    guint n_want, n_have;
    g_test_message("n = %" G_GINT64_FORMAT ", value %u of %s", scalars[0], index,
                   symbolic->producer->op->name);
    g_assert_cmpint(symbolic->rank, ==, fixed->rank);
    g_assert_cmpint(symbolic->dtype, ==, fixed->dtype);
    for (gint i = 0; i < fixed->rank; i++)
        g_assert_cmpint(fovea_dim_eval(syms, symbolic->dims[i], scalars), ==, fixed->dims[i].c);
    /* A list whose length depends on n is known only where n is. */
    if (!fovea_infer_content(graph, fixed, want, &n_want) || !fovea_value_is_fixed(symbolic))
        return;
    g_assert_true(fovea_infer_content(graph, symbolic, have, &n_have));
    g_assert_cmpuint(n_have, ==, n_want);
    for (guint i = 0; i < n_want; i++)
        g_assert_cmpint(fovea_dim_eval(syms, have[i], scalars), ==, want[i].c);
}

typedef struct {
    const char *name;
    void (*make)(Build *b);
    gint64 least; /* a size of 0 in Reshape's list means another thing than the number 0 */
} Graph;

static const Graph graphs[] = {{"reshape", build_reshape, 1},
                               {"mask", build_mask, 0},
                               {"slices", build_slices, 0},
                               {"moves", build_moves, 0}};

static void bounded(gconstpointer data)
{
    const Graph *graph = data;
    FoveaSyms *syms = fovea_syms_new();
    gint scalar = fovea_syms_scalar(syms, "n", 32, NULL);
    Build symbolic;
    begin(&symbolic, syms, fovea_dim_scalar(syms, (guint)scalar), graph->make);
    for (gint64 n = graph->least; n <= 32; n++) {
        gint64 scalars[FOVEA_MAX_SCALARS] = {n};
        Build fixed;
        begin(&fixed, syms, fovea_dim(n), graph->make);
        g_assert_cmpuint(fixed.values->len, ==, symbolic.values->len);
        for (guint i = 0; i < fixed.values->len; i++)
            check_value(syms, fixed.graph, i, g_ptr_array_index(symbolic.values, i),
                        g_ptr_array_index(fixed.values, i), scalars);
        end(&fixed);
    }
    end(&symbolic);
    fovea_syms_unref(syms);
}

/* ---- views ---- */

/* Strides that lay the axes out in another order, with a gap behind each. */
static void lay_out(guint order, const FoveaTensor *tensor, FoveaWindow *window, gint64 *size)
{
    gint64 step = order == 0 ? 1 : 2;
    window->rank = (gint)tensor->rank;
    window->offset = fovea_dim(order == 0 ? 0 : 5);
    for (guint k = 0; k < tensor->rank; k++) {
        guint axis = order == 2 ? k : tensor->rank - 1 - k; /* 2: first axis innermost */
        window->dims[axis] = fovea_dim(tensor->dims[axis]);
        window->strides[axis] = fovea_dim(step);
        step = step * MAX(tensor->dims[axis], 1) + (order == 0 ? 0 : 3);
    }
    *size = step + 8;
}

static FoveaView view_of(const FoveaWindow *window, float *memory, gint64 size)
{
    FoveaView view = {.dtype = FOVEA_DTYPE_F32, .rank = (guint)window->rank};
    gint64 low = window->offset.c, high = low;
    gboolean empty = FALSE;
    for (gint i = 0; i < window->rank; i++) {
        g_assert_true(fovea_dim_is_const(window->dims[i]) &&
                      fovea_dim_is_const(window->strides[i]));
        view.dims[i] = window->dims[i].c;
        view.strides[i] = window->strides[i].c;
        empty |= view.dims[i] == 0;
        *(view.strides[i] < 0 ? &low : &high) += view.strides[i] * (view.dims[i] - 1);
    }
    if (!empty) {
        g_assert_cmpint(low, >=, 0);
        g_assert_cmpint(high, <, size);
    }
    view.data = memory + window->offset.c;
    return view;
}

/* TRUE where the operator could say this case as a window; then it shows the right elements. */
static gboolean check_view(const FoveaSample *sample, guint order, FoveaTensor *const *want)
{
    FoveaWindow in = {0}, out;
    gint64 size;
    gboolean said = TRUE;
    lay_out(order, sample->in[0], &in, &size);
    g_autofree float *memory = g_new0(float, (gsize)size);
    FoveaView from = fovea_view_of_tensor(sample->in[0]), to = view_of(&in, memory, size);
    fovea_view_copy(&from, &to);
    for (guint slot = 0; slot < sample->node->n_out; slot++) {
        if (!sample->node->op->view(sample->node, slot, &in, &out)) {
            said = FALSE;
            continue;
        }
        FoveaView seen = view_of(&out, memory, size), right = fovea_view_of_tensor(want[slot]);
        g_assert_cmpuint(seen.rank, ==, right.rank);
        for (guint i = 0; i < seen.rank; i++)
            g_assert_cmpint(seen.dims[i], ==, right.dims[i]);
        const gint64 *strides[] = {seen.strides, right.strides};
        FoveaWalk walk;
        fovea_walk_init(&walk, seen.rank, seen.dims, 2, strides);
        for (gboolean more = !walk.empty; more; more = fovea_walk_next(&walk))
            g_assert_cmpfloat(fovea_load_f64(seen.dtype, seen.data, walk.at[0]), ==,
                              fovea_load_f64(right.dtype, right.data, walk.at[1]));
    }
    return said;
}

static void views(gconstpointer data)
{
    const FoveaOp *op = data;
    guint index = 0;
    for (;; index++) {
        g_autoptr(GError) error = NULL;
        FoveaTensor *want[FOVEA_SAMPLE_MAX_IN] = {NULL};
        FoveaSample sample;
        if (!fovea_sample_open(&sample, op, index, &error))
            break;
        g_assert_true(fovea_sample_reference(&sample, want, &error));
        for (guint order = 0; order < 3; order++) {
            g_test_message("case %u, order %u", index, order);
            gboolean said = check_view(&sample, order, want);
            g_assert_true(said || order > 0); /* memory in C order is always enough */
        }
        for (guint k = 0; k < sample.node->n_out; k++)
            g_clear_pointer(&want[k], fovea_tensor_unref);
        fovea_sample_close(&sample);
    }
    g_assert_cmpuint(index, >, 0);
}

/* ---- sizes that no machine has ---- */

/* Makes a result of about `size` elements and reads it, by seven operators. */
static FoveaValue *make_huge(Build *b, guint which, gint64 size)
{
    FoveaDim dims[] = {fovea_dim(1), fovea_dim(3)};
    FoveaValue *x = input(b, FOVEA_DTYPE_F32, 2, dims);
    FoveaDim one = fovea_dim(2);
    switch (which) {
    case 0: return apply(b, "Tile", 0, x, INTS(b, size, size), NULL, NULL);
    case 1: return apply(b, "Expand", 0, x, INTS(b, size, 3), NULL, NULL);
    case 2: return apply(b, "ConstantOfShape", 0, INTS(b, size, size), NULL, NULL, NULL);
    case 3: return apply(b, "Pad", 0, x, INTS(b, size, size, size, 0), NULL, NULL);
    case 4: return apply(b, "Range", 0, number(b, -size), number(b, size), number(b, 1), NULL);
    case 5:
        return apply(b, "OneHot", 0, input(b, FOVEA_DTYPE_I64, 1, &one), number(b, size),
                     input(b, FOVEA_DTYPE_F32, 1, &one), NULL);
    default: {
        FoveaValue *wide = apply(b, "Expand", 0, x, INTS(b, size, size, 3), NULL, NULL);
        return apply(b, "Flatten", 1, wide, NULL, NULL, NULL);
    }
    }
}

#if defined(__SANITIZE_ADDRESS__)
/* malloc may fail here, as it does without the sanitizer, instead of ending the program. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}
#endif

/* Planning them ends with an error and its sentence; nothing overflows on the way. */
static void huge(void)
{
    static const gint64 sizes[] = {(gint64)1 << 42, (gint64)1 << 50, (gint64)1 << 61, G_MAXINT64};
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", NULL);
    for (guint i = 0; i < 7 * G_N_ELEMENTS(sizes); i++) {
        FoveaSyms *syms = fovea_syms_new();
        g_autoptr(GError) error = NULL;
        FoveaPlanParams params = {0};
        Build b;
        begin(&b, syms, fovea_dim(1), build_nothing);
        FoveaValue *out = make_huge(&b, i % 7, sizes[i / 7]);
        if (out->dtype == FOVEA_DTYPE_F32)
            out = apply(&b, "Exp", 0, out, NULL, NULL, NULL);
        else
            out = apply(&b, "Neg", 0, out, NULL, NULL, NULL);
        fovea_graph_add_output(b.graph, out);
        g_ptr_array_free(b.values, TRUE);
        g_test_message("operator %u, size %" G_GINT64_FORMAT, i % 7, sizes[i / 7]);
        FoveaPlan *plan = fovea_plan_new_from_graph(b.graph, device, &params, &error);
        FoveaSession *session = plan != NULL ? fovea_session_new(plan, &error) : NULL;
        g_assert_null(session);
        g_assert_nonnull(error);
        g_test_message("%s", error->message);
        if (plan != NULL)
            fovea_plan_unref(plan);
        fovea_syms_unref(syms);
    }
}

/* ---- errors ---- */

/* A sentence for the user instead of a crash: wrong numbers of inputs, wrong shapes and types. */
static void refusals(void)
{
    guint n;
    const FoveaOp *const *ops = fovea_ops(&n);
    for (guint i = 0; i < n; i++) {
        for (guint variant = 0; variant < 5; variant++) {
            g_autoptr(GError) error = NULL;
            FoveaGraph *graph = fovea_graph_new();
            guint n_in = variant == 0 ? 0 : variant == 1 ? 40 : MIN(MAX(ops[i]->min_in, 1), 4);
            FoveaValue *in[40] = {NULL}, *out[1] = {fovea_graph_add_value(graph, "y")};
            for (guint k = 0; k < n_in && variant != 2; k++) {
                const FoveaDim dims[] = {fovea_dim(0), fovea_dim(k + 2), fovea_dim(3)};
                in[k] = fovea_graph_add_value(graph, NULL);
                fovea_infer_set(in[k], variant == 3 ? FOVEA_DTYPE_BOOL : FOVEA_DTYPE_F32,
                                variant == 4 ? 0 : 3, dims);
            }
            FoveaNode *node = fovea_graph_add_node(graph, ops[i], "odd", in, n_in, out, 1, NULL);
            gboolean ok = fovea_node_infer(graph, node, &error);
            g_assert_true(ok == (error == NULL));
            g_assert_true(!ok || (out[0]->rank >= 0 && out[0]->dtype != FOVEA_DTYPE_NONE));
            fovea_graph_free(graph);
        }
    }
}

int main(int argc, char **argv)
{
    guint n;
    const FoveaOp *const *ops = fovea_ops(&n);
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(graphs); i++) {
        g_autofree char *path = g_strdup_printf("/infer/bounded/%s", graphs[i].name);
        g_test_add_data_func(path, &graphs[i], bounded);
    }
    for (guint i = 0; i < n; i++) {
        if (ops[i]->view == NULL)
            continue;
        g_autofree char *path = g_strdup_printf("/infer/view/%s", ops[i]->name);
        g_test_add_data_func(path, ops[i], views);
    }
    g_test_add_func("/infer/huge", huge);
    g_test_add_func("/infer/refusals", refusals);
    return g_test_run();
}
