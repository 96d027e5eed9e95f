/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "media/pixels.h"

static const FoveaPixelLayout layouts[] = {
    [FOVEA_PIXEL_RGB] = {FOVEA_KIND_RGB, 1, 3, 0, 1, 2},
    [FOVEA_PIXEL_BGR] = {FOVEA_KIND_RGB, 1, 3, 2, 1, 0},
    [FOVEA_PIXEL_RGBA] = {FOVEA_KIND_RGB, 1, 4, 0, 1, 2},
    [FOVEA_PIXEL_BGRA] = {FOVEA_KIND_RGB, 1, 4, 2, 1, 0},
    [FOVEA_PIXEL_RGBX] = {FOVEA_KIND_RGB, 1, 4, 0, 1, 2},
    [FOVEA_PIXEL_BGRX] = {FOVEA_KIND_RGB, 1, 4, 2, 1, 0},
    [FOVEA_PIXEL_ARGB] = {FOVEA_KIND_RGB, 1, 4, 1, 2, 3},
    [FOVEA_PIXEL_ABGR] = {FOVEA_KIND_RGB, 1, 4, 3, 2, 1},
    [FOVEA_PIXEL_XRGB] = {FOVEA_KIND_RGB, 1, 4, 1, 2, 3},
    [FOVEA_PIXEL_XBGR] = {FOVEA_KIND_RGB, 1, 4, 3, 2, 1},
    [FOVEA_PIXEL_GRAY8] = {FOVEA_KIND_GRAY, 1, 1, 0, 0, 0},
    [FOVEA_PIXEL_NV12] = {FOVEA_KIND_NV12, 2, 1, 0, 0, 0},
    [FOVEA_PIXEL_I420] = {FOVEA_KIND_I420, 3, 1, 0, 0, 0},
    [FOVEA_PIXEL_YUY2] = {FOVEA_KIND_YUY2, 1, 2, 0, 0, 0},
};

const FoveaPixelLayout *fovea_pixel_layout(FoveaPixelFormat format)
{
    if (format <= FOVEA_PIXEL_NONE || format >= G_N_ELEMENTS(layouts))
        return NULL;
    return &layouts[format];
}

gsize fovea_pixel_row_bytes(const FoveaPixelLayout *layout, guint plane, gint width)
{
    gsize pairs = ((gsize)width + 1) / 2;
    switch (layout->kind) {
    case FOVEA_KIND_NV12: return plane == 0 ? (gsize)width : pairs * 2;
    case FOVEA_KIND_I420: return plane == 0 ? (gsize)width : pairs;
    case FOVEA_KIND_YUY2: return pairs * 4;
    default: return (gsize)width * layout->bytes;
    }
}

gint fovea_pixel_rows(const FoveaPixelLayout *layout, guint plane, gint height)
{
    return fovea_pixel_halved_down(layout) && plane > 0 ? height / 2 + height % 2 : height;
}

gboolean fovea_image_check(const FoveaImage *image, GError **error)
{
    const FoveaPixelLayout *layout = image ? fovea_pixel_layout(image->format) : NULL;
    if (layout == NULL)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The picture's pixel format is unknown");
    if (image->width < 1 || image->height < 1)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The picture is empty (%d x %d)",
                          image->width, image->height);
    if ((guint)image->matrix > FOVEA_MATRIX_BT2020 || (guint)image->range > FOVEA_RANGE_FULL)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The picture's colour matrix or range is unknown");
    for (guint i = 0; i < layout->planes; i++) {
        gsize need = fovea_pixel_row_bytes(layout, i, image->width);
        if (image->plane[i] == NULL)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT, "The picture lacks its plane %u", i);
        if (image->stride[i] < 0 || (gsize)image->stride[i] < need)
            return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                              "A row of plane %u needs %" G_GSIZE_FORMAT
                              " bytes, but its stride is %d",
                              i, need, image->stride[i]);
    }
    return TRUE;
}

gboolean fovea_pixel_halved_across(const FoveaPixelLayout *layout)
{
    return layout->kind == FOVEA_KIND_NV12 || layout->kind == FOVEA_KIND_I420 ||
           layout->kind == FOVEA_KIND_YUY2;
}

gboolean fovea_pixel_halved_down(const FoveaPixelLayout *layout)
{
    return layout->kind == FOVEA_KIND_NV12 || layout->kind == FOVEA_KIND_I420;
}

gboolean fovea_rect_resolve(const FoveaRect *rect, const FoveaImage *image, FoveaRect *where,
                            GError **error)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    *where = rect ? *rect : (FoveaRect){0, 0, image->width, image->height};
    if (where->x0 < 0 || where->y0 < 0 || where->x0 >= where->x1 || where->y0 >= where->y1 ||
        where->x1 > image->width || where->y1 > image->height)
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "The rectangle %d,%d..%d,%d is empty or outside the picture of %d x %d",
                          where->x0, where->y0, where->x1, where->y1, image->width, image->height);
    if ((fovea_pixel_halved_across(layout) && where->x0 % 2) ||
        (fovea_pixel_halved_down(layout) && where->y0 % 2))
        return fovea_fail(error, FOVEA_ERROR_ARGUMENT,
                          "A rectangle that begins at %d,%d cuts the picture's chroma samples",
                          where->x0, where->y0);
    return TRUE;
}

void fovea_luma_weights(FoveaColourMatrix matrix, double *red, double *blue)
{
    static const double red_blue[][2] = {
        [FOVEA_MATRIX_BT601] = {0.299, 0.114},
        [FOVEA_MATRIX_BT709] = {0.2126, 0.0722},
        [FOVEA_MATRIX_BT2020] = {0.2627, 0.0593},
    };
    *red = red_blue[matrix][0];
    *blue = red_blue[matrix][1];
}

void fovea_colour_of_image(const FoveaImage *image, FoveaColour *colour)
{
    const FoveaPixelLayout *layout = fovea_pixel_layout(image->format);
    gboolean full = image->range == FOVEA_RANGE_FULL;
    double luma = full ? 1 : 255.0 / 219, black = full ? 0 : 16;
    double chroma = full ? 1 : 255.0 / 224;
    double kr, kb;
    fovea_luma_weights(image->matrix, &kr, &kb);
    double kg = 1 - kr - kb;
    double cb[3] = {0, -2 * kb * (1 - kb) / kg, 2 * (1 - kb)};
    double cr[3] = {2 * (1 - kr), -2 * kr * (1 - kr) / kg, 0};

    memset(colour, 0, sizeof *colour);
    for (guint i = 0; i < 3; i++) {
        if (layout->kind == FOVEA_KIND_RGB) {
            colour->m[i][i] = 1;
            continue;
        }
        double offset = -black * luma;
        colour->m[i][0] = luma;
        if (layout->kind != FOVEA_KIND_GRAY) {
            colour->m[i][1] = cb[i] * chroma;
            colour->m[i][2] = cr[i] * chroma;
            offset -= 128 * chroma * (cb[i] + cr[i]);
        }
        colour->offset[i] = offset;
    }
}
