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

/* Set (to 1) by fovea_attention_mark on the MatMul of q and k'. */
#define FOVEA_ATTENTION_MARK "attention"

/* MatMul of q and k', both computed (or marked). */
gboolean fovea_is_score_product(const FoveaNode *node);
/* Heads mixed by constants before and after the softmax (talking heads): recognised, and left as it
 * is. */
void fovea_recognise_mixed_heads(FoveaPass *pass, FoveaNode *softmax);
/* ONNX' Attention without cache and extras becomes FoveaAttention. */
void fovea_lower_onnx_attention(FoveaPass *pass, FoveaNode *node);

/* Sets kind, pattern, state and causal_offset of spec. A bias that is a causal mask and nothing else
 * makes the pattern CAUSAL, and need not be given. */
void fovea_attention_classify(FoveaScores *scores, FoveaAttention *spec);
