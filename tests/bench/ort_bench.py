#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Times models on the CPU against ONNX Runtime, in turns, so that both see the same machine.

usage: ort_bench.py [--fovea COMMAND] [--threads N] [--rounds N] [--runs N] MODEL[:INPUT=1x3x320x320]...

Each round runs one after the other in processes of their own, bound to N processors. Printed are the
best and the median run over all rounds, and Fovea's time over ONNX Runtime's. Needs Python's
onnxruntime and numpy; prints one Markdown row a model.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

CHILD = r'''
import json, sys, time
import numpy as np
import onnxruntime as ort
model, threads, runs, shapes = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
options = ort.SessionOptions()
options.intra_op_num_threads = threads
options.inter_op_num_threads = 1
session = ort.InferenceSession(model, options, providers=['CPUExecutionProvider'])
kinds = {'tensor(float)': np.float32, 'tensor(int64)': np.int64, 'tensor(float16)': np.float16}
rng = np.random.default_rng(1)
feed = {}
for i in session.get_inputs():
    shape = shapes.get(i.name) or [d if isinstance(d, int) else 1 for d in i.shape]
    kind = kinds[i.type]
    feed[i.name] = (np.full(shape, 1, kind) if kind == np.int64
                    else rng.random(shape, np.float32).astype(kind))
times = []
for k in range(runs + 3):
    start = time.perf_counter()
    session.run(None, feed)
    times.append((time.perf_counter() - start) * 1e3)
print(json.dumps(times[3:]))
'''


def bind(threads):
    """Keeps the child on the first `threads` processors."""
    allowed = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, allowed)


def peer(model, shapes, args):
    out = subprocess.run([sys.executable, '-c', CHILD, model, str(args.threads), str(args.runs),
                          json.dumps(shapes)], check=True, capture_output=True, text=True,
                         preexec_fn=bind(args.threads))
    return json.loads(out.stdout)


def ours(model, shapes, args):
    command = [args.fovea, 'bench', model, '--device=cpu', '--runs', str(args.runs), '--json',
               f'--threads={args.threads}']
    for name, shape in shapes.items():
        command += ['--shape', f'{name}={"x".join(map(str, shape))}']
    out = subprocess.run(command, check=True, capture_output=True, text=True,
                         preexec_fn=bind(args.threads))
    return json.loads(out.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--fovea', default='fovea')
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--runs', type=int, default=20)
    parser.add_argument('models', nargs='+')
    args = parser.parse_args()
    print('| model | threads | ORT best ms | ORT median ms | Fovea best ms | Fovea median ms '
          '| best / best | median / median |')
    print('|---|---|---|---|---|---|---|---|')
    for item in args.models:
        model, *pairs = item.split(':')
        shapes = {p.split('=')[0]: [int(d) for d in p.split('=')[1].split('x')] for p in pairs}
        theirs, best, medians = [], [], []
        for _ in range(args.rounds):
            theirs += peer(model, shapes, args)
            result = ours(model, shapes, args)
            best.append(result['min_ms'])
            medians.append(result['median_ms'])
        a, b = min(theirs), statistics.median(theirs)
        x, y = min(best), statistics.median(medians)
        print(f'| {os.path.basename(model)} | {args.threads} | {a:.2f} | {b:.2f} | {x:.2f} '
              f'| {y:.2f} | {x / a:.2f} | {y / b:.2f} |', flush=True)


if __name__ == '__main__':
    main()
