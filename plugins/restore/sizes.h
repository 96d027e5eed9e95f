/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sizes.h: caps of video that leaves `scale` times as wide and as high as it came.
 */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

/* Caps of the other side for caps of the pad at `direction` (transfer full). scale 0: not known,
 * any size. Formats in `formats` (a list as in caps) may differ between the sides: first comes the
 * same format, then one of the same kind with the same colorimetry, then any. What else the caps say
 * (frame rate, aspect, interlacing) stays. Where fixed YCbCr caps leave the colorimetry to the
 * picture's size it is written out, for another size would mean another one. */
GstCaps *fovea_sizes_transform(GstCaps *caps, GstPadDirection direction, gint scale,
                               const char *formats);

G_END_DECLS
