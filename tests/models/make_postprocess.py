#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/postprocess.json: post_process_object_detection of transformers' models.

Logits and boxes come from the generator that postprocess.c has too, so that only results are
stored: state = state * 1664525 + 1013904223 (mod 2^32), from the case's seed; v = (state >> 8) /
2^24; logits are v * 10 - 7; a box is cx = v, cy = v, w = v * 0.6, h = v * 0.6; logits come first.
Usage: make_postprocess.py > data/postprocess.json
Needs torch and transformers; the committed file was made with 1.13.1 and 4.46.3 (the functions are
the same in 5.23).
"""
import json
from types import SimpleNamespace

import numpy as np
import torch
import transformers as tf

MODELS = {
    "detr": tf.DetrImageProcessor,
    "yolos": tf.YolosImageProcessor,
    "conditional_detr": tf.ConditionalDetrImageProcessor,
    "deformable_detr": tf.DeformableDetrImageProcessor,
    "rt_detr": tf.RTDetrImageProcessor,
}
SHAPES = [(30, 7), (12, 3), (1, 2), (150, 4)]
HEIGHT, WIDTH = 480, 640


class Generator:
    def __init__(self, seed):
        self.state = seed

    def take(self, n):
        out = np.empty(n, np.float32)
        for i in range(n):
            self.state = (self.state * 1664525 + 1013904223) & 0xFFFFFFFF
            out[i] = np.float32(self.state >> 8) / np.float32(1 << 24)
        return out


cases = []
for name, processor in MODELS.items():
    for seed, (queries, classes) in enumerate(SHAPES, 1):
        gen = Generator(seed)
        logits = gen.take(queries * classes) * np.float32(10) - np.float32(7)
        boxes = gen.take(queries * 4).reshape(queries, 4)
        boxes[:, 2:] *= np.float32(0.6)
        outputs = SimpleNamespace(logits=torch.from_numpy(logits.reshape(1, queries, classes)),
                                  pred_boxes=torch.from_numpy(boxes[None]))
        for threshold in (0.5, 0.05):
            r = processor().post_process_object_detection(
                outputs, threshold=threshold, target_sizes=torch.tensor([[HEIGHT, WIDTH]]))[0]
            order = torch.argsort(r["scores"], descending=True)
            cases.append(json.dumps({
                "model_type": name, "seed": seed, "queries": queries, "classes": classes,
                "threshold": threshold, "width": WIDTH, "height": HEIGHT,
                "scores": [float(f"{v:.7g}") for v in r["scores"][order].tolist()],
                "labels": r["labels"][order].tolist(),
                "boxes": [[round(v, 3) for v in b] for b in r["boxes"][order].tolist()]},
                separators=(",", ":")))
print("[\n" + ",\n".join(cases) + "\n]")
