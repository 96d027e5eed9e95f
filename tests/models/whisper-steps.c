/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The zoo's whisper_decoder_past in one session with a bounded `past`: from both golden inputs to
 * its last position, each step equal to ONNX Runtime's (data/whisper-*, made by
 * make_whisper_steps.py), nothing allocated after the first step, and an error beyond the end.
 */
#include <math.h>

#include "base/base.h"
#include "case.h"

#define POSITIONS 32
#define TOKENS 120

static const char *caches[] = {"0.decoder.key", "0.decoder.value", "1.decoder.key",
                               "1.decoder.value"};

static FoveaTensor *read_data(const char *format, guint number)
{
    GError *error = NULL;
    g_autofree char *name = g_strdup_printf(format, number);
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", name, NULL);
    FoveaTensor *tensor = fovea_tensor_read_npy(path, &error);
    g_assert_no_error(error);
    return tensor;
}

typedef struct Decoder {
    Case golden;
    FoveaModel *model;
    FoveaPlan *plan;
    FoveaSession *session;
    FoveaTensor *token;
    gint token_index, logits_index;
} Decoder;

static void decoder_open(Decoder *d, FoveaDevice *device, FoveaPrecision precision, guint number,
                         gint64 capacity)
{
    GError *error = NULL;
    FoveaBoundedDim bound = {"past", capacity};
    FoveaPlanParams params = {.precision = precision, .bounded = &bound, .n_bounded = 1};
    memset(d, 0, sizeof *d);
    case_load(&d->golden, "zoo", "whisper_decoder_past", number == 2, &error);
    g_assert_no_error(error);
    d->model = fovea_model_open(d->golden.model, NULL, NULL, &error);
    g_assert_no_error(error);
    d->plan = fovea_plan_new(d->model, device, &params, &error);
    g_assert_no_error(error);
    d->session = fovea_session_new(d->plan, &error);
    g_assert_no_error(error);
    case_set_inputs(&d->golden, d->session, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < G_N_ELEMENTS(caches); i++) {
        g_autofree char *out = g_strdup_printf("present.%s", caches[i]);
        g_autofree char *in = g_strdup_printf("past_key_values.%s", caches[i]);
        fovea_session_carry(d->session, fovea_plan_find_output(d->plan, out),
                            fovea_plan_find_input(d->plan, in), &error);
        g_assert_no_error(error);
    }
    d->token = fovea_tensor_new(FOVEA_DTYPE_I64, 2, (gint64[]){1, 1}, NULL);
    d->token_index = fovea_plan_find_input(d->plan, "input_ids");
    d->logits_index = fovea_plan_find_output(d->plan, "logits");
}

static void decoder_close(Decoder *d)
{
    fovea_tensor_unref(d->token);
    fovea_session_free(d->session);
    fovea_plan_unref(d->plan);
    fovea_model_unref(d->model);
    case_clear(&d->golden);
}

static gboolean step(Decoder *d, gint64 past, float *logits, GError **error)
{
    *(gint64 *)fovea_tensor_data_mut(d->token) = (7 * past + 3) % TOKENS;
    return fovea_session_set_input(d->session, d->token_index, d->token, error) &&
           fovea_session_run(d->session, error) &&
           (logits == NULL || fovea_session_read_output(d->session, d->logits_index, logits,
                                                        TOKENS * sizeof(float), error));
}

static void check_close(const char *what, guint at, const float *want, const float *got, gsize n,
                        double tolerance)
{
    float low = want[0], high = want[0];
    for (gsize i = 0; i < n; i++) {
        low = MIN(low, want[i]);
        high = MAX(high, want[i]);
    }
    for (gsize i = 0; i < n; i++)
        if (!(fabs(want[i] - got[i]) <= tolerance * (high - low)))
            g_error("%s %u[%u] is %g, not %g", what, at, (guint)i, got[i], want[i]);
}

static void check_caches(Decoder *d, guint number, double tolerance)
{
    g_autoptr(FoveaTensor) want = read_data("whisper-present-%u.npy", number);
    gsize n = fovea_tensor_n_elements(want) / G_N_ELEMENTS(caches);
    for (guint i = 0; i < G_N_ELEMENTS(caches); i++) {
        GError *error = NULL;
        g_autofree char *name = g_strdup_printf("present.%s", caches[i]);
        g_autoptr(FoveaTensor) got =
            fovea_session_get_output(d->session, fovea_plan_find_output(d->plan, name), &error);
        g_assert_no_error(error);
        g_assert_cmpuint(fovea_tensor_n_elements(got), ==, n);
        g_assert_cmpint(fovea_tensor_dims(got)[2], ==, POSITIONS);
        check_close(name, number, (const float *)fovea_tensor_data(want) + i * n,
                    fovea_tensor_data(got), n, tolerance);
    }
}

static void walk(FoveaDevice *device, FoveaPrecision precision, guint number)
{
    Decoder d;
    GError *error = NULL;
    float logits[TOKENS];
    double tolerance = tolerance_of_range(precision);
    g_autoptr(FoveaTensor) want = read_data("whisper-steps-%u.npy", number);
    guint steps = fovea_tensor_dims(want)[0];
    guint64 after_first = 0, after_last;
    /* More room than the position table: that its end is noticed is not the capacity's merit. */
    decoder_open(&d, device, precision, number, POSITIONS + 8);
    for (guint i = 0; i < steps; i++) {
        step(&d, POSITIONS - steps + i, logits, &error);
        g_assert_no_error(error);
        check_close("step", i, (const float *)fovea_tensor_data(want) + i * TOKENS, logits, TOKENS,
                    tolerance);
        if (i == 0)
            after_first = fovea_alloc_count();
    }
    after_last = fovea_alloc_count();
    check_caches(&d, number, tolerance);
    /* Position 32 is not in the table. The state stays as it was, so it fails again, the same. */
    for (guint i = 0; i < 2; i++) {
        g_assert_false(step(&d, POSITIONS, NULL, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_RANGE);
        g_test_message("beyond the end: %s", error->message);
        g_clear_error(&error);
    }
    decoder_close(&d);
    g_assert_cmpuint(after_last, ==, after_first);
}

/* A state that is full says so, whatever the graph would do. */
static void fill_up(FoveaDevice *device, FoveaPrecision precision)
{
    Decoder d;
    GError *error = NULL;
    decoder_open(&d, device, precision, 1, 12);
    gint64 past = fovea_tensor_dims(((NamedTensor *)(gpointer)d.golden.inputs->data)[1].tensor)[2];
    g_assert_cmpint(past, >, 0);
    for (; past < 12; past++) {
        step(&d, past, NULL, &error);
        g_assert_no_error(error);
    }
    /* The past is 12 long now: one more step may run or not, but a past of 13 does not fit. */
    if (step(&d, past, NULL, &error)) {
        g_assert_false(step(&d, past + 1, NULL, &error));
    }
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_RANGE);
    g_clear_error(&error);
    decoder_close(&d);
}

typedef struct Where {
    const char *device;
    FoveaPrecision precision;
} Where;

static void test_steps(gconstpointer data)
{
    const Where *where = data;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared/ folder: name it in FOVEA_SHARED");
        return;
    }
    g_autoptr(FoveaDevice) device = open_or_skip(where->device);
    if (device == NULL)
        return;
    if (where->precision == FOVEA_PRECISION_F16 && !fovea_device_info(device)->f16) {
        g_test_skip("the device has no f16");
        return;
    }
    walk(device, where->precision, 1);
    walk(device, where->precision, 2);
    fill_up(device, where->precision);
}

int main(int argc, char **argv)
{
    static const Where cpu = {"cpu", FOVEA_PRECISION_F32}, gpu = {"vulkan", FOVEA_PRECISION_F32},
                       half = {"vulkan", FOVEA_PRECISION_F16};
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/whisper-steps/cpu/f32", &cpu, test_steps);
    g_test_add_data_func("/whisper-steps/vulkan/f32", &gpu, test_steps);
    g_test_add_data_func("/whisper-steps/vulkan/f16", &half, test_steps);
    return g_test_run();
}
