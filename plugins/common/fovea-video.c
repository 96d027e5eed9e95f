/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/fovea-video.h"

FoveaPixelFormat fovea_pixel_format(GstVideoFormat format)
{
    switch (format) {
    case GST_VIDEO_FORMAT_NV12: return FOVEA_PIXEL_NV12;
    case GST_VIDEO_FORMAT_I420: return FOVEA_PIXEL_I420;
    case GST_VIDEO_FORMAT_YUY2: return FOVEA_PIXEL_YUY2;
    case GST_VIDEO_FORMAT_RGB: return FOVEA_PIXEL_RGB;
    case GST_VIDEO_FORMAT_BGR: return FOVEA_PIXEL_BGR;
    case GST_VIDEO_FORMAT_RGBA: return FOVEA_PIXEL_RGBA;
    case GST_VIDEO_FORMAT_BGRA: return FOVEA_PIXEL_BGRA;
    case GST_VIDEO_FORMAT_RGBx: return FOVEA_PIXEL_RGBX;
    case GST_VIDEO_FORMAT_BGRx: return FOVEA_PIXEL_BGRX;
    case GST_VIDEO_FORMAT_ARGB: return FOVEA_PIXEL_ARGB;
    case GST_VIDEO_FORMAT_ABGR: return FOVEA_PIXEL_ABGR;
    case GST_VIDEO_FORMAT_xRGB: return FOVEA_PIXEL_XRGB;
    case GST_VIDEO_FORMAT_xBGR: return FOVEA_PIXEL_XBGR;
    case GST_VIDEO_FORMAT_GRAY8: return FOVEA_PIXEL_GRAY8;
    default: return FOVEA_PIXEL_NONE;
    }
}

static FoveaColourMatrix colour_matrix(const GstVideoInfo *info)
{
    switch (info->colorimetry.matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M: return FOVEA_MATRIX_BT709; /* within 1 % of each other */
    case GST_VIDEO_COLOR_MATRIX_BT2020: return FOVEA_MATRIX_BT2020;
    default: return FOVEA_MATRIX_BT601;
    }
}

gboolean fovea_image_from_frame(FoveaImage *image, const GstVideoFrame *frame)
{
    const GstVideoInfo *info = &frame->info;
    *image = (FoveaImage){
        .format = fovea_pixel_format(GST_VIDEO_INFO_FORMAT(info)),
        .width = GST_VIDEO_INFO_WIDTH(info),
        .height = GST_VIDEO_INFO_HEIGHT(info),
        .matrix = colour_matrix(info),
        .range = info->colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? FOVEA_RANGE_FULL
                                                                        : FOVEA_RANGE_LIMITED,
    };
    for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame) && i < FOVEA_IMAGE_MAX_PLANES; i++) {
        image->plane[i] = GST_VIDEO_FRAME_PLANE_DATA(frame, i);
        image->stride[i] = GST_VIDEO_FRAME_PLANE_STRIDE(frame, i);
    }
    return image->format != FOVEA_PIXEL_NONE;
}

gboolean fovea_frame_map(GstVideoFrame *frame, FoveaImage *image, const GstVideoInfo *info,
                         GstBuffer *buffer, GstMapFlags flags, GError **error)
{
    GstMapFlags all = (GstMapFlags)(flags | GST_VIDEO_FRAME_MAP_FLAG_NO_REF);
    if (gst_video_frame_map(frame, info, buffer, all)) {
        if (fovea_image_from_frame(image, frame))
            return TRUE;
        gst_video_frame_unmap(frame);
    }
    g_set_error_literal(error, FOVEA_ERROR, FOVEA_ERROR_FAILED,
                        "A frame is smaller than its format says, or not accessible.");
    return FALSE;
}
