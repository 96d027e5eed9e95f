#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/tiny-*.onnx, small networks with random weights for restore.c, and what they say of
themselves (.json).
tiny-x2: two convolutions and a sub-pixel shuffle. tiny-even: the same behind a convolution of
stride 2, so that sides must be even. tiny-same: scale 1. tiny-whole: scaled by the picture's mean.
Usage: make_restore.py FOLDER
Needs onnx, numpy."""
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h


def weights(rng, name, *dims):
    values = (rng.standard_normal(dims) / np.sqrt(np.prod(dims[1:]))).astype(np.float32)
    return onnx.numpy_helper.from_array(values, name)


def network(kind):
    rng = np.random.default_rng(7)
    stride = 2 if kind == "even" else 1
    block = {"x2": 2, "even": 4, "same": 1, "whole": 2}[kind]
    tensors = [weights(rng, "w0", 8, 3, 5, 5), weights(rng, "w1", 3 * block * block, 8, 3, 3)]
    nodes = [
        h.make_node("Conv", ["input", "w0"], ["a"], pads=[2] * 4, strides=[stride] * 2),
        h.make_node("LeakyRelu", ["a"], ["b"], alpha=0.2),
        h.make_node("Conv", ["b", "w1"], ["c"], pads=[1] * 4),
        h.make_node("Sigmoid", ["c"], ["d"]),
    ]
    last = "d"
    if block > 1:
        nodes.append(h.make_node("DepthToSpace", ["d"], ["e"], blocksize=block, mode="CRD"))
        last = "e"
    if kind == "whole":
        tensors.append(onnx.numpy_helper.from_array(np.array([2, 3], np.int64), "axes"))
        nodes += [h.make_node("ReduceMean", ["e", "axes"], ["m"], name="look everywhere"),
                  h.make_node("Mul", ["e", "m"], ["f"])]
        last = "f"
    nodes.append(h.make_node("Identity", [last], ["output"]))
    graph = h.make_graph(
        nodes, "tiny",
        [h.make_tensor_value_info("input", T.FLOAT, [1, 3, "height", "width"])],
        [h.make_tensor_value_info("output", T.FLOAT, [1, 3, "high", "wide"])], tensors)
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model)
    return model


for kind in ("x2", "even", "same", "whole"):
    path = os.path.join(sys.argv[1], f"tiny-{kind}")
    onnx.save(network(kind), path + ".onnx")
    with open(path + ".json", "w", encoding="utf-8") as out:
        json.dump({"task": "super-resolution" if kind != "same" else "denoise",
                   "scale": 1 if kind == "same" else 2, "input_range": [0, 1], "colour": "rgb",
                   "pad_multiple": 2 if kind == "even" else 1, "pad_mode": "reflect"}, out,
                  indent=1)
        out.write("\n")
