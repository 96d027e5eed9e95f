/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/pixels.h: how the bytes of a FoveaImage lie, and what colours they mean. Internal.
 */
#pragma once

#include "base/base.h"
#include "fovea/image.h"

typedef enum FoveaPixelKind {
    FOVEA_KIND_RGB,  /* one plane, 3 or 4 bytes a pixel */
    FOVEA_KIND_GRAY, /* one plane of luma */
    FOVEA_KIND_NV12, /* luma, then Cb Cr pairs at half size */
    FOVEA_KIND_I420, /* three planes */
    FOVEA_KIND_YUY2, /* Y0 Cb Y1 Cr */
} FoveaPixelKind;

typedef struct FoveaPixelLayout {
    FoveaPixelKind kind;
    guint planes;
    guint bytes;             /* a pixel of plane 0 (YUY2: 2) */
    guint8 red, green, blue; /* byte offsets in a pixel (FOVEA_KIND_RGB) */
} FoveaPixelLayout;

/* NULL for a format we do not know. */
const FoveaPixelLayout *fovea_pixel_layout(FoveaPixelFormat format);

/* Whether chroma has half the picture's width, or height. */
gboolean fovea_pixel_halved_across(const FoveaPixelLayout *layout);
gboolean fovea_pixel_halved_down(const FoveaPixelLayout *layout);

/* Bytes that a row of a plane must have, and rows that the plane has. */
gsize fovea_pixel_row_bytes(const FoveaPixelLayout *layout, guint plane, gint width);
gint fovea_pixel_rows(const FoveaPixelLayout *layout, guint plane, gint height);

/* Format known, sizes positive, planes there, strides long enough. Errors: ARGUMENT. */
gboolean fovea_image_check(const FoveaImage *image, GError **error);

/* The rectangle (NULL: all) of a picture that is written to. Errors: ARGUMENT (outside, empty, or
 * it begins at an odd position where chroma has half size). */
gboolean fovea_rect_resolve(const FoveaRect *rect, const FoveaImage *image, FoveaRect *where,
                            GError **error);

/* Shares of R and B in luma. Source: ITU-R BT.601-7, BT.709-6 and BT.2020-2. */
void fovea_luma_weights(FoveaColourMatrix matrix, double *red, double *blue);

/* 8-bit components to R, G, B in 0..255 (not clamped):
 *   rgb[i] = sum over j of m[i][j] * component[j] + offset[i]
 * Components are R, G, B of RGB formats, else Y, Cb, Cr; GRAY8 has zeros for Cb and Cr.
 * Source: ITU-R BT.601-7, BT.709-6 and BT.2020-2, table of luma coefficients. */
typedef struct FoveaColour {
    float m[3][3];
    float offset[3];
} FoveaColour;
void fovea_colour_of_image(const FoveaImage *image, FoveaColour *colour);
