#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Canonical text of ONNX files from the onnx project's own Python parser.

check_reader.py --dump FILE...           prints the text that dump-model must print too
check_reader.py --hashes SHARED > data/reader_hashes.tsv
                                         one line a file: path below SHARED, 16 hex digits of SHA-256
check_reader.py --compare DUMP_MODEL FILE...
                                         runs dump-model on each file and shows the first difference
Needs the packages onnx and numpy; Fovea itself never runs this.
"""
import hashlib
import pathlib
import struct
import subprocess
import sys

import onnx
from onnx import numpy_helper

KNOWN = {1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16}
KINDS = {"tensor_type": 1, "sequence_type": 4, "map_type": 5, "opaque_type": 7,
         "sparse_tensor_type": 8, "optional_type": 9, None: 0}


def tensor(t, base):
    head = f"{t.name} {t.data_type} [{','.join(map(str, t.dims))}] "
    if t.data_type not in KNOWN or len(t.dims) > 8:
        return head + "unsupported"
    data = numpy_helper.to_array(t, base_dir=str(base)).tobytes()
    return head + hashlib.md5(data).hexdigest()


def bits(f):
    return f"{struct.unpack('<I', struct.pack('<f', f))[0]:08x}"


def attr(a, base, out):
    head = f"attr {a.name} {a.ref_attr_name} {a.type}"
    values = {1: lambda: [bits(a.f)], 2: lambda: [str(a.i)], 3: lambda: [a.s.hex()],
              4: lambda: [tensor(a.t, base)], 6: lambda: [bits(f) for f in a.floats],
              7: lambda: [str(i) for i in a.ints], 8: lambda: [s.hex() for s in a.strings]}
    if a.type == 5:
        out.append(head + " graph")
        graph(a.g, base, out)
        out.append("")
    elif a.ref_attr_name and a.type in (1, 2, 3):
        out.append(head + {1: " 00000000", 2: " 0", 3: " "}[a.type])
    else:
        out.append(" ".join([head] + values.get(a.type, list)()))


def nodes(ns, base, out):
    for n in ns:
        out.append(f"node {n.domain}|{n.op_type}|{n.overload}|{n.name}")
        out.append(" ".join(["in"] + list(n.input)))
        out.append(" ".join(["out"] + list(n.output)))
        for a in n.attribute:
            attr(a, base, out)


def infos(what, vs, out):
    for v in vs:
        kind = v.type.WhichOneof("value")
        line = f"{what} {v.name} kind {KINDS[kind]} type {v.type.tensor_type.elem_type}"
        if kind == "tensor_type" and v.type.tensor_type.HasField("shape"):
            line += " shape"
            for d in v.type.tensor_type.shape.dim:
                line += f" {d.dim_value}" if d.HasField("dim_value") else f" ?{d.dim_param}"
        out.append(line)


def graph(g, base, out):
    out.append(f"graph {g.name}")
    infos("input", g.input, out)
    infos("output", g.output, out)
    for t in g.initializer:
        out.append("init " + tensor(t, base))
    nodes(g.node, base, out)


def dump(path):
    m = onnx.load(path, load_external_data=False)
    base = pathlib.Path(path).parent
    out = [f"ir {m.ir_version} producer {m.producer_name}"]
    out += [f"opset {o.domain} {o.version}" for o in m.opset_import]
    for f in m.functions:
        out.append(f"function {f.domain}|{f.name}|{f.overload}")
        out.append(" ".join(["in"] + list(f.input)))
        out.append(" ".join(["out"] + list(f.output)))
        out += [f"opset {o.domain} {o.version}" for o in f.opset_import]
        for a in f.attribute_proto:
            attr(a, base, out)
        nodes(f.node, base, out)
    graph(m.graph, base, out)
    return "\n".join(out) + "\n"


def main(args):
    if args[:1] == ["--dump"]:
        for path in args[1:]:
            sys.stdout.write(dump(path))
    elif args[:1] == ["--hashes"] and len(args) == 2:
        root = pathlib.Path(args[1])
        for path in sorted(p for d in ("models", "zoo", "onnx-node") for p in
                           (root / d).rglob("*.onnx")):
            digest = hashlib.sha256(dump(path).encode()).hexdigest()[:16]
            print(f"{path.relative_to(root)}\t{digest}")
    elif args[:1] == ["--compare"]:
        bad = 0
        for path in args[2:]:
            want = dump(path).splitlines()
            run = subprocess.run([args[1], path], capture_output=True, text=True, check=False)
            have = run.stdout.splitlines()
            if have == want:
                continue
            bad += 1
            at = next((i for i, (a, b) in enumerate(zip(want, have)) if a != b),
                      min(len(want), len(have)))
            print(f"{path}: line {at + 1}\n  want {want[at:at + 1]}\n  have {have[at:at + 1]}"
                  f" {run.stderr.strip()}")
        print(f"{len(args) - 2 - bad} of {len(args) - 2} files agree")
        return bad != 0
    else:
        print(__doc__)
        return 2
    return 0


sys.exit(main(sys.argv[1:]))
