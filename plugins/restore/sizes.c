/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "restore/sizes.h"

#define YUV_FORMATS "{ NV12, I420, YUY2 }"

/* ---- a number, a range or a list of them, times or over the scale ---- */

static gboolean scale_int(gint value, gint scale, gboolean up, GValue *to)
{
    if (up ? value > G_MAXINT / scale : value % scale != 0)
        return FALSE;
    g_value_init(to, G_TYPE_INT);
    g_value_set_int(to, up ? value * scale : value / scale);
    return TRUE;
}

static gboolean scale_range(const GValue *from, gint scale, gboolean up, GValue *to)
{
    gint min = MAX(gst_value_get_int_range_min(from), 1), max = gst_value_get_int_range_max(from);
    gint low = up ? min : (min - 1) / scale + 1,
         high = up ? MIN(max, G_MAXINT / scale) : max / scale;
    if (low > high)
        return FALSE;
    if (low == high)
        return scale_int(low, up ? scale : 1, TRUE, to);
    g_value_init(to, GST_TYPE_INT_RANGE);
    if (up)
        gst_value_set_int_range_step(to, low * scale, high * scale, scale);
    else
        gst_value_set_int_range(to, low, high);
    return TRUE;
}

static gboolean scale_value(const GValue *from, gint scale, gboolean up, GValue *to)
{
    if (G_VALUE_HOLDS_INT(from))
        return scale_int(g_value_get_int(from), scale, up, to);
    if (GST_VALUE_HOLDS_INT_RANGE(from))
        return scale_range(from, scale, up, to);
    if (!GST_VALUE_HOLDS_LIST(from))
        return FALSE;
    g_value_init(to, GST_TYPE_LIST);
    for (guint i = 0; i < gst_value_list_get_size(from); i++) {
        GValue one = G_VALUE_INIT;
        if (scale_value(gst_value_list_get_value(from, i), scale, up, &one))
            gst_value_list_append_and_take_value(to, &one);
    }
    if (gst_value_list_get_size(to) > 0)
        return TRUE;
    g_value_unset(to);
    return FALSE;
}

static gboolean scale_field(GstStructure *structure, const char *name, gint scale, gboolean up)
{
    GValue scaled = G_VALUE_INIT;
    const GValue *value = gst_structure_get_value(structure, name);
    if (!value)
        return TRUE;
    if (scale == 0) {
        gst_structure_remove_field(structure, name);
        return TRUE;
    }
    if (!scale_value(value, scale, up, &scaled))
        return FALSE;
    gst_structure_take_value(structure, name, &scaled);
    return TRUE;
}

/* ---- structures ---- */

static gboolean is_fixed_yuv(const GstStructure *structure)
{
    const char *format = gst_structure_get_string(structure, "format");
    const GstVideoFormatInfo *info =
        format ? gst_video_format_get_info(gst_video_format_from_string(format)) : NULL;
    return info && GST_VIDEO_FORMAT_INFO_IS_YUV(info);
}

/* The colorimetry that GStreamer takes for granted at this size. */
static void spell_out_colorimetry(GstStructure *structure)
{
    GstVideoInfo info;
    gint width, height;
    if (gst_structure_has_field(structure, "colorimetry") || !is_fixed_yuv(structure) ||
        !gst_structure_get_int(structure, "width", &width) ||
        !gst_structure_get_int(structure, "height", &height) ||
        !gst_video_info_set_format(
            &info, gst_video_format_from_string(gst_structure_get_string(structure, "format")),
            (guint)width, (guint)height))
        return;
    char *text = gst_video_colorimetry_to_string(&info.colorimetry);
    if (text)
        gst_structure_set(structure, "colorimetry", G_TYPE_STRING, text, NULL);
    g_free(text);
}

static void set_formats(GstStructure *structure, const char *formats)
{
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_LIST);
    if (gst_value_deserialize(&value, formats))
        gst_structure_take_value(structure, "format", &value);
    else
        g_value_unset(&value);
}

typedef enum Step { SAME_FORMAT, SAME_KIND, ANY_FORMAT, N_STEPS } Step;

/* One structure of the result (transfer full), or NULL where there is none. */
static GstStructure *transform(const GstStructure *from, GstPadDirection direction, gint scale,
                               const char *formats, Step step)
{
    gboolean up = direction == GST_PAD_SINK;
    if (step == SAME_KIND && !(up && is_fixed_yuv(from)))
        return NULL;
    GstStructure *to = gst_structure_copy(from);
    if (up && step != ANY_FORMAT)
        spell_out_colorimetry(to);
    if (step == SAME_KIND)
        set_formats(to, YUV_FORMATS);
    if (step == ANY_FORMAT) {
        gst_structure_remove_fields(to, "colorimetry", "chroma-site", NULL);
        set_formats(to, formats);
    }
    if (scale_field(to, "width", scale, up) && scale_field(to, "height", scale, up))
        return to;
    gst_structure_free(to);
    return NULL;
}

GstCaps *fovea_sizes_transform(GstCaps *caps, GstPadDirection direction, gint scale,
                               const char *formats)
{
    GstCaps *result = gst_caps_new_empty();
    for (Step step = SAME_FORMAT; step < N_STEPS; step++)
        for (guint i = 0; i < gst_caps_get_size(caps); i++) {
            GstStructure *to = transform(gst_caps_get_structure(caps, i), direction, scale, formats,
                                         step);
            if (to)
                gst_caps_append_structure_full(
                    result, to, gst_caps_features_copy(gst_caps_get_features(caps, i)));
        }
    return result;
}
