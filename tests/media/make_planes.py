#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes planes.json: R, G, B planes as Y'CbCr pictures, before rounding.

From the formulas of ITU-R BT.601-7, BT.709-6 and BT.2020-2 (luma coefficients, colour differences,
8-bit quantisation) in double precision; chroma at half size is low-passed 1 2 1 at the left of its
pair and averaged over its two rows; at the borders the outermost pixel is repeated.

The planes are made by the same generator as in planes.c: state = state * 1664525 + 1013904223
(mod 2^32) from state 1; a value is (state >> 8) / 2^24 * 300 - 20.
Usage: make_planes.py > planes.json  (needs numpy; the committed file was made with 2.x)
"""
import json
import numpy as np

WIDTH, HEIGHT = 13, 7
LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


def planes():
    state, values = 1, []
    for _ in range(3 * HEIGHT * WIDTH):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values.append((state >> 8) / 2.0**24 * 300 - 20)
    # As the float that C makes of it.
    return np.array(values, np.float32).astype(np.float64).reshape(3, HEIGHT, WIDTH)


def quantised(rgb, kr, kb, full):
    """rgb in 0..1 to 8-bit Y, Cb, Cr, not rounded."""
    r, g, b = rgb
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        out = 255 * y, 255 * cb + 128, 255 * cr + 128
    else:
        out = 219 * y + 16, 224 * cb + 128, 224 * cr + 128
    return [np.clip(p, 0, 255) for p in out]


def left_sited(rgb):
    padded = np.pad(rgb, ((0, 0), (0, 0), (1, 1)), "edge")
    low = padded[..., :-2] / 4 + padded[..., 1:-1] / 2 + padded[..., 2:] / 4
    return low[..., ::2]


def row_means(rgb):
    if rgb.shape[1] % 2:
        rgb = np.concatenate([rgb, rgb[:, -1:]], 1)
    return (rgb[:, ::2] + rgb[:, 1::2]) / 2


rgb = np.clip(planes(), 0, 255) / 255
cases = []
for matrix, (kr, kb) in LUMA.items():
    for full in False, True:
        y = quantised(rgb, kr, kb, full)[0]
        half = quantised(left_sited(rgb), kr, kb, full)
        quarter = quantised(row_means(left_sited(rgb)), kr, kb, full)
        case = {"matrix": matrix, "full": full, "y": y, "cb_half": half[1], "cr_half": half[2],
                "cb_quarter": quarter[1], "cr_quarter": quarter[2]}
        cases.append({k: [round(float(v), 3) for v in p.ravel()] if isinstance(p, np.ndarray) else p
                      for k, p in case.items()})
print(json.dumps({"width": WIDTH, "height": HEIGHT, "cases": cases}, separators=(",", ":"))
      .replace(',"', ',\n"'))
