/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which table of inner loops this processor runs.
 */
#include "cpu/simd.h"

extern const FoveaSimd fovea_simd_plain;
#if defined(__x86_64__)
extern const FoveaSimd fovea_simd_avx2;
extern const FoveaSimd fovea_simd_avx512;
#endif

static const FoveaSimd *choose(void)
{
#if defined(__x86_64__)
    /* FOVEA_SIMD=plain|avx2 narrows the choice, for tests. */
    const char *wish = g_getenv("FOVEA_SIMD");
    __builtin_cpu_init();
    if (g_strcmp0(wish, "plain") != 0 && __builtin_cpu_supports("avx2") &&
        __builtin_cpu_supports("fma")) {
        if (g_strcmp0(wish, "avx2") != 0 && __builtin_cpu_supports("avx512f") &&
            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw"))
            return &fovea_simd_avx512;
        return &fovea_simd_avx2;
    }
#endif
    return &fovea_simd_plain;
}

const FoveaSimd *fovea_simd(void)
{
    static const FoveaSimd *chosen;
    const FoveaSimd *simd = g_atomic_pointer_get(&chosen);
    if (simd == NULL) {
        simd = choose();
        g_atomic_pointer_set(&chosen, simd);
    }
    return simd;
}
