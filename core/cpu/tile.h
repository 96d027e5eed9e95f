/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/tile.h: the tile evaluator, back end of the scalar expression on the CPU. Internal.
 *
 * Tiles of FOVEA_TILE elements go through the expression node by node; each node is one vector loop
 * of cpu/simd.h, and the slots that hold the tiles stay in the first-level cache.
 */
#pragma once

#include "cpu/kernel.h"

#define FOVEA_TILE 256
#define FOVEA_TILE_SLOTS 40

typedef struct FoveaTileStep {
    guint8 op, klass;  /* klass: of the operands (of b for FX_SELECT) */
    guint8 to;         /* class of the result */
    guint8 r, a, b, c; /* slots */
    gint64 i;
} FoveaTileStep;

typedef struct FoveaTileProgram {
    gboolean scalar; /* something has no vector form: fovea_expr_eval element by element */
    guint n;
    FoveaTileStep step[FOVEA_FX_MAX_NODES];
    guint n_const;
    struct {
        guint8 slot;
        FoveaFxClass klass;
        FoveaFxNode node;
    } constant[FOVEA_TILE_SLOTS];
    guint n_args;
    gint16 arg_slot[FOVEA_FX_MAX_ARGS]; /* -1: not used */
    guint8 result;
    FoveaFxClass result_class;
    gboolean uses_index;
    guint work; /* rough cost of an element, sixteenths of a nanosecond */
    FoveaExpr fx;
} FoveaTileProgram;

/* Prepares an expression. */
void fovea_tile_compile(const FoveaExpr *fx, FoveaTileProgram *program);
/* out = fx(args broadcast to out), in parallel. args[k] may be out itself (same element order). */
void fovea_tile_run(const FoveaTileProgram *program, const FoveaView *const *args, guint n_args,
                    const FoveaView *out);
/* The path for program->scalar; wide: operands broadcast to out. */
void fovea_tile_run_scalar(const FoveaTileProgram *program, const FoveaView *wide,
                           const FoveaView *const *args, guint n_args, const FoveaView *out);
