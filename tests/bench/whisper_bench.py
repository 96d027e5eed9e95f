#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Times Whisper's encoder and its greedy decoding of one clip against ONNX Runtime, in turns, on the
CPU and the same files.

usage: whisper_bench.py [--rounds N] [--runs N] BENCH_WHISPER MODEL CLIP.wav

BENCH_WHISPER: the program built by `ninja -C build tests/bench/bench-whisper`. The clip is mono,
16 kHz, 16 bits, at most 30 s. Both sides use two threads; ours includes the spectrogram, the peer's
is made before. Needs Python's onnxruntime, transformers and numpy.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import wave

import numpy as np

PEER = r'''
import glob, json, os, resource, sys, time
import numpy as np
import onnxruntime as ort
model, features, runs = sys.argv[1], np.load(sys.argv[2]), int(sys.argv[3])
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = 2, 1
open_one = lambda name: ort.InferenceSession(glob.glob(f'{model}/onnx/{name}*.onnx')[0], options,
                                             providers=['CPUExecutionProvider'])
encoder, decoder = open_one('encoder_model'), open_one('decoder_model_merged')
rules = json.load(open(f'{model}/generation_config.json'))
names = [o.name for o in decoder.get_outputs()]
empty = {i.name: np.zeros((1, i.shape[1], 0, i.shape[3]), np.float32)
         for i in decoder.get_inputs() if i.name.startswith('past')}
encode, decode = [], []
for _ in range(runs):
    start = time.perf_counter()
    hidden = encoder.run(None, {'input_features': features})[0]
    encode.append((time.perf_counter() - start) * 1e3)
    start = time.perf_counter()
    past, ids, new, cached = dict(empty), [], [rules['decoder_start_token_id']], False
    new += [token for _, token in rules['forced_decoder_ids']]
    while True:
        out = decoder.run(None, dict(past, input_ids=np.array([new], np.int64),
                                     encoder_hidden_states=hidden,
                                     use_cache_branch=np.array([cached])))
        for name, value in zip(names[1:], out[1:]):
            if not cached or '.decoder.' in name:
                past[name.replace('present', 'past_key_values')] = value
        logits = out[0][0, -1]
        logits[rules['suppress_tokens']] = -np.inf
        if not cached:
            logits[rules['begin_suppress_tokens']] = -np.inf
        token, cached = int(logits.argmax()), True
        if token == rules['eos_token_id']:
            break
        ids.append(token)
        new = [token]
    decode.append((time.perf_counter() - start) * 1e3)
print(json.dumps({'encode': encode, 'decode': decode, 'ids': ids,
                  'rss_mb': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
'''


def features_of(model, samples):
    from transformers import WhisperFeatureExtractor
    extractor = WhisperFeatureExtractor.from_pretrained(model)
    return extractor(samples, sampling_rate=16000, return_tensors='np')['input_features']


def run(command):
    two = sorted(os.sched_getaffinity(0))[:2]
    out = subprocess.run(command, check=True, capture_output=True, text=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, two))
    result = json.loads(out.stdout.splitlines()[-1])
    for key in ('encode', 'decode'):
        result[key] = result[key][1:]  # the first run warms up
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--runs', type=int, default=6)
    parser.add_argument('bench')
    parser.add_argument('model')
    parser.add_argument('clip')
    args = parser.parse_args()
    with wave.open(args.clip) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), '<i2').astype(np.float32)
    samples /= 32768
    totals = {'ours': {'encode': [], 'decode': []}, 'peer': {'encode': [], 'decode': []}}
    memory = {}
    with tempfile.TemporaryDirectory() as folder:
        samples.tofile(f'{folder}/clip.f32')
        np.save(f'{folder}/features.npy', features_of(args.model, samples))
        for _ in range(args.rounds):
            peer = run([sys.executable, '-c', PEER, args.model, f'{folder}/features.npy',
                        str(args.runs + 1)])
            ours = run([args.bench, args.model, f'{folder}/clip.f32', str(args.runs + 1)])
            if peer['ids'] != ours['ids']:
                sys.exit(f'the tokens differ: {peer["ids"]} and {ours["ids"]}')
            for name, result in (('peer', peer), ('ours', ours)):
                memory[name] = result['rss_mb']
                for key in ('encode', 'decode'):
                    totals[name][key] += result[key]
    print('| part | ORT best ms | ORT median ms | Fovea best ms | Fovea median ms | best / best | '
          'median / median |\n|---|---|---|---|---|---|---|')
    for key in ('encode', 'decode'):
        p, o = totals['peer'][key], totals['ours'][key]
        print(f'| {key} | {min(p):.1f} | {statistics.median(p):.1f} | {min(o):.1f} | '
              f'{statistics.median(o):.1f} | {min(o) / min(p):.2f} | '
              f'{statistics.median(o) / statistics.median(p):.2f} |')
    print(f'peak memory of the process: ORT {memory["peer"]} MB, Fovea {memory["ours"]} MB')


if __name__ == '__main__':
    main()
