/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vulkan/fx-spirv.h: the SPIR-V emitter of scalar expressions. Internal to the room.
 *
 * A prebuilt module that can take an expression has the function `fx` of shaders/common/fx.glsl.
 * The emitter makes a copy of the module with another body of that function: straight-line code
 * without control flow, so that nothing else of the module has to change.
 */
#pragma once

#include "graph/expr.h"

/* NULL: fx() can compute it. Else a static sentence part. Positions beyond axis 3 and FX_LOAD
 * cannot be said. */
const char *fovea_vk_fx_why_not(const FoveaExpr *fx);

/* A copy of the module whose fx() computes the expression (NULL: it keeps its body). float_controls:
 * the device can be asked to keep NaN and infinities, so ask it. Free with g_free.
 * Errors: FAILED (the module has no fx), UNSUPPORTED. */
guint32 *fovea_vk_fx_module(const guint32 *code, guint n_words, const FoveaExpr *fx,
                            gboolean float_controls, guint *out_words, GError **error);

/* ---- between fx-spirv.c and fx-ops.c ---- */
typedef struct FoveaVkFx {
    GArray *globals; /* new types and constants */
    GArray *body;
    guint32 next_id;
    guint32 t_uint, t_int, t_float, t_bool, ext;
    guint32 operand[12]; /* a0..a7, i0..i3, loaded; 0: not yet */
    guint32 parameter[12];
    GHashTable *constants; /* type << 32 | bits -> id */
} FoveaVkFx;

guint32 fovea_vk_fx_const(FoveaVkFx *to, guint32 type, guint32 bits);
/* Appends an instruction with a result and returns its id. */
guint32 fovea_vk_fx_emit(FoveaVkFx *to, guint16 opcode, guint32 type, guint n, const guint32 *args);
guint32 fovea_vk_fx_operand(FoveaVkFx *to, guint index);
/* The instructions of one node; v: ids of the nodes before it. */
guint32 fovea_vk_fx_node(FoveaVkFx *to, const FoveaExpr *fx, guint at, const guint32 *v);
