#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/topk.json: what feeds the float TopK nodes of the zoo entries with topk_rows, by ONNX
Runtime at the entry's own inputs. Half precision is compared there (INTERFACES.md, Tolerances).
Usage: FOVEA_SHARED=... make_topk.py > data/topk.json   (made with onnxruntime 1.32.0)
"""
import json
import os

import numpy as np
import onnx
import onnxruntime as ort

shared = os.environ["FOVEA_SHARED"]
result = {}
for name in ("deformable_detr", "rt_detr"):
    folder = os.path.join(shared, "zoo", name)
    meta = json.load(open(os.path.join(folder, "meta.json")))
    model = onnx.load(os.path.join(folder, meta["model"]))
    cuts = [n.input[0] for n in model.graph.node if n.op_type == "TopK"]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(c) for c in cuts)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {k: np.load(os.path.join(folder, v)) for k, v in meta["inputs"].items()}
    result[name] = {c: {"shape": list(v.shape), "values": [float(f"{x:.8g}") for x in v.ravel()]}
                    for c, v in zip(cuts, session.run(cuts, feeds))}
print(json.dumps(result))
