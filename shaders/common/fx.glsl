// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// The scalar expression of a node. The runtime replaces the body of this function by the node's
// FoveaExpr in SPIR-V before it makes a pipeline; without one it stays the identity. Operands and
// result are raw bits of their class: real an f32, integer an i32, bool 0 or 1. i0..i3 are the
// positions that FX_INDEX speaks of.
#ifndef FV_FX_GLSL
#define FV_FX_GLSL

uint fx(uint a0, uint a1, uint a2, uint a3, uint a4, uint a5, uint a6, uint a7, uint i0, uint i1,
        uint i2, uint i3)
{
    return a0;
}

#endif
