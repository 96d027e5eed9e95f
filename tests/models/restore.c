/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Restorers: tiles against the whole picture, goldens, formats, plain scaling, memory, refusals.
 */
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/base.h"
#include "case.h"
#include "fovea/task.h"

/* ---- pictures ---- */

typedef struct Picture {
    FoveaImage image;
    guint8 *memory;
    gsize size;
} Picture;

static Picture picture_new(FoveaPixelFormat format, gint width, gint height)
{
    Picture p = {.image = {.format = format, .width = width, .height = height}};
    gboolean rgb = format == FOVEA_PIXEL_RGB;
    gint half_w = (width + 1) / 2, half_h = (height + 1) / 2;
    gsize luma = (gsize)width * height, chroma = (gsize)half_w * half_h;
    p.size = rgb ? luma * 3 : luma + 2 * chroma;
    p.memory = g_malloc0(p.size);
    p.image.plane[0] = p.memory;
    p.image.stride[0] = rgb ? width * 3 : width;
    if (!rgb) {
        gboolean nv12 = format == FOVEA_PIXEL_NV12;
        p.image.plane[1] = p.memory + luma;
        p.image.stride[1] = nv12 ? 2 * half_w : half_w;
        p.image.plane[2] = nv12 ? NULL : p.memory + luma + chroma;
        p.image.stride[2] = nv12 ? 0 : half_w;
    }
    return p;
}

/* Waves and noise. */
static Picture picture_drawn(FoveaPixelFormat format, gint width, gint height)
{
    Picture p = picture_new(format, width, height);
    GRand *random = g_rand_new_with_seed(11);
    for (gsize i = 0; i < p.size; i++)
        p.memory[i] = (guint8)(110 + 60 * sin((double)i * 0.013) + g_rand_int_range(random, 0, 70));
    g_rand_free(random);
    return p;
}

static void picture_clear(Picture *p)
{
    g_free(p->memory);
}

static void differences(const Picture *a, const Picture *b, gint *worst, double *mean)
{
    double sum = 0;
    *worst = 0;
    g_assert_cmpuint(a->size, ==, b->size);
    for (gsize i = 0; i < a->size; i++) {
        gint d = abs(a->memory[i] - b->memory[i]);
        *worst = MAX(*worst, d);
        sum += d;
    }
    *mean = sum / (double)a->size;
}

/* ---- restorers ---- */

static char *data_path(const char *name)
{
    return g_build_filename(g_test_get_dir(G_TEST_DIST), "data", name, NULL);
}

static char *shared_path(const char *folder, const char *name)
{
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared folder");
        return NULL;
    }
    return g_build_filename(shared_folder(), "models", folder, name, NULL);
}

static FoveaRestorer *restorer_on(const char *device_name, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open(device_name, &error);
    g_assert_no_error(error);
    FoveaRestorerParams params = {.model = path, .precision = FOVEA_PRECISION_F32};
    FoveaRestorer *restorer = fovea_restorer_new(device, &params, &error);
    g_assert_no_error(error);
    return restorer;
}

static FoveaRestorer *tiny(const char *kind)
{
    g_autofree char *name = g_strdup_printf("tiny-%s.onnx", kind);
    g_autofree char *path = data_path(name);
    return restorer_on("cpu", path);
}

static FoveaRestorerStream *stream_of(FoveaRestorer *restorer, gint width, gint height, gint tile,
                                      gint overlap)
{
    g_autoptr(GError) error = NULL;
    FoveaRestorerStreamParams params = {
        .width = width, .height = height, .tile = tile, .overlap = overlap};
    FoveaRestorerStream *stream = fovea_restorer_stream_new(restorer, &params, &error);
    g_assert_no_error(error);
    return stream;
}

/* The result of one picture, in `format`. */
static Picture restored(FoveaRestorer *restorer, const Picture *in, FoveaPixelFormat format,
                        gint tile, gint overlap, const FoveaRestoreParams *params, guint *n_tiles)
{
    g_autoptr(GError) error = NULL;
    gint scale = fovea_restorer_info(restorer)->scale;
    g_autoptr(FoveaRestorerStream)
        stream = stream_of(restorer, in->image.width, in->image.height, tile, overlap);
    Picture out = picture_new(format, in->image.width * scale, in->image.height * scale);
    memset(out.memory, 77, out.size);
    fovea_restorer_stream_run(stream, &in->image, params, &out.image, &error);
    g_assert_no_error(error);
    if (n_tiles != NULL)
        *n_tiles = fovea_restorer_stream_tiles(stream, NULL, NULL);
    return out;
}

/* ---- tiles ---- */

static void check_tiles(FoveaRestorer *restorer, gint width, gint height, gint tile,
                        FoveaPixelFormat from, FoveaPixelFormat to)
{
    Picture in = picture_drawn(from, width, height);
    guint one, many;
    gint worst;
    double mean;
    Picture whole = restored(restorer, &in, to, 0, 0, NULL, &one);
    Picture tiled = restored(restorer, &in, to, tile, 0, NULL, &many);
    differences(&whole, &tiled, &worst, &mean);
    g_test_message("%dx%d by %d: %u tiles, worst %d, mean %.6f", width, height, tile, many, worst,
                   mean);
    g_assert_cmpuint(one, ==, 1);
    g_assert_cmpuint(many, >, 1);
    g_assert_cmpint(worst, <=, 1);
    g_assert_cmpfloat(mean, <, 1e-3);
    picture_clear(&in);
    picture_clear(&whole);
    picture_clear(&tiled);
}

static void tiles_tiny(void)
{
    static const char *const kinds[] = {"x2", "even", "same"};
    static const FoveaPixelFormat formats[] = {FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12, FOVEA_PIXEL_I420};
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(FoveaRestorer) restorer = tiny(kinds[i]);
        for (guint k = 0; k < 9; k++) {
            check_tiles(restorer, 97, 61, 32, formats[k % 3], formats[k / 3]);
            check_tiles(restorer, 130, 77, 41, formats[k % 3], formats[k / 3]);
        }
        check_tiles(restorer, 33, 1, 20, FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12);
        check_tiles(restorer, 2, 45, 20, FOVEA_PIXEL_I420, FOVEA_PIXEL_I420);
    }
}

/* The model that Fovea brings, by its folder. */
static void tiles_default(void)
{
    g_autoptr(FoveaRestorer)
        restorer = restorer_on("cpu", FOVEA_SOURCE_ROOT "/models/fovea-restore-x2");
    const FoveaRestorerInfo *info = fovea_restorer_info(restorer);
    g_assert_cmpint(info->scale, ==, 2);
    g_assert_cmpint(info->scale, ==,
                    fovea_restorer_peek_scale(FOVEA_SOURCE_ROOT "/models/fovea-restore-x2"));
    g_assert_false(info->whole);
    check_tiles(restorer, 97, 61, 48, FOVEA_PIXEL_RGB, FOVEA_PIXEL_RGB);
    check_tiles(restorer, 131, 77, 64, FOVEA_PIXEL_NV12, FOVEA_PIXEL_NV12);
    check_tiles(restorer, 131, 90, 50, FOVEA_PIXEL_I420, FOVEA_PIXEL_RGB);
}

static void tiles_span(void)
{
    g_autofree char *path = shared_path("ntire2024_esr", "team38_span_ch28_slim.onnx");
    if (path == NULL)
        return;
    g_autoptr(FoveaRestorer) restorer = restorer_on("cpu", path);
    const FoveaRestorerInfo *info = fovea_restorer_info(restorer);
    g_assert_cmpstr(info->task, ==, "super-resolution");
    g_assert_cmpint(info->scale, ==, 4);
    g_assert_cmpint(info->reach, ==, 21);
    g_assert_false(info->whole);
    check_tiles(restorer, 97, 61, 48, FOVEA_PIXEL_RGB, FOVEA_PIXEL_RGB);
    check_tiles(restorer, 131, 77, 64, FOVEA_PIXEL_NV12, FOVEA_PIXEL_I420);
}

static void tiles_mobilesr(void)
{
    g_autofree char *path = shared_path("ntire2022_esr", "team20_mobilesr.onnx");
    if (path == NULL)
        return;
    g_autoptr(FoveaRestorer) restorer = restorer_on("cpu", path);
    g_assert_cmpint(fovea_restorer_info(restorer)->align, ==, 8);
    check_tiles(restorer, 141, 133, 120, FOVEA_PIXEL_RGB, FOVEA_PIXEL_RGB);
}

static void tiles_vulkan(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = shared_path("ntire2024_esr", "team38_span_ch28_slim.onnx");
    g_autoptr(FoveaDevice) device = fovea_device_open("vulkan", &error);
    if (path == NULL)
        return;
    if (device == NULL) {
        g_test_skip(error->message);
        return;
    }
    g_autoptr(FoveaRestorer) restorer = restorer_on("vulkan", path);
    check_tiles(restorer, 97, 61, 56, FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12);
}

/* Less overlap than the network looks at: close, every pixel written, the same with any format. */
static void blended(void)
{
    g_autoptr(FoveaRestorer) restorer = tiny("x2");
    static const FoveaPixelFormat formats[] = {FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12, FOVEA_PIXEL_I420};
    for (guint k = 0; k < 3; k++) {
        Picture in = picture_drawn(formats[k], 97, 61);
        guint n;
        gint worst;
        double mean;
        Picture whole = restored(restorer, &in, formats[k], 0, 0, NULL, NULL);
        Picture tiled = restored(restorer, &in, formats[k], 24, 2, NULL, &n);
        differences(&whole, &tiled, &worst, &mean);
        g_test_message("%u tiles, worst %d, mean %.4f", n, worst, mean);
        g_assert_cmpuint(n, >=, 12);
        g_assert_cmpint(worst, >, 1); /* else nothing was blended */
        g_assert_cmpint(worst, <, 60);
        g_assert_cmpfloat(mean, <, 1);
        picture_clear(&in);
        picture_clear(&whole);
        picture_clear(&tiled);
    }
}

/* ---- plain scaling beside the network ---- */

static void plain_and_compare(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaRestorer) restorer = tiny("x2");
    Picture in = picture_drawn(FOVEA_PIXEL_RGB, 50, 40);
    const FoveaRect left = {0, 0, 50, 80};
    FoveaRestoreParams all = {.plain = 1}, half = {.plain = 0.5f}, beside = {.compare = &left};
    g_autoptr(FoveaRestorerStream) stream = stream_of(restorer, 50, 40, 0, 0);
    Picture pass = picture_new(FOVEA_PIXEL_RGB, 100, 80);
    fovea_restorer_stream_pass(stream, &in.image, &pass.image, &error);
    g_assert_no_error(error);
    Picture net = restored(restorer, &in, FOVEA_PIXEL_RGB, 0, 0, NULL, NULL);
    Picture plain = restored(restorer, &in, FOVEA_PIXEL_RGB, 24, 0, &all, NULL);
    Picture mixed = restored(restorer, &in, FOVEA_PIXEL_RGB, 24, 0, &half, NULL);
    Picture shown = restored(restorer, &in, FOVEA_PIXEL_RGB, 24, 0, &beside, NULL);
    guint differ = 0;
    for (gsize i = 0; i < net.size; i++) {
        gint mean2 = net.memory[i] + pass.memory[i];
        g_assert_cmpint(plain.memory[i], ==, pass.memory[i]);
        g_assert_cmpint(abs(2 * mixed.memory[i] - mean2), <=, 3);
        const guint8 want = i / 3 % 100 < 50 ? pass.memory[i] : net.memory[i];
        g_assert_cmpint(abs(shown.memory[i] - want), <=, 1);
        differ += abs(net.memory[i] - pass.memory[i]) > 4;
    }
    g_assert_cmpuint(differ, >, net.size / 4); /* else the checks above said nothing */
    Picture *const all_of[] = {&in, &pass, &net, &plain, &mixed, &shown};
    for (guint i = 0; i < G_N_ELEMENTS(all_of); i++)
        picture_clear(all_of[i]);
}

/* ---- goldens ---- */

/* The network's own input was made from bytes: from the same bytes comes the same picture. */
static void golden(gconstpointer data)
{
    const char *name = data;
    g_autoptr(GError) error = NULL;
    Case c;
    if (shared_folder() == NULL) {
        g_test_skip("there is no shared folder");
        return;
    }
    g_assert_true(case_load(&c, "golden", name, FALSE, &error));
    g_assert_no_error(error);
    const FoveaTensor *input = g_array_index(c.inputs, NamedTensor, 0).tensor;
    const FoveaTensor *want = g_array_index(c.outputs, NamedTensor, 0).tensor;
    const gint64 *dims = fovea_tensor_dims(input), *to = fovea_tensor_dims(want);
    const float *from = fovea_tensor_data(input), *values = fovea_tensor_data(want);
    gint width = (gint)dims[3], height = (gint)dims[2];
    gsize plane = (gsize)width * height, big = (gsize)(to[2] * to[3]);
    Picture in = picture_new(FOVEA_PIXEL_RGB, width, height);
    for (gsize i = 0; i < plane * 3; i++) {
        double byte = from[i % 3 * plane + i / 3] * 255.0;
        g_assert_cmpfloat(fabs(byte - round(byte)), <, 1e-3); /* bytes, over 255 */
        in.memory[i] = (guint8)lround(byte);
    }
    g_autoptr(FoveaRestorer) restorer = restorer_on("cpu", c.model);
    Picture out = restored(restorer, &in, FOVEA_PIXEL_RGB, 0, 0, NULL, NULL);
    g_assert_cmpint(out.image.width, ==, to[3]);
    g_assert_cmpint(out.image.height, ==, to[2]);
    for (gsize i = 0; i < out.size; i++) {
        double value = CLAMP(values[i % 3 * big + i / 3] * 255.0, 0, 255);
        g_assert_cmpfloat(fabs(out.memory[i] - value), <=, 1.0);
    }
    picture_clear(&in);
    picture_clear(&out);
    case_clear(&c);
}

/* ---- memory ---- */

static void nothing_more(void)
{
    static const gint overlaps[] = {0, 2};
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaRestorer) restorer = tiny("x2");
    const FoveaRect left = {0, 0, 50, 122};
    const FoveaRestoreParams params = {.plain = 0.25f, .compare = &left};
    for (guint i = 0; i < G_N_ELEMENTS(overlaps); i++) {
        g_autoptr(FoveaRestorerStream) stream = stream_of(restorer, 97, 61, 24, overlaps[i]);
        Picture in = picture_drawn(FOVEA_PIXEL_NV12, 97, 61);
        Picture out = picture_new(FOVEA_PIXEL_NV12, 194, 122);
        guint64 before = 0;
        for (guint k = 0; k < 3; k++) {
            before = k == 1 ? fovea_alloc_count() : before;
            g_assert_true(
                fovea_restorer_stream_run(stream, &in.image, &params, &out.image, &error));
        }
        g_assert_cmpuint(fovea_alloc_count(), ==, before);
        picture_clear(&in);
        picture_clear(&out);
    }
}

/* Loading, a stream and a run with a failure at each allocation in turn. */
static gboolean all_the_way(const char *path, GError **error)
{
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", error);
    FoveaRestorerParams params = {.model = path};
    FoveaRestorerStreamParams sizes = {.width = 40, .height = 30, .tile = 16, .overlap = 2};
    FoveaRestoreParams share = {.plain = 0.5f};
    g_autoptr(FoveaRestorer) restorer = fovea_restorer_new(device, &params, error);
    g_autoptr(FoveaRestorerStream) stream = NULL;
    if (restorer != NULL)
        stream = fovea_restorer_stream_new(restorer, &sizes, error);
    if (stream == NULL)
        return FALSE;
    Picture in = picture_drawn(FOVEA_PIXEL_RGB, 40, 30);
    Picture out = picture_new(FOVEA_PIXEL_I420, 80, 60);
    gboolean ok = fovea_restorer_stream_run(stream, &in.image, &share, &out.image, error);
    picture_clear(&in);
    picture_clear(&out);
    return ok;
}

static void no_memory(void)
{
    g_autofree char *path = data_path("tiny-x2.onnx");
    g_autoptr(GError) error = NULL;
    fovea_alloc_fail_after(-1);
    g_assert_true(all_the_way(path, &error));
    guint calls = fovea_alloc_fail_after(-1), step = 1 + calls / 120, failed = 0;
    for (guint i = 0; i < calls; i += step) {
        fovea_alloc_fail_after((gint)i);
        if (!all_the_way(path, &error)) {
            g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
            failed++;
        }
        g_clear_error(&error);
    }
    fovea_alloc_fail_after(-1);
    g_test_message("%u of %u failed", failed, calls / step);
    g_assert_cmpuint(failed, >, calls / step / 2);
}

static gint64 resident_peak(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss; /* KiB */
}

/* 7680x4320 in, twice that out: 33 and 132 million pixels. In a process of its own, so that the peak
 * is this run's. */
static void large_picture(void)
{
    if (g_test_subprocess()) {
        g_autoptr(GError) error = NULL;
        g_autoptr(FoveaRestorer) restorer = tiny("x2");
        g_autoptr(FoveaRestorerStream) stream = stream_of(restorer, 7680, 4320, 0, 0);
        Picture in = picture_new(FOVEA_PIXEL_NV12, 7680, 4320);
        Picture out = picture_new(FOVEA_PIXEL_NV12, 15360, 8640);
        memset(in.memory, 100, in.size);
        memset(out.memory, 0, out.size);
        gint64 before = resident_peak();
        g_assert_true(fovea_restorer_stream_run(stream, &in.image, NULL, &out.image, &error));
        gint64 peak = resident_peak();
        g_print("tiles %u, peak %" G_GINT64_FORMAT " MiB, of which %" G_GINT64_FORMAT
                " MiB before\n",
                fovea_restorer_stream_tiles(stream, NULL, NULL), peak >> 10, before >> 10);
        g_assert_cmpint((peak - before) >> 10, <, 900);
        g_assert_cmpint(out.memory[15360 * 8640 - 1], >, 0);
        picture_clear(&in);
        picture_clear(&out);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stdout("*tiles*");
}

/* ---- refusals ---- */

static void whole_picture(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaRestorer) restorer = tiny("whole");
    FoveaRestorerStreamParams params = {.width = 200000, .height = 200000, .tile = 32};
    g_assert_true(fovea_restorer_info(restorer)->whole);
    g_assert_cmpstr(fovea_restorer_info(restorer)->why, ==, "ReduceMean 'look everywhere'");
    g_assert_null(fovea_restorer_stream_new(restorer, &params, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, "200000x200000"));
    g_assert_nonnull(strstr(error->message, "MiB"));
    g_assert_nonnull(strstr(error->message, "ReduceMean 'look everywhere' sees all of it"));
    Picture in = picture_drawn(FOVEA_PIXEL_RGB, 97, 61);
    guint n;
    Picture out = restored(restorer, &in, FOVEA_PIXEL_RGB, 32, 0, NULL, &n);
    g_assert_cmpuint(n, ==, 1);
    picture_clear(&in);
    picture_clear(&out);
}

static void refused(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", NULL);
    g_autoptr(FoveaRestorer) restorer = tiny("x2");
    FoveaRestorerParams nothing = {.model = "/no/such/model.onnx"};
    g_assert_null(fovea_restorer_new(device, &nothing, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_IO);
    g_clear_error(&error);
    FoveaRestorerStreamParams empty = {.width = 0, .height = 10};
    g_assert_null(fovea_restorer_stream_new(restorer, &empty, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    g_autoptr(FoveaRestorerStream) stream = stream_of(restorer, 40, 30, 0, 0);
    Picture in = picture_drawn(FOVEA_PIXEL_RGB, 40, 30),
            other = picture_new(FOVEA_PIXEL_RGB, 41, 30);
    Picture out = picture_new(FOVEA_PIXEL_RGB, 80, 60),
            small = picture_new(FOVEA_PIXEL_RGB, 80, 59);
    FoveaRestoreParams too_much = {.plain = 1.5f};
    g_assert_false(fovea_restorer_stream_run(stream, &other.image, NULL, &out.image, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(fovea_restorer_stream_run(stream, &in.image, NULL, &small.image, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(fovea_restorer_stream_run(stream, &in.image, &too_much, &out.image, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_clear_error(&error);
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    FoveaRestoreParams cancelled = {.cancellable = cancellable};
    g_assert_true(fovea_restorer_stream_run(stream, &in.image, &cancelled, &out.image, &error));
    g_cancellable_cancel(cancellable);
    g_assert_false(fovea_restorer_stream_run(stream, &in.image, &cancelled, &out.image, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_CANCELLED);
    Picture *const all_of[] = {&in, &other, &out, &small};
    for (guint i = 0; i < G_N_ELEMENTS(all_of); i++)
        picture_clear(all_of[i]);
}

/* Models that are no restorers, with words that say why. */
static void not_pictures(void)
{
    static const char *const models[][2] = {{"kwt1", "kwt1_v2_12.onnx"},
                                            {"deimv2", "deimv2_hgnetv2_atto_coco.onnx"},
                                            {"cct_xs_plate_ocr", "cct_xs_v1_global.onnx"}};
    g_autoptr(FoveaDevice) device = fovea_device_open("cpu", NULL);
    for (guint i = 0; i < G_N_ELEMENTS(models); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = shared_path(models[i][0], models[i][1]);
        if (path == NULL)
            return;
        FoveaRestorerParams params = {.model = path};
        g_assert_null(fovea_restorer_new(device, &params, &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_UNSUPPORTED);
        g_test_message("%s", error->message);
    }
}

int main(int argc, char **argv)
{
    static const char *const goldens[] = {
        "ntire2024_esr__team38_span_ch28_slim", "ntire2022_esr__team20_mobilesr",
        "ntire2022_esr__team30_scet", "camixersr__CAMixerSR_S_x4", "iat__iat_lol_v1_97x61"};
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/restore/tiles/tiny", tiles_tiny);
    g_test_add_func("/restore/tiles/default", tiles_default);
    g_test_add_func("/restore/tiles/span", tiles_span);
    g_test_add_func("/restore/tiles/mobilesr", tiles_mobilesr);
    g_test_add_func("/restore/tiles/vulkan", tiles_vulkan);
    g_test_add_func("/restore/tiles/blended", blended);
    g_test_add_func("/restore/plain", plain_and_compare);
    for (guint i = 0; i < G_N_ELEMENTS(goldens); i++) {
        g_autofree char *path = g_strdup_printf("/restore/golden/%s", goldens[i]);
        g_test_add_data_func(path, goldens[i], golden);
    }
    g_test_add_func("/restore/nothing-more", nothing_more);
    g_test_add_func("/restore/no-memory", no_memory);
    g_test_add_func("/restore/large", large_picture);
    g_test_add_func("/restore/whole", whole_picture);
    g_test_add_func("/restore/refused", refused);
    g_test_add_func("/restore/not-pictures", not_pictures);
    return g_test_run();
}
