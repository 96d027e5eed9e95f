/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Detections drawn into a picture.
 */
#pragma once

#include "fovea/task.h"

/* Writes the picture with a box, a label and a score for each detection, as PNG.
 * Errors: IO, NO_MEMORY, UNSUPPORTED (larger than cairo draws: 32767 pixels). */
gboolean draw_detections(const FoveaImage *image, const GArray *detections, const char *path,
                         GError **error);
