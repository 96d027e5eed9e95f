#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/whisper-steps-N.npy and data/whisper-present-N.npy: the zoo's whisper_decoder_past
stepped by ONNX Runtime from golden input N (1 or 2) to its last position. At each step ONNX Runtime
is fed the present of the step before; the token of a step is (7 * length of the past + 3) mod 120.
steps: logits, steps x 120. present: the four caches after the last step, 4 x heads x length x size,
in the order of meta.json's outputs.
Usage: FOVEA_SHARED=... make_whisper_steps.py FOLDER   (made with onnxruntime 1.32.0)
"""
import json
import os
import sys

import numpy as np
import onnxruntime as ort

folder = os.path.join(os.environ["FOVEA_SHARED"], "zoo", "whisper_decoder_past")
meta = json.load(open(os.path.join(folder, "meta.json")))
session = ort.InferenceSession(os.path.join(folder, meta["model"]),
                               providers=["CPUExecutionProvider"])
names = [o.name for o in session.get_outputs()]
for number, run in ((1, meta), (2, meta["alt"])):
    feeds = {k: np.load(os.path.join(folder, v)) for k, v in run["inputs"].items()}
    logits = []
    while True:
        past = feeds["past_key_values.0.decoder.key"].shape[2]
        feeds["input_ids"] = np.array([[(7 * past + 3) % 120]], np.int64)
        try:
            out = dict(zip(names, session.run(names, feeds)))
        except Exception as e:
            print(number, "ends at a past of", past, "after", len(logits), "steps:",
                  str(e).splitlines()[0][:150], file=sys.stderr)
            break
        logits.append(out["logits"].reshape(-1))
        for key in out:
            if key.startswith("present."):
                feeds[key.replace("present.", "past_key_values.")] = out[key]
    caches = [feeds[k.replace("present.", "past_key_values.")][0] for k in meta["outputs"]
              if k.startswith("present.")]
    np.save(os.path.join(sys.argv[1], f"whisper-steps-{number}.npy"),
            np.array(logits, np.float32))
    np.save(os.path.join(sys.argv[1], f"whisper-present-{number}.npy"),
            np.array(caches, np.float32))
