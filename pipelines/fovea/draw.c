/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cairo.h>
#include <math.h>
#include <stdio.h>

#include "draw.h"

/* Colours that stay apart from their neighbours: the hue walks by the golden ratio. */
static void colour_of(gint label, double rgb[3])
{
    double hue = fmod(label * 0.61803398875 + 0.05, 1) * 6;
    for (guint c = 0; c < 3; c++) {
        double d = fabs(fmod(hue + 6 - 2.0 * c, 6) - 3) - 1;
        rgb[c] = 0.25 + 0.75 * CLAMP(d, 0, 1);
    }
}

static void draw_one(cairo_t *cr, const FoveaDetection *d, double line, double text, gint width)
{
    char label[128];
    double rgb[3];
    cairo_text_extents_t size;
    colour_of(d->label_id, rgb);
    cairo_set_source_rgb(cr, rgb[0], rgb[1], rgb[2]);
    cairo_set_line_width(cr, line);
    cairo_rectangle(cr, d->x0, d->y0, d->x1 - d->x0, d->y1 - d->y0);
    cairo_stroke(cr);

    if (d->label[0])
        g_snprintf(label, sizeof label, "%.100s %.2f", d->label, d->score);
    else
        g_snprintf(label, sizeof label, "%d %.2f", d->label_id, d->score);
    cairo_set_font_size(cr, text);
    cairo_text_extents(cr, label, &size);
    double x = CLAMP(d->x0 - line / 2, 0, MAX(0, width - size.x_advance - text / 2));
    double y = d->y0 - text * 1.25 < 0 ? d->y0 : d->y0 - text * 1.25;
    cairo_rectangle(cr, x, y, size.x_advance + text / 2, text * 1.25);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0, 0, 0);
    cairo_move_to(cr, x + text / 4, y + text * 0.95);
    cairo_show_text(cr, label);
}

static void copy_pixels(const FoveaImage *image, cairo_surface_t *surface)
{
    guint bytes = image->format == FOVEA_PIXEL_RGBA ? 4 : 3;
    cairo_surface_flush(surface);
    for (gint y = 0; y < image->height; y++) {
        const guint8 *from = image->plane[0] + (gsize)y * image->stride[0];
        guint32 *to = (guint32 *)(void *)(cairo_image_surface_get_data(surface) +
                                          (gsize)y * cairo_image_surface_get_stride(surface));
        for (gint x = 0; x < image->width; x++, from += bytes) {
            guint32 a = bytes == 4 ? from[3] : 255;
            to[x] = a << 24 | (from[0] * a + 127) / 255 << 16 | (from[1] * a + 127) / 255 << 8 |
                    (from[2] * a + 127) / 255;
        }
    }
    cairo_surface_mark_dirty(surface);
}

gboolean draw_detections(const FoveaImage *image, const GArray *detections, const char *path,
                         GError **error)
{
    cairo_format_t format = image->format == FOVEA_PIXEL_RGBA ? CAIRO_FORMAT_ARGB32
                                                              : CAIRO_FORMAT_RGB24;
    cairo_surface_t *surface = cairo_image_surface_create(format, image->width, image->height);
    cairo_status_t status = cairo_surface_status(surface);
    if (status == CAIRO_STATUS_SUCCESS) {
        gint edge = MIN(image->width, image->height);
        double line = MAX(1.5, edge / 250.0), text = MAX(10, edge / 40.0);
        copy_pixels(image, surface);
        cairo_t *cr = cairo_create(surface);
        cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
        for (guint i = detections->len; i-- > 0;) /* the best on top */
            draw_one(cr, &g_array_index(detections, FoveaDetection, i), line, text, image->width);
        status = cairo_status(cr);
        cairo_destroy(cr);
        if (status == CAIRO_STATUS_SUCCESS)
            status = cairo_surface_write_to_png(surface, path);
    }
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS)
        return TRUE;
    g_set_error(error, FOVEA_ERROR, FOVEA_ERROR_IO, "%s cannot be written: %s", path,
                cairo_status_to_string(status));
    return FALSE;
}
