/* Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How far two pictures are apart.
 */
#pragma once

#include "fovea/image.h"

typedef struct Quality {
    double psnr_rgb;  /* dB, over R, G and B; infinite where nothing differs */
    double psnr_luma; /* dB, on luma of BT.601: 0.299 R + 0.587 G + 0.114 B, peak 255 */
    double ssim;      /* 1 where nothing differs; NaN where a side is shorter than 11 pixels */
    gint largest;     /* difference of R, G or B */
} Quality;

/* Compares two pictures of the same size, RGB or RGBA (alpha does not count), without `border`
 * pixels at each side.
 * SSIM is that of Wang et al., "Image quality assessment: from error visibility to structural
 * similarity", 2004, equation 13: on luma, over all Gaussian windows (11 x 11, sigma 1.5) that lie
 * inside the picture, with K1 = 0.01, K2 = 0.03 and L = 255.
 * Errors: ARGUMENT (sizes differ, the border leaves nothing), NO_MEMORY. */
gboolean quality_measure(const FoveaImage *a, const FoveaImage *b, gint border, Quality *quality,
                         GError **error);
