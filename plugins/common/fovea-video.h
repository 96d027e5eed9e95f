/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fovea-video.h: GStreamer's video frames as FoveaImage, without copying.
 */
#pragma once

#include <gst/video/video.h>

#include "fovea/image.h"

G_BEGIN_DECLS

/* The formats that FoveaImage knows, in order of preference. */
#define FOVEA_VIDEO_FORMATS                                                                        \
    "{ NV12, I420, YUY2, RGB, BGR, RGBA, BGRA, RGBx, BGRx, ARGB, ABGR, xRGB, xBGR, GRAY8 }"
#define FOVEA_VIDEO_CAPS                                                                           \
    "video/x-raw, format=(string)" FOVEA_VIDEO_FORMATS                                             \
    ", width=[1,2147483647], height=[1,2147483647], framerate=[0/1,2147483647/1]"

/* FOVEA_PIXEL_NONE: not one of them. */
FoveaPixelFormat fovea_pixel_format(GstVideoFormat format);
/* Matrix and range come from the frame's colorimetry. The image is valid while the frame is
 * mapped. */
gboolean fovea_image_from_frame(FoveaImage *image, const GstVideoFrame *frame);

/* Maps a buffer (GST_MAP_READ or GST_MAP_WRITE) as an image, until gst_video_frame_unmap(frame).
 * Errors: FAILED (the buffer is smaller than info says, or of no format that we know). */
gboolean fovea_frame_map(GstVideoFrame *frame, FoveaImage *image, const GstVideoInfo *info,
                         GstBuffer *buffer, GstMapFlags flags, GError **error);

G_END_DECLS
