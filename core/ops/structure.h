/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/structure.h: helpers shared by the operators that move elements. Internal to ops/.
 */
#pragma once

#include "ops/op.h"

/* For operators that only move elements: sets the content of integer outputs by running the
 * reference on element numbers. Bit k of `data`: the elements of input k are moved; the other
 * inputs steer, and must be known. */
void fovea_infer_moved_content(FoveaGraph *graph, FoveaNode *node, guint32 data);

/* Attribute or input value `axis` against `rank`; the error names both. */
gboolean fovea_op_axis(const FoveaNode *node, gint64 axis, gint rank, gboolean inclusive,
                       guint *out, GError **error);
/* SHAPE unless inputs a and b have one element type. */
gboolean fovea_check_same_type(const FoveaNode *node, guint a, guint b, GError **error);
/* SHAPE unless input `slot` holds integers. */
gboolean fovea_check_ints(const FoveaNode *node, guint slot, GError **error);
/* SHAPE, with the rank in the sentence. */
gboolean fovea_check_rank(const FoveaNode *node, gint rank, GError **error);

/* The integers of a view of any rank in C order (NULL: none). RANGE where they are more than max. */
gboolean fovea_run_ints(const FoveaNode *node, const FoveaView *view, gint64 *ints, guint max,
                        guint *n, GError **error);
/* Element number `from` of one view to element number `to` of another, both relative to data;
 * keeps the class, converts the width. */
void fovea_move_element(const FoveaView *from, gint64 from_at, const FoveaView *to, gint64 to_at);
/* Copies in C order of both; the counts must be the same (SHAPE). */
gboolean fovea_copy_flat(const FoveaNode *node, const FoveaView *from, const FoveaView *to,
                         GError **error);
/* An index in -limit..limit-1 made positive; RANGE outside, naming both. */
gboolean fovea_run_index(const FoveaNode *node, gint64 index, gint64 limit, gint64 *out,
                         GError **error);
