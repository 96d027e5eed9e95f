#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures an x2 restorer as its users get it: PSNR beside Pillow's bicubic and Lanczos.

    evaluate.py MODEL.onnx --pictures NAME=FOLDER... [--clips FILE...] [--json RESULTS]

Pictures are halved by Pillow BICUBIC to 8 bits. Clips: FRAMES frames, spread over the file, are
halved in the same way, coded by x264 at each CRF and decoded again (needs ffmpeg). What is scaled
up, by the model or by Pillow, is rounded to 8 bits and compared with the original on BT.601 luma
with 4 pixels of border cut; a row is the mean of the pictures' PSNR. The model is run by
`fovea run`, or by ONNX Runtime as a cross-check; `--crops` also writes pictures to look at.
"""
import argparse
import json
import math
import os
import subprocess
import tempfile

import numpy as np
from PIL import Image

CRFS = (23, 28, 33)
SPAN, FRAMES = 48, 6  # so many frames are coded, and so many of them, evenly spread, compared
PLAIN = {"bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}


class Fovea:
    def __init__(self, program, model, device):
        self.command = [program, "run", model, f"--device={device}", "--precision=f32"]

    def __call__(self, planes):
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/in.npy", planes)
            subprocess.run(self.command + ["--input", f"input={folder}/in.npy", "--output", folder],
                           check=True, stdout=subprocess.DEVNULL)
            return np.load(f"{folder}/output.npy")


class OnnxRuntime:
    def __init__(self, model):
        import onnxruntime

        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def __call__(self, planes):
        return self.session.run(None, {"input": planes})[0]


def restore(run, config, picture):
    """A picture in 8 bits through the model: padded as its .json says, cut and rounded again."""
    pixels = np.asarray(picture, np.float32) / 255
    height, width, _ = pixels.shape
    multiple, scale = config["pad_multiple"], config["scale"]
    pad = [(0, -height % multiple), (0, -width % multiple), (0, 0)]
    planes = np.pad(pixels, pad, mode="reflect").transpose(2, 0, 1)[None]
    large = run(np.ascontiguousarray(planes))[0].transpose(1, 2, 0)
    large = large[: height * scale, : width * scale]
    return Image.fromarray((large.clip(0, 1) * 255).round().astype(np.uint8))


def psnr(one, other):
    luma = [np.asarray(z, np.float64) @ (0.299, 0.587, 0.114) for z in (one, other)]
    error = np.square(luma[0] - luma[1])[4:-4, 4:-4].mean()
    return 10 * math.log10(255**2 / error)


def halve(picture):
    return picture.resize((picture.width // 2, picture.height // 2), Image.BICUBIC)


def scaled(run, config, small):
    """Every way of doubling the picture, by name."""
    size = (small.width * 2, small.height * 2)
    ways = {name: small.resize(size, kernel) for name, kernel in PLAIN.items()}
    ways["model"] = restore(run, config, small)
    return ways


def measure(ways, sharp):
    return {name: psnr(large, sharp) for name, large in ways.items()}


def mean(rows):
    row = {name: sum(r[name] for r in rows) / len(rows) for name in rows[0]}
    return dict(row, gain=row["model"] - row["bicubic"], count=len(rows))


def evaluate_folder(run, config, folder, crops):
    rows = {}
    for name in sorted(os.listdir(folder)):
        sharp = Image.open(os.path.join(folder, name)).convert("RGB")
        sharp = sharp.crop((0, 0, sharp.width // 2 * 2, sharp.height // 2 * 2))
        ways = scaled(run, config, halve(sharp))
        rows[name] = measure(ways, sharp)
        if crops:
            keep(ways, sharp, f"{crops}/{os.path.splitext(name)[0]}")
    return rows


def keep(ways, sharp, stem):
    os.makedirs(os.path.dirname(stem), exist_ok=True)
    for name, picture in dict(ways, original=sharp).items():
        picture.save(f"{stem}_{name}.png")


def decode(path, width, height, most):
    command = ["ffmpeg", "-v", "error", "-i", path, "-frames:v", str(most), "-f", "rawvideo",
               "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    return [Image.fromarray(frame) for frame in frames]


def size_of(path):
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
               "stream=width,height", "-of", "csv=p=0", path]
    fields = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [int(field) for field in fields.strip().strip(",").split(",")[:2]]


def evaluate_clip(run, config, path, crf, crops):
    width, height = size_of(path)
    frames = decode(path, width, height, SPAN)
    frames = [frame.crop((0, 0, width // 4 * 4, height // 4 * 4)) for frame in frames]
    small = [halve(frame) for frame in frames]
    with tempfile.TemporaryDirectory() as folder:
        coded = f"{folder}/coded.mp4"
        command = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                   f"{small[0].width}x{small[0].height}", "-r", "25", "-i", "-", "-pix_fmt",
                   "yuv420p", "-c:v", "libx264", "-crf", str(crf), coded]
        subprocess.run(command, check=True, input=b"".join(frame.tobytes() for frame in small))
        small = decode(coded, small[0].width, small[0].height, SPAN)
    rows, clip = [], os.path.splitext(os.path.basename(path))[0]
    for number in range(SPAN // FRAMES - 1, SPAN, SPAN // FRAMES):
        ways = scaled(run, config, small[number])
        rows.append(measure(ways, frames[number]))
        if crops:
            keep(ways, frames[number], f"{crops}/{clip}_crf{crf}_{number}")
    return mean(rows)


def print_row(name, row):
    print(f"| {name} | {row['count']} | {row['bicubic']:.2f} | {row['lanczos']:.2f} "
          f"| {row['model']:.2f} | {row['gain']:+.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("--pictures", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--clips", nargs="*", default=[], metavar="FILE")
    parser.add_argument("--engine", choices=("fovea", "onnxruntime"), default="fovea")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--fovea", default="fovea", help="the program")
    parser.add_argument("--crops", help="folder for what was made")
    parser.add_argument("--json", help="file for all numbers")
    args = parser.parse_args()

    with open(os.path.splitext(args.model)[0] + ".json") as file:
        config = json.load(file)
    if args.engine == "fovea":
        run = Fovea(args.fovea, args.model, args.device)
    else:
        run = OnnxRuntime(args.model)
    print("| input | pictures | bicubic | Lanczos | model | gain, dB |")
    print("| --- | --- | --- | --- | --- | --- |")
    results = {}
    for pair in args.pictures:
        name, folder = pair.split("=", 1)
        results[name] = evaluate_folder(run, config, folder, args.crops)
        print_row(name, mean(list(results[name].values())))
    for crf in CRFS:
        for path in args.clips:
            row = evaluate_clip(run, config, path, crf, args.crops)
            results[f"{os.path.basename(path)} crf {crf}"] = row
            print_row(f"{os.path.basename(path)}, CRF {crf}", row)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
