#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""What transformers' logits processors leave of random logits, for generation.c.

usage: make_generation.py      (needs torch and transformers)

Writes data/generation.json: {"configs": [generation_config.json, ...], "cases": [[config,
vocabulary, seed, offset, timestamps, n_prefix, tokens, hash of what is allowed, choice, its
log-probability], ...]}. generation.c makes the same logits.
"""
import json
import os
import random

import numpy as np
import torch
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor, SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor)

SMALL = {'decoder_start_token_id': 41, 'eos_token_id': 40, 'suppress_tokens': [1, 5, 9, 42, 43],
         'begin_suppress_tokens': [3, 40], 'no_timestamps_token_id': 45, 'max_initial_timestamp_index': 6}
UNBOUNDED = {'decoder_start_token_id': 41, 'eos_token_id': 40, 'no_timestamps_token_id': 45}
# The numbers of Whisper's English models.
ENGLISH = {'decoder_start_token_id': 50257, 'eos_token_id': 50256, 'begin_suppress_tokens': [220, 50256],
           'suppress_tokens': [1, 2, 7, 8, 9, 10, 14, 25, 357, 366, 50257, 50357, 50358, 50359, 50360, 50361],
           'no_timestamps_token_id': 50362, 'max_initial_timestamp_index': 50}


def logits(vocabulary, seed, begin, offset):
    """-8..8 of a linear congruential generator; timestamps moved by offset (a whole number)."""
    out = np.empty(vocabulary, np.float32)
    state = seed
    for i in range(vocabulary):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        out[i] = (state >> 8) / 1048576 - 8 + (offset if i >= begin else 0)
    return out


def fnv(allowed):
    value = 0xcbf29ce484222325
    for bit in allowed:
        value = ((value ^ int(bit)) * 0x100000001b3) & 0xffffffffffffffff
    return f'{value:016x}'


def process(config, tokens, n_prefix, timestamps, scores):
    """The processors in the order in which generate() of Whisper calls them."""
    ids, scores = torch.tensor([tokens]), torch.tensor(scores)[None]
    if 'begin_suppress_tokens' in config:
        scores = SuppressTokensAtBeginLogitsProcessor(config['begin_suppress_tokens'], n_prefix)(ids, scores)
    if 'suppress_tokens' in config:
        scores = SuppressTokensLogitsProcessor(config['suppress_tokens'])(ids, scores)
    if timestamps:
        scores = WhisperTimeStampLogitsProcessor(GenerationConfig(**config), begin_index=n_prefix)(ids, scores)
    return scores[0]


def history(rng, begin, end, vocabulary):
    """Mostly what a model would say; sometimes anything."""
    out, time = [], begin
    for _ in range(rng.randint(0, 9)):
        kind = rng.random()
        if kind < 0.45:
            time = min(time + rng.randint(0, 4), vocabulary - 1)
            out += [time] * rng.choice([1, 1, 2])
        elif kind < 0.9:
            out.append(rng.randrange(end))
        else:
            out.append(rng.randrange(vocabulary))
    return out


def main():
    rng = random.Random(20261124)
    configs = [SMALL, UNBOUNDED, ENGLISH]
    sizes = [60, 60, 51864]
    cases = []
    while len(cases) < 640:
        c = 2 if len(cases) >= 600 else len(cases) % 2
        begin, end, vocabulary = configs[c]['no_timestamps_token_id'] + 1, configs[c]['eos_token_id'], sizes[c]
        seed, offset = rng.randrange(1 << 32), rng.randint(-9, 4) if c < 2 else rng.randint(-14, 0)
        tokens = [begin - 5] * rng.randint(1, 3)
        n_prefix, timestamps = len(tokens), rng.random() < 0.8
        tokens += history(rng, begin, end, vocabulary)
        scores = process(configs[c], tokens, n_prefix, timestamps, logits(vocabulary, seed, begin, offset))
        allowed = torch.isfinite(scores)
        if not allowed.any():
            continue
        choice = int(torch.argmax(scores))
        log_probability = float(torch.log_softmax(scores.double(), -1)[choice])
        cases.append([c, vocabulary, seed, offset, int(timestamps), n_prefix, tokens, fnv(allowed), choice,
                      round(log_probability, 6)])
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(os.path.join(here, 'data'), exist_ok=True)
    with open(os.path.join(here, 'data', 'generation.json'), 'w', encoding='ascii') as file:
        file.write('{"configs":[\n' + ',\n'.join(json.dumps(c) for c in configs) + '],\n"cases":[\n')
        file.write(',\n'.join(json.dumps(c, separators=(',', ':')) for c in cases) + '\n]}\n')


if __name__ == '__main__':
    main()
