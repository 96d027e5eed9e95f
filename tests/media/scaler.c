/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Plain scaling: what Pillow's BICUBIC gives (pillow.json, made by make_pillow.py), all formats
 * against it component by component, conversions, parts, and memory.
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "media/pillow.h"
#include "media/rows.h"
#include "media/scaler.h"

typedef struct Canvas {
    FoveaImage image;
    guint8 *memory[3];
    gsize size[3];
} Canvas;

static guint32 random_state = 1;

static guint8 random_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 24;
}

/* Each plane ends exactly at its last byte. fill < 0: random bytes. */
static Canvas canvas_new(FoveaPixelFormat format, gint width, gint height, gint padding, gint fill)
{
    Canvas c = {.image = {.format = format, .width = width, .height = height}};
    const FoveaPixelLayout *layout = fovea_pixel_layout(format);
    for (guint i = 0; i < layout->planes; i++) {
        gsize row = fovea_pixel_row_bytes(layout, i, width);
        c.size[i] = (row + padding) * (fovea_pixel_rows(layout, i, height) - 1) + row;
        c.image.stride[i] = (gint)row + padding;
        c.image.plane[i] = c.memory[i] = g_malloc(c.size[i]);
        for (gsize k = 0; k < c.size[i]; k++)
            c.memory[i][k] = fill < 0 ? random_byte() : (guint8)fill;
    }
    return c;
}

static void canvas_clear(Canvas *c)
{
    for (guint i = 0; i < 3; i++)
        g_free(c->memory[i]);
}

static void expect_same(const Canvas *a, const Canvas *b)
{
    for (guint i = 0; i < 3 && a->memory[i]; i++)
        g_assert_cmpmem(a->memory[i], a->size[i], b->memory[i], b->size[i]);
}

static FoveaScaler *scaler_for(const Canvas *from, const Canvas *to)
{
    GError *error = NULL;
    FoveaScaler *scaler = fovea_scaler_new(from->image.width, from->image.height, to->image.width,
                                           to->image.height, &error);
    g_assert_no_error(error);
    return scaler;
}

static void run(FoveaScaler *scaler, const Canvas *from, const Canvas *to, const FoveaRect *where)
{
    GError *error = NULL;
    fovea_scaler_run(scaler, &from->image, &to->image, where, &error);
    g_assert_no_error(error);
}

static void scale(const Canvas *from, const Canvas *to, const FoveaRect *where)
{
    g_autoptr(FoveaScaler) scaler = scaler_for(from, to);
    run(scaler, from, to, where);
}

static void test_pillow(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "pillow.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    GError *error = NULL;
    guint seen = 0;
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonArray *cases = json_node_get_array(json_parser_get_root(parser));
    for (guint i = 0; i < json_array_get_length(cases); i++) {
        JsonObject *o = json_array_get_object_element(cases, i);
        JsonArray *from = json_object_get_array_member(o, "from");
        JsonArray *to = json_object_get_array_member(o, "to");
        const char *hex = json_object_get_string_member(o, "rgb");
        if (json_object_get_int_member(o, "filter") != FOVEA_FILTER_BICUBIC)
            continue;
        seen++;
        random_state = 1;
        Canvas a = canvas_new(FOVEA_PIXEL_RGB, json_array_get_int_element(from, 0),
                              json_array_get_int_element(from, 1), 0, -1);
        Canvas b = canvas_new(FOVEA_PIXEL_RGB, json_array_get_int_element(to, 0),
                              json_array_get_int_element(to, 1), 0, 0);
        for (gint force = 0; force < 2; force++) {
            fovea_rows_force_c(force);
            memset(b.memory[0], 0, b.size[0]);
            scale(&a, &b, NULL);
            g_assert_cmpuint(strlen(hex), ==, b.size[0] * 2);
            for (gsize k = 0; k < b.size[0]; k++)
                g_assert_cmpint(b.memory[0][k], ==,
                                g_ascii_xdigit_value(hex[k * 2]) * 16 +
                                    g_ascii_xdigit_value(hex[k * 2 + 1]));
        }
        fovea_rows_force_c(FALSE);
        canvas_clear(&a);
        canvas_clear(&b);
    }
    g_assert_cmpuint(seen, ==, 12);
}

/* Bytes of component k of a picture, as a grey picture. */
static Canvas component(const Canvas *c, guint k)
{
    const FoveaImage *im = &c->image;
    const FoveaPixelLayout *l = fovea_pixel_layout(im->format);
    gboolean yuv = l->kind != FOVEA_KIND_RGB, chroma = yuv && k > 0;
    gint w = chroma ? (im->width + 1) / 2 : im->width;
    gint h = chroma && l->kind != FOVEA_KIND_YUY2 ? (im->height + 1) / 2 : im->height;
    Canvas grey = canvas_new(FOVEA_PIXEL_GRAY8, w, h, 0, 0);
    guint plane = l->kind == FOVEA_KIND_NV12   ? (chroma ? 1 : 0)
                  : l->kind == FOVEA_KIND_I420 ? k
                                               : 0;
    gint step = l->bytes, at = 0;
    if (!yuv)
        at = k == 0   ? l->red
             : k == 1 ? l->green
             : k == 2 ? l->blue
                      : 6 - l->red - l->green - l->blue;
    else if (l->kind == FOVEA_KIND_NV12 && chroma) {
        step = 2;
        at = k - 1;
    } else if (l->kind == FOVEA_KIND_YUY2) {
        step = chroma ? 4 : 2;
        at = chroma ? 2 * k - 1 : 0;
    }
    for (gint y = 0; y < h; y++)
        for (gint x = 0; x < w; x++)
            grey.memory[0][y * w + x] = im->plane[plane][y * im->stride[plane] + x * step + at];
    return grey;
}

/* Chroma at half size scaled in double precision: bicubic, sited left, in two roundings. */
static double cubic(double x)
{
    double d = fabs(x);
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/* widen: how many source samples a result covers, where they are more than one. */
static double cubic_at(const double *v, gsize step, gint n, double at, double widen)
{
    double sum = 0, weights = 0;
    widen = MAX(widen, 1);
    for (gint i = 0; i < n; i++) {
        sum += cubic((i - at) / widen) * v[i * step];
        weights += cubic((i - at) / widen);
    }
    return sum / weights;
}

static void check_chroma(const Canvas *from, const Canvas *to)
{
    gint w = from->image.width, h = from->image.height, tw = to->image.width;
    g_autofree double *values = g_new(double, w *h), *middle = g_new(double, tw *h);
    for (gint i = 0; i < w * h; i++)
        values[i] = from->memory[0][i];
    for (gint y = 0; y < h; y++)
        for (gint x = 0; x < tw; x++) {
            /* Sample i is a quarter of a sample right of its left edge. */
            double at = (x + 0.25) * w / tw - 0.25;
            middle[y * tw + x] = CLAMP(rint(cubic_at(values + y * w, 1, w, at, (double)w / tw)), 0,
                                       255);
        }
    for (gint y = 0; y < to->image.height; y++)
        for (gint x = 0; x < tw; x++) {
            double at = (y + 0.5) * h / to->image.height - 0.5;
            double want = CLAMP(cubic_at(middle + x, tw, h, at, (double)h / to->image.height), 0,
                                255);
            /* A value near a half may be rounded the other way in the middle. */
            g_assert_cmpfloat_with_epsilon(to->memory[0][y * tw + x], want, 1.6);
        }
}

static const gint sizes[][4] = {
    {1, 1, 2, 2}, {7, 5, 14, 10}, {16, 8, 64, 32}, {33, 17, 99, 51}, {40, 30, 29, 23}};

/* Every format enlarged: each component is what a grey picture of it becomes. */
static void test_formats(void)
{
    for (gint format = FOVEA_PIXEL_RGB; format <= FOVEA_PIXEL_YUY2; format++)
        for (guint s = 0; s < G_N_ELEMENTS(sizes); s++) {
            Canvas a = canvas_new(format, sizes[s][0], sizes[s][1], s % 2 ? 3 : 0, -1);
            Canvas b = canvas_new(format, sizes[s][2], sizes[s][3], s % 2 ? 0 : 5, 9);
            const FoveaPixelLayout *layout = fovea_pixel_layout(format);
            gboolean alpha = format == FOVEA_PIXEL_RGBA || format == FOVEA_PIXEL_BGRA ||
                             format == FOVEA_PIXEL_ARGB || format == FOVEA_PIXEL_ABGR;
            scale(&a, &b, NULL);
            guint n = layout->kind == FOVEA_KIND_GRAY ? 1 : layout->bytes == 4 ? 4 : 3;
            for (guint k = 0; k < n; k++) {
                Canvas ca = component(&a, k), cb = component(&b, k);
                Canvas want = canvas_new(FOVEA_PIXEL_GRAY8, cb.image.width, cb.image.height, 0,
                                         255);
                gboolean chroma = layout->kind != FOVEA_KIND_RGB && k > 0;
                if (k < 3 || alpha) /* what is unused becomes 255 */
                    scale(&ca, &want, NULL);
                if (chroma)
                    check_chroma(&ca, &cb);
                else
                    expect_same(&want, &cb);
                canvas_clear(&ca);
                canvas_clear(&cb);
                canvas_clear(&want);
            }
            canvas_clear(&a);
            canvas_clear(&b);
        }
}

/* A part is what the whole has there; outside it nothing changes. */
static void test_parts(void)
{
    static const FoveaPixelFormat pairs[][2] = {
        {FOVEA_PIXEL_RGB, FOVEA_PIXEL_RGB},   {FOVEA_PIXEL_NV12, FOVEA_PIXEL_NV12},
        {FOVEA_PIXEL_I420, FOVEA_PIXEL_NV12}, {FOVEA_PIXEL_NV12, FOVEA_PIXEL_RGB},
        {FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12},  {FOVEA_PIXEL_YUY2, FOVEA_PIXEL_YUY2},
        {FOVEA_PIXEL_RGBA, FOVEA_PIXEL_I420},
    };
    static const gint to[][2] = {{46, 30}, {94, 58}, {20, 58}, {60, 9}};
    for (guint p = 0; p < G_N_ELEMENTS(pairs); p++)
        for (guint s = 0; s < G_N_ELEMENTS(to); s++) {
            gint w = to[s][0], h = to[s][1];
            Canvas a = canvas_new(pairs[p][0], 47, 29, 0, -1);
            Canvas whole = canvas_new(pairs[p][1], w, h, 0, 3);
            Canvas parts = canvas_new(pairs[p][1], w, h, 0, 3);
            g_autoptr(FoveaScaler) scaler = scaler_for(&a, &whole);
            run(scaler, &a, &whole, NULL);
            const FoveaRect r[] = {{0, 0, 8, 4}, {8, 0, w, 4}, {0, 4, 8, h}, {8, 4, w, h}};
            for (gint i = 3; i >= 0; i--)
                run(scaler, &a, &parts, &r[i]);
            expect_same(&whole, &parts);
            canvas_clear(&parts);
            parts = canvas_new(pairs[p][1], w, h, 0, 3);
            run(scaler, &a, &parts, &r[0]);
            for (gsize i = 0; i < 3 && parts.memory[i]; i++) /* the last row is outside r[0] */
                for (gint x = 0; x < 8; x++)
                    g_assert_cmpint(parts.memory[i][parts.size[i] - 1 - x], ==, 3);
            canvas_clear(&a);
            canvas_clear(&whole);
            canvas_clear(&parts);
        }
}

/* At the same size: bytes are copied; other formats, matrices and ranges are converted. */
static void test_same_size(void)
{
    for (gint from = FOVEA_PIXEL_RGB; from <= FOVEA_PIXEL_YUY2; from++) {
        Canvas a = canvas_new(from, 37, 19, 0, -1), b = canvas_new(from, 37, 19, 0, 0);
        scale(&a, &b, NULL);
        expect_same(&a, &b);
        canvas_clear(&a);
        canvas_clear(&b);
    }
    /* NV12 to I420: the same samples. */
    Canvas nv12 = canvas_new(FOVEA_PIXEL_NV12, 37, 19, 0, -1);
    Canvas i420 = canvas_new(FOVEA_PIXEL_I420, 37, 19, 0, 0);
    Canvas back = canvas_new(FOVEA_PIXEL_NV12, 37, 19, 0, 0);
    scale(&nv12, &i420, NULL);
    scale(&i420, &back, NULL);
    expect_same(&nv12, &back);
    for (gint k = 0; k < 3; k++) {
        Canvas x = component(&nv12, k), y = component(&i420, k);
        expect_same(&x, &y);
        canvas_clear(&x);
        canvas_clear(&y);
    }
    canvas_clear(&nv12);
    canvas_clear(&i420);
    canvas_clear(&back);
    /* RGBA to BGRA and ARGB to RGB keep their colours; what gains an alpha is opaque. */
    Canvas rgba = canvas_new(FOVEA_PIXEL_RGBA, 5, 3, 0, -1);
    Canvas abgr = canvas_new(FOVEA_PIXEL_ABGR, 5, 3, 0, 0);
    Canvas bgr = canvas_new(FOVEA_PIXEL_BGR, 5, 3, 0, 0);
    Canvas argb = canvas_new(FOVEA_PIXEL_ARGB, 5, 3, 0, 0);
    scale(&rgba, &abgr, NULL);
    scale(&rgba, &bgr, NULL);
    scale(&bgr, &argb, NULL);
    for (guint i = 0; i < 15; i++) {
        const guint8 *want = rgba.memory[0] + 4 * i;
        for (guint k = 0; k < 4; k++)
            g_assert_cmpint(abgr.memory[0][4 * i + 3 - k], ==, want[k]);
        for (guint k = 0; k < 3; k++) {
            g_assert_cmpint(bgr.memory[0][3 * i + 2 - k], ==, want[k]);
            g_assert_cmpint(argb.memory[0][4 * i + 1 + k], ==, want[k]);
        }
        g_assert_cmpint(argb.memory[0][4 * i], ==, 255);
    }
    canvas_clear(&rgba);
    canvas_clear(&abgr);
    canvas_clear(&bgr);
    canvas_clear(&argb);
}

/* Grey of one colour through any matrix and range, and flat colours from there to there: known. */
static void test_conversions(void)
{
    static const guint8 red601[] = {81, 90, 240}, red709[] = {63, 102, 240};
    Canvas yuv = canvas_new(FOVEA_PIXEL_I420, 24, 10, 0, 0);
    Canvas other = canvas_new(FOVEA_PIXEL_NV12, 48, 20, 0, 0);
    Canvas rgb = canvas_new(FOVEA_PIXEL_RGB, 48, 20, 0, 0);
    for (guint k = 0; k < 3; k++)
        memset(yuv.memory[k], red601[k], yuv.size[k]);
    scale(&yuv, &rgb, NULL);
    for (gsize i = 0; i < rgb.size[0]; i++)
        g_assert_cmpint(ABS(rgb.memory[0][i] - (i % 3 ? 0 : 255)), <=, 2);
    other.image.matrix = FOVEA_MATRIX_BT709;
    scale(&yuv, &other, NULL);
    for (gsize i = 0; i < other.size[0]; i++)
        g_assert_cmpint(ABS(other.memory[0][i] - red709[0]), <=, 1);
    for (gsize i = 0; i < other.size[1]; i++)
        g_assert_cmpint(ABS(other.memory[1][i] - red709[1 + i % 2]), <=, 1);
    /* Limited to full: black and white are spread. */
    Canvas grey = canvas_new(FOVEA_PIXEL_GRAY8, 24, 10, 0, 235);
    Canvas full = canvas_new(FOVEA_PIXEL_GRAY8, 48, 20, 0, 0);
    full.image.range = FOVEA_RANGE_FULL;
    scale(&grey, &full, NULL);
    for (gsize i = 0; i < full.size[0]; i++)
        g_assert_cmpint(full.memory[0][i], ==, 255);
    canvas_clear(&yuv);
    canvas_clear(&other);
    canvas_clear(&rgb);
    canvas_clear(&grey);
    canvas_clear(&full);
}

/* Planes hold what the scaled picture as RGB shows, of a part too. */
static void test_planes(void)
{
    static const FoveaPixelFormat formats[] = {FOVEA_PIXEL_RGB, FOVEA_PIXEL_NV12, FOVEA_PIXEL_YUY2,
                                               FOVEA_PIXEL_GRAY8};
    const FoveaRect r = {5, 3, 58, 40};
    for (guint f = 0; f < G_N_ELEMENTS(formats); f++) {
        Canvas a = canvas_new(formats[f], 30, 21, 0, -1);
        Canvas b = canvas_new(FOVEA_PIXEL_RGB, 60, 42, 0, 0);
        float *memory = g_new(float, 3 * 60 * 42);
        float *const planes[3] = {memory, memory + 2520, memory + 5040};
        g_autoptr(FoveaScaler) scaler = scaler_for(&a, &b);
        GError *error = NULL;
        run(scaler, &a, &b, NULL);
        fovea_scaler_planes(scaler, &a.image, &r, planes, 60, &error);
        g_assert_no_error(error);
        for (gint y = r.y0; y < r.y1; y++)
            for (gint x = r.x0; x < r.x1; x++)
                for (guint c = 0; c < 3; c++)
                    g_assert_cmpfloat(planes[c][(y - r.y0) * 60 + x - r.x0], ==,
                                      b.memory[0][(y * 60 + x) * 3 + c]);
        g_free(memory);
        canvas_clear(&a);
        canvas_clear(&b);
    }
}

static void refuse(FoveaScaler *scaler, const FoveaImage *from, const FoveaImage *to,
                   const FoveaRect *where, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(fovea_scaler_run(scaler, from, to, where, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    if (strstr(error->message, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void test_refusals(void)
{
    static const gint bad[][4] = {{0, 1, 1, 1}, {1, -1, 1, 1}, {1, 1, 1 << 17, 1}, {1, 1, 1, 0}};
    Canvas a = canvas_new(FOVEA_PIXEL_NV12, 8, 8, 0, 0);
    Canvas b = canvas_new(FOVEA_PIXEL_NV12, 16, 16, 0, 0);
    g_autoptr(FoveaScaler) scaler = scaler_for(&a, &b);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(fovea_scaler_new(bad[i][0], bad[i][1], bad[i][2], bad[i][3], &error));
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    }
    refuse(scaler, &b.image, &b.image, NULL, "was to be scaled");
    refuse(scaler, &a.image, &a.image, NULL, "16 x 16");
    refuse(scaler, &a.image, &b.image, &(FoveaRect){1, 0, 4, 4}, "chroma");
    refuse(scaler, &a.image, &b.image, &(FoveaRect){0, 0, 18, 4}, "outside");
    canvas_clear(&a);
    canvas_clear(&b);
}

/* Memory is kept: a second picture needs none. One that could not be had fails with a sentence, and
 * the next run is right. */
static void test_memory(void)
{
    static const FoveaPixelFormat to[] = {FOVEA_PIXEL_NV12, FOVEA_PIXEL_RGB};
    for (guint f = 0; f < 2; f++) {
        Canvas a = canvas_new(FOVEA_PIXEL_NV12, 40, 30, 0, -1);
        Canvas want = canvas_new(to[f], 80, 60, 0, 0), got = canvas_new(to[f], 80, 60, 0, 1);
        g_autoptr(FoveaScaler) good = scaler_for(&a, &want);
        run(good, &a, &want, NULL);
        guint64 before = fovea_alloc_count();
        run(good, &a, &want, NULL);
        g_assert_cmpuint(fovea_alloc_count(), ==, before);
        guint failures = 0;
        for (gint i = 0;; i++) {
            g_autoptr(FoveaScaler) scaler = scaler_for(&a, &want);
            g_autoptr(GError) error = NULL;
            fovea_alloc_fail_after(i);
            gboolean ok = fovea_scaler_run(scaler, &a.image, &got.image, NULL, &error);
            fovea_alloc_fail_after(-1);
            if (ok)
                break;
            g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
            failures++;
            run(scaler, &a, &got, NULL);
            expect_same(&want, &got);
        }
        g_assert_cmpuint(failures, >=, 9);
        canvas_clear(&a);
        canvas_clear(&want);
        canvas_clear(&got);
    }
}

/* The promise is 3 ms for 640x360 to 1280x720 NV12 on one core. */
static void test_speed(void)
{
    static const struct {
        const char *name;
        FoveaPixelFormat from, to;
    } jobs[] = {
        {"NV12", FOVEA_PIXEL_NV12, FOVEA_PIXEL_NV12},
        {"I420", FOVEA_PIXEL_I420, FOVEA_PIXEL_I420},
        {"RGB", FOVEA_PIXEL_RGB, FOVEA_PIXEL_RGB},
        {"NV12 to RGB", FOVEA_PIXEL_NV12, FOVEA_PIXEL_RGB},
    };
    for (guint k = 0; k < G_N_ELEMENTS(jobs); k++) {
        Canvas a = canvas_new(jobs[k].from, 640, 360, 0, -1);
        Canvas b = canvas_new(jobs[k].to, 1280, 720, 0, 0);
        g_autoptr(FoveaScaler) scaler = scaler_for(&a, &b);
        gint64 best = G_MAXINT64;
        for (guint i = 0; i < 15; i++) {
            gint64 start = g_get_monotonic_time();
            run(scaler, &a, &b, NULL);
            best = MIN(best, g_get_monotonic_time() - start);
        }
        g_test_message("640x360 to 1280x720 %s: %" G_GINT64_FORMAT " us", jobs[k].name, best);
        canvas_clear(&a);
        canvas_clear(&b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/scaler/pillow", test_pillow);
    g_test_add_func("/media/scaler/formats", test_formats);
    g_test_add_func("/media/scaler/parts", test_parts);
    g_test_add_func("/media/scaler/same-size", test_same_size);
    g_test_add_func("/media/scaler/conversions", test_conversions);
    g_test_add_func("/media/scaler/planes", test_planes);
    g_test_add_func("/media/scaler/refusals", test_refusals);
    g_test_add_func("/media/scaler/memory", test_memory);
    if (g_test_perf()) /* a benchmark: -m perf */
        g_test_add_func("/media/scaler/speed", test_speed);
    return g_test_run();
}
