/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu/simd.h: the inner loops, once per instruction set. Internal.
 *
 * The files in cpu/simd/ are plain C that compilers vectorise. meson builds them several times with
 * other machine flags; each build fills one table, and fovea_simd() hands out the best that this
 * processor runs. Functions never read or write outside the n elements they are given.
 */
#pragma once

#include "graph/expr.h"

/* One operation of an expression over n elements. Class F: float arrays. Classes I and B: gint64
 * arrays. The class is that of the operands (of b for FX_SELECT, whose a is B). r may be a, b or c. */
typedef void (*FoveaTileOp)(gpointer r, gconstpointer a, gconstpointer b, gconstpointer c, guint n);

#define FOVEA_SIMD_PANEL 64 /* columns of packed weights for gemv */

typedef struct FoveaSimd {
    const char *name;
    /* NULL: not here (the tile evaluator falls back to the scalar reference for that expression). */
    FoveaTileOp tile_f[FX_N_OPS];
    /* r[i] = exp(a[i] - shift), returns the sum; n may be 0. */
    float (*exp_sum)(float *r, const float *a, float shift, gsize n);
    float (*max)(const float *a, gsize n);          /* -inf for n 0 */
    void (*scale)(float *r, float factor, gsize n); /* r *= factor */
    float (*dot)(const float *a, const float *b, gsize n);
    void (*axpy)(float *r, float factor, const float *a, gsize n); /* r += factor * a */
    /* r += sum over k < taps of weight[k] * a[k] */
    void (*mix)(float *r, guint taps, const float *const *a, const float *weight, gsize n);
    void (*maximum)(float *r, const float *a, gsize n); /* r = max(r, a); a NaN stays */
    /* mean and 1 / sqrt(variance + epsilon) of n elements (two passes) */
    void (*moments)(const float *a, gsize n, double epsilon, float *mean, float *inverse);
    /* r = (a - mean) * inverse * gain + bias; gain and bias may be NULL */
    void (*normalise)(float *r, const float *a, float mean, float inverse, const float *gain,
                      const float *bias, gsize n);
    /* c[m,n] (+)= a[m,k] b[k,n]; b and c have unit column strides, a any strides (in elements).
     * accumulate FALSE overwrites c. For small or odd products; big ones go to oneDNN. */
    void (*gemm)(gint64 m, gint64 n, gint64 k, const float *a, gint64 row_a, gint64 col_a,
                 const float *b, gint64 ldb, float *c, gint64 ldc, gboolean accumulate);
    /* r[FOVEA_SIMD_PANEL] = a[k] b[k][FOVEA_SIMD_PANEL]. The second's b holds the bits of f16 (NULL:
     * not here). */
    void (*gemv)(float *r, const float *a, const float *b, gint64 k);
    void (*gemv_half)(float *r, const float *a, const guint16 *b, gint64 k);
} FoveaSimd;

const FoveaSimd *fovea_simd(void);
