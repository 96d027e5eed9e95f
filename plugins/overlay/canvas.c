/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "canvas.h"

#include <math.h>

/* A shape: a full rectangle of one opacity, or a mask. Coordinates are pixels of the picture. */
typedef struct Shape {
    gint x0, y0, x1, y1; /* clipped to the picture */
    const guint8 *mask;  /* NULL: `opacity` everywhere */
    gint mask_x, mask_y; /* where the mask's first pixel lies, maybe outside the picture */
    gint mask_stride;
    guint8 opacity;
} Shape;

static inline guint shape_at(const Shape *shape, gint x, gint y)
{
    if (!shape->mask)
        return shape->opacity;
    return shape->mask[(gssize)(y - shape->mask_y) * shape->mask_stride + (x - shape->mask_x)];
}

gboolean overlay_canvas_supports(const GstVideoFormatInfo *format)
{
    if (GST_VIDEO_FORMAT_INFO_IS_COMPLEX(format) || GST_VIDEO_FORMAT_INFO_HAS_PALETTE(format) ||
        GST_VIDEO_FORMAT_INFO_IS_TILED(format))
        return FALSE;
    for (guint i = 0; i < GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format); i++)
        if (GST_VIDEO_FORMAT_INFO_DEPTH(format, i) != 8 ||
            GST_VIDEO_FORMAT_INFO_SHIFT(format, i) != 0)
            return FALSE;
    return GST_VIDEO_FORMAT_INFO_N_COMPONENTS(format) > 0;
}

void overlay_canvas_init(OverlayCanvas *canvas, GstVideoFrame *frame)
{
    const GstVideoFormatInfo *format = frame->info.finfo;
    canvas->info = &frame->info;
    canvas->width = GST_VIDEO_FRAME_WIDTH(frame);
    canvas->height = GST_VIDEO_FRAME_HEIGHT(frame);
    canvas->has_alpha = GST_VIDEO_FORMAT_INFO_HAS_ALPHA(format);
    canvas->n_components = 0;
    for (guint i = 0; i < GST_VIDEO_FRAME_N_COMPONENTS(frame); i++) {
        OverlayComponent component = {
            .data = GST_VIDEO_FRAME_COMP_DATA(frame, i),
            .pixel_step = GST_VIDEO_FRAME_COMP_PSTRIDE(frame, i),
            .stride = GST_VIDEO_FRAME_COMP_STRIDE(frame, i),
            .w_sub = GST_VIDEO_FORMAT_INFO_W_SUB(format, i),
            .h_sub = GST_VIDEO_FORMAT_INFO_H_SUB(format, i),
        };
        if (canvas->has_alpha && i == GST_VIDEO_COMP_A)
            canvas->alpha = component;
        else
            canvas->component[canvas->n_components++] = component;
    }
}

static guint8 to_byte(double value)
{
    return (guint8)CLAMP(floor(value + 0.5), 0, 255);
}

void overlay_colour_convert(const GstVideoInfo *info, OverlayColour colour,
                            guint8 value[GST_VIDEO_MAX_COMPONENTS])
{
    memset(value, 0, GST_VIDEO_MAX_COMPONENTS);
    if (GST_VIDEO_INFO_IS_RGB(info)) {
        value[0] = colour.r;
        value[1] = colour.g;
        value[2] = colour.b;
        return;
    }
    /* Caps that name no matrix (gray, RGB-like) fall back to BT.601. */
    gdouble kr = 0.299, kb = 0.114;
    if (info->colorimetry.matrix != GST_VIDEO_COLOR_MATRIX_RGB &&
        info->colorimetry.matrix != GST_VIDEO_COLOR_MATRIX_UNKNOWN)
        gst_video_color_matrix_get_Kr_Kb(info->colorimetry.matrix, &kr, &kb);
    gdouble r = colour.r / 255.0, g = colour.g / 255.0, b = colour.b / 255.0;
    gdouble y = kr * r + (1 - kr - kb) * g + kb * b;
    gboolean full = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
    gdouble y_scale = full ? 255 : 219, y_offset = full ? 0 : 16, c_scale = full ? 255 : 224;
    value[0] = to_byte(y * y_scale + y_offset);
    value[1] = to_byte((b - y) / (2 * (1 - kb)) * c_scale + 128);
    value[2] = to_byte((r - y) / (2 * (1 - kr)) * c_scale + 128);
}

static inline guint8 blend(guint8 below, guint8 above, guint coverage)
{
    guint sum = below * (255 - coverage) + above * coverage + 127;
    return (guint8)(sum / 255);
}

/* Coverage of the cell's pixels, summed and divided by the pixels that the cell has inside the
 * picture (fewer at an odd right or bottom edge). */
static guint cell_coverage(const OverlayCanvas *canvas, const Shape *shape, gint cx, gint cy,
                           gint w_sub, gint h_sub)
{
    gint left = cx << w_sub, top = cy << h_sub;
    gint right = MIN((cx + 1) << w_sub, canvas->width);
    gint bottom = MIN((cy + 1) << h_sub, canvas->height);
    gint x0 = MAX(left, shape->x0), x1 = MIN(right, shape->x1);
    gint y0 = MAX(top, shape->y0), y1 = MIN(bottom, shape->y1);
    gint area = (right - left) * (bottom - top);
    guint sum = 0;
    if (!shape->mask)
        return (guint)(shape->opacity * (x1 - x0) * (y1 - y0)) / (guint)area;
    for (gint y = y0; y < y1; y++)
        for (gint x = x0; x < x1; x++)
            sum += shape_at(shape, x, y);
    return sum / (guint)area;
}

static void paint_component(const OverlayCanvas *canvas, const OverlayComponent *component,
                            const Shape *shape, guint8 value)
{
    gint w_sub = component->w_sub, h_sub = component->h_sub;
    gint cx1 = ((shape->x1 - 1) >> w_sub) + 1, cy1 = ((shape->y1 - 1) >> h_sub) + 1;
    for (gint cy = shape->y0 >> h_sub; cy < cy1; cy++) {
        guint8 *row = component->data + (gssize)cy * component->stride;
        for (gint cx = shape->x0 >> w_sub; cx < cx1; cx++) {
            guint coverage;
            if (w_sub == 0 && h_sub == 0)
                coverage = shape_at(shape, cx, cy);
            else
                coverage = cell_coverage(canvas, shape, cx, cy, w_sub, h_sub);
            guint8 *sample = row + (gssize)cx * component->pixel_step;
            *sample = blend(*sample, value, coverage);
        }
    }
}

/* "Over" with straight alpha: what lies below weighs by its own alpha. */
static void paint_with_alpha(OverlayCanvas *canvas, const Shape *shape, const guint8 *value)
{
    for (gint y = shape->y0; y < shape->y1; y++) {
        for (gint x = shape->x0; x < shape->x1; x++) {
            guint above = shape_at(shape, x, y);
            guint8 *alpha = canvas->alpha.data + (gssize)y * canvas->alpha.stride +
                            (gssize)x * canvas->alpha.pixel_step;
            guint out = above + (*alpha * (255 - above) + 127) / 255;
            guint share = out ? (above * 255 + out / 2) / out : 0;
            for (guint i = 0; i < canvas->n_components; i++) {
                OverlayComponent *c = &canvas->component[i];
                guint8 *sample = c->data + (gssize)(y >> c->h_sub) * c->stride +
                                 (gssize)(x >> c->w_sub) * c->pixel_step;
                *sample = blend(*sample, value[i], share);
            }
            *alpha = (guint8)out;
        }
    }
}

static void paint(OverlayCanvas *canvas, Shape *shape, OverlayColour colour)
{
    shape->x0 = MAX(shape->x0, 0);
    shape->y0 = MAX(shape->y0, 0);
    shape->x1 = MIN(shape->x1, canvas->width);
    shape->y1 = MIN(shape->y1, canvas->height);
    if (shape->x0 >= shape->x1 || shape->y0 >= shape->y1)
        return;
    guint8 value[GST_VIDEO_MAX_COMPONENTS];
    overlay_colour_convert(canvas->info, colour, value);
    if (canvas->has_alpha) {
        paint_with_alpha(canvas, shape, value);
        return;
    }
    for (guint i = 0; i < canvas->n_components; i++)
        paint_component(canvas, &canvas->component[i], shape, value[i]);
}

void overlay_canvas_fill(OverlayCanvas *canvas, gint x0, gint y0, gint x1, gint y1,
                         OverlayColour colour, guint8 opacity)
{
    Shape shape = {.x0 = x0, .y0 = y0, .x1 = x1, .y1 = y1, .opacity = opacity};
    paint(canvas, &shape, colour);
}

void overlay_canvas_mask(OverlayCanvas *canvas, const guint8 *mask, gint mask_width,
                         gint mask_height, gint mask_stride, gint x, gint y, OverlayColour colour)
{
    Shape shape = {.x0 = x,
                   .y0 = y,
                   .x1 = x + mask_width,
                   .y1 = y + mask_height,
                   .mask = mask,
                   .mask_x = x,
                   .mask_y = y,
                   .mask_stride = mask_stride};
    paint(canvas, &shape, colour);
}
