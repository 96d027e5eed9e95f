/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Pictures to network inputs: against the conversion formulas in double precision, written here
 * once more pixel by pixel, and against what Pillow gives (pillow.json, made by make_pillow.py).
 */
#include <json-glib/json-glib.h>
#include <math.h>

#include "media/preprocess.h"

typedef struct Picture {
    FoveaImage image;
    guint8 *memory[3];
} Picture;

static guint32 random_state = 1;

static guint8 random_byte(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 24;
}

static gint plane_count(FoveaPixelFormat format)
{
    return format == FOVEA_PIXEL_NV12 ? 2 : format == FOVEA_PIXEL_I420 ? 3 : 1;
}

/* A picture of random bytes. Each plane ends exactly at its last pixel, so that an address
 * sanitizer sees a read past it. */
static Picture picture_new(FoveaPixelFormat format, gint width, gint height, gint padding)
{
    static const gint bytes[] = {0, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 1, 1, 1, 2};
    Picture p = {.image = {.format = format, .width = width, .height = height}};
    gint half_width = (width + 1) / 2, half_height = (height + 1) / 2;
    for (gint i = 0; i < plane_count(format); i++) {
        gint row = width * bytes[format], rows = height;
        if (format == FOVEA_PIXEL_YUY2)
            row = half_width * 4;
        if (i > 0) {
            row = format == FOVEA_PIXEL_NV12 ? half_width * 2 : half_width;
            rows = half_height;
        }
        gsize size = (gsize)(row + padding) * (rows - 1) + row;
        p.image.stride[i] = row + padding;
        p.image.plane[i] = p.memory[i] = g_malloc(size);
        for (gsize k = 0; k < size; k++)
            p.memory[i][k] = random_byte();
    }
    return p;
}

static void picture_clear(Picture *p)
{
    for (guint i = 0; i < 3; i++)
        g_free(p->memory[i]);
}

/* The components of a pixel, by each format's own definition. */
static void components(const FoveaImage *im, gint x, gint y, double v[3])
{
    static const char *orders[] = {"",     "rgb",  "bgr",  "rgba", "bgra", "rgbx",
                                   "bgrx", "argb", "abgr", "xrgb", "xbgr"};
    const guint8 *row = im->plane[0] + (gsize)y * im->stride[0];
    v[1] = v[2] = 128;
    switch (im->format) {
    case FOVEA_PIXEL_GRAY8: v[0] = row[x]; break;
    case FOVEA_PIXEL_NV12:
        v[0] = row[x];
        v[1] = im->plane[1][(y / 2) * im->stride[1] + (x / 2) * 2];
        v[2] = im->plane[1][(y / 2) * im->stride[1] + (x / 2) * 2 + 1];
        break;
    case FOVEA_PIXEL_I420:
        v[0] = row[x];
        v[1] = im->plane[1][(y / 2) * im->stride[1] + x / 2];
        v[2] = im->plane[2][(y / 2) * im->stride[2] + x / 2];
        break;
    case FOVEA_PIXEL_YUY2:
        v[0] = row[x * 2];
        v[1] = row[(x / 2) * 4 + 1];
        v[2] = row[(x / 2) * 4 + 3];
        break;
    default: {
        const char *order = orders[im->format];
        for (guint k = 0; k < 3; k++)
            v[k] = row[x * strlen(order) + (strchr(order, "rgb"[k]) - order)];
    }
    }
}

/* R, G, B in 0..255, unclamped, from interpolated components. */
static void to_rgb(const FoveaImage *im, const double v[3], double rgb[3])
{
    static const double kr[] = {0.299, 0.2126, 0.2627}, kb[] = {0.114, 0.0722, 0.0593};
    double r = kr[im->matrix], b = kb[im->matrix], g = 1 - r - b, y, cb, cr;
    if (im->format < FOVEA_PIXEL_GRAY8) {
        memcpy(rgb, v, 3 * sizeof *v);
        return;
    }
    if (im->range == FOVEA_RANGE_FULL) {
        y = v[0] / 255;
        cb = (v[1] - 128) / 255;
        cr = (v[2] - 128) / 255;
    } else {
        y = (v[0] - 16) / 219;
        cb = (v[1] - 128) / 224;
        cr = (v[2] - 128) / 224;
    }
    rgb[0] = 255 * (y + 2 * (1 - r) * cr);
    rgb[2] = 255 * (y + 2 * (1 - b) * cb);
    rgb[1] = 255 * (y - 2 * b * (1 - b) / g * cb - 2 * r * (1 - r) / g * cr);
}

static void axis(gint i, gint n, gint start, gint end, gint *lo, gint *hi, double *w)
{
    double at = CLAMP((i + 0.5) * (end - start) / n - 0.5, 0, end - start - 1);
    *lo = start + (gint)at;
    *hi = MIN(*lo + 1, end - 1);
    *w = at - (gint)at;
}

static void expect_pixel(const FoveaImage *im, const FoveaRect *r, gint x, gint y, gint w, gint h,
                         double rgb[3])
{
    gint x0, x1, y0, y1;
    double wx, wy, p[4][3], v[3];
    axis(x, w, r->x0, r->x1, &x0, &x1, &wx);
    axis(y, h, r->y0, r->y1, &y0, &y1, &wy);
    components(im, x0, y0, p[0]);
    components(im, x1, y0, p[1]);
    components(im, x0, y1, p[2]);
    components(im, x1, y1, p[3]);
    for (guint k = 0; k < 3; k++)
        v[k] = (p[0][k] * (1 - wx) + p[1][k] * wx) * (1 - wy) +
               (p[2][k] * (1 - wx) + p[3][k] * wx) * wy;
    to_rgb(im, v, rgb);
    for (guint k = 0; k < 3; k++)
        rgb[k] = CLAMP(rgb[k], 0, 255);
}

static FoveaPreprocess *pre_new(const FoveaPreprocessParams *params)
{
    GError *error = NULL;
    FoveaPreprocess *pre = fovea_preprocess_new(params, &error);
    g_assert_no_error(error);
    return pre;
}

static void run(FoveaPreprocess *pre, const FoveaImage *im, const FoveaRect *region, void *out)
{
    GError *error = NULL;
    fovea_preprocess_run(pre, im, region, NULL, out, &error);
    g_assert_no_error(error);
}

static void check_against_formulas(const FoveaImage *im, const FoveaRect *region, gint w, gint h,
                                   gboolean bgr)
{
    FoveaPreprocessParams params = {.width = w, .height = h, .bgr = bgr, .dtype = FOVEA_DTYPE_F32};
    FoveaRect all = {0, 0, im->width, im->height};
    gsize plane = (gsize)w * h;
    g_autofree float *out = g_new(float, plane * 3);
    double worst = 0;

    for (guint c = 0; c < 3; c++) {
        params.scale[c] = 1 / (255 * (0.2f + 0.1f * c));
        params.shift[c] = -0.4f - 0.05f * c;
    }
    g_autoptr(FoveaPreprocess) pre = pre_new(&params);
    for (guint force_c = 0; force_c < 2; force_c++) {
        fovea_rows_force_c(force_c);
        memset(out, 0xff, plane * 3 * sizeof *out);
        run(pre, im, region, out);
        for (gint y = 0; y < h; y++)
            for (gint x = 0; x < w; x++) {
                double rgb[3];
                expect_pixel(im, region ? region : &all, x, y, w, h, rgb);
                for (guint c = 0; c < 3; c++) {
                    double got = out[c * plane + y * w + x];
                    got = (got - params.shift[c]) / params.scale[c];
                    worst = fmax(worst, fabs(got - rgb[bgr ? 2 - c : c]));
                    g_assert_false(isnan(got));
                }
            }
    }
    fovea_rows_force_c(FALSE);
    if (worst > 2e-3)
        g_error("format %d matrix %d range %d, %dx%d to %dx%d: off by %g of 255", im->format,
                im->matrix, im->range, im->width, im->height, w, h, worst);
}

static const gint sizes[][4] = {{1, 1, 1, 1},    {1, 1, 5, 3},    {3, 5, 2, 2}, {3, 5, 24, 11},
                                {17, 9, 16, 16}, {17, 9, 17, 9},  {2, 2, 9, 9}, {64, 3, 40, 33},
                                {5, 64, 33, 20}, {131, 70, 41, 9}};

static void test_formulas(void)
{
    for (gint format = FOVEA_PIXEL_RGB; format <= FOVEA_PIXEL_YUY2; format++)
        for (guint s = 0; s < G_N_ELEMENTS(sizes); s++)
            for (guint colour = 0; colour < 6; colour++) {
                if (format < FOVEA_PIXEL_GRAY8 && colour > 0)
                    continue;
                Picture p = picture_new(format, sizes[s][0], sizes[s][1], s % 2 ? 13 : 0);
                p.image.matrix = colour / 2;
                p.image.range = colour % 2;
                check_against_formulas(&p.image, NULL, sizes[s][2], sizes[s][3], colour == 1);
                picture_clear(&p);
            }
}

static void test_region(void)
{
    static const FoveaRect regions[] = {
        {0, 0, 1, 1}, {5, 3, 36, 20}, {36, 20, 37, 21}, {1, 1, 37, 21}, {7, 0, 8, 21}};
    for (gint format = FOVEA_PIXEL_RGB; format <= FOVEA_PIXEL_YUY2; format++)
        for (guint r = 0; r < G_N_ELEMENTS(regions); r++) {
            Picture p = picture_new(format, 37, 21, 3);
            check_against_formulas(&p.image, &regions[r], 19, 18, r % 2);
            picture_clear(&p);
        }
}

/* A picture at its own size with chroma interpolated: sample i is sited at column 2i, and halfway
 * between rows 2j and 2j+1 (YUY2: on each row). */
static double chroma_at(const FoveaImage *im, gint x, gint y, guint k)
{
    double fx = x / 2.0, fy = im->format == FOVEA_PIXEL_YUY2 ? y : (y - 0.5) / 2, sum = 0;
    gint w = (im->width + 1) / 2,
         h = im->format == FOVEA_PIXEL_YUY2 ? im->height : (im->height + 1) / 2;
    for (gint j = (gint)floor(fy); j <= (gint)floor(fy) + 1; j++)
        for (gint i = (gint)floor(fx); i <= (gint)floor(fx) + 1; i++) {
            double v[3], share = (1 - fabs(fx - i)) * (1 - fabs(fy - j));
            gint sx = CLAMP(i, 0, w - 1), sy = CLAMP(j, 0, h - 1);
            components(im, 2 * sx, im->format == FOVEA_PIXEL_YUY2 ? sy : 2 * sy, v);
            sum += share * v[k];
        }
    return sum;
}

static void test_smooth_chroma(void)
{
    static const FoveaRect regions[] = {
        {0, 0, 131, 9}, {0, 0, 1, 1}, {7, 3, 8, 4}, {5, 2, 131, 8}, {64, 1, 130, 9}};
    for (gint format = FOVEA_PIXEL_NV12; format <= FOVEA_PIXEL_YUY2; format++)
        for (guint k = 0; k < 2 * G_N_ELEMENTS(regions); k++) {
            FoveaRect r = regions[k / 2];
            gint w = r.x1 - r.x0, h = r.y1 - r.y0;
            FoveaPreprocessParams params = {.width = w,
                                            .height = h,
                                            .smooth_chroma = TRUE,
                                            .dtype = FOVEA_DTYPE_F32,
                                            .scale = {1, 1, 1}};
            g_autofree float *out = g_new(float, 3 * w * h);
            Picture p = picture_new(format, 131, 9, 0);
            p.image.matrix = k % 3;
            g_autoptr(FoveaPreprocess) pre = pre_new(&params);
            fovea_rows_force_c(k % 2);
            run(pre, &p.image, &r, out);
            for (gint y = 0; y < h; y++)
                for (gint x = 0; x < w; x++) {
                    double v[3], rgb[3];
                    components(&p.image, r.x0 + x, r.y0 + y, v);
                    v[1] = chroma_at(&p.image, r.x0 + x, r.y0 + y, 1);
                    v[2] = chroma_at(&p.image, r.x0 + x, r.y0 + y, 2);
                    to_rgb(&p.image, v, rgb);
                    for (guint c = 0; c < 3; c++)
                        g_assert_cmpfloat_with_epsilon(out[(c * h + y) * w + x],
                                                       CLAMP(rgb[c], 0, 255), 2e-3);
                }
            picture_clear(&p);
        }
    fovea_rows_force_c(FALSE);
}

static void test_letterbox(void)
{
    Picture p = picture_new(FOVEA_PIXEL_RGB, 40, 20, 0);
    FoveaPreprocessParams params = {.width = 16,
                                    .height = 16,
                                    .dtype = FOVEA_DTYPE_F32,
                                    .scale = {1, 1, 1},
                                    .pad = {-7, -8, -9}};
    static const FoveaFit fits[] = {FOVEA_FIT_LETTERBOX, FOVEA_FIT_LETTERBOX_CORNER};
    g_autofree float *small = g_new(float, 3 * 16 * 8), *out = g_new(float, 3 * 256);
    FoveaPlacement place;
    FoveaPreprocessParams whole = {
        .width = 16, .height = 8, .dtype = FOVEA_DTYPE_F32, .scale = {1, 1, 1}};
    g_autoptr(FoveaPreprocess) plain = pre_new(&whole);
    run(plain, &p.image, NULL, small);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(FoveaPreprocess) pre = pre_new(&params);
        fovea_fit_place(fits[i], 40, 20, 16, 16, &place);
        g_assert_true(fovea_preprocess_run(pre, &p.image, NULL, &place, out, NULL));
        gint top = i == 0 ? 4 : 0;
        g_assert_cmpint(place.x, ==, 0);
        g_assert_cmpint(place.y, ==, top);
        g_assert_cmpint(place.width, ==, 16);
        g_assert_cmpint(place.height, ==, 8);
        for (gint c = 0; c < 3; c++)
            for (gint y = 0; y < 16; y++)
                for (gint x = 0; x < 16; x++) {
                    float got = out[c * 256 + y * 16 + x];
                    gboolean inside = y >= top && y < top + 8;
                    float want = inside ? small[c * 128 + (y - top) * 16 + x] : -7 - c;
                    g_assert_cmpfloat(got, ==, want);
                }
    }
    picture_clear(&p);
}

static void test_bytes(void)
{
    Picture p = picture_new(FOVEA_PIXEL_I420, 33, 17, 0);
    FoveaPreprocessParams params = {.width = 11, .height = 10, .scale = {1, 1, 1}};
    float floats[330];
    guint8 bytes[330];
    params.dtype = FOVEA_DTYPE_F32;
    g_autoptr(FoveaPreprocess) a = pre_new(&params);
    params.dtype = FOVEA_DTYPE_U8;
    g_autoptr(FoveaPreprocess) b = pre_new(&params);
    run(a, &p.image, NULL, floats);
    run(b, &p.image, NULL, bytes);
    for (guint i = 0; i < 330; i++)
        g_assert_cmpint(bytes[i], ==, (gint)floor(floats[i] + 0.5f));
    picture_clear(&p);
}

/* Pictures alternate in size and region on one object: nothing of the last one may be left. */
static void test_changing_pictures(void)
{
    FoveaPreprocessParams params = {
        .width = 20, .height = 12, .dtype = FOVEA_DTYPE_F32, .scale = {1, 1, 1}};
    for (guint pillow = 0; pillow < 2; pillow++) {
        params.pillow = pillow;
        params.filter = FOVEA_FILTER_BICUBIC;
        g_autoptr(FoveaPreprocess) shared = pre_new(&params);
        for (guint i = 0; i < 6; i++) {
            static const FoveaRect part = {1, 2, 15, 14};
            const FoveaRect *region = i % 3 == 1 ? &part : NULL;
            Picture p = picture_new(FOVEA_PIXEL_NV12, i % 2 ? 90 : 17, i % 2 ? 33 : 15, 0);
            float a[720], b[720];
            g_autoptr(FoveaPreprocess) fresh = pre_new(&params);
            run(shared, &p.image, region, a);
            run(fresh, &p.image, region, b);
            g_assert_cmpmem(a, sizeof a, b, sizeof b);
            guint64 before = fovea_alloc_count();
            run(shared, &p.image, region, a);
            g_assert_cmpuint(fovea_alloc_count(), ==, before);
            picture_clear(&p);
        }
    }
}

static void test_pillow(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "pillow.json", NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    GError *error = NULL;
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonArray *cases = json_node_get_array(json_parser_get_root(parser));
    g_assert_cmpuint(json_array_get_length(cases), ==, 72);
    for (guint i = 0; i < json_array_get_length(cases); i++) {
        JsonObject *o = json_array_get_object_element(cases, i);
        JsonArray *from = json_object_get_array_member(o, "from");
        JsonArray *to = json_object_get_array_member(o, "to");
        const char *hex = json_object_get_string_member(o, "rgb");
        FoveaPreprocessParams params = {.width = json_array_get_int_element(to, 0),
                                        .height = json_array_get_int_element(to, 1),
                                        .pillow = TRUE,
                                        .filter = json_object_get_int_member(o, "filter"),
                                        .dtype = FOVEA_DTYPE_U8,
                                        .scale = {1, 1, 1}};
        gsize plane = (gsize)params.width * params.height;
        g_autofree guint8 *out = g_malloc(plane * 3);
        random_state = 1;
        Picture p = picture_new(FOVEA_PIXEL_RGB, json_array_get_int_element(from, 0),
                                json_array_get_int_element(from, 1), 0);
        g_autoptr(FoveaPreprocess) pre = pre_new(&params);
        run(pre, &p.image, NULL, out);
        g_assert_cmpuint(strlen(hex), ==, plane * 6);
        for (gsize k = 0; k < plane * 3; k++) {
            gint want = g_ascii_xdigit_value(hex[k * 2]) * 16 +
                        g_ascii_xdigit_value(hex[k * 2 + 1]);
            if (out[(k % 3) * plane + k / 3] != want)
                g_error("filter %d, case %u, byte %u: %d, Pillow gives %d", params.filter, i,
                        (guint)k, out[(k % 3) * plane + k / 3], want);
        }
        picture_clear(&p);
    }
}

/* Every format reaches Pillow's filters as R, G, B rounded to nearest: seen through the identity,
 * also from an odd column on. */
static void test_pillow_formats(void)
{
    static const FoveaRect regions[] = {{0, 0, 71, 9}, {3, 1, 70, 8}, {70, 2, 71, 3}};
    for (gint format = FOVEA_PIXEL_RGB; format <= FOVEA_PIXEL_YUY2; format++)
        for (guint k = 0; k < 6 * G_N_ELEMENTS(regions); k++) {
            const FoveaRect *r = &regions[k / 6];
            gint w = r->x1 - r->x0, h = r->y1 - r->y0;
            FoveaPreprocessParams params = {.width = w,
                                            .height = h,
                                            .dtype = FOVEA_DTYPE_F32,
                                            .scale = {1, 1, 1},
                                            .pillow = TRUE,
                                            .filter = FOVEA_FILTER_BILINEAR};
            Picture p = picture_new(format, 71, 9, k % 2 ? 5 : 0);
            p.image.matrix = k % 6 / 2;
            p.image.range = k % 2;
            g_autofree float *out = g_new(float, 3 * w * h);
            g_autoptr(FoveaPreprocess) pre = pre_new(&params);
            run(pre, &p.image, r, out);
            for (gint i = 0; i < w * h; i++) {
                double v[3], rgb[3];
                components(&p.image, r->x0 + i % w, r->y0 + i / w, v);
                to_rgb(&p.image, v, rgb);
                for (guint c = 0; c < 3; c++) {
                    double want = CLAMP(rgb[c], 0, 255);
                    g_assert_cmpfloat(fabs(out[c * w * h + i] - want), <=, 0.5 + 1e-3);
                    g_assert_cmpfloat(out[c * w * h + i], ==, floor(out[c * w * h + i]));
                }
            }
            picture_clear(&p);
        }
}

static void expect_refusal(const FoveaImage *im, const FoveaRect *region, const char *words)
{
    FoveaPreprocessParams params = {.width = 4, .height = 4, .dtype = FOVEA_DTYPE_F32};
    g_autoptr(FoveaPreprocess) pre = pre_new(&params);
    g_autoptr(GError) error = NULL;
    float out[48];
    g_assert_false(fovea_preprocess_run(pre, im, region, NULL, out, &error));
    g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_ARGUMENT);
    g_assert_nonnull(strstr(error->message, words));
}

static void test_refusals(void)
{
    Picture p = picture_new(FOVEA_PIXEL_NV12, 8, 8, 0);
    FoveaImage bad = p.image;
    expect_refusal(NULL, NULL, "format");
    bad.format = 99;
    expect_refusal(&bad, NULL, "format");
    bad = p.image;
    bad.width = 0;
    expect_refusal(&bad, NULL, "empty");
    bad = p.image;
    bad.stride[1] = 7;
    expect_refusal(&bad, NULL, "stride");
    bad = p.image;
    bad.plane[1] = NULL;
    expect_refusal(&bad, NULL, "plane 1");
    bad = p.image;
    bad.matrix = 7;
    expect_refusal(&bad, NULL, "matrix");
    expect_refusal(&p.image, &(FoveaRect){0, 0, 9, 8}, "region");
    expect_refusal(&p.image, &(FoveaRect){3, 3, 3, 4}, "region");
    FoveaPreprocessParams params = {.width = 4, .height = 4, .dtype = FOVEA_DTYPE_F32};
    g_autoptr(FoveaPreprocess) pre = pre_new(&params);
    float out[48];
    g_assert_false(
        fovea_preprocess_run(pre, &p.image, NULL, &(FoveaPlacement){1, 0, 4, 4}, out, NULL));
    picture_clear(&p);
}

/* Every allocation may fail: an error with a sentence, and the next frame works. */
static void test_no_memory(void)
{
    Picture p = picture_new(FOVEA_PIXEL_I420, 40, 30, 0);
    FoveaPreprocessParams params = {.width = 9,
                                    .height = 9,
                                    .dtype = FOVEA_DTYPE_F32,
                                    .pillow = TRUE,
                                    .filter = FOVEA_FILTER_LANCZOS,
                                    .scale = {1, 1, 1}};
    float want[243], got[243];
    g_autoptr(FoveaPreprocess) good = pre_new(&params);
    run(good, &p.image, NULL, want);
    guint failures = 0;
    for (gint i = 0;; i++) {
        g_autoptr(FoveaPreprocess) pre = pre_new(&params);
        g_autoptr(GError) error = NULL;
        fovea_alloc_fail_after(i);
        gboolean ok = fovea_preprocess_run(pre, &p.image, NULL, NULL, got, &error);
        fovea_alloc_fail_after(-1);
        if (ok)
            break;
        g_assert_error(error, FOVEA_ERROR, FOVEA_ERROR_NO_MEMORY);
        failures++;
        run(pre, &p.image, NULL, got);
        g_assert_cmpmem(got, sizeof got, want, sizeof want);
    }
    g_assert_cmpuint(failures, >=, 4);
    picture_clear(&p);
}

/* The promise is 2 ms for a 1080p frame on one core. */
static void test_speed(void)
{
    Picture p = picture_new(FOVEA_PIXEL_NV12, 1920, 1080, 0);
    FoveaPreprocessParams params = {
        .width = 320, .height = 320, .dtype = FOVEA_DTYPE_F32, .scale = {1, 1, 1}};
    g_autoptr(FoveaPreprocess) pre = pre_new(&params);
    g_autofree float *out = g_new(float, 3 * 320 * 320);
    gint64 best[2] = {G_MAXINT64, G_MAXINT64};
    for (guint i = 0; i < 40; i++) {
        fovea_rows_force_c(i % 2);
        gint64 start = g_get_monotonic_time();
        run(pre, &p.image, NULL, out);
        best[i % 2] = MIN(best[i % 2], g_get_monotonic_time() - start);
    }
    fovea_rows_force_c(FALSE);
    g_test_message("1080p NV12 to 320x320: %" G_GINT64_FORMAT " us, plain C %" G_GINT64_FORMAT
                   " us",
                   best[0], best[1]);

    /* Nothing resized, as restorers take it; told, not bounded. */
    FoveaPreprocessParams same = {
        .width = 640, .height = 360, .dtype = FOVEA_DTYPE_F32, .scale = {1, 1, 1}};
    const FoveaRect part = {0, 0, 640, 360};
    for (guint i = 0; i < 2; i++) {
        same.smooth_chroma = i;
        g_autoptr(FoveaPreprocess) plain = pre_new(&same);
        g_autofree float *planes = g_new(float, 3 * 640 * 360);
        gint64 quickest = G_MAXINT64;
        for (guint k = 0; k < 20; k++) {
            gint64 start = g_get_monotonic_time();
            run(plain, &p.image, &part, planes);
            quickest = MIN(quickest, g_get_monotonic_time() - start);
        }
        g_test_message("640x360 NV12 as it is, chroma %s: %" G_GINT64_FORMAT " us",
                       i ? "interpolated" : "nearest", quickest);
    }

    /* Pillow's way reads every pixel; told, not bounded. */
    FoveaPreprocessParams slow = {.width = 640,
                                  .height = 640,
                                  .dtype = FOVEA_DTYPE_F32,
                                  .scale = {1, 1, 1},
                                  .pillow = TRUE,
                                  .filter = FOVEA_FILTER_BILINEAR};
    g_autoptr(FoveaPreprocess) pillow = pre_new(&slow);
    g_autofree float *wide = g_new(float, 3 * 640 * 640);
    gint64 least = G_MAXINT64;
    for (guint i = 0; i < 5; i++) {
        gint64 start = g_get_monotonic_time();
        run(pillow, &p.image, NULL, wide);
        least = MIN(least, g_get_monotonic_time() - start);
    }
    g_test_message("1080p NV12 to 640x640 as Pillow: %" G_GINT64_FORMAT " us", least);
    picture_clear(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/media/preprocess/formulas", test_formulas);
    g_test_add_func("/media/preprocess/region", test_region);
    g_test_add_func("/media/preprocess/smooth-chroma", test_smooth_chroma);
    g_test_add_func("/media/preprocess/letterbox", test_letterbox);
    g_test_add_func("/media/preprocess/bytes", test_bytes);
    g_test_add_func("/media/preprocess/changing-pictures", test_changing_pictures);
    g_test_add_func("/media/preprocess/pillow", test_pillow);
    g_test_add_func("/media/preprocess/pillow-formats", test_pillow_formats);
    g_test_add_func("/media/preprocess/refusals", test_refusals);
    g_test_add_func("/media/preprocess/no-memory", test_no_memory);
    if (g_test_perf()) /* a benchmark: -m perf */
        g_test_add_func("/media/preprocess/speed", test_speed);
    return g_test_run();
}
