/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/reach-field.h: for each element of a value, the rectangle of input pixels that it depends
 * on. Internal to the search of graph/reach.h.
 *
 * A box is four 16-bit lanes: EDGE - x0, EDGE - y0, x1, y1 (exclusive ends). So the union of two
 * boxes is the greater of each lane, and zero is the empty box: what constants depend on. The lanes
 * fill 64 bits, and operators that only move elements move boxes as they move integers.
 */
#pragma once

#include "ops/op.h"
#include "tensor/view.h"

#define FOVEA_REACH_EDGE 0x7fff

typedef union FoveaReachBox {
    guint64 bits;
    guint16 lane[4];
} FoveaReachBox;

/* Boxes of one value. Along an axis of stride 0 all elements have the same box, and it lies there
 * once: most axes of channels. */
typedef struct FoveaReachField {
    FoveaView view; /* i64 */
    char *memory;   /* a g_rc_box around what the view points into */
} FoveaReachField;

/* Empty boxes. Bit k of `vary`: the elements along axis k may differ. A field too large to be held
 * takes its last axes as one: its boxes only grow. Errors: NO_MEMORY. */
gboolean fovea_reach_field_new(FoveaReachField *field, guint rank, const gint64 *dims, guint32 vary,
                               GError **error);
/* The same field again, seen through `view`. */
void fovea_reach_field_share(FoveaReachField *field, const FoveaReachField *of,
                             const FoveaView *view);
void fovea_reach_field_clear(FoveaReachField *field);
/* Axes along which the elements may differ. */
guint32 fovea_reach_vary(const FoveaView *view);
/* Axes that turn out to have equal elements get stride 0. */
void fovea_reach_field_compress(FoveaReachField *field);

/* to = union of to and from, element by element over dims. Either may have strides of 0. */
void fovea_reach_join(guint rank, const gint64 *dims, const FoveaReachBox *from,
                      const gint64 *from_strides, FoveaReachBox *to, const gint64 *to_strides);
/* The same for a view that broadcasts to the field (numpy's rules). */
void fovea_reach_join_view(const FoveaView *from, FoveaReachField *to);
/* Union over the axes in `axes`, which keep size 1. */
gboolean fovea_reach_reduce(const FoveaView *from, guint32 axes, FoveaReachField *to,
                            GError **error);
/* The same elements in C order under other dims. */
gboolean fovea_reach_reshape(const FoveaView *from, guint rank, const gint64 *dims,
                             FoveaReachField *to, GError **error);
/* Size of the largest boxes along x and y. */
void fovea_reach_widest(const FoveaReachField *field, gint *width, gint *height);

static inline FoveaReachBox *fovea_reach_boxes(const FoveaView *view)
{
    return view->data;
}
