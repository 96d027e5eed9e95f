#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes pillow.json: what Pillow's Image.resize gives on a small pseudo-random picture.

The picture is made by the same generator as in preprocess.c, so that only results are stored:
state = state * 1664525 + 1013904223 (mod 2^32), from state 1; a byte is state >> 24.
Usage: make_pillow.py > pillow.json  (needs Pillow; the committed file was made with 13.0.0)
"""
import json
from PIL import Image

CASES = [(17, 9, 5, 4), (17, 9, 31, 23), (40, 30, 7, 30), (3, 5, 8, 2), (1, 1, 4, 3), (64, 48, 10, 7),
         (23, 41, 1, 1), (12, 12, 12, 12),
         (20, 40, 16, 30), (20, 40, 15, 30),  # along y first, and just not
         (11, 9, 22, 18), (9, 7, 36, 28)]  # as restorers enlarge


def picture(width, height):
    state, data = 1, bytearray()
    for _ in range(width * height * 3):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        data.append(state >> 24)
    return Image.frombytes("RGB", (width, height), bytes(data))


rows = []
for width, height, to_width, to_height in CASES:
    for filter in range(6):
        out = picture(width, height).resize((to_width, to_height), filter)
        rows.append(json.dumps({"from": [width, height], "to": [to_width, to_height],
                                "filter": filter, "rgb": out.tobytes().hex()}))
print("[\n" + ",\n".join(rows) + "\n]")
