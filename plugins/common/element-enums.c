/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * element-enums.c: the enumerations of the common properties, as gst-inspect-1.0 shows them.
 */
#include "common/fovea-element.h"

static GType enum_type(const char *name, const GEnumValue *values, gsize *once)
{
    if (g_once_init_enter(once))
        g_once_init_leave(once, g_enum_register_static(name, values));
    return *once;
}

GType fovea_overload_get_type(void)
{
    static gsize once;
    static const GEnumValue values[] = {
        {FOVEA_OVERLOAD_AUTO, "block where upstream is not live, skip where it is", "auto"},
        {FOVEA_OVERLOAD_BLOCK, "upstream waits; every frame is processed", "block"},
        {FOVEA_OVERLOAD_SKIP, "frames pass without being processed", "skip"},
        {FOVEA_OVERLOAD_DROP, "frames are thrown away", "drop"},
        {0, NULL, NULL},
    };
    return enum_type("FoveaOverload", values, &once);
}

GType fovea_precision_get_type(void)
{
    static gsize once;
    static const GEnumValue values[] = {
        {FOVEA_PRECISION_AUTO, "f16 on a GPU that has it; f32 on the CPU and on software GPUs",
         "auto"},
        {FOVEA_PRECISION_F32, "32-bit floats", "f32"},
        {FOVEA_PRECISION_F16, "16-bit floats", "f16"},
        {FOVEA_PRECISION_BF16, "16-bit bfloats", "bf16"},
        {0, NULL, NULL},
    };
    return enum_type("FoveaPrecision", values, &once);
}

GType fovea_text_timing_get_type(void)
{
    static gsize once;
    static const GEnumValue values[] = {
        {FOVEA_TEXT_AUTO, "arrival where upstream is live and max-latency is 0, else spoken",
         "auto"},
        {FOVEA_TEXT_SPOKEN, "the time in the media", "spoken"},
        {FOVEA_TEXT_ARRIVAL, "the running time at which the text is ready", "arrival"},
        {0, NULL, NULL},
    };
    return enum_type("FoveaTextTiming", values, &once);
}
