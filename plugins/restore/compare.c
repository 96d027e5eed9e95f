/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "restore/compare.h"

#define LINE 2 /* pixels; even, so that it covers whole samples of half-size chroma */

GType fovea_compare_get_type(void)
{
    static gsize once;
    static const GEnumValue values[] = {
        {FOVEA_COMPARE_NONE, "all of it restored", "none"},
        {FOVEA_COMPARE_VERTICAL, "plain scaling on the left, restored on the right", "vertical"},
        {FOVEA_COMPARE_HORIZONTAL, "plain scaling at the top, restored at the bottom",
         "horizontal"},
        {0, NULL, NULL},
    };
    if (g_once_init_enter(&once))
        g_once_init_leave(&once, g_enum_register_static("FoveaCompare", values));
    return once;
}

gboolean fovea_compare_rect(FoveaCompare compare, gint width, gint height, FoveaRect *rect)
{
    *rect = (FoveaRect){0, 0, width, height};
    if (compare == FOVEA_COMPARE_VERTICAL)
        rect->x1 = width / 2 & ~1;
    else if (compare == FOVEA_COMPARE_HORIZONTAL)
        rect->y1 = height / 2 & ~1;
    return compare != FOVEA_COMPARE_NONE && rect->x1 > 0 && rect->y1 > 0;
}

static void fill(const FoveaImage *image, guint plane, const FoveaRect *r, gint bytes, guint8 value)
{
    for (gint y = r->y0; y < r->y1; y++)
        memset(image->plane[plane] + (gsize)y * image->stride[plane] + (gsize)r->x0 * bytes, value,
               (gsize)(r->x1 - r->x0) * bytes);
}

/* Luma and neutral chroma in turn; x0 and x1 are even. */
static void fill_yuy2(const FoveaImage *image, const FoveaRect *r, guint8 luma)
{
    for (gint y = r->y0; y < r->y1; y++)
        for (gint x = r->x0; x < r->x1; x++) {
            guint8 *at = image->plane[0] + (gsize)y * image->stride[0] + (gsize)x * 2;
            at[0] = luma;
            at[1] = 128;
        }
}

static void fill_white(const FoveaImage *image, const FoveaRect *r)
{
    guint8 luma = image->range == FOVEA_RANGE_FULL ? 255 : 235;
    FoveaRect half = {r->x0 / 2, r->y0 / 2, (r->x1 + 1) / 2, (r->y1 + 1) / 2};
    switch (image->format) {
    case FOVEA_PIXEL_NV12:
        fill(image, 0, r, 1, luma);
        fill(image, 1, &half, 2, 128);
        break;
    case FOVEA_PIXEL_I420:
        fill(image, 0, r, 1, luma);
        fill(image, 1, &half, 1, 128);
        fill(image, 2, &half, 1, 128);
        break;
    case FOVEA_PIXEL_YUY2: fill_yuy2(image, r, luma); break;
    case FOVEA_PIXEL_GRAY8: fill(image, 0, r, 1, luma); break;
    case FOVEA_PIXEL_RGB:
    case FOVEA_PIXEL_BGR: fill(image, 0, r, 3, 255); break;
    default: fill(image, 0, r, 4, 255); break;
    }
}

void fovea_compare_draw(FoveaCompare compare, const FoveaImage *image)
{
    FoveaRect rect;
    if (!fovea_compare_rect(compare, image->width, image->height, &rect))
        return;
    if (compare == FOVEA_COMPARE_VERTICAL) {
        rect.x0 = rect.x1;
        rect.x1 = MIN(rect.x0 + LINE, image->width);
    } else {
        rect.y0 = rect.y1;
        rect.y1 = MIN(rect.y0 + LINE, image->height);
    }
    fill_white(image, &rect);
}
