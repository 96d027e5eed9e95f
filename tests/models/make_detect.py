#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/detect.json: the zoo's raw detectors from a JPEG file to boxes, as transformers does it:
Pillow opens the file, the model's image processor prepares it, ONNX Runtime runs the network,
post_process_object_detection makes detections. The configuration files that detect.c puts beside
the network are stored with each case.
Usage: FOVEA_SHARED=... make_detect.py > data/detect.json
Needs torch, transformers, onnxruntime, Pillow; made with 1.13.1, 4.46.3, 1.32.0, 12.
"""
import json
import os
from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import torch
import transformers as tf
from PIL import Image

SHARED = os.environ["FOVEA_SHARED"]
CASES = [
    ("detr", "detr", tf.DetrImageProcessor, {"shortest_edge": 96, "longest_edge": 128}),
    ("detr", "detr", tf.DetrImageProcessor, {"shortest_edge": 64, "longest_edge": 1333}),
    ("yolos", "yolos", tf.YolosImageProcessor, None),
    ("conditional_detr", "conditional_detr", tf.ConditionalDetrImageProcessor, None),
    ("deformable_detr", "deformable_detr", tf.DeformableDetrImageProcessor, None),
    ("rt_detr", "rt_detr", tf.RTDetrImageProcessor, None),
]
KEYS = ("do_resize", "size", "resample", "do_rescale", "rescale_factor", "do_normalize",
        "image_mean", "image_std", "do_pad")
PICTURES = ("photos/traffic_bus.jpg", "photos/dog_standing.jpg")

out = []
for entry, model_type, processor_class, size in CASES:
    session = ort.InferenceSession(os.path.join(SHARED, "zoo", entry, "model.onnx"),
                                   providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    size = size or {"height": shape[2], "width": shape[3]}
    processor = processor_class(size=size)
    config = {k: v for k, v in processor.to_dict().items() if k in KEYS}
    for picture in PICTURES:
        image = Image.open(os.path.join(SHARED, "media", picture)).convert("RGB")
        inputs = processor(images=image, return_tensors="np")
        feeds = {i.name: inputs[i.name] for i in session.get_inputs()}
        if "pixel_mask" in feeds:
            feeds["pixel_mask"] = feeds["pixel_mask"].astype(np.int64)
        names = ["logits", "pred_boxes"]
        logits, boxes = session.run(names, feeds)
        found = processor.post_process_object_detection(
            SimpleNamespace(logits=torch.from_numpy(logits), pred_boxes=torch.from_numpy(boxes)),
            threshold=0.0, target_sizes=torch.tensor([image.size[::-1]]))[0]
        order = torch.argsort(found["scores"], descending=True)[:20]
        out.append(json.dumps({
            "entry": entry, "picture": picture, "model_type": model_type, "preprocessor": config,
            "input": list(feeds["pixel_values"].shape),
            "scores": [float(f"{v:.7g}") for v in found["scores"][order].tolist()],
            "labels": found["labels"][order].tolist(),
            "boxes": [[round(v, 3) for v in b] for b in found["boxes"][order].tolist()]},
            separators=(",", ":")))
print("[\n" + ",\n".join(out) + "\n]")
