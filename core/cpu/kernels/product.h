/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/kernels/product.h: MatMul and Gemm seen as one batched product of matrices. Internal.
 */
#pragma once

#include "cpu/kernel.h"

typedef struct FoveaCpuProduct {
    FoveaView a, b, c; /* of one rank: [batch..., M, K], [batch..., K, N], [batch..., M, N] */
    gint64 batch, m, n, k;
} FoveaCpuProduct;

/* Element types and attributes that the fast kernels take. */
gboolean fovea_cpu_product_fits(const FoveaNode *node);
guint fovea_cpu_product_n_in(const FoveaNode *node);
/* Sizes at capacity, without views; FALSE where they are not all numbers. */
gboolean fovea_cpu_product_sizes(const FoveaNode *node, FoveaCpuProduct *product);
/* Views of a run. Leading axes of `a` and the result are folded into M where b has none. Axes of
 * b that are broadcast have size 1. FALSE where the ranks do not allow it. */
gboolean fovea_cpu_product_init(const FoveaNode *node, const FoveaView *a, const FoveaView *b,
                                const FoveaView *c, FoveaCpuProduct *product);
