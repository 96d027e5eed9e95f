/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which plans are kept where pictures come in several sizes, and which are made again.
 */
#include "fovea/fovea.h"
#include "task/size-plans.h"

typedef struct Kept {
    FoveaDevice *device;
    FoveaModel *model;
    FoveaSizePlans plans;
} Kept;

static void kept_init(Kept *k, guint n)
{
    GError *error = NULL;
    const char *file = g_test_get_filename(G_TEST_DIST, "data", "tiny-x2.onnx", NULL);
    k->device = fovea_device_open("cpu", &error);
    g_assert_no_error(error);
    k->model = fovea_model_open(file, NULL, NULL, &error);
    g_assert_no_error(error);
    fovea_size_plans_init(&k->plans, n);
}

static void kept_clear(Kept *k)
{
    fovea_size_plans_clear(&k->plans);
    fovea_model_unref(k->model);
    fovea_device_unref(k->device);
}

static FoveaPlan *get(Kept *k, gint width, gint height, GError **error)
{
    FoveaInputShape shape = {fovea_model_input(k->model, 0)->name, 4, {1, 3, height, width}};
    FoveaPlanParams params = {.shapes = &shape, .n_shapes = 1};
    return fovea_size_plans_get(&k->plans, width, height, k->model, k->device, &params, error);
}

/* A plan for this size. */
static FoveaPlan *expect(Kept *k, gint width, gint height)
{
    GError *error = NULL;
    FoveaPlan *plan = get(k, width, height, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fovea_plan_input(plan, 0)->dims[2], ==, height);
    g_assert_cmpint(fovea_plan_input(plan, 0)->dims[3], ==, width);
    return plan;
}

/* The very plan that is given. */
static void expect_again(Kept *k, gint width, gint height, const FoveaPlan *same)
{
    g_autoptr(FoveaPlan) plan = expect(k, width, height);
    g_assert_true(plan == same);
}

static void test_oldest_goes(void)
{
    Kept k;
    kept_init(&k, 2);
    /* References are held, so that no new plan can lie where an old one did. */
    g_autoptr(FoveaPlan) a = expect(&k, 16, 24);
    g_autoptr(FoveaPlan) b = expect(&k, 24, 16);
    expect_again(&k, 16, 24, a);
    g_autoptr(FoveaPlan) c = expect(&k, 24, 24); /* b was asked for longest ago */
    expect_again(&k, 16, 24, a);
    g_autoptr(FoveaPlan) anew = expect(&k, 24, 16);
    g_assert_true(anew != b);
    expect_again(&k, 16, 24, a);
    g_autoptr(FoveaPlan) gone = expect(&k, 24, 24);
    g_assert_true(gone != c);
    kept_clear(&k);
}

/* A size that cannot be planned takes nobody's place. */
static void test_failure(void)
{
    Kept k;
    g_autoptr(GError) error = NULL;
    kept_init(&k, 1);
    g_autoptr(FoveaPlan) a = expect(&k, 16, 24);
    g_assert_null(get(&k, -16, 24, &error));
    g_assert_nonnull(error);
    expect_again(&k, 16, 24, a);
    kept_clear(&k);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/size-plans/oldest-goes", test_oldest_goes);
    g_test_add_func("/size-plans/failure", test_failure);
    return g_test_run();
}
