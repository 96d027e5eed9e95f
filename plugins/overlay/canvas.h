/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overlay/canvas.h: drawing into the planes of a mapped picture, in the stream's own format.
 *
 * Any 8-bit format that GstVideoFormatInfo describes by components works: planar, semi-planar and
 * packed YCbCr, RGB with and without alpha, gray. A colour is converted once to the components'
 * values; a shape is a coverage (0..255) per pixel; subsampled components get the mean coverage of
 * the pixels that they stand for, so that an odd edge does not bleed a full chroma sample.
 */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Full-range R'G'B', as people write colours. */
typedef struct OverlayColour {
    guint8 r, g, b;
} OverlayColour;

/* One component's samples: x runs over w cells of (1 << w_sub) pixels each. */
typedef struct OverlayComponent {
    guint8 *data;
    gint pixel_step, stride;
    gint w_sub, h_sub;
} OverlayComponent;

typedef struct OverlayCanvas {
    gint width, height;
    guint n_components; /* without alpha */
    gboolean has_alpha;
    OverlayComponent component[GST_VIDEO_MAX_COMPONENTS];
    OverlayComponent alpha;
    const GstVideoInfo *info;
} OverlayCanvas;

/* TRUE where every component of this format is one byte of its own. */
gboolean overlay_canvas_supports(const GstVideoFormatInfo *format);

/* The frame is mapped for writing and outlives the canvas. */
void overlay_canvas_init(OverlayCanvas *canvas, GstVideoFrame *frame);

/* Values of the components for a colour: R'G'B', or Y'CbCr by the caps' matrix and range. */
void overlay_colour_convert(const GstVideoInfo *info, OverlayColour colour,
                            guint8 value[GST_VIDEO_MAX_COMPONENTS]);

/* Fills the pixels x0 <= x < x1, y0 <= y < y1 (clipped to the picture) with opacity/255. */
void overlay_canvas_fill(OverlayCanvas *canvas, gint x0, gint y0, gint x1, gint y1,
                         OverlayColour colour, guint8 opacity);

/* Fills through a mask of coverages whose first pixel lies at (x, y), clipped to the picture. */
void overlay_canvas_mask(OverlayCanvas *canvas, const guint8 *mask, gint mask_width,
                         gint mask_height, gint mask_stride, gint x, gint y, OverlayColour colour);

G_END_DECLS
