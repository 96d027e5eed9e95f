/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/dim.h: sizes that may depend on named scalars (bounded dimensions). Internal.
 *
 * A FoveaDim is  c + sum_k coefficient_k * atom_k.  An atom is a named scalar, or an operation that
 * is not linear (a product of two unknowns, a division that does not come out even, min, max, mod).
 * The sum is interned in a FoveaSyms, so two dims are equal exactly when both fields are equal: that
 * is how Reshape's -1 and the equality of shapes are decided. A fixed size has terms == 0.
 */
#pragma once

#include "base/base.h"

typedef struct FoveaDim {
    gint64 c;
    guint32 terms; /* 0: none; else an interned sum of FoveaSyms */
} FoveaDim;

typedef struct FoveaSyms FoveaSyms;

#define FOVEA_MAX_SCALARS 8

FoveaSyms *fovea_syms_new(void);
FoveaSyms *fovea_syms_copy(const FoveaSyms *syms);
FoveaSyms *fovea_syms_ref(FoveaSyms *syms);
void fovea_syms_unref(FoveaSyms *syms);

/* Adds (or finds) the scalar `name` with values 0..capacity. NULL capacity errors: ARGUMENT when
 * more than FOVEA_MAX_SCALARS are asked for. Returns its index in `scalars` or -1. */
gint fovea_syms_scalar(FoveaSyms *syms, const char *name, gint64 capacity, GError **error);
guint fovea_syms_n_scalars(const FoveaSyms *syms);
const char *fovea_syms_scalar_name(const FoveaSyms *syms, guint index);
gint64 fovea_syms_scalar_capacity(const FoveaSyms *syms, guint index);
FoveaDim fovea_dim_scalar(FoveaSyms *syms, guint index);

static inline FoveaDim fovea_dim(gint64 value)
{
    return (FoveaDim){value, 0};
}

static inline gboolean fovea_dim_is_const(FoveaDim a)
{
    return a.terms == 0;
}

static inline gboolean fovea_dim_equal(FoveaDim a, FoveaDim b)
{
    return a.c == b.c && a.terms == b.terms;
}

static inline gboolean fovea_dim_is(FoveaDim a, gint64 value)
{
    return a.terms == 0 && a.c == value;
}

/* Arithmetic; overflow saturates at +-2^62, which no size check passes. div and mod round towards
 * minus infinity, as Python's do; a divisor of constant 0 gives 0. */
FoveaDim fovea_dim_add(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_sub(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_mul(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_div(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_mod(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_min(FoveaSyms *syms, FoveaDim a, FoveaDim b);
FoveaDim fovea_dim_max(FoveaSyms *syms, FoveaDim a, FoveaDim b);

/* Value at given scalars (FOVEA_MAX_SCALARS numbers; may be NULL when a is constant). */
gint64 fovea_dim_eval(const FoveaSyms *syms, FoveaDim a, const gint64 *scalars);
/* Bounds over all permitted scalars (interval arithmetic, so possibly wider than needed). */
void fovea_dim_bounds(const FoveaSyms *syms, FoveaDim a, gint64 *low, gint64 *high);
static inline gint64 fovea_dim_max_value(const FoveaSyms *syms, FoveaDim a)
{
    gint64 low, high;
    fovea_dim_bounds(syms, a, &low, &high);
    return high;
}
/* TRUE and the index where a is exactly one scalar. */
gboolean fovea_dim_is_scalar(const FoveaSyms *syms, FoveaDim a, guint *index);
/* "past+1" (transfer full). */
char *fovea_dim_to_string(const FoveaSyms *syms, FoveaDim a);
