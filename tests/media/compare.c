/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * `fovea compare` from outside: its numbers against scikit-image's (compare.json, made by
 * make_compare.py), its difference picture, and what it refuses. The program is in FOVEA_COMMAND.
 */
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "../../pipelines/fovea/picture.h"
#include "../support/command.h"

static char *folder;

static char *file(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static int compare(char **out, char **err, ...) G_GNUC_NULL_TERMINATED;
static int compare(char **out, char **err, ...)
{
    va_list args;
    va_start(args, err);
    int status = command_run("compare", out, err, args);
    va_end(args);
    return status;
}

static void refuse(const char *words, const char *a, const char *b, const char *option)
{
    g_autofree char *out = NULL, *err = NULL;
    int status = compare(&out, &err, a, b, option, NULL);
    command_check_failure(status, out, err, words);
}

/* The formula of make_compare.py. noise 0: the first picture. */
static void put(const char *path, gint width, gint height, gint noise)
{
    Picture p = {0};
    GError *error = NULL;
    guint32 state = 1;
    g_assert_true(picture_alloc(&p, path, width, height, 3, NULL));
    for (gint y = 0; y < height; y++)
        for (gint x = 0; x < width; x++)
            for (gint c = 0; c < 3; c++) {
                gint v = (x * x / 7 + 3 * y * c + 13 * ((x / 8 + y / 6) % 5)) % 256;
                state = state * 1664525u + 1013904223u;
                if (noise)
                    v += (gint)(state >> 24) % (2 * noise + 1) - noise;
                p.memory[((gsize)y * width + x) * 3 + c] = (guint8)CLAMP(v, 0, 255);
            }
    picture_write_png(&p, path, path, &error);
    g_assert_no_error(error);
    picture_clear(&p);
}

static JsonObject *parse(JsonParser *parser, const char *text)
{
    GError *error = NULL;
    json_parser_load_from_data(parser, text, -1, &error);
    g_assert_no_error(error);
    return json_node_get_object(json_parser_get_root(parser));
}

static void test_numbers(void)
{
    static const char *const names[] = {"psnr_rgb", "psnr_luma", "ssim", "largest"};
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "compare.json", NULL);
    g_autofree char *a = file("a.png"), *b = file("b.png");
    g_autoptr(JsonParser) parser = json_parser_new();
    GError *error = NULL;
    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    JsonArray *cases = json_node_get_array(json_parser_get_root(parser));
    g_assert_cmpuint(json_array_get_length(cases), ==, 5);
    for (guint i = 0; i < json_array_get_length(cases); i++) {
        JsonObject *want = json_array_get_object_element(cases, i);
        JsonArray *size = json_object_get_array_member(want, "size");
        gint width = json_array_get_int_element(size, 0);
        gint height = json_array_get_int_element(size, 1);
        g_autofree char *option = g_strdup_printf("--border=%d",
                                                  (gint)json_object_get_int_member(want, "border"));
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(JsonParser) reader = json_parser_new();
        put(a, width, height, 0);
        put(b, width, height, json_object_get_int_member(want, "noise"));
        g_assert_cmpint(compare(&out, &err, a, b, "--json", option, NULL), ==, 0);
        JsonObject *got = parse(reader, out);
        for (guint k = 0; k < G_N_ELEMENTS(names); k++)
            g_assert_cmpfloat_with_epsilon(json_object_get_double_member(got, names[k]),
                                           json_object_get_double_member(want, names[k]),
                                           k < 2 ? 1e-4 : 1e-6);
        g_assert_false(json_object_get_boolean_member(got, "identical"));
        g_assert_cmpint(json_object_get_int_member(got, "width"), ==, width);
    }
}

static void test_identical(void)
{
    g_autofree char *a = file("a.png"), *out = NULL, *err = NULL, *text = NULL;
    g_autoptr(JsonParser) reader = json_parser_new();
    put(a, 30, 20, 0);
    g_assert_cmpint(compare(&out, &err, a, a, "--json", NULL), ==, 0);
    JsonObject *got = parse(reader, out);
    g_assert_true(json_object_get_boolean_member(got, "identical"));
    g_assert_true(json_object_get_null_member(got, "psnr_rgb"));
    g_assert_cmpfloat(json_object_get_double_member(got, "ssim"), ==, 1);
    g_clear_pointer(&err, g_free);
    g_assert_cmpint(compare(&text, &err, a, a, NULL), ==, 0);
    g_assert_nonnull(strstr(text, "nothing differs"));
}

/* Each pixel of the difference is |a - b| times the gain that is told. */
static void test_difference(void)
{
    g_autofree char *a = file("a.png"), *b = file("b.png"), *to = file("difference.png");
    Picture pa, pb, pd;
    put(a, 45, 21, 0);
    put(b, 45, 21, 11);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *out = NULL, *err = NULL;
        g_autoptr(JsonParser) reader = json_parser_new();
        g_assert_cmpint(compare(&out, &err, a, b, "-o", to, "--json", i ? "--gain=40" : NULL, NULL),
                        ==, 0);
        JsonObject *got = parse(reader, out);
        gint gain = json_object_get_int_member(got, "gain");
        double rms = 255 * pow(10, -json_object_get_double_member(got, "psnr_rgb") / 20);
        if (i)
            g_assert_cmpint(gain, ==, 40);
        else
            g_assert_cmpfloat_with_epsilon(gain * rms, 64, rms);
        g_assert_true(picture_read(a, &pa, NULL) && picture_read(b, &pb, NULL) &&
                      picture_read(to, &pd, NULL));
        g_assert_cmpint(pd.image.width, ==, 45);
        g_assert_cmpint(pd.image.height, ==, 21);
        for (gsize k = 0; k < 45 * 21 * 3; k++)
            g_assert_cmpint(pd.memory[k], ==, MIN(ABS(pa.memory[k] - pb.memory[k]) * gain, 255));
        picture_clear(&pa);
        picture_clear(&pb);
        picture_clear(&pd);
    }
}

static void test_refusals(void)
{
    g_autofree char *a = file("a.png"), *b = file("b.png"), *none = file("none.png");
    put(a, 40, 30, 0);
    put(b, 30, 40, 0);
    refuse("not of one size", a, b, NULL);
    refuse("none.png", a, none, NULL);
    refuse("two pictures", a, NULL, NULL);
    refuse("two pictures", a, a, a);
    refuse("leaves nothing", a, a, "--border=15");
    refuse("--border", a, a, "--border=-1");
    refuse("--gain", a, a, "--gain=300");
    refuse("/nowhere/at/all.png", a, a, "--output=/nowhere/at/all.png");
    /* Too small for a window, not for PSNR. */
    g_autofree char *out = NULL, *err = NULL;
    g_assert_cmpint(compare(&out, &err, a, a, "--border=14", NULL), ==, 0);
    g_assert_nonnull(strstr(out, "11 x 11"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("fovea-XXXXXX", NULL);
    g_test_add_func("/compare/numbers", test_numbers);
    g_test_add_func("/compare/identical", test_identical);
    g_test_add_func("/compare/difference", test_difference);
    g_test_add_func("/compare/refusals", test_refusals);
    int status = g_test_run();
    static const char *const names[] = {"a.png", "b.png", "difference.png"};
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = file(names[i]);
        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
    return status;
}
