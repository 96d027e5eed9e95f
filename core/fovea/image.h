/* Fovea - attention models inside live media
 * SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image.h: tier 1. How a picture enters and leaves a plan, without saying whose memory it is.
 */
#pragma once

#include "base.h"

G_BEGIN_DECLS

typedef enum FoveaPixelFormat {
    FOVEA_PIXEL_NONE = 0,
    FOVEA_PIXEL_RGB, /* 3 bytes a pixel, 1 plane */
    FOVEA_PIXEL_BGR,
    FOVEA_PIXEL_RGBA, /* 4 bytes, alpha not premultiplied */
    FOVEA_PIXEL_BGRA,
    FOVEA_PIXEL_RGBX, /* 4 bytes, the last unused */
    FOVEA_PIXEL_BGRX,
    FOVEA_PIXEL_ARGB,
    FOVEA_PIXEL_ABGR,
    FOVEA_PIXEL_XRGB,
    FOVEA_PIXEL_XBGR,
    FOVEA_PIXEL_GRAY8, /* 1 plane of luma */
    FOVEA_PIXEL_NV12,  /* Y plane, then interleaved UV at half size */
    FOVEA_PIXEL_I420,  /* Y, U, V planes, chroma at half size */
    FOVEA_PIXEL_YUY2,  /* Y0 U Y1 V, 1 plane */
} FoveaPixelFormat;

/** YCbCr to RGB matrix (ITU-R); RGB formats ignore it. */
typedef enum FoveaColourMatrix {
    FOVEA_MATRIX_BT601 = 0,
    FOVEA_MATRIX_BT709,
    FOVEA_MATRIX_BT2020,
} FoveaColourMatrix;

typedef enum FoveaColourRange {
    FOVEA_RANGE_LIMITED = 0, /* Y 16..235, C 16..240 */
    FOVEA_RANGE_FULL,
} FoveaColourRange;

#define FOVEA_IMAGE_MAX_PLANES 4

/** A picture in host planes. Zeroed fields are the defaults. Chroma is sited as in MPEG-2 (left,
 *  vertically centred) and taken from the nearest sample. */
typedef struct FoveaImage {
    FoveaPixelFormat format;
    gint width, height; /* pixels, at least 1 each */
    guint8 *plane[FOVEA_IMAGE_MAX_PLANES];
    gint stride[FOVEA_IMAGE_MAX_PLANES]; /* bytes from a row to the next */
    FoveaColourMatrix matrix;
    FoveaColourRange range; /* of YCbCr and GRAY8; RGB is always full */
} FoveaImage;

/** A rectangle in pixels; x1 and y1 are exclusive. */
typedef struct FoveaRect {
    gint x0, y0, x1, y1;
} FoveaRect;

G_END_DECLS
