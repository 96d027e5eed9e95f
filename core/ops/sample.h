/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * ops/sample.h: test cases of one operator, made from a seed. Internal.
 *
 * An operator's sample() fills inputs and attributes for case `index`; the parity test, the ONNX-like
 * `fovea selftest` and the device sweep compile the node for a device and compare with the
 * reference, which is fed the same inputs widened to double. Choose awkward sizes: 1, primes, one
 * more and one less than 4, 8, 16, 32, 64; zero-sized where the operator allows it; every attribute
 * that changes code; broadcast and absent inputs.
 */
#pragma once

#include "ops/op.h"

#define FOVEA_SAMPLE_MAX_IN 16

struct FoveaSample {
    GRand *rand;
    FoveaGraph *graph;
    FoveaNode *node;                      /* attributes are set on it; made by the harness */
    FoveaTensor *in[FOVEA_SAMPLE_MAX_IN]; /* NULL: absent */
    gboolean
        constant[FOVEA_SAMPLE_MAX_IN]; /* known when the plan is made (shapes, axes, weights) */
    guint n_in, n_out;                 /* n_out: 1 unless set */
    double tolerance;  /* of the output's range at f32; 0: the default, 1e-5 (f16: 1000 times it) */
    gboolean f32_only; /* the operator is always computed in f32 */
    gboolean set_output; /* outputs are compared as sets/with ties allowed: not yet used */
};

/* Random inputs into slot `slot`; shapes by varargs-free arrays. Floats are uniform in low..high. */
void fovea_sample_f32(FoveaSample *sample, guint slot, guint rank, const gint64 *dims, double low,
                      double high);
void fovea_sample_int(FoveaSample *sample, guint slot, FoveaDtype dtype, guint rank,
                      const gint64 *dims, gint64 low, gint64 high); /* high exclusive */
/* A constant 1-D i64 input. */
void fovea_sample_const_ints(FoveaSample *sample, guint slot, const gint64 *values, guint n);
/* Shorthand: fovea_sample_f32(s, slot, RANK, (gint64[]){...}, -1, 1). */
#define FOVEA_DIMS(...)                                                                            \
    (sizeof((gint64[]){__VA_ARGS__}) / sizeof(gint64)), (const gint64[])                           \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
