/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * graph/passes/attention.h: between recognising attention and saying what kind it is. Internal.
 */
#pragma once

#include "attention/spec.h"
#include "graph/passes/passes.h"

/* softmax(scale q kt + bias) v as it was found. */
typedef struct FoveaScores {
    FoveaGraph *graph;
    FoveaNode *softmax;
    FoveaNode *product; /* MatMul(q, kt) */
    FoveaNode *result;  /* MatMul(softmax, v) */
    FoveaValue *q, *kt, *v;
    FoveaValue *bias;       /* broadcasts to the product's shape; NULL: none */
    FoveaValue *head_scale; /* a further factor of q, one a head; NULL: none */
    double scale;
    gboolean had_bias;
} FoveaScores;

/* Sets kind, pattern, state and causal_offset of spec. A bias that is a causal mask and nothing else
 * makes the pattern CAUSAL, and need not be given. */
void fovea_attention_classify(FoveaScores *scores, FoveaAttention *spec);
