#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Trains fovea-restore-x2, the restorer that Fovea uses where no other is named.

    restore_x2.py manifest DATA               hash the photographs into restore_x2.tsv
    restore_x2.py streams DATA STREAMS        code moving windows of them with x264 (needs ffmpeg)
    restore_x2.py train DATA STREAMS OUT --until S [--choose S | --resume CHECKPOINT]
    restore_x2.py export CHECKPOINT MODEL.onnx
    restore_x2.py curve CHECKPOINT LOSS.png

DATA is a folder of photographs (shared/train/restore/train). The low-resolution side is always
Pillow BICUBIC to 8 bits; a part of it is then compressed as JPEG or as H.264, and the network has
to tell from the picture alone how much to repair. Everything random is drawn from SEED; the
schedule follows the clock, so that a run ends when its time is over and not when a count is.
"""
import argparse
import copy
import csv
import hashlib
import io
import json
import math
import multiprocessing
import os
import random
import subprocess
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

SEED = 20261124
HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = os.path.join(HERE, "restore_x2.tsv")

TOTAL_SECONDS = 640  # of training, both calls together; the schedule spans them
BATCH, CROP = 32, 128  # crops a step, and their side in low-resolution pixels
PEAK_RATE, WARM_UP = 2e-3, 500
FINE = 0.75  # from this share of the time on: float32 and the root of the squared error
EMA_DECAY = 0.999

CRFS = (20, 23, 26, 28, 30, 33, 36)
WINDOW, FRAMES = 384, 5  # a coded scene: a window of this side moving over a photograph
JPEGS = 4  # JPEG versions of each picture
HELD_OUT = 24  # every 24th photograph is not trained on: progress and choices are judged by it
KIND_WEIGHT = {"clean": 0.55, "jpeg": 0.15, "h264": 0.30}
SCALE_WEIGHT = {1.0: 0.6, 0.75: 0.25, 0.6: 0.25, 1.5: 0.15}

# Shapes of about the same cost: `train --choose` tries each shortly and goes on with the best.
# `fold` 2 works on 2x2 blocks of pixels as one.
ARCHS = {
    "half32": dict(fold=2, channels=32, convs=6, gates=(2, 4)),
    "full16": dict(fold=1, channels=16, convs=6, gates=(2, 4)),
    "half48": dict(fold=2, channels=48, convs=2, gates=(0, 1)),
}


# --- data: photographs, their sizes, and what is made of them -----------------------------------


def photographs(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".jpg"))


def held_out(index):
    return index % HELD_OUT == 7


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def write_manifest(args):
    with open(MANIFEST, "w", newline="") as file:
        rows = csv.writer(file, delimiter="\t", lineterminator="\n")
        rows.writerow(("file", "sha256", "use"))
        for index, name in enumerate(photographs(args.data)):
            use = "held out" if held_out(index) else "train"
            rows.writerow((name, sha256(os.path.join(args.data, name)), use))


def check_manifest(folder):
    with open(MANIFEST, newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["file"] for row in rows] == photographs(folder), "other files than the manifest's"
    for row in rows:
        path = os.path.join(folder, row["file"])
        assert sha256(path) == row["sha256"], f"{path} is not the file that the manifest names"


def open_photograph(folder, name, scale):
    """The picture at a scale, cut so that its half has even sides.

    Smaller versions carry finer detail than the photographs have, the larger one is as soft as
    much of the video in the world is."""
    picture = Image.open(os.path.join(folder, name)).convert("RGB")
    if scale != 1.0:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.BICUBIC)
    return picture.crop((0, 0, picture.width // 4 * 4, picture.height // 4 * 4))


def scales_of(name):
    return (1.0, 0.75, 1.5) if name.startswith("cid22") else (1.0, 0.6)


def halve(picture):
    return picture.resize((picture.width // 2, picture.height // 2), Image.BICUBIC)


def as_jpeg(picture, draw):
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=draw.randint(25, 95), subsampling=draw.choice((0, 2)))
    return Image.open(packed).convert("RGB")


def scenes(folder, crf):
    """The scenes of one stream, the same on every machine: (photograph, scale, [(x, y), ...])."""
    draw = random.Random(f"{SEED} scenes {crf}")
    for index, name in enumerate(photographs(folder)):
        scale = draw.choice((1.0, 1.0, 1.0, 0.75, 1.5))
        scale = scale if scale in scales_of(name) else 1.0
        picture = open_photograph(folder, name, scale)
        room = (picture.width - WINDOW, picture.height - WINDOW)
        if min(room) < 0:
            scale, picture = 1.0, open_photograph(folder, name, 1.0)
            room = (picture.width - WINDOW, picture.height - WINDOW)
        speed = draw.choice((0, 1, 2, 4, 8))
        most = [min(speed, r // (FRAMES - 1)) for r in room]
        step = [draw.randint(-m, m) for m in most]
        way = [s * (FRAMES - 1) for s in step]
        start = [draw.randint(max(0, -w), min(r, r - w)) for w, r in zip(way, room)]
        places = [tuple(a + s * f for a, s in zip(start, step)) for f in range(FRAMES)]
        yield index, name, scale, picture, places


def write_streams(args):
    os.makedirs(args.streams, exist_ok=True)
    for crf in CRFS:
        side = WINDOW // 2
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{side}x{side}", "-r", "25", "-i", "-", "-pix_fmt", "yuv420p"]
        command += ["-c:v", "libx264", "-crf", str(crf), "-threads", "1"]
        command += ["-force_key_frames", f"expr:not(mod(n,{FRAMES}))"]
        command += [f"{args.streams}/crf{crf}.mp4"]
        coder = subprocess.Popen(command, stdin=subprocess.PIPE)
        for _, _, _, picture, places in scenes(args.data, crf):
            for x, y in places:
                window = picture.crop((x, y, x + WINDOW, y + WINDOW))
                coder.stdin.write(halve(window).tobytes())
        coder.stdin.close()
        assert coder.wait() == 0, "ffmpeg failed"


def read_stream(path):
    import cv2

    video = cv2.VideoCapture(path)
    frames = []
    while True:
        good, frame = video.read()
        if not good:
            return frames
        frames.append(frame[:, :, ::-1])


def packed(pixels):
    """Height x width x RGB bytes as one 32-bit number a pixel, so that a gather moves pixels."""
    rgbx = np.zeros(pixels.shape[:2] + (4,), np.uint8)
    rgbx[..., :3] = pixels
    return rgbx.reshape(-1, 4).view(np.int32).reshape(-1)


def prepare_photograph(job):
    """One photograph in all its versions: [(scale, height, width, sharp, [halves])]."""
    folder, index, name = job
    draw = random.Random(f"{SEED} jpeg {name}")
    versions = []
    for scale in scales_of(name):
        picture = open_photograph(folder, name, scale)
        half = halve(picture)
        halves = [half] + [as_jpeg(half, draw) for _ in range(JPEGS)]
        halves = [packed(np.asarray(one)) for one in halves]
        versions.append((scale, picture.height, picture.width, packed(np.asarray(picture)), halves))
    return index, versions


def prepare_stream(job):
    """One coded stream: [(photograph, scale, x, y, half)]."""
    folder, path, crf = job
    frames = iter(read_stream(path))
    coded = []
    for index, _, scale, _, places in scenes(folder, crf):
        for x, y in places:
            coded.append((index, scale, x, y, packed(next(frames))))
    assert next(frames, None) is None, f"{path} has more frames than scenes"
    return crf, coded


class Pairs:
    """All pictures in two long buffers of pixels, and a table of pairs: where each low-resolution
    picture begins in one, and the place in the other that it shows."""

    def __init__(self, folder, streams):
        names = photographs(folder)
        self.sharp, self.soft, self.rows, self.tests = [], [], [], []
        self.sharp_length = self.soft_length = 0
        jobs = [(folder, index, name) for index, name in enumerate(names)]
        coded_jobs = [(folder, f"{streams}/crf{crf}.mp4", crf) for crf in CRFS]
        where = {}
        with multiprocessing.Pool() as pool:
            coded = pool.map_async(prepare_stream, coded_jobs, chunksize=1)
            for index, versions in pool.imap(prepare_photograph, jobs):
                for scale, height, width, sharp, halves in versions:
                    where[index, scale] = (self.sharp_length, width)
                    self.add_sharp(sharp)
                    for number, half in enumerate(halves):
                        kind = "jpeg" if number else "clean"
                        test = kind if scale == 1.0 and number < 2 else None
                        row = (where[index, scale][0], width, height // 2, width // 2)
                        self.add_pair(index, kind, scale, row, half, test)
            for crf, frames in coded.get():
                for index, scale, x, y, half in frames:
                    start, width = where[index, scale]
                    row = (start + y * width + x, width, WINDOW // 2, WINDOW // 2)
                    self.add_pair(index, "h264", scale, row, half, f"crf{crf}")

    def add_sharp(self, pixels):
        self.sharp.append(pixels)
        self.sharp_length += len(pixels)

    def add_pair(self, index, kind, scale, row, half, test):
        start, stride, height, width = row
        entry = (start, stride, self.soft_length, height, width)
        if held_out(index):
            if test:
                self.tests.append((test, entry))
        else:
            self.rows.append((kind, scale, entry))
        self.soft.append(half)
        self.soft_length += len(half)

    def weights(self):
        """How often each pair is drawn: by its kind, its scale, and then its size."""
        share = np.array([SCALE_WEIGHT[scale] * e[3] * e[4] for _, scale, e in self.rows])
        for kind, wanted in KIND_WEIGHT.items():
            mask = np.array([row[0] == kind for row in self.rows])
            share[mask] *= wanted / share[mask].sum()
        return share


# --- the network --------------------------------------------------------------------------------


class WideConv(nn.Module):
    """A k x k convolution trained as a wide one followed by a 1x1 one, with a shortcut where the
    channels allow it. All of it is linear: the kernel is multiplied out before it is used, in
    training too, so the width costs nothing and only makes the descent smoother."""

    def __init__(self, inputs, outputs, size, stride=1, padding=None, wide=128):
        super().__init__()
        self.stride = stride
        self.padding = size // 2 if padding is None else padding
        self.first = nn.Parameter(torch.randn(wide, inputs, size, size))
        self.second = nn.Parameter(torch.randn(outputs, wide))
        self.bias = nn.Parameter(torch.zeros(outputs))
        gain = 0.5 / math.sqrt(inputs * size * size * wide)
        self.first.data *= math.sqrt(gain)
        self.second.data *= math.sqrt(gain)
        shortcut = torch.zeros(outputs, inputs, size, size)
        if inputs == outputs and stride == 1:
            shortcut[range(outputs), range(outputs), size // 2, size // 2] = 1
        self.register_buffer("shortcut", shortcut, persistent=False)

    def kernel(self):
        return torch.einsum("ow,wikl->oikl", self.second, self.first) + self.shortcut

    def forward(self, x):
        kernel = self.kernel().to(x.dtype).contiguous(memory_format=torch.channels_last)
        return F.conv2d(x, kernel, self.bias.to(x.dtype), self.stride, self.padding)

    def plain(self):
        kernel = self.kernel().detach()
        conv = nn.Conv2d(*kernel.shape[1::-1], kernel.shape[2], self.stride, self.padding)
        conv.weight.data, conv.bias.data = kernel.contiguous(), self.bias.data
        return conv


class Gate(nn.Module):
    """Large-kernel attention: how much of each feature passes is decided by what lies around it,
    by a 7x7 depthwise convolution and a mix of the channels."""

    def __init__(self, channels):
        super().__init__()
        self.look = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        look, mix = self.look, self.mix
        seen = F.conv2d(x, look.weight.to(x.dtype), look.bias.to(x.dtype), 1, 3, 1, x.shape[1])
        return x * torch.sigmoid(F.conv2d(seen, mix.weight.to(x.dtype), mix.bias.to(x.dtype)))


class Restorer(nn.Module):
    def __init__(self, fold, channels, convs, gates):
        super().__init__()
        self.fold, self.up = fold, 2 * fold
        size = 6 if fold == 2 else 3
        self.head = WideConv(3, channels, size, fold, padding=2 if fold == 2 else 1)
        self.body = nn.ModuleList(WideConv(channels, channels, 3) for _ in range(convs))
        self.gates = nn.ModuleDict({str(after): Gate(channels) for after in gates})
        self.tail = WideConv(channels, 3 * self.up**2, 3)
        # Each pixel copied to the 2x2 it becomes, in the order of DepthToSpace: the network only
        # has to say what is to be added to that.
        near = torch.zeros(3, self.up, self.up, 3, fold, fold)
        for colour in range(3):
            for y in range(self.up):
                for x in range(self.up):
                    near[colour, y, x, colour, y // 2, x // 2] = 1
        self.register_buffer("near", near.reshape(-1, 3, fold, fold), persistent=False)

    def forward(self, x, dtype=None):
        picture = x
        x = first = self.head(x.to(dtype) if dtype else x)
        for number, conv in enumerate(self.body):
            x = F.leaky_relu(conv(x), 0.1)
            if str(number) in self.gates:
                x = self.gates[str(number)](x)
        detail = self.tail(x + first)
        detail = detail.float() if dtype else detail
        return F.pixel_shuffle(detail + F.conv2d(picture, self.near, stride=self.fold), self.up)


def multiply_out(net):
    """The network as it is exported: plain convolutions in place of the wide ones."""
    net = copy.deepcopy(net)
    for part in list(net.modules()):
        for name, wide in list(part.named_children()):
            if isinstance(wide, WideConv):
                setattr(part, name, wide.plain())
    return net


# --- training -----------------------------------------------------------------------------------


def luma(x):
    """BT.601 in full range, as Pillow's conversion to L weighs the colours."""
    return (0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2]).unsqueeze(1)


class Sampler:
    """Draws batches of crop pairs on the device, each flipped and turned at random."""

    def __init__(self, pairs, device):
        self.device = device
        self.sharp = torch.from_numpy(np.concatenate(pairs.sharp)).to(device)
        self.soft = torch.from_numpy(np.concatenate(pairs.soft)).to(device)
        self.table = torch.tensor([row[2] for row in pairs.rows], device=device)
        self.ladder = torch.from_numpy(pairs.weights()).cumsum(0).float().to(device)
        self.tests, self.plain = pairs.tests, {}

    @staticmethod
    def colours(pixels):
        """Batch x height x width packed pixels to batch x RGB x height x width in 0..1."""
        rgbx = pixels.view(torch.uint8).reshape(pixels.shape + (4,))
        return rgbx.permute(0, 3, 1, 2)[:, :3].float() / 255

    def crop(self, buffer, start, stride, y, x, side, turns):
        flip_y, flip_x, swap = turns
        i = torch.arange(side, device=self.device).view(1, side, 1)
        j = i.view(1, 1, side)
        down, right = torch.where(swap, j, i), torch.where(swap, i, j)
        down = torch.where(flip_y, side - 1 - down, down)
        right = torch.where(flip_x, side - 1 - right, right)
        return self.colours(buffer[start + (y + down) * stride + x + right])

    def draw(self):
        chance = torch.rand(6, BATCH, 1, 1, device=self.device)
        pick = torch.searchsorted(self.ladder, chance[0].flatten() * self.ladder[-1])
        rows = self.table[pick.clamp(max=len(self.table) - 1)].view(BATCH, 1, 1, 5).unbind(3)
        start, stride, soft, height, width = rows
        y = (chance[1] * (height - CROP + 1)).long().minimum(height - CROP)
        x = (chance[2] * (width - CROP + 1)).long().minimum(width - CROP)
        turns = [one < 0.5 for one in chance[3:]]
        low = self.crop(self.soft, soft, width, y, x, CROP, turns)
        high = self.crop(self.sharp, start, stride, 2 * y, 2 * x, 2 * CROP, turns)
        return low, high

    def whole(self, entry):
        """A held-out pair: its low-resolution side and the picture it came from."""
        start, stride, soft, height, width = entry
        low = self.soft[soft : soft + height * width].view(1, height, width)
        i = torch.arange(2 * height, device=self.device).view(-1, 1)
        j = torch.arange(2 * width, device=self.device).view(1, -1)
        high = self.sharp[start + i * stride + j].unsqueeze(0)
        return self.colours(low), self.colours(high)


def error_db(x, y):
    """PSNR on luma of 8-bit pictures, 4 pixels of border cut."""
    x, y = (luma((z.clamp(0, 1) * 255).round())[..., 4:-4, 4:-4] for z in (x, y))
    return -10 * math.log10(((x - y) / 255).square().mean().item() + 1e-12)


def bicubic(low):
    pixels = (low[0].permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    large = Image.fromarray(pixels).resize((2 * low.shape[3], 2 * low.shape[2]), Image.BICUBIC)
    return torch.from_numpy(np.array(large)).to(low).permute(2, 0, 1).unsqueeze(0) / 255


def gains(net, sampler, most=24):
    """dB over Pillow's bicubic, by kind, on held-out photographs."""
    sums = {}
    for kind, entry in sampler.tests:
        if len(sums.setdefault(kind, [])) == most:
            continue
        low, high = sampler.whole(entry)
        if entry not in sampler.plain:
            sampler.plain[entry] = error_db(bicubic(low), high)
        sums[kind].append(error_db(net(low), high) - sampler.plain[entry])
    return {kind: round(sum(all) / len(all), 3) for kind, all in sums.items()}


class Trainer:
    def __init__(self, arch, sampler, total, checkpoint=None):
        torch.manual_seed(SEED + (checkpoint["steps"] if checkpoint else 0))
        device = sampler.device
        self.arch, self.sampler, self.total = arch, sampler, total
        self.net = Restorer(**ARCHS[arch]).to(device)
        self.mean = Restorer(**ARCHS[arch]).to(device)
        self.mean.load_state_dict(self.net.state_dict())
        self.mean.requires_grad_(False)
        self.rate = torch.tensor(0.0, device=device)
        fast = device == "cuda"
        self.adam = torch.optim.Adam(
            self.net.parameters(), lr=self.rate if fast else 0.0, betas=(0.9, 0.99),
            capturable=fast, fused=fast)
        self.steps, self.spent, self.log = 0, 0.0, []
        self.loss = torch.tensor(0.0, device=device)
        if checkpoint:
            self.net.load_state_dict(checkpoint["net"])
            self.mean.load_state_dict(checkpoint["mean"])
            self.adam.load_state_dict(checkpoint["adam"])
            for group in self.adam.param_groups:
                group["lr"] = self.rate if fast else 0.0
            self.steps, self.spent = checkpoint["steps"], checkpoint["spent"]
            self.log = checkpoint["log"]

    def checkpoint(self):
        return {"arch": self.arch, "net": self.net.state_dict(), "mean": self.mean.state_dict(),
                "adam": self.adam.state_dict(), "steps": self.steps, "spent": self.spent,
                "log": self.log}

    def set_rate(self):
        share = min(1.0, self.spent / self.total)
        rate = PEAK_RATE * min(1.0, self.steps / WARM_UP) * 0.5 * (1 + math.cos(math.pi * share))
        self.rate.fill_(rate)
        if self.sampler.device != "cuda":
            self.adam.param_groups[0]["lr"] = rate

    def step(self, fine):
        low, high = self.sampler.draw()
        low = low.contiguous(memory_format=torch.channels_last)
        wrong = self.net(low, None if fine else torch.bfloat16) - high
        shades = luma(wrong)
        if fine:
            root = lambda e: (e.square().mean((1, 2, 3)) + 1e-8).sqrt().mean()
            loss = 0.75 * root(shades) + 0.25 * root(wrong)
        else:
            loss = 0.75 * shades.abs().mean() + 0.25 * wrong.abs().mean()
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 0.5, foreach=True)
        self.adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.net.parameters()),
                                 1 - EMA_DECAY)
            self.loss.lerp_(loss.detach(), 0.01)

    def make_step(self, fine):
        """The step as a function: on a GPU recorded once and replayed, because so small a network
        would otherwise wait for the launches."""
        if self.sampler.device != "cuda":
            return lambda: self.step(fine)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                self.step(fine)
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self.graph = None  # an earlier one gives its memory back first
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step(fine)
        return self.graph.replay

    def run(self, until, report=20.0):
        """Trains until that many seconds of training were spent in all; the reports are timed
        too, the recording of the step is."""
        begun, before = time.monotonic(), self.spent
        fine, step, told = None, None, self.spent
        self.set_rate()
        while self.spent < until:
            now_fine = self.spent >= FINE * self.total
            if now_fine != fine:
                fine, step = now_fine, self.make_step(now_fine)
            for _ in range(50 if self.sampler.device == "cuda" else 1):
                self.set_rate()
                step()
                self.steps += 1
            loss = self.loss.item()  # waits for the device, so that the clock is honest
            assert math.isfinite(loss), f"the loss is {loss} after {self.steps} steps"
            self.spent = before + time.monotonic() - begun
            if self.spent - told >= report or self.spent >= until:
                told = self.spent
                gain = gains(self.mean, self.sampler)
                entry = dict(seconds=round(self.spent, 1), steps=self.steps, loss=loss,
                             fine=fine, gain=gain)
                self.log.append(entry)
                print(json.dumps(entry), flush=True)


def open_data(folder, streams):
    check_manifest(folder)
    begun = time.monotonic()
    pairs = Pairs(folder, streams)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.allow_tf32 = True  # for convolutions; kernels are multiplied out in f32
    torch.backends.cudnn.benchmark = True
    sampler = Sampler(pairs, device)
    print(f"{len(pairs.rows)} pairs, {len(pairs.tests)} held out, on {device}, made ready in "
          f"{time.monotonic() - begun:.0f} s", flush=True)
    return sampler


def choose(sampler, seconds):
    """The shape that does best on held-out photographs after so many seconds each; clean and
    compressed input count the same."""
    scores = {}
    for arch in ARCHS:
        trainer = Trainer(arch, sampler, seconds)
        trainer.run(seconds, report=1e9)
        gain = dict(trainer.log[-1]["gain"])
        clean = gain["clean"]
        scores[arch] = (clean + (sum(gain.values()) - clean) / (len(gain) - 1)) / 2
        print(arch, trainer.steps, "steps", round(scores[arch], 3), json.dumps(gain), flush=True)
    return max(scores, key=scores.get)


def train(args):
    sampler = open_data(args.data, args.streams)
    arch, checkpoint = args.arch, None
    if args.resume:
        checkpoint = torch.load(args.resume, map_location=sampler.device)
        arch = checkpoint["arch"]
    elif args.choose:
        arch = choose(sampler, args.choose)
    trainer = Trainer(arch, sampler, TOTAL_SECONDS, checkpoint)
    trainer.run(args.until)
    os.makedirs(args.out, exist_ok=True)
    torch.save(trainer.checkpoint(), f"{args.out}/checkpoint.pt")


# --- what comes of it ---------------------------------------------------------------------------


def export(args):
    checkpoint = torch.load(args.checkpoint, map_location="cpu")
    net = Restorer(**ARCHS[checkpoint["arch"]])
    net.load_state_dict(checkpoint["mean"])
    plain = multiply_out(net).eval()
    example = torch.rand(1, 3, 36, 52)
    with torch.no_grad():
        assert (plain(example) - net(example)).abs().max() < 1e-4
    free = {2: "height", 3: "width"}
    doubled = {2: "double_height", 3: "double_width"}
    torch.onnx.export(plain, example, args.model, input_names=["input"], output_names=["output"],
                      dynamic_axes={"input": free, "output": doubled}, opset_version=17,
                      dynamo=False)
    print(f"{args.model}: {os.path.getsize(args.model)} bytes, "
          f"{sum(p.numel() for p in plain.parameters())} trained parameters")


def curve(args):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    log = torch.load(args.checkpoint, map_location="cpu")["log"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4))
    for fine, label in ((False, "mean absolute error"), (True, "root of the squared error")):
        part = [entry for entry in log if entry["fine"] == fine]
        part = part[1:] if fine else part  # its first is still a mean with the other loss
        left.plot([e["seconds"] for e in part], [e["loss"] for e in part], ".-", label=label)
    left.set(xlabel="seconds of training", ylabel="loss (0.75 luma + 0.25 RGB)", yscale="log")
    left.legend()
    for kind in log[-1]["gain"]:
        right.plot([e["seconds"] for e in log], [e["gain"][kind] for e in log], ".-", label=kind)
    right.set(xlabel="seconds of training", ylabel="dB over bicubic, held-out photographs")
    right.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(args.picture, dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    places = {"manifest": ["data"], "streams": ["data", "streams"],
              "train": ["data", "streams", "out"], "export": ["checkpoint", "model"],
              "curve": ["checkpoint", "picture"]}
    for name, names in places.items():
        command = commands.add_parser(name)
        for place in names:
            command.add_argument(place)
    command = commands.choices["train"]
    command.add_argument("--arch", default="half48", choices=ARCHS)
    command.add_argument("--until", type=float, default=TOTAL_SECONDS)
    command.add_argument("--choose", type=float, help="seconds a shape")
    command.add_argument("--resume", help="checkpoint")
    args = parser.parse_args()
    runs = dict(manifest=write_manifest, streams=write_streams, train=train, export=export,
                curve=curve)
    runs[args.command](args)


if __name__ == "__main__":
    main()
