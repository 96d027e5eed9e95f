/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * compare.h: plain scaling and the restored picture side by side in one frame.
 */
#pragma once

#include <glib-object.h>

#include "fovea/image.h"

G_BEGIN_DECLS

typedef enum FoveaCompare {
    FOVEA_COMPARE_NONE = 0,
    FOVEA_COMPARE_VERTICAL,   /* plain on the left */
    FOVEA_COMPARE_HORIZONTAL, /* plain at the top */
} FoveaCompare;

GType fovea_compare_get_type(void);

/* The part of a picture that shows plain scaling; ends at an even position. FALSE: none. */
gboolean fovea_compare_rect(FoveaCompare compare, gint width, gint height, FoveaRect *rect);
/* A white line, two pixels wide, where that part ends. */
void fovea_compare_draw(FoveaCompare compare, const FoveaImage *image);

G_END_DECLS
