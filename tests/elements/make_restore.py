#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/negative-x2.onnx, a restorer whose work can be seen and told: twice as large, the
negative of the picture, a little sharpened (it looks one pixel around). With --heavy N, N layers of
32 channels more, that cost time and change nothing.
Usage: make_restore.py data/negative-x2.onnx   (made with onnx 1.23.2)
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

heavy = int(sys.argv[sys.argv.index("--heavy") + 1]) if "--heavy" in sys.argv else 0
weight = np.zeros((12, 3, 3, 3), np.float32)
for c in range(3):
    for k in range(4):  # DepthToSpace, CRD: channel c*4+k is pixel k of the 2x2 block
        weight[c * 4 + k, c, 1, 1] = -1.2
        for y, x in ((0, 1), (1, 0), (1, 2), (2, 1)):
            weight[c * 4 + k, c, y, x] = 0.05
initializers = [numpy_helper.from_array(weight, "weight"),
                numpy_helper.from_array(np.ones(12, np.float32), "bias")]
nodes = [helper.make_node("Conv", ["picture", "weight", "bias"], ["features"],
                          pads=[1, 1, 1, 1])]
last = "features"
if heavy:
    up = np.zeros((32, 12, 1, 1), np.float32)
    down = np.zeros((12, 32, 1, 1), np.float32)
    same = np.zeros((32, 32, 3, 3), np.float32)
    for c in range(12):
        up[c, c] = down[c, c] = 1
    for c in range(32):
        same[c, c, 1, 1] = 1
    initializers += [numpy_helper.from_array(a, n) for a, n in
                     ((up, "up"), (down, "down"), (same, "same"))]
    nodes.append(helper.make_node("Conv", [last, "up"], ["wide0"]))
    for i in range(heavy):
        nodes.append(helper.make_node("Conv", [f"wide{i}", "same"], [f"wide{i + 1}"],
                                      pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Conv", [f"wide{heavy}", "down"], ["narrow"]))
    last = "narrow"
nodes.append(helper.make_node("DepthToSpace", [last], ["larger"], blocksize=2, mode="CRD"))
graph = helper.make_graph(
    nodes, "negative-x2",
    [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])],
    [helper.make_tensor_value_info("larger", TensorProto.FLOAT, [1, 3, "height2", "width2"])],
    initializers)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                          producer_name="make_restore.py")
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
