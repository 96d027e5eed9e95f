#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/default-model-*.npy: a small picture, and what ONNX Runtime makes of it with the
restorer in models/. Needs onnxruntime and numpy.

    tests/models/make_default_model.py
"""
import os

import numpy as np
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "../../models/fovea-restore-x2/fovea-restore-x2.onnx")
HEIGHT, WIDTH = 26, 38

draw = np.random.default_rng(5)
y, x = np.mgrid[:HEIGHT, :WIDTH]
smooth = np.stack([x / WIDTH, y / HEIGHT, 0.5 + 0.4 * np.sin(x * 0.9 + y * 0.4)])
edges = np.where(x + y > 30, 0.8, 0.1) * np.ones((3, 1, 1))
noise = draw.random((3, HEIGHT, WIDTH))
picture = np.where(x < 13, smooth, np.where(x < 26, edges, noise))
picture = (picture * 255).round().astype(np.float32)[None] / np.float32(255)

session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
(large,) = session.run(None, {"input": picture})
np.save(f"{HERE}/data/default-model-input.npy", picture)
np.save(f"{HERE}/data/default-model-output.npy", large)
