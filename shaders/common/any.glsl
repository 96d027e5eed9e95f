// Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
//
// Buffers of any stored element type, chosen by a specialisation constant: one module serves all.
//
//   FV_IN(binding, name)          declares a buffer to read
//   FV_OUT(binding, name)         declares a buffer to write (or to read and write)
//   FV_LOAD(name, type, index)    one element as raw bits: f16 and f32 as the bits of an f32,
//                                 integers extended to 32 bits, bool as 0 or 1
//   FV_LOADF(name, type, index)   the same as a float (integers are converted)
//   FV_STORE(name, type, index, bits), FV_STOREF(name, type, index, x)
//                                 bits of the class of `type`; STOREF converts for integers too
//
// Every buffer is read in words of 32 bits; the runtime binds whole words.
#ifndef FV_ANY_GLSL
#define FV_ANY_GLSL

#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_shader_8bit_storage : require

// Element types: the numbers of FoveaDtype.
const uint FV_F32 = 1u;
const uint FV_U8 = 2u;
const uint FV_I8 = 3u;
const uint FV_I32 = 6u;
const uint FV_BOOL = 9u;
const uint FV_F16 = 10u;

bool fv_is_float(uint type)
{
    return type == FV_F32 || type == FV_F16;
}

uint fv_word_of(uint type, uint index)
{
    return type == FV_F32 || type == FV_I32 ? index : type == FV_F16 ? index >> 1 : index >> 2;
}

uint fv_unpack(uint type, uint word, uint index)
{
    if (type == FV_F32 || type == FV_I32)
        return word;
    if (type == FV_F16)
        return floatBitsToUint(unpackHalf2x16(word >> ((index & 1u) * 16u)).x);
    uint byte = (word >> ((index & 3u) * 8u)) & 255u;
    if (type == FV_I8)
        return uint(bitfieldExtract(int(byte), 0, 8));
    return type == FV_BOOL ? min(byte, 1u) : byte;
}

float fv_to_float(uint type, uint bits)
{
    return fv_is_float(type) ? uintBitsToFloat(bits) : float(int(bits));
}

// NaN has no place in an integer and gives 0; the rest saturates.
uint fv_from_float(uint type, float x)
{
    if (fv_is_float(type))
        return floatBitsToUint(x);
    if ((floatBitsToUint(x) & 0x7fffffffu) > 0x7f800000u)
        return 0u;
    if (type == FV_BOOL)
        return x != 0.0 ? 1u : 0u;
    return x >= 2147483648.0 ? 0x7fffffffu : x < -2147483648.0 ? 0x80000000u : uint(int(x));
}

// NaN stays a NaN and large values become infinite, whatever packHalf2x16 makes of them.
uint fv_half(uint bits)
{
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 0x7e00u;
    return packHalf2x16(vec2(uintBitsToFloat(bits), 0.0)) & 0xffffu;
}

#define FV_IN(b, name)                                                                             \
    layout(set = 0, binding = b) readonly buffer name##_In {                                       \
        uint d[];                                                                                  \
    } name;

#define FV_OUT(b, name)                                                                            \
    layout(set = 0, binding = b) buffer name##_Out32 {                                             \
        uint d[];                                                                                  \
    } name;                                                                                        \
    layout(set = 0, binding = b) buffer name##_Out16 {                                             \
        uint16_t d[];                                                                              \
    } name##_16;                                                                                   \
    layout(set = 0, binding = b) buffer name##_Out8 {                                              \
        uint8_t d[];                                                                               \
    } name##_8;

#define FV_LOAD(name, type, index) fv_unpack(type, name.d[fv_word_of(type, index)], index)
#define FV_LOADF(name, type, index) fv_to_float(type, FV_LOAD(name, type, index))

#define FV_STORE(name, type, index, bits)                                                          \
    {                                                                                              \
        if (type == FV_F32 || type == FV_I32)                                                      \
            name.d[index] = bits;                                                                  \
        else if (type == FV_F16)                                                                   \
            name##_16.d[index] = uint16_t(fv_half(bits));                                          \
        else                                                                                       \
            name##_8.d[index] = uint8_t(bits);                                                     \
    }
#define FV_STOREF(name, type, index, x) FV_STORE(name, type, index, fv_from_float(type, x))

#endif
