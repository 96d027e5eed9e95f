#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes compare.json: PSNR and SSIM of small pictures, by scikit-image.

The pictures are made by the same formula as in compare.c, so that only results are stored.
Usage: make_compare.py > compare.json  (needs scikit-image; the committed file was made with 0.26.0)
"""
import json
import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

CASES = [(40, 30, 15, 0), (40, 30, 15, 4), (11, 11, 60, 0), (97, 23, 3, 0), (64, 48, 120, 7)]


def pictures(width, height, noise):
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    a = (x * x // 7 + 3 * y * c + 13 * ((x // 8 + y // 6) % 5)) % 256
    state, words = 1, []
    for _ in range(a.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        words.append(state >> 24)
    words = np.array(words).reshape(a.shape)
    b = np.clip(a + words % (2 * noise + 1) - noise, 0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


rows = []
for width, height, noise, border in CASES:
    a, b = (p[border:height - border, border:width - border] for p in pictures(width, height, noise))
    one, other = (p.astype(np.float64) @ (0.299, 0.587, 0.114) for p in (a, b))
    rows.append(json.dumps({
        "size": [width, height], "noise": noise, "border": border,
        "psnr_rgb": peak_signal_noise_ratio(a, b),
        "psnr_luma": peak_signal_noise_ratio(one, other, data_range=255),
        "ssim": structural_similarity(one, other, gaussian_weights=True, sigma=1.5,
                                      use_sample_covariance=False, data_range=255),
        "largest": int(np.abs(a.astype(int) - b).max())}))
print("[\n" + ",\n".join(rows) + "\n]")
