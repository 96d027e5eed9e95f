/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/kernels/elementwise.h: dispatches of shaders/ops/pointwise.comp. Internal to the room.
 */
#pragma once

#include "vulkan/kernel.h"

typedef struct FoveaVkElementwise FoveaVkElementwise;

/* The views of the operands and of the output, all of the output's shape (strides 0 where they are
 * broadcast). The first `n` of in[] are to be set; an operand that the expression does not use may
 * be left as it is (rank 0). */
typedef gboolean (*FoveaVkViewsFunc)(const FoveaVkFill *fill, const FoveaVkElementwise *what,
                                     FoveaView *in, FoveaView *out, GError **error);

struct FoveaVkElementwise {
    FoveaVkViewsFunc views;
    guint n;          /* operands, at most 8 */
    guint slot;       /* for `views`: which input */
    gboolean fixed;   /* sizes never change: axes may be joined and reordered */
    gboolean indexed; /* positions along axes matter: neither joined nor reordered */
};

/* fx NULL: the first operand is copied. operands[k] NULL: not used. */
gboolean fovea_vk_elementwise(FoveaVkBuilder *builder, const FoveaNode *node, const FoveaExpr *fx,
                              const FoveaValue *const *operands, guint n, const FoveaValue *out,
                              FoveaVkViewsFunc views, guint slot, GError **error);
/* Operand k is in[k], broadcast to out[0]. */
gboolean fovea_vk_views_broadcast(const FoveaVkFill *fill, const FoveaVkElementwise *what,
                                  FoveaView *in, FoveaView *out, GError **error);
/* For sources other than operands. */
#define FOVEA_VK_POINTWISE_FROM_WORDS 12 /* spec constant */
