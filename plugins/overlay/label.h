/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overlay/label.h: text rendered once to a coverage mask and kept by its text.
 *
 * A video shows the same few labels on every frame, so the masks are cached; the cache is emptied
 * when it is full or the font changes. One thread at a time.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct OverlayLabels OverlayLabels;

/* The mask's bytes are coverages; it belongs to the cache and lives until the next call. */
typedef struct OverlayMask {
    gint width, height, stride;
    const guint8 *data;
} OverlayMask;

OverlayLabels *overlay_labels_new(void);
void overlay_labels_free(OverlayLabels *labels);

/* Font (a Pango description such as "Sans Bold", its size ignored), height of a line in pixels and
 * the widest mask in pixels: a longer text ends in an ellipsis. */
void overlay_labels_set_font(OverlayLabels *labels, const char *font, gint line_height,
                             gint max_width);

/* NULL where nothing can be shown (empty text, no memory). */
const OverlayMask *overlay_labels_get(OverlayLabels *labels, const char *text);

G_END_DECLS
