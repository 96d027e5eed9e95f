#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Log-mel spectrograms of transformers' WhisperFeatureExtractor, for mel.c.

usage: make_mel.py SHARED      (needs numpy and transformers; SHARED has media/speech/jfk.wav)

Writes data/mel.npy, f32 [case][row][column of COLUMNS]. mel.c makes the same sounds.
"""
import os
import sys
import wave

import numpy as np
from transformers import WhisperFeatureExtractor

COLUMNS = [0, 1, 2, 3] + list(range(50, 2996, 101)) + [2996, 2997, 2998, 2999]


def noise(n, amplitude):
    """Uniform noise of a linear congruential generator."""
    state, out = 1, np.empty(n, np.float32)
    for i in range(n):
        state = (state * 1664525 + 1013904223) & 0xffffffff
        out[i] = (state >> 8) / 8388608 - 1
    return out * np.float32(amplitude)


def tone(n, hz, amplitude):
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(n) / 16000)).astype(np.float32)


def click(n, place):
    out = np.zeros(n, np.float32)
    out[place] = 1
    return out


def speech(shared):
    with wave.open(os.path.join(shared, 'media', 'speech', 'jfk.wav')) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16000)
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, '<i2').astype(np.float32) / np.float32(32768)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = [
        speech(sys.argv[1]),
        np.zeros(16000, np.float32),
        tone(80000, 440, 0.5),
        tone(480000, 1234.5, 0.9),
        noise(160000, 0.05477226),  # -30 dBFS
        click(48000, 20000),
        noise(1600, 0.1),
        noise(480000, 0.1),
        noise(496000, 0.1),
    ]
    extractor = WhisperFeatureExtractor()
    rows = []
    for samples in cases:
        features = extractor(samples, sampling_rate=16000, return_tensors='np').input_features[0]
        rows.append(features[:, COLUMNS].astype(np.float32))
    here = os.path.dirname(os.path.abspath(__file__))
    os.makedirs(os.path.join(here, 'data'), exist_ok=True)
    np.save(os.path.join(here, 'data', 'mel.npy'), np.stack(rows))


if __name__ == '__main__':
    main()
