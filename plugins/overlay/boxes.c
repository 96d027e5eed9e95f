/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "boxes.h"

#include <math.h>

/* Below this height letters run together. */
#define MIN_TEXT_HEIGHT 11
/* A thin dark rim keeps a box visible on a ground of its own colour. */
#define RIM_OPACITY 120

/* A tall picture (a phone's) counts by its width, as if it were 4:3. */
static gint reference_height(gint width, gint height)
{
    return MAX(MIN(height, width * 3 / 4), 1);
}

gint overlay_line_width(const OverlayStyle *style, gint width, gint height)
{
    if (style->line_width > 0)
        return style->line_width;
    /* Even, so that half-size chroma samples are wholly the line's or not at all. */
    return 2 * MAX((reference_height(width, height) + 360) / 720, 1);
}

gint overlay_text_height(const OverlayStyle *style, gint width, gint height)
{
    gint natural = MAX(reference_height(width, height) / 40, MIN_TEXT_HEIGHT);
    return MAX((gint)lround(natural * style->font_scale), 1);
}

static guint8 channel(gdouble value)
{
    return (guint8)lround(CLAMP(value, 0, 1) * 255);
}

static OverlayColour from_hsv(gdouble hue, gdouble saturation, gdouble value)
{
    gdouble h = hue * 6;
    gdouble c = value * saturation, m = value - c;
    gdouble x = c * (1 - fabs(fmod(h, 2) - 1));
    gdouble table[6][3] = {{c, x, 0}, {x, c, 0}, {0, c, x}, {0, x, c}, {x, 0, c}, {c, 0, x}};
    gdouble *rgb = table[(gint)h % 6];
    return (OverlayColour){channel(rgb[0] + m), channel(rgb[1] + m), channel(rgb[2] + m)};
}

OverlayColour overlay_label_colour(gint label_id, const char *label)
{
    guint n = label_id >= 0 ? (guint)label_id : g_str_hash(label ? label : "") % 1000;
    gdouble hue = fmod(0.33 + n * 0.6180339887498949, 1.0);
    /* Every turn through the hues, lightness and saturation step as well. */
    static const gdouble saturation[] = {0.85, 0.55, 1.0};
    static const gdouble value[] = {1.0, 1.0, 0.7};
    guint turn = (n / 13) % 3;
    return from_hsv(hue, saturation[turn], value[turn]);
}

static gdouble linear(guint8 byte)
{
    gdouble v = byte / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

OverlayColour overlay_text_colour(OverlayColour background)
{
    gdouble y = 0.2126 * linear(background.r) + 0.7152 * linear(background.g) +
                0.0722 * linear(background.b);
    /* Where the contrast ratios (y + 0.05) / 0.05 and 1.05 / (y + 0.05) are equal. */
    gboolean black = y > sqrt(1.05 * 0.05) - 0.05;
    return black ? (OverlayColour){0, 0, 0} : (OverlayColour){255, 255, 255};
}

/* The band of `width` pixels just inside the rectangle, each pixel once. */
static void draw_frame(OverlayCanvas *canvas, const FoveaRect *r, gint width, OverlayColour colour,
                       guint8 opacity)
{
    gint wx = MIN(width, (r->x1 - r->x0 + 1) / 2), wy = MIN(width, (r->y1 - r->y0 + 1) / 2);
    gint top = r->y0 + wy, bottom = MAX(r->y1 - wy, top);
    gint left = r->x0 + wx, right = MAX(r->x1 - wx, left);
    overlay_canvas_fill(canvas, r->x0, r->y0, r->x1, top, colour, opacity);
    overlay_canvas_fill(canvas, r->x0, bottom, r->x1, r->y1, colour, opacity);
    overlay_canvas_fill(canvas, r->x0, top, left, bottom, colour, opacity);
    overlay_canvas_fill(canvas, right, top, r->x1, bottom, colour, opacity);
}

static void draw_label(OverlayCanvas *canvas, OverlayLabels *labels, const FoveaDetection *d,
                       const FoveaRect *box, OverlayColour colour, gint text_height,
                       const OverlayStyle *style)
{
    char text[256];
    const char *name = style->show_label ? d->label : "";
    if (style->show_score)
        g_snprintf(text, sizeof text, "%s%s%d%%", name, *name ? " " : "",
                   (gint)lround(CLAMP(d->score, 0, 1) * 100));
    else
        g_strlcpy(text, name, sizeof text);
    const OverlayMask *mask = overlay_labels_get(labels, text);
    if (!mask)
        return;

    gint pad_x = MAX(text_height / 5, 2), pad_y = text_height / 12;
    gint width = mask->width + 2 * pad_x, height = mask->height + 2 * pad_y;
    gint x = MAX(MIN(box->x0, canvas->width - width), 0);
    gint y = box->y0 - height; /* above the box, or within it where there is no room */
    if (y < 0)
        y = box->y0;
    y = MAX(MIN(y, canvas->height - height), 0);
    overlay_canvas_fill(canvas, x, y, x + width, y + height, colour, 255);
    overlay_canvas_mask(canvas, mask->data, mask->width, mask->height, mask->stride, x + pad_x,
                        y + pad_y, overlay_text_colour(colour));
}

/* FALSE where a box has no place in this picture (not a number, empty, outside). */
static gboolean to_pixels(const OverlayCanvas *canvas, const FoveaDetection *d, FoveaRect *box)
{
    if (!isfinite(d->x0) || !isfinite(d->y0) || !isfinite(d->x1) || !isfinite(d->y1) ||
        !isfinite(d->score))
        return FALSE;
    box->x0 = (gint)lround(CLAMP(d->x0, 0, canvas->width));
    box->y0 = (gint)lround(CLAMP(d->y0, 0, canvas->height));
    box->x1 = (gint)lround(CLAMP(d->x1, 0, canvas->width));
    box->y1 = (gint)lround(CLAMP(d->y1, 0, canvas->height));
    if (box->x1 <= box->x0 || box->y1 <= box->y0)
        return FALSE;
    for (guint i = 0; i < canvas->n_components; i++) { /* outwards to whole chroma samples */
        gint w_mask = (1 << canvas->component[i].w_sub) - 1;
        gint h_mask = (1 << canvas->component[i].h_sub) - 1;
        box->x0 &= ~w_mask;
        box->y0 &= ~h_mask;
        box->x1 = (box->x1 + w_mask) & ~w_mask;
        box->y1 = (box->y1 + h_mask) & ~h_mask;
    }
    return TRUE;
}

static gint worst_first(gconstpointer a, gconstpointer b)
{
    const FoveaDetection *da = *(const FoveaDetection *const *)a;
    const FoveaDetection *db = *(const FoveaDetection *const *)b;
    return (da->score > db->score) - (da->score < db->score);
}

static void draw_box(OverlayCanvas *canvas, const FoveaDetection *d, const FoveaRect *box,
                     gint line)
{
    gint rim = MAX(line / 3, 1);
    FoveaRect outer = {box->x0 - rim, box->y0 - rim, box->x1 + rim, box->y1 + rim};
    draw_frame(canvas, &outer, rim, (OverlayColour){0, 0, 0}, RIM_OPACITY);
    draw_frame(canvas, box, line, overlay_label_colour(d->label_id, d->label), 255);
}

void overlay_draw_detections(OverlayCanvas *canvas, OverlayLabels *labels, const GArray *detections,
                             const OverlayStyle *style)
{
    gint line = overlay_line_width(style, canvas->width, canvas->height);
    gint text_height = overlay_text_height(style, canvas->width, canvas->height);
    overlay_labels_set_font(labels, style->font, text_height,
                            MAX(canvas->width - 2 * MAX(text_height / 5, 2), 1));
    GPtrArray *order = g_ptr_array_sized_new(detections->len);
    for (guint i = 0; i < detections->len; i++)
        g_ptr_array_add(order, &g_array_index(detections, FoveaDetection, i));
    g_ptr_array_sort(order, worst_first);
    /* All boxes, then all labels: no line runs through a text. */
    for (guint pass = 0; pass < 2; pass++)
        for (guint i = 0; i < order->len; i++) {
            const FoveaDetection *d = order->pdata[i];
            FoveaRect box;
            if (!to_pixels(canvas, d, &box))
                continue;
            if (pass == 0)
                draw_box(canvas, d, &box, line);
            else
                draw_label(canvas, labels, d, &box, overlay_label_colour(d->label_id, d->label),
                           text_height, style);
        }
    g_ptr_array_unref(order);
}
