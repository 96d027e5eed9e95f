/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overlay/boxes.h: how detections look: frames, label bars, colours, sizes.
 */
#pragma once

#include "canvas.h"
#include "fovea/task.h"
#include "label.h"

G_BEGIN_DECLS

typedef struct OverlayStyle {
    const char *font;
    gdouble font_scale; /* 1: lines of text are 1/40 of the picture's height, at least 11 pixels */
    gint line_width;    /* pixels; 0: from the picture's height */
    gboolean show_label, show_score;
} OverlayStyle;

/* Width of a box line and height of a line of text for a picture of this size. */
gint overlay_line_width(const OverlayStyle *style, gint width, gint height);
gint overlay_text_height(const OverlayStyle *style, gint width, gint height);

/* The colour of a label: the same for the same id in every stream and run; neighbouring ids differ
 * in hue by the golden angle. Labels without an id (-1) go by their name. */
OverlayColour overlay_label_colour(gint label_id, const char *label);
/* Black or white, whichever reads better on `background`. */
OverlayColour overlay_text_colour(OverlayColour background);

/* Draws an array of FoveaDetection, the best scores on top. */
void overlay_draw_detections(OverlayCanvas *canvas, OverlayLabels *labels, const GArray *detections,
                             const OverlayStyle *style);

G_END_DECLS
