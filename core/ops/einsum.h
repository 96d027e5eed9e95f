/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/einsum.h: the equation of an Einsum taken apart. Internal.
 */
#pragma once

#include "graph/graph.h"

#define FOVEA_EINSUM_TERMS 8

/* Labels of the dims, in order: letters, or 128 and up for those of "...", counted from the last. */
typedef struct FoveaEinsumTerm {
    guint n;
    guint8 label[FOVEA_MAX_RANK];
} FoveaEinsumTerm;

typedef struct FoveaEinsum {
    guint n_terms;
    FoveaEinsumTerm term[FOVEA_EINSUM_TERMS], out, sum; /* sum: labels that are not in out */
} FoveaEinsum;

/* FALSE: the equation is malformed or does not fit the ranks of the inputs. */
gboolean fovea_einsum_of(const FoveaNode *node, FoveaEinsum *einsum);
