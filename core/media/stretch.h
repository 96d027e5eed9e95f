/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * media/stretch.h: a part of a picture resized as Pillow does it, row after row from the top, with
 * the memory of a few rows. Internal.
 */
#pragma once

#include "media/pillow.h"

/* Row y of the source, planar: channels x width bytes. It is written to `to`, or lies elsewhere. */
typedef const guint8 *(*FoveaStretchSource)(gpointer data, gint y, guint8 *to);

typedef struct FoveaStretch {
    const FoveaKernel *across, *down;
    gint width, height; /* of the source */
    gint channels;
    gint x0, x1; /* columns of the result that are wanted */
    FoveaStretchSource source;
    gpointer data;
    /* What lies below is the stretch's own. */
    gboolean down_first;
    gint rows, begin, end; /* rows that the window can hold, and which ones it holds */
    gsize pitch;           /* bytes of a row in the window */
    guint8 *window, *line, *line2, *memory;
    gsize n_memory;
} FoveaStretch;

/* Begins with the fields above set; memory is kept from one beginning to the next. Errors:
 * NO_MEMORY. */
gboolean fovea_stretch_begin(FoveaStretch *stretch, GError **error);
/* Row y of the result, planar: channels x (x1 - x0) bytes, until the next call. Rows are asked for
 * in rising order. */
const guint8 *fovea_stretch_row(FoveaStretch *stretch, gint y);
void fovea_stretch_clear(FoveaStretch *stretch);
