/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensor/tensor-internal.h: what lies behind FoveaTensor, for the rooms of core/.
 */
#pragma once

#include "tensor/view.h"

struct FoveaTensor {
    gatomicrefcount refs;
    FoveaDtype dtype;
    guint rank;
    gint64 dims[FOVEA_MAX_RANK];
    gsize n_elements;
    void *data;    /* own memory, or inside owner */
    GBytes *owner; /* NULL: data is ours */
    /* Affine quantisation, real = scale * (stored - zero_point). scale 0: not quantised. */
    float scale;
    gint32 zero_point;
};

/* Product of dims into *count. FALSE for a negative size or a product above G_MAXINT64 / 16. */
gboolean fovea_shape_count(guint rank, const gint64 *dims, gint64 *count);
/* "[1,3,320,320]" (transfer full). */
char *fovea_shape_to_string(guint rank, const gint64 *dims);
