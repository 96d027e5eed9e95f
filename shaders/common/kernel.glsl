// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// What most kernels begin with. INPUT and OUTPUT declare binding b and its element type, which is
// specialisation constant b of the kernel; OPTION(k) is constant 16 + k (kernels/common.h sets both).
#ifndef FV_KERNEL_GLSL
#define FV_KERNEL_GLSL

#include "params.glsl"
#include "any.glsl"

#define INPUT(b, name)                                                                             \
    layout(constant_id = 8 + b) const uint name##_type = 1u;                                       \
    FV_IN(b, name)
#define OUTPUT(b, name)                                                                            \
    layout(constant_id = 8 + b) const uint name##_type = 1u;                                       \
    FV_OUT(b, name)
#define OPTION(k, name, otherwise)                                                                 \
    layout(constant_id = 24 + k) const uint name = otherwise;

#define BITS(name, i) FV_LOAD(name, name##_type, uint(i))
#define REAL(name, i) FV_LOADF(name, name##_type, uint(i))
#define WHOLE(name, i) int(FV_LOAD(name, name##_type, uint(i)))
#define PUT_BITS(name, i, bits) FV_STORE(name, name##_type, uint(i), bits)
#define PUT_REAL(name, i, x) FV_STOREF(name, name##_type, uint(i), x)

#endif
