/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "tensor/view.h"

gsize fovea_dtype_size(FoveaDtype dtype)
{
    switch (dtype) {
    case FOVEA_DTYPE_U8:
    case FOVEA_DTYPE_I8:
    case FOVEA_DTYPE_BOOL: return 1;
    case FOVEA_DTYPE_U16:
    case FOVEA_DTYPE_I16:
    case FOVEA_DTYPE_F16:
    case FOVEA_DTYPE_BF16: return 2;
    case FOVEA_DTYPE_F32:
    case FOVEA_DTYPE_I32:
    case FOVEA_DTYPE_U32: return 4;
    case FOVEA_DTYPE_F64:
    case FOVEA_DTYPE_I64:
    case FOVEA_DTYPE_U64: return 8;
    case FOVEA_DTYPE_NONE: break;
    }
    return 0;
}

const char *fovea_dtype_name(FoveaDtype dtype)
{
    switch (dtype) {
    case FOVEA_DTYPE_F32: return "f32";
    case FOVEA_DTYPE_U8: return "u8";
    case FOVEA_DTYPE_I8: return "i8";
    case FOVEA_DTYPE_U16: return "u16";
    case FOVEA_DTYPE_I16: return "i16";
    case FOVEA_DTYPE_I32: return "i32";
    case FOVEA_DTYPE_I64: return "i64";
    case FOVEA_DTYPE_BOOL: return "bool";
    case FOVEA_DTYPE_F16: return "f16";
    case FOVEA_DTYPE_F64: return "f64";
    case FOVEA_DTYPE_U32: return "u32";
    case FOVEA_DTYPE_U64: return "u64";
    case FOVEA_DTYPE_BF16: return "bf16";
    case FOVEA_DTYPE_NONE: break;
    }
    return "?";
}

gboolean fovea_dtype_is_float(FoveaDtype dtype)
{
    return dtype == FOVEA_DTYPE_F32 || dtype == FOVEA_DTYPE_F16 || dtype == FOVEA_DTYPE_BF16 ||
           dtype == FOVEA_DTYPE_F64;
}

float fovea_f16_to_f32(guint16 bits)
{
    guint32 sign = (guint32)(bits & 0x8000) << 16;
    guint32 exponent = (bits >> 10) & 31, mantissa = bits & 1023;
    union {
        guint32 u;
        float f;
    } out;
    if (exponent == 31) {
        out.u = sign | 0x7f800000 | mantissa << 13;
    } else if (exponent != 0) {
        out.u = sign | (exponent + 112) << 23 | mantissa << 13;
    } else {
        out.f = (float)mantissa * 0x1p-24f;
        out.u |= sign;
    }
    return out.f;
}

guint16 fovea_f16_from_f32(float value)
{
    union {
        float f;
        guint32 u;
    } in = {value};
    guint16 sign = (guint16)(in.u >> 16 & 0x8000);
    guint32 magnitude = in.u & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return sign | 0x7e00;
    if (magnitude >= 0x477ff000) /* rounds to 2^16 or more */
        return sign | 0x7c00;
    if (magnitude < 0x38800000) { /* below 2^-14: a multiple of 2^-24 */
        float scaled = in.f < 0 ? -in.f : in.f;
        return sign | (guint16)rintf(scaled * 0x1p24f);
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return sign | (guint16)((magnitude >> 13) - (112u << 10));
}

float fovea_bf16_to_f32(guint16 bits)
{
    union {
        guint32 u;
        float f;
    } out = {(guint32)bits << 16};
    return out.f;
}

guint16 fovea_bf16_from_f32(float value)
{
    union {
        float f;
        guint32 u;
    } in = {value};
    if ((in.u & 0x7fffffff) > 0x7f800000)
        return (guint16)(in.u >> 16 | 0x40);
    return (guint16)((in.u + 0x7fff + (in.u >> 16 & 1)) >> 16);
}
