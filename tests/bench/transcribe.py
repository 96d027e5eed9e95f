#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Word error rate, latency and coverage of streaming transcription.

usage: transcribe.py MODEL [wer] [latency] [coverage]      (from the project's root; default: all)

Needs $FOVEA_SHARED (default ../shared), gst-launch-1.0 and build/tests/bench/bench-stream, which it
runs. Real time is simulated: a phrase is out when the sound up to it has come and been computed, and
sound that comes while something is computed waits. Computing takes as long as it took now, or, on a
machine that is busy with other things ($CLOCK=cpu), as much as the processor time of all threads:
more than it takes on an idle machine with two cores.

wer       each clip of media/speech, whole and streaming, against transcripts.tsv
latency   the clips joined with pauses of 0.5 to 2 s: how long after a clip's last sound all of its
          words are stable
coverage  clips of 10 s and more, and all of them as one: for each second t, the words of the transcript
          of the sound up to t that are among those stable at t + 6 s, in the same order, in percent
"""
import json
import os
import re
import subprocess
import sys
import tempfile
from array import array

RATE = 16000
SHARED = os.environ.get("FOVEA_SHARED", "../shared")
SPEECH = os.path.join(SHARED, "media", "speech")
CLOCK = {"cpu": "cpu"}.get(os.environ.get("CLOCK"), "took")
BENCH = os.environ.get("BENCH_STREAM", "build/tests/bench/bench-stream")


def words(text):
    text = text.lower().replace("mr.", "mister").replace("-", " ")
    for digit, word in enumerate("zero one two three four five six seven eight nine".split()):
        text = re.sub(rf"\b{digit}\b", word, text)
    return re.sub(r"[^a-z0-9' ]", "", text).split()


def errors(truth, said):
    """Words to insert, delete and replace."""
    row = list(range(len(said) + 1))
    for i, word in enumerate(truth, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(said, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


def common(a, b):
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        last = 0
        for j, other in enumerate(b, 1):
            last, row[j] = row[j], last + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]


def sound(folder, name):
    """A clip as raw floats of 16 kHz in a file; its path."""
    path = os.path.join(folder, name + ".f32")
    if not os.path.exists(path):
        subprocess.run(
            ["gst-launch-1.0", "-q", "filesrc", "location=" + os.path.join(SPEECH, name), "!",
             "decodebin", "!", "audioconvert", "!", "audioresample", "!",
             f"audio/x-raw,format=F32LE,rate={RATE},channels=1", "!", "filesink",
             "location=" + path], check=True)
    return path


def samples(path):
    data = array("f")
    with open(path, "rb") as file:
        data.frombytes(file.read())
    return data


def write(path, data):
    with open(path, "wb") as file:
        data.tofile(file)
    return path


def run(model, how, paths):
    """Lines of each file, and seconds of sound, of computing, and processor time."""
    before = os.times()
    out = subprocess.run([BENCH, model, how, *paths], check=True, capture_output=True, text=True)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    lines = {path: [] for path in paths}
    length = computed = 0
    for line in out.stdout.splitlines():
        line = json.loads(line)
        lines[line["file"]].append(line)
        length += line.get("seconds", 0)
        computed += line.get("computed", 0)
    return lines, length, computed, used


def finals(lines):
    return [line for line in lines if line.get("final")]


def arrivals(lines):
    """Adds `out` to each phrase: when it is out in real time."""
    free = 0.0
    done = None
    for line in lines:
        if "took" not in line:
            continue
        if done is None or line["at"] != done:  # one push: several lines
            free = max(free, line["at"]) + line[CLOCK]
            done = line["at"]
        line["out"] = free
    return finals(lines)


def percentile(values, share):
    values = sorted(values)
    return values[min(int(share * len(values)), len(values) - 1)]


def transcripts():
    with open(os.path.join(SPEECH, "transcripts.tsv"), encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t")[:2] for line in file if "\t" in line]


def measure_wer(model, folder):
    clips = transcripts()
    paths = [sound(folder, name) for name, _ in clips]
    total = 0
    wrong = {"whole": 0, "stream": 0}
    shown = {}
    for how in wrong:
        lines, length, computed, used = run(model, how, paths)
        for (name, truth), path in zip(clips, paths):
            said = " ".join(line["text"] for line in finals(lines[path]))
            n = errors(words(truth), words(said))
            wrong[how] += n
            shown.setdefault(name, []).append((n, said))
        print(f"{how}: {length:.1f} s of sound in {computed:.1f} s; {used:.1f} s of processor time")
    for name, truth in clips:
        total += len(words(truth))
        (a, whole), (b, stream) = shown[name]
        print(f"{name}: {len(words(truth))} words, wrong whole {a}, streaming {b}")
        if a or b:
            print(f"    truth  {truth}\n    whole  {whole}\n    stream {stream}")
    for how, n in wrong.items():
        print(f"word error rate, {how}: {100 * n / total:.2f} % ({n} of {total})")


def join(folder, names, pauses):
    """Clips with pauses between them; the path, and (start, end) of each in seconds."""
    data = array("f", bytes(4 * RATE // 2))
    places = []
    for i, name in enumerate(names):
        clip = samples(sound(folder, name))
        places.append((len(data) / RATE, (len(data) + len(clip)) / RATE))
        data += clip
        data += array("f", bytes(4 * int(RATE * pauses[i % len(pauses)])))
    return write(os.path.join(folder, "joined.f32"), data), places


def measure_latency(model, folder):
    clips = transcripts()
    names = [name for name, _ in clips]
    path, places = join(folder, names, [0.5, 1.0, 1.5, 2.0])
    lines, length, computed, used = run(model, "stream", [path])
    phrases = arrivals(lines[path])
    late = []
    for name, (start, end) in zip(names, places):
        mine = [p for p in phrases if start <= (p["start"] + p["end"]) / 2 < end + 0.25]
        if not mine:
            print(f"{name}: no text")
            continue
        late.append(mine[-1]["out"] - end)
        print(f"{name}: {start:.2f} to {end:.2f}; text {mine[0]['start']:.2f} to "
              f"{mine[-1]['end']:.2f}, stable {late[-1]:.2f} s after: "
              f"{' '.join(p['text'] for p in mine)}")
    said = words(" ".join(p["text"] for p in phrases))
    truth = words(" ".join(text for _, text in clips))
    print(f"joined: word error rate {100 * errors(truth, said) / len(truth):.2f} %")
    each = [p["out"] - p["end"] for p in phrases]
    print(f"latency after a clip's end: p50 {percentile(late, 0.5):.2f} s, p95 "
          f"{percentile(late, 0.95):.2f} s, most {max(late):.2f} s; after each stable piece's end: "
          f"p50 {percentile(each, 0.5):.2f} s, p95 {percentile(each, 0.95):.2f} s")
    print(f"{length:.1f} s of sound: {computed:.1f} s of computing, {used:.1f} s of processor time "
          f"({100 * used / length:.0f} % of one core)")


def covered(model, folder, path):
    """Words of the transcript up to t that are stable at t + 6 s, and all, summed over t."""
    data = samples(path)
    parts = [write(f"{path}.{t}.f32", data[:t * RATE]) for t in range(1, len(data) // RATE + 1)]
    whole, *_ = run(model, "whole", parts)
    streamed, *_ = run(model, "stream", [path])
    phrases = arrivals(streamed[path])
    have = want = 0
    worst = (2, 0)
    for t, part in enumerate(parts, 1):
        heard = words(" ".join(p["text"] for p in finals(whole[part])))
        stable = words(" ".join(p["text"] for p in phrases if p["out"] <= t + 6))
        n = common(heard, stable)
        have += n
        want += len(heard)
        if heard:
            worst = min(worst, (n / len(heard), t))
        os.unlink(part)
    return have, want, worst


def measure_coverage(model, folder):
    paths = [sound(folder, name) for name, _ in transcripts()]
    paths = [path for path in paths if os.path.getsize(path) >= 4 * 10 * RATE]
    dense = array("f")
    for path in paths:
        dense += samples(path)
    paths.append(write(os.path.join(folder, "dense.f32"), dense))
    have = want = 0
    for path in paths:
        a, b, worst = covered(model, folder, path)
        have += a
        want += b
        print(f"{os.path.basename(path)}: {100 * a / b:.1f} % of {b} words; least "
              f"{100 * worst[0]:.0f} % at {worst[1]} s")
    print(f"stable at t + 6 s: {100 * have / want:.1f} % of the words up to t")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    wanted = sys.argv[2:] or ["wer", "latency", "coverage"]
    print("load " + " ".join(f"{x:.1f}" for x in os.getloadavg()) +
          f", {os.cpu_count()} cores, computing time: " + CLOCK)
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:
            {"wer": measure_wer, "latency": measure_latency,
             "coverage": measure_coverage}[name](sys.argv[1], folder)
    print("load " + " ".join(f"{x:.1f}" for x in os.getloadavg()))


main()
