#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""make_corpus.py DATA CORPUS: seeds for fuzz_model from the models of tests/onnx/make_models.py,
and hand-made bytes for the corners of the wire format. Deterministic; needs nothing."""
import pathlib
import sys


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def nest(levels, number=7):
    data = b""
    for _ in range(levels):
        data = field(number, data)
    return data


def main(data, corpus):
    out = pathlib.Path(corpus)
    out.mkdir(parents=True, exist_ok=True)
    for name in ("functions", "branches", "typed", "old_forms", "nested"):
        whole = (pathlib.Path(data) / f"{name}.onnx").read_bytes()
        for k in (1, 2, 3):
            (out / f"{name}-cut{k}").write_bytes(whole[:len(whole) * k // 4])
    graph = field(7, b"")
    hand = {
        "varint-long": b"\x08" + b"\xff" * 11, "length-huge": b"\x3a" + varint(2**63),
        "length-wraps": b"\x3a" + b"\xff" * 9 + b"\x01", "field-zero": b"\x00\x01",
        "group": b"\x3b\x3c", "graph-empty": graph, "graph-twice": graph + graph,
        "deep-nodes": nest(5), "attr-graphs": field(7, field(1, nest(90, 5))),
        "tensor-no-type": field(7, field(5, field(8, b"n"))),
        "dims-packed-bad": field(7, field(5, field(1, b"\xff") + field(8, b"n"))),
        "name-not-text": field(7, field(1, field(1, b"\xff\xfe"))),
        "name-zero": field(7, field(1, field(2, b"a\0b"))),
    }
    for name, bytes_ in hand.items():
        (out / name).write_bytes(bytes_)


main(*sys.argv[1:])
