#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/models/data/whisper-timestamps.json: token ids of the clips in shared/media/speech,
decoded greedily with timestamps. Features are transformers' WhisperFeatureExtractor's, logits ONNX
Runtime's on the files in shared/models/whisper-tiny.en, and transformers' logits processors choose.
No cache is used: each token comes from a prefill of all before it.

usage: FOVEA_SHARED=... make_whisper_timestamps.py   (Python with onnxruntime, transformers, torch;
                                                     gst-launch-1.0 decodes the clips)
"""
import glob
import json
import os
import subprocess

import numpy as np
import onnxruntime as ort
import torch
from transformers import GenerationConfig, WhisperFeatureExtractor
from transformers.generation.logits_process import (
    SuppressTokensAtBeginLogitsProcessor, SuppressTokensLogitsProcessor,
    WhisperTimeStampLogitsProcessor)

SHARED = os.environ.get('FOVEA_SHARED', '../shared')
MODEL = f'{SHARED}/models/whisper-tiny.en'
LAYERS, HEADS, SIZE = 4, 6, 64


def decode(path):
    raw = subprocess.run(
        ['gst-launch-1.0', '-q', 'filesrc', f'location={path}', '!', 'decodebin', '!',
         'audioconvert', '!', 'audioresample', '!',
         'audio/x-raw,format=F32LE,rate=16000,channels=1', '!', 'fdsink', 'fd=1'],
        check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.float32)


def main():
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    encoder = ort.InferenceSession(f'{MODEL}/onnx/encoder_model_fp16.onnx', options)
    decoder = ort.InferenceSession(f'{MODEL}/onnx/decoder_model_merged_fp16.onnx', options)
    extractor = WhisperFeatureExtractor.from_pretrained(MODEL)
    config = GenerationConfig.from_pretrained(MODEL)
    start, end = config.decoder_start_token_id, config.eos_token_id
    config._detect_timestamp_from_logprob = True
    begin = 1
    processors = [
        SuppressTokensAtBeginLogitsProcessor(config.begin_suppress_tokens, begin),
        SuppressTokensLogitsProcessor(config.suppress_tokens),
        WhisperTimeStampLogitsProcessor(config, begin_index=begin),
    ]
    empty = np.zeros((1, HEADS, 0, SIZE), np.float32)
    caches = {f'past_key_values.{i}.{kind}': empty for i in range(LAYERS)
              for kind in ('decoder.key', 'decoder.value', 'encoder.key', 'encoder.value')}
    result = {}
    clips = sorted(glob.glob(f'{SHARED}/media/speech/*.flac') +
                   glob.glob(f'{SHARED}/media/speech/*.wav'))
    for path in clips:
        features = extractor(decode(path), sampling_rate=16000, return_tensors='np').input_features
        hidden = encoder.run(None, {'input_features': features.astype(np.float32)})[0]
        ids = [start]
        while len(ids) < config.max_length:
            feed = dict(caches, input_ids=np.array([ids], np.int64), encoder_hidden_states=hidden,
                        use_cache_branch=np.array([False]))
            scores = torch.from_numpy(decoder.run(['logits'], feed)[0][:, -1].copy())
            for processor in processors:
                scores = processor(torch.tensor([ids]), scores)
            token = int(scores.argmax())
            if token == end:
                break
            ids.append(token)
        result[os.path.basename(path)] = ids
        print(os.path.basename(path), len(ids), flush=True)
    lines = ',\n'.join(f' {json.dumps(name)}: {json.dumps(ids)}' for name, ids in result.items())
    target = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data',
                          'whisper-timestamps.json')
    with open(target, 'w', encoding='utf-8') as file:
        file.write('{\n' + lines + '\n}\n')


if __name__ == '__main__':
    main()
