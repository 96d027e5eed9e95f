/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading pictures for the command: JPEG in all eight EXIF orientations, PNG of all kinds, and what
 * broken and huge files get.
 */
#include <stdio.h>

#include <cairo.h>
#include <glib/gstdio.h>
#include <jpeglib.h>
#include <png.h>
#include <string.h>

#include "../../pipelines/fovea/draw.h"
#include "../../pipelines/fovea/picture.h"

#define W 48
#define H 32

static char *folder;

static char *file(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

/* Four quarters: red, green / blue, white. As the file stores it. */
static void quarters(guint8 *rgb)
{
    static const guint8 colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};
    for (guint y = 0; y < H; y++)
        for (guint x = 0; x < W; x++)
            memcpy(rgb + (y * W + x) * 3, colours[(y >= H / 2) * 2 + (x >= W / 2)], 3);
}

static void write_jpeg(const char *path, gint orientation, gboolean big_endian, gboolean cmyk)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    g_autofree guint8 *pixels = g_malloc(W * H * 4);
    FILE *out = fopen(path, "wb");
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, out);
    jpeg.image_width = W;
    jpeg.image_height = H;
    jpeg.input_components = cmyk ? 4 : 3;
    jpeg.in_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 98, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    if (orientation) {
        guint8 exif[] = {'E', 'x',  'i',  'f', 0,
                         0,   'I',  'I',  42,  0,
                         8,   0,    0,    0,   1,
                         0,   0x12, 0x01, 3,   0,
                         1,   0,    0,    0,   (guint8)orientation,
                         0,   0,    0,    0,   0,
                         0,   0};
        guint8 big[] = {'E', 'x', 'i', 'f',  0,    0, 'M', 'M', 0, 42, 0, 0, 0,
                        8,   0,   1,   0x01, 0x12, 0, 3,   0,   0, 0,  1, 0, (guint8)orientation,
                        0,   0,   0,   0,    0,    0};
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, big_endian ? big : exif, sizeof exif);
    }
    quarters(pixels);
    if (cmyk) /* Adobe's CMYK is inverted: here full ink is 0 */
        for (gint i = W * H - 1; i >= 0; i--) {
            memmove(pixels + i * 4, pixels + i * 3, 3);
            pixels[i * 4 + 3] = 255;
        }
    for (guint y = 0; y < H; y++) {
        JSAMPROW row = pixels + y * W * (cmyk ? 4 : 3);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(out);
}

static void assert_colour(const Picture *p, gint x, gint y, const char *colour)
{
    static const struct {
        const char *name;
        guint8 rgb[3];
    } colours[] = {{"red", {255, 0, 0}},
                   {"green", {0, 255, 0}},
                   {"blue", {0, 0, 255}},
                   {"white", {255, 255, 255}}};
    guint bytes = p->image.format == FOVEA_PIXEL_RGBA ? 4 : 3;
    const guint8 *at = p->memory + (gsize)y * p->image.stride[0] + (gsize)x * bytes;
    for (guint i = 0; i < G_N_ELEMENTS(colours); i++)
        if (g_str_equal(colour, colours[i].name))
            for (guint c = 0; c < 3; c++)
                if (ABS(at[c] - colours[i].rgb[c]) > 12)
                    g_error("(%d, %d) is %d %d %d, not %s", x, y, at[0], at[1], at[2], colour);
}

static void read_good(const char *path, Picture *p)
{
    GError *error = NULL;
    picture_read(path, p, &error);
    g_assert_no_error(error);
}

static void test_orientations(void)
{
    /* Corners of the upright picture: top left, top right, bottom left, bottom right. */
    static const char *corners[9][4] = {
        {"red", "green", "blue", "white"}, {"red", "green", "blue", "white"},
        {"green", "red", "white", "blue"}, {"white", "blue", "green", "red"},
        {"blue", "white", "red", "green"}, {"red", "blue", "green", "white"},
        {"blue", "red", "white", "green"}, {"white", "green", "blue", "red"},
        {"green", "white", "red", "blue"}};
    g_autofree char *path = file("turned.jpg");
    for (gint o = 0; o <= 8; o++)
        for (gint big = 0; big < 2; big++) {
            Picture p;
            write_jpeg(path, o, big, FALSE);
            read_good(path, &p);
            gint w = o >= 5 ? H : W, h = o >= 5 ? W : H;
            g_assert_cmpint(p.image.width, ==, w);
            g_assert_cmpint(p.image.height, ==, h);
            assert_colour(&p, 3, 3, corners[o][0]);
            assert_colour(&p, w - 4, 3, corners[o][1]);
            assert_colour(&p, 3, h - 4, corners[o][2]);
            assert_colour(&p, w - 4, h - 4, corners[o][3]);
            picture_clear(&p);
        }
}

static void test_cmyk(void)
{
    g_autofree char *path = file("ink.jpg");
    Picture p;
    write_jpeg(path, 0, FALSE, TRUE);
    read_good(path, &p);
    assert_colour(&p, 3, 3, "red");
    assert_colour(&p, W - 4, H - 4, "white");
    picture_clear(&p);
}

static void test_png_kinds(void)
{
    static const guint32 formats[] = {PNG_FORMAT_RGB, PNG_FORMAT_RGBA, PNG_FORMAT_BGR};
    g_autofree char *path = file("kinds.png");
    g_autofree guint8 *rgb = g_malloc(W * H * 3), *any = g_malloc(W * H * 4);
    quarters(rgb);
    for (guint f = 0; f < G_N_ELEMENTS(formats); f++) {
        png_image png = {
            .version = PNG_IMAGE_VERSION, .width = W, .height = H, .format = formats[f]};
        guint bytes = PNG_IMAGE_PIXEL_SIZE(formats[f]);
        gboolean swap = formats[f] == PNG_FORMAT_BGR;
        for (guint i = 0; i < W * H; i++) {
            for (guint c = 0; c < 3; c++)
                any[i * bytes + c] = rgb[i * 3 + (swap ? 2 - c : c)];
            if (bytes == 4)
                any[i * 4 + 3] = 200;
        }
        g_assert_true(png_image_write_to_file(&png, path, 0, any, 0, NULL));
        Picture p;
        read_good(path, &p);
        g_assert_cmpint(p.image.format, ==, bytes == 4 ? FOVEA_PIXEL_RGBA : FOVEA_PIXEL_RGB);
        assert_colour(&p, 3, 3, "red");
        assert_colour(&p, W - 4, 3, "green");
        picture_clear(&p);
    }
    png_image grey = {
        .version = PNG_IMAGE_VERSION, .width = W, .height = H, .format = PNG_FORMAT_GRAY};
    memset(any, 255, W * H);
    g_assert_true(png_image_write_to_file(&grey, path, 0, any, 0, NULL));
    Picture p;
    read_good(path, &p);
    assert_colour(&p, 9, 9, "white");
    picture_clear(&p);
}

static void refuse(const char *path, FoveaError code, const char *words)
{
    g_autoptr(GError) error = NULL;
    Picture p;
    g_assert_false(picture_read(path, &p, &error));
    g_assert_error(error, FOVEA_ERROR, code);
    if (strstr(error->message, words) == NULL)
        g_error("\"%s\" does not say \"%s\"", error->message, words);
    g_assert_null(p.memory);
}

/* The first `keep` bytes of a file, by thousandths. */
static void cut(const char *from, const char *to, guint keep)
{
    g_autofree char *data = NULL;
    gsize size;
    g_assert_true(g_file_get_contents(from, &data, &size, NULL));
    g_assert_true(g_file_set_contents(to, data, size * keep / 1000, NULL));
}

static void test_broken(void)
{
    g_autofree char *jpeg = file("whole.jpg"), *png = file("whole.png"), *part = file("part");
    g_autofree guint8 *rgb = g_malloc(W * H * 3);
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = W, .height = H, .format = PNG_FORMAT_RGB};
    for (guint i = 0; i < W * H * 3; i++)
        rgb[i] = i * 2654435761u >> 24;
    g_assert_true(png_image_write_to_file(&image, png, 0, rgb, 0, NULL));
    write_jpeg(jpeg, 6, FALSE, FALSE);
    for (guint keep = 50; keep < 950; keep += 50) {
        g_autoptr(GError) error = NULL;
        Picture p;
        cut(jpeg, part, keep);
        g_assert_false(picture_read(part, &p, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        cut(png, part, keep);
        g_assert_false(picture_read(part, &p, &error));
        g_assert_nonnull(error);
    }
    g_autofree char *none = file("none.jpg"), *text = file("text.jpg"), *empty = file("empty.png");
    g_assert_true(g_file_set_contents(text, "no picture at all", -1, NULL));
    g_assert_true(g_file_set_contents(empty, "", 0, NULL));
    refuse(none, FOVEA_ERROR_IO, "cannot be read");
    refuse(folder, FOVEA_ERROR_IO, "cannot be read");
    refuse(text, FOVEA_ERROR_UNSUPPORTED, "neither");
    refuse(empty, FOVEA_ERROR_UNSUPPORTED, "neither");
}

/* A header that promises 65500 x 65500 pixels is refused before memory is asked for. */
static void test_huge(void)
{
    g_autofree char *jpeg = file("huge.jpg"), *data = NULL;
    gsize size;
    write_jpeg(jpeg, 0, FALSE, FALSE);
    g_assert_true(g_file_get_contents(jpeg, &data, &size, NULL));
    for (gsize i = 2; i + 9 < size; i++)
        if ((guint8)data[i] == 0xff && (guint8)data[i + 1] == 0xc0) {
            memcpy(data + i + 5, "\xff\xdc\xff\xdc", 4);
            break;
        }
    g_assert_true(g_file_set_contents(jpeg, data, size, NULL));
    refuse(jpeg, FOVEA_ERROR_UNSUPPORTED, "more than we read");
}

/* EXIF blocks of any content never lead outside their bytes. */
static void test_exif_noise(void)
{
    guint32 state = 7;
    for (guint i = 0; i < 20000; i++) {
        gsize size = i % 60;
        g_autofree guint8 *data = g_malloc(size + 1);
        for (gsize k = 0; k < size; k++) {
            state = state * 1664525u + 1013904223u;
            data[k] = state >> 24;
        }
        memcpy(data, "Exif\0\0II\x2a\0\x08\0\0\0\xff\xff", MIN(size, 8 + i % 9));
        gint o = picture_exif_orientation(data, size);
        g_assert_true(o >= 1 && o <= 8);
    }
}

static void test_draw(void)
{
    g_autofree char *in = file("in.jpg"), *out = file("out.png");
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(FoveaDetection));
    FoveaDetection d = {
        .label_id = 2, .label = "car", .score = 0.9f, .x0 = 10, .y0 = 20, .x1 = 40, .y1 = 30};
    GError *error = NULL;
    Picture p, q;
    write_jpeg(in, 0, FALSE, FALSE);
    read_good(in, &p);
    g_array_append_val(found, d);
    g_assert_true(draw_detections(&p.image, found, out, &error));
    g_assert_no_error(error);
    read_good(out, &q);
    g_assert_cmpint(q.image.width, ==, W);
    assert_colour(&q, W - 2, H - 1, "white"); /* outside the box all is as it was */
    const guint8 *edge = q.memory + 25 * q.image.stride[0] + 10 * 3;
    g_assert_cmpint(ABS(edge[2] - 255), >, 30); /* on its left side the blue is gone */
    picture_clear(&q);
    g_assert_false(draw_detections(&p.image, found, "/nowhere/out.png", &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    picture_clear(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("fovea-XXXXXX", NULL);
    g_test_add_func("/picture/orientations", test_orientations);
    g_test_add_func("/picture/cmyk", test_cmyk);
    g_test_add_func("/picture/png-kinds", test_png_kinds);
    g_test_add_func("/picture/broken", test_broken);
    g_test_add_func("/picture/huge", test_huge);
    g_test_add_func("/picture/exif-noise", test_exif_noise);
    g_test_add_func("/picture/draw", test_draw);
    int status = g_test_run();
    GDir *dir = g_dir_open(folder, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = file(name);
        g_unlink(path);
    }
    g_dir_close(dir);
    g_rmdir(folder);
    g_free(folder);
    return status;
}
