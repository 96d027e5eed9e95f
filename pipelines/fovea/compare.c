/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea compare: how far two pictures are apart.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "picture.h"
#include "quality.h"

static char *output;
static gint border, gain;
static gboolean as_json;
static const GOptionEntry entries[] = {
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
     "Write the difference of the pictures, made visible", "DIFF.png"},
    {"gain", 'g', 0, G_OPTION_ARG_INT, &gain,
     "How many times the difference is shown, 1..255 (default: such that its root mean square is "
     "a quarter of white)",
     "N"},
    {"border", 'b', 0, G_OPTION_ARG_INT, &border,
     "Leave out so many pixels at each side (default 0)", "N"},
    {"json", 0, 0, G_OPTION_ARG_NONE, &as_json, "Print one JSON object", NULL},
    {NULL},
};

static const char *description =
    "Pictures are JPEG and PNG files of the same size; the EXIF orientation is honoured, alpha "
    "and\n"
    "colour profiles are not looked at. PSNR is over R, G, B and on luma of BT.601 (0.299 R +\n"
    "0.587 G + 0.114 B, peak 255; papers that take luma of 16..235 tell 1.32 dB more). SSIM is on\n"
    "luma, Gaussian windows of 11 x 11 with sigma 1.5 (Wang et al., 2004).\n"
    "\nExamples:\n"
    "  fovea compare original.png restored.png\n"
    "  fovea compare original.png restored.png --border=4 -o difference.png --json\n";

/* |a - b| * gain of R, G and B. */
static gboolean write_difference(const Picture *a, const Picture *b, gint times, GError **error)
{
    Picture difference = {0};
    gint width = a->image.width, height = a->image.height;
    guint step_a = a->image.format == FOVEA_PIXEL_RGBA ? 4 : 3;
    guint step_b = b->image.format == FOVEA_PIXEL_RGBA ? 4 : 3;
    if (!picture_alloc(&difference, output, width, height, 3, error))
        return FALSE;
    guint8 *to = difference.memory;
    for (gint y = 0; y < height; y++) {
        const guint8 *p = a->image.plane[0] + (gsize)y * a->image.stride[0];
        const guint8 *q = b->image.plane[0] + (gsize)y * b->image.stride[0];
        for (gint x = 0; x < width; x++, p += step_a, q += step_b, to += 3)
            for (guint c = 0; c < 3; c++)
                to[c] = (guint8)MIN(ABS(p[c] - q[c]) * times, 255);
    }
    gboolean ok = picture_write_png(&difference, output, output, error);
    picture_clear(&difference);
    return ok;
}

/* A number, or null where there is none: JSON has no infinity. */
static void print_number(const char *name, double value, int digits)
{
    if (isfinite(value))
        printf(", \"%s\": %.*f", name, digits, value);
    else
        printf(", \"%s\": null", name);
}

static void print_json(char *const files[2], const FoveaImage *image, const Quality *q, gint times)
{
    g_autofree char *a = command_json_string(files[0]), *b = command_json_string(files[1]);
    printf("{\"a\": %s, \"b\": %s, \"width\": %d, \"height\": %d, \"border\": %d, "
           "\"identical\": %s",
           a, b, image->width, image->height, border, q->largest ? "false" : "true");
    print_number("psnr_rgb", q->psnr_rgb, 4);
    print_number("psnr_luma", q->psnr_luma, 4);
    print_number("ssim", q->ssim, 6);
    printf(", \"largest\": %d", q->largest);
    if (output) {
        g_autofree char *to = command_json_string(output);
        printf(", \"difference\": %s, \"gain\": %d", to, times);
    }
    printf("}\n");
}

static void print_text(char *const files[2], const FoveaImage *image, const Quality *q, gint times)
{
    printf("%s and %s, %d x %d", files[0], files[1], image->width, image->height);
    if (border)
        printf(", %d pixels of border left out", border);
    printf("\n");
    if (q->largest == 0)
        printf("  nothing differs\n");
    printf("  PSNR of R, G, B  %6.2f dB\n  PSNR of luma     %6.2f dB\n", q->psnr_rgb, q->psnr_luma);
    if (isnan(q->ssim))
        printf("  SSIM of luma     none: it needs 11 x 11 pixels\n");
    else
        printf("  SSIM of luma     %6.4f\n", q->ssim);
    printf("  largest difference  %d of 255\n", q->largest);
    if (output)
        printf("  %s: the difference, %d times\n", output, times);
}

/* From the PSNR: where little differs, much is seen. */
static gint usual_gain(const Quality *quality)
{
    double rms = isfinite(quality->psnr_rgb) ? 255 * pow(10, -quality->psnr_rgb / 20) : 0;
    return rms > 0.25 ? MAX(1, (gint)(64 / rms)) : 255;
}

static gboolean compare(char *const files[2], GError **error)
{
    Picture a = {0}, b = {0};
    Quality quality;
    gboolean ok = picture_read(files[0], &a, error) && picture_read(files[1], &b, error) &&
                  quality_measure(&a.image, &b.image, border, &quality, error);
    if (ok) {
        gint times = gain ? gain : usual_gain(&quality);
        ok = output == NULL || write_difference(&a, &b, times, error);
        if (ok && as_json)
            print_json(files, &a.image, &quality, times);
        else if (ok)
            print_text(files, &a.image, &quality, times);
    }
    picture_clear(&a);
    picture_clear(&b);
    return ok;
}

int command_compare(int argc, char **argv)
{
    GError *error = NULL;
    if (!command_parse(&argc, &argv, "A B", "Tells how far two pictures are apart.", description,
                       entries))
        return 1;
    if (argc != 3)
        return command_fail_with("`fovea compare` wants two pictures");
    if (gain < 0 || gain > 255)
        return command_fail_with("--gain wants a whole number from 1 to 255");
    if (border < 0)
        return command_fail_with("--border wants a whole number from 0 on");
    if (!compare(argv + 1, &error))
        return command_fail(error);
    return 0;
}
