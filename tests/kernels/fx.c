/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The SPIR-V emitter: every operation of the scalar expression, at ordinary and at awkward numbers,
 * against fovea_expr_eval.
 */
#include <math.h>
#include <string.h>

#include "fovea/session.h"
#include "graph/plan-internal.h"
#include "ops/op.h"
#include "vulkan/debug.h"

#define MAX_POINTS 2048

static FoveaDevice *device;

typedef struct {
    FoveaFxOp op;
    FoveaFxClass klass; /* of the operands */
    double low, high;   /* ordinary numbers */
    double tolerance;   /* absolute, and relative to the result */
    gboolean special;   /* NaN, infinities and zeros too */
} Case;

static const Case cases[] = {
    {FX_ADD, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_SUB, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_MUL, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_DIV, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_MOD, FOVEA_FX_F, -9, 9, 3e-6, FALSE},
    {FX_FMOD, FOVEA_FX_F, -9, 9, 3e-6, FALSE},
    {FX_POW, FOVEA_FX_F, 0.01, 4, 3e-6, FALSE},
    {FX_MIN, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_MAX, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_NEG, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_ABS, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_SIGN, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_FLOOR, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_CEIL, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_ROUND, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_TRUNC, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_SQRT, FOVEA_FX_F, 0, 9, 1e-6, TRUE},
    {FX_RECIP, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_EXP, FOVEA_FX_F, -20, 20, 3e-6, TRUE},
    {FX_LOG, FOVEA_FX_F, 1e-3, 900, 1e-6, TRUE},
    {FX_SIN, FOVEA_FX_F, -300, 300, 1e-6, FALSE},
    {FX_COS, FOVEA_FX_F, -300, 300, 1e-6, FALSE},
    {FX_TAN, FOVEA_FX_F, -1.5, 1.5, 2e-6, FALSE},
    {FX_ASIN, FOVEA_FX_F, -1, 1, 2e-6, FALSE},
    {FX_ACOS, FOVEA_FX_F, -1, 1, 2e-6, FALSE},
    {FX_ATAN, FOVEA_FX_F, -30, 30, 1e-6, TRUE},
    {FX_SINH, FOVEA_FX_F, -9, 9, 3e-6, FALSE},
    {FX_COSH, FOVEA_FX_F, -9, 9, 3e-6, FALSE},
    {FX_ASINH, FOVEA_FX_F, -900, 900, 2e-6, FALSE},
    {FX_ACOSH, FOVEA_FX_F, 1, 900, 1e-5, FALSE},
    {FX_ATANH, FOVEA_FX_F, -0.99, 0.99, 3e-6, FALSE},
    {FX_TANH, FOVEA_FX_F, -9, 9, 1e-6, TRUE},
    {FX_ERF, FOVEA_FX_F, -5, 5, 1e-6, TRUE},
    {FX_SIGMOID, FOVEA_FX_F, -30, 30, 1e-6, TRUE},
    {FX_EQ, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_LT, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_LE, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_ISNAN, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_ISINF, FOVEA_FX_F, -9, 9, 0, TRUE},
    {FX_ADD, FOVEA_FX_I, -99, 99, 0, FALSE},
    {FX_SUB, FOVEA_FX_I, -99, 99, 0, FALSE},
    {FX_MUL, FOVEA_FX_I, -99, 99, 0, FALSE},
    {FX_DIV, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_MOD, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_FMOD, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_POW, FOVEA_FX_I, -5, 5, 0, FALSE},
    {FX_MIN, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_MAX, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_NEG, FOVEA_FX_I, -99, 99, 0, FALSE},
    {FX_ABS, FOVEA_FX_I, -99, 99, 0, FALSE},
    {FX_SIGN, FOVEA_FX_I, -99, 99, 0, TRUE},
    {FX_EQ, FOVEA_FX_I, -3, 3, 0, TRUE},
    {FX_LT, FOVEA_FX_I, -3, 3, 0, TRUE},
    {FX_LE, FOVEA_FX_I, -3, 3, 0, TRUE},
    {FX_BITAND, FOVEA_FX_I, 0, 9999, 0, FALSE},
    {FX_BITOR, FOVEA_FX_I, 0, 9999, 0, FALSE},
    {FX_BITXOR, FOVEA_FX_I, 0, 9999, 0, FALSE},
    {FX_BITNOT, FOVEA_FX_I, 0, 9999, 0, FALSE},
    {FX_SHL, FOVEA_FX_I, 0, 14, 0, FALSE},
    {FX_SHR, FOVEA_FX_I, 0, 14, 0, FALSE},
    {FX_EQ, FOVEA_FX_B, 0, 1, 0, FALSE},
    {FX_AND, FOVEA_FX_B, 0, 1, 0, FALSE},
    {FX_OR, FOVEA_FX_B, 0, 1, 0, FALSE},
    {FX_XOR, FOVEA_FX_B, 0, 1, 0, FALSE},
    {FX_NOT, FOVEA_FX_B, 0, 1, 0, FALSE},
};

static const FoveaDtype dtype_of[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I32, FOVEA_DTYPE_BOOL};

/* Runs a Pointwise node of this expression over n points on the device. */
static FoveaTensor *run(const FoveaExpr *fx, FoveaTensor *const *in, FoveaDtype out_type)
{
    g_autoptr(GError) error = NULL;
    FoveaGraph *graph = fovea_graph_new();
    FoveaValue *values[FOVEA_FX_MAX_ARGS], *out = fovea_graph_add_value(graph, "y");
    for (guint k = 0; k < fx->n_args; k++) {
        g_autofree char *name = g_strdup_printf("x%u", k);
        values[k] = fovea_graph_add_value(graph, name);
        values[k]->dtype = in[k]->dtype;
        values[k]->rank = 1;
        values[k]->dims[0] = fovea_dim(in[k]->dims[0]);
        fovea_graph_add_input(graph, values[k]);
    }
    FoveaNode *node = fovea_graph_add_node(graph, fovea_op_find("Pointwise"), "p", values,
                                           fx->n_args, &out, 1, NULL);
    node->fx = g_memdup2(fx, sizeof *fx);
    out->dtype = out_type;
    fovea_graph_add_output(graph, out);
    FoveaPlanParams params = {.precision = FOVEA_PRECISION_F32, .no_passes = TRUE};
    g_autoptr(FoveaPlan) plan = fovea_plan_new_from_graph(graph, device, &params, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(fovea_plan_stats(plan)->fallback_nodes, ==, 0);
    g_autoptr(FoveaSession) session = fovea_session_new(plan, &error);
    g_assert_no_error(error);
    for (guint k = 0; k < fx->n_args; k++)
        g_assert_true(fovea_session_set_input(session, k, in[k], &error));
    fovea_session_run(session, &error);
    g_assert_no_error(error);
    FoveaTensor *result = fovea_session_get_output(session, 0, &error);
    g_assert_no_error(error);
    return result;
}

static FoveaTensor *points(const Case *c, GRand *rand, guint shift)
{
    /* Vulkan promises a division only for divisors of 2^-126 to 2^126. */
    static const float reals[] = {0, -0.0f, 1, -1, INFINITY, -INFINITY, NAN, 0.5f, -2.5f, 8e37f};
    static const gint32 integers[] = {0, 1, -1, 2, -2, G_MAXINT32, G_MININT32 + 1, 7};
    gint64 n = MAX_POINTS;
    FoveaTensor *tensor = fovea_tensor_new(dtype_of[c->klass], 1, &n, NULL);
    for (gint64 i = 0; i < n; i++) {
        double x = g_rand_double_range(rand, c->low, c->high);
        if (c->klass == FOVEA_FX_F) {
            gboolean special = c->special && i < 100;
            guint k = (guint)(shift ? i / 10 : i) % G_N_ELEMENTS(reals);
            fovea_store_f64(tensor->dtype, tensor->data, i, special ? reals[k] : x);
        } else {
            gboolean special = c->special && i < 64;
            guint k = (guint)(shift ? i / 8 : i) % G_N_ELEMENTS(integers);
            fovea_store_i64(tensor->dtype, tensor->data, i,
                            special ? integers[k] : (gint64)rint(x));
        }
    }
    return tensor;
}

static FoveaFxValue load(const FoveaTensor *tensor, FoveaFxClass klass, gint64 i)
{
    FoveaFxValue value = {.i = 0};
    if (klass == FOVEA_FX_F)
        value.f = fovea_load_f64(tensor->dtype, tensor->data, i);
    else
        value.i = fovea_load_i64(tensor->dtype, tensor->data, i);
    return value;
}

static void check(const FoveaExpr *fx, const FoveaFxClass *klass, FoveaTensor *const *in,
                  const FoveaTensor *out, double tolerance)
{
    FoveaFxClass result = fx->node[fx->n - 1].klass;
    for (gint64 i = 0; i < out->dims[0]; i++) {
        FoveaFxValue args[FOVEA_FX_MAX_ARGS];
        for (guint k = 0; k < fx->n_args; k++)
            args[k] = load(in[k], klass[k], i);
        FoveaFxValue want = fovea_expr_eval(fx, args, &i, NULL, NULL);
        FoveaFxValue have = load(out, result, i);
        if (result == FOVEA_FX_F)
            want.f = (float)want.f;
        gboolean good = result != FOVEA_FX_F ? (gint32)want.i == have.i
                        : isnan(want.f)      ? isnan(have.f)
                        : isinf(want.f)      ? have.f == want.f
                                        : fabs(want.f - have.f) <= tolerance * MAX(1, fabs(want.f));
        if (!good) {
            g_test_message("%s at (%g, %g): %.9g, expected %.9g",
                           fovea_fx_op_name(fx->node[fx->n - 1].op),
                           klass[0] == FOVEA_FX_F ? args[0].f : (double)args[0].i,
                           fx->n_args < 2           ? 0
                           : klass[1] == FOVEA_FX_F ? args[1].f
                                                    : (double)args[1].i,
                           result == FOVEA_FX_F ? have.f : (double)have.i,
                           result == FOVEA_FX_F ? want.f : (double)want.i);
            g_test_fail();
            return;
        }
    }
}

static void run_operation(gconstpointer data)
{
    const Case *c = data;
    GRand *rand = g_rand_new_with_seed(7 + c->op);
    FoveaExpr fx = {0};
    guint arity = fovea_fx_arity(c->op);
    guint16 a = fovea_fx_arg(&fx, 0, c->klass);
    guint16 b = arity > 1 ? fovea_fx_arg(&fx, 1, c->klass) : 0;
    fovea_fx_finish(&fx, fovea_fx_op(&fx, c->op, a, b, 0));
    g_autoptr(FoveaTensor) x = points(c, rand, 0), y = points(c, rand, 1);
    FoveaTensor *in[] = {x, y};
    FoveaFxClass klass[] = {c->klass, c->klass};
    g_autoptr(FoveaTensor) out = run(&fx, in, dtype_of[fx.node[fx.n - 1].klass]);
    check(&fx, klass, in, out, c->tolerance);
    g_rand_free(rand);
}

static void powers(void)
{
    static const double exponents[] = {0, 0.5, 1, 2, 3, 4, -1, -2, 2.5};
    Case c = {FX_POW, FOVEA_FX_F, -3, 3, 3e-6, FALSE};
    for (guint k = 0; k < G_N_ELEMENTS(exponents); k++) {
        GRand *rand = g_rand_new_with_seed(k);
        FoveaExpr fx = {0};
        guint16 a = fovea_fx_arg(&fx, 0, FOVEA_FX_F);
        fovea_fx_finish(&fx, fovea_fx_op(&fx, FX_POW, a, fovea_fx_const(&fx, exponents[k]), 0));
        g_autoptr(FoveaTensor) x = points(&c, rand, 0);
        g_autoptr(FoveaTensor) out = run(&fx, &x, FOVEA_DTYPE_F32);
        check(&fx, &c.klass, &x, out, c.tolerance);
        g_rand_free(rand);
    }
}

static void casts(void)
{
    static const FoveaDtype to[] = {FOVEA_DTYPE_F32, FOVEA_DTYPE_I32, FOVEA_DTYPE_U8,
                                    FOVEA_DTYPE_I8, FOVEA_DTYPE_BOOL};
    for (guint from = 0; from < 3; from++) {
        Case c = {
            FX_CAST,           from, from == FOVEA_FX_B ? 0 : -400, from == FOVEA_FX_B ? 1 : 400, 0,
            from != FOVEA_FX_B};
        for (guint k = 0; k < G_N_ELEMENTS(to); k++) {
            GRand *rand = g_rand_new_with_seed(k);
            FoveaExpr fx = {0};
            fovea_fx_finish(&fx, fovea_fx_cast(&fx, fovea_fx_arg(&fx, 0, c.klass), to[k]));
            g_autoptr(FoveaTensor) x = points(&c, rand, 0);
            g_autoptr(FoveaTensor) out = run(&fx, &x, to[k]);
            check(&fx, &c.klass, &x, out, 0);
            g_rand_free(rand);
        }
    }
}

/* Where(x < position, x * x, position as a real number) */
static void select_and_position(void)
{
    Case c = {FX_SELECT, FOVEA_FX_F, -3000, 3000, 1e-6, FALSE};
    GRand *rand = g_rand_new_with_seed(3);
    FoveaExpr fx = {0};
    guint16 a = fovea_fx_arg(&fx, 0, FOVEA_FX_F);
    guint16 at = fovea_fx_cast(&fx, fovea_fx_index(&fx, 0), FOVEA_DTYPE_F32);
    guint16 less = fovea_fx_op(&fx, FX_LT, a, at, 0);
    guint16 square = fovea_fx_op(&fx, FX_MUL, a, a, 0);
    fovea_fx_finish(&fx, fovea_fx_op(&fx, FX_SELECT, less, square, at));
    g_autoptr(FoveaTensor) x = points(&c, rand, 0);
    g_autoptr(FoveaTensor) out = run(&fx, &x, FOVEA_DTYPE_F32);
    check(&fx, &c.klass, &x, out, c.tolerance);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_setenv("FOVEA_VULKAN_VALIDATE", "1", FALSE);
    g_test_init(&argc, &argv, NULL);
    device = fovea_device_open("vulkan", &error);
    if (device == NULL) {
        g_print("1..0 # SKIP %s\n", error->message);
        return 0;
    }
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/fx/%s/%c", fovea_fx_op_name(cases[i].op),
                                                "FIB"[cases[i].klass]);
        g_test_add_data_func(path, &cases[i], run_operation);
    }
    g_test_add_func("/fx/pow/constant", powers);
    g_test_add_func("/fx/cast", casts);
    g_test_add_func("/fx/select", select_and_position);
    int result = g_test_run();
    if (fovea_vulkan_messages() > 0) {
        g_printerr("%u validation messages\n", fovea_vulkan_messages());
        result = 1;
    }
    fovea_device_unref(device);
    return result;
}
