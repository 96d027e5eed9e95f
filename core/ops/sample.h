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

/* ---- making a case ---- */
/* Case `index` of an operator as a graph of one node: attributes, inputs (constants where the case
 * says so) and inferred outputs; sample->node is that node. The same index gives the same numbers.
 * Operators without sample() are tried with floats, integers and bools over broadcast shapes.
 * FALSE past the last case (no error is set) or on an error. */
gboolean fovea_sample_open(FoveaSample *sample, const FoveaOp *op, guint index, GError **error);
void fovea_sample_close(FoveaSample *sample);
/* Runs the reference on the inputs widened to double. out: room for n_out tensors, filled with
 * float results as f64 (transfer full; NULL for absent outputs). */
gboolean fovea_sample_reference(const FoveaSample *sample, FoveaTensor **out, GError **error);

/* ---- cases of pointwise operators ---- */
/* Inputs 0..n_in-1 of type `dtype` in broadcast shape set `shape` (below the count); FALSE past it.
 * Floats of input 0 lie in low..high, of the others in low1..high1; integers likewise. */
guint fovea_sample_n_shapes(void);
gboolean fovea_sample_broadcast(FoveaSample *sample, guint shape, FoveaDtype dtype, guint n_in,
                                double low, double high, double low1, double high1);
/* Cases of a float operator of one input whose domain is low..high. */
gboolean fovea_sample_domain(FoveaSample *sample, guint index, double low, double high);
