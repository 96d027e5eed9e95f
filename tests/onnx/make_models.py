#!/usr/bin/env python3
# Fovea - SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes data/*.onnx: what no file in ../shared has. Run: make_models.py FOLDER (needs onnx)."""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh


def vi(name, shape=(2,), dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def model(nodes, inits=(), ins=None, outs=None, opset=17, functions=(), extra=(), ir=10):
    g = h.make_graph(nodes, "g", ins or [vi("x")], outs or [vi("y")], list(inits))
    ops = [h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in extra]
    return h.make_model(g, opset_imports=ops, functions=list(functions), ir_version=ir)


def f32(name, *values):
    return nh.from_array(np.array(values, np.float32), name)


def node(op, ins, outs, **kw):
    return h.make_node(op, ins, outs, **kw)


def functions():
    """outer(x; alpha) = inner(x) + LeakyRelu(x, alpha), alpha by default 0.25; inner(x) = x * x.
    Called twice, once with alpha = 0.5; y = outer(x; 0.5) - outer(x)."""
    ops = [h.make_opsetid("", 17), h.make_opsetid("own", 1)]
    inner = h.make_function("own", "inner", ["a"], ["b"], [node("Mul", ["a", "a"], ["b"])], ops)
    leaky = node("LeakyRelu", ["a"], ["l"])
    ref = onnx.AttributeProto(name="alpha", ref_attr_name="alpha", type=onnx.AttributeProto.FLOAT)
    leaky.attribute.append(ref)
    outer = h.make_function("own", "outer", ["a"], ["b"],
                            [node("inner", ["a"], ["s"], domain="own"), leaky,
                             node("Add", ["s", "l"], ["b"])],
                            ops, attribute_protos=[h.make_attribute("alpha", 0.25)])
    return model([node("outer", ["x"], ["p"], domain="own", alpha=0.5),
                  node("outer", ["x"], ["q"], domain="own"),
                  node("Sub", ["p", "q"], ["y"])],
                 functions=[inner, outer], extra=["own"])


def recursive():
    f = h.make_function("own", "f", ["a"], ["b"], [node("f", ["a"], ["b"], domain="own")],
                        [h.make_opsetid("own", 1)])
    return model([node("f", ["x"], ["y"], domain="own")], functions=[f], extra=["own"])


def explode():
    """f0 calls f1 twice, f1 calls f2 twice, ...: 2^40 nodes."""
    fs = []
    for i in range(40):
        calls = [node(f"f{i + 1}", ["a"], ["t"], domain="own"),
                 node(f"f{i + 1}", ["t"], ["b"], domain="own")]
        fs.append(h.make_function("own", f"f{i}", ["a"], ["b"], calls, [h.make_opsetid("own", 1)]))
    fs.append(h.make_function("own", "f40", ["a"], ["b"], [node("Relu", ["a"], ["b"])],
                              [h.make_opsetid("", 17)]))
    return model([node("f0", ["x"], ["y"], domain="own")], functions=fs, extra=["own"])


def branches():
    """Both branches read x and w of the outside; the inner If reads what the middle one made."""
    def graph(nodes, out):
        return h.make_graph(nodes, "b", [], [vi(out)])
    deep = graph([node("Add", ["t", "x"], ["d"])], "d")
    deep2 = graph([node("Sub", ["t", "x"], ["e"])], "e")
    then = graph([node("Mul", ["x", "w"], ["t"]),
                  node("If", ["c"], ["u"], then_branch=deep, else_branch=deep2)], "u")
    other = graph([node("Add", ["x", "w"], ["v"])], "v")
    return model([node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
                 inits=[f32("w", 2, 3)], ins=[vi("x"), vi("c", (), T.BOOL)])


def external(location, offset=4, length=8):
    t = T(name="w", data_type=T.FLOAT, dims=[2], data_location=T.EXTERNAL)
    for k, v in (("location", location), ("offset", offset), ("length", length)):
        t.external_data.add(key=k, value=str(v))
    return model([node("Add", ["x", "w"], ["y"])], inits=[t])


def typed():
    """Every typed data field, and old forms: opset 7 attributes that are inputs now."""
    inits = [h.make_tensor("f", T.FLOAT, [2], [1.5, -2]), h.make_tensor("d", T.DOUBLE, [2], [3, 4]),
             h.make_tensor("h", T.FLOAT16, [2], [0.5, 65504]),
             h.make_tensor("b", T.BFLOAT16, [2], [1, -3]),
             h.make_tensor("i8", T.INT8, [2], [-128, 127]),
             h.make_tensor("u8", T.UINT8, [2], [0, 255]),
             h.make_tensor("i64", T.INT64, [2], [-(2**63), 2**63 - 1]),
             h.make_tensor("u32", T.UINT32, [2], [0, 2**32 - 1]),
             h.make_tensor("u64", T.UINT64, [2], [0, 2**64 - 1]),
             h.make_tensor("bo", T.BOOL, [2], [1, 0])]
    return model([node("Add", ["x", "f"], ["y"])], inits=inits)


def old_forms():
    return model([node("Clip", ["x"], ["a"], min=-1.0, max=1.0),
                  node("ReduceMean", ["a"], ["b"], axes=[0], keepdims=1),
                  node("Softmax", ["a"], ["s"], axis=-1),
                  node("BatchNormalization", ["n", "w", "w", "w", "w"], ["m"]),
                  node("Add", ["b", "s"], ["y"])],
                 inits=[f32("w", 1, 2), nh.from_array(np.ones((1, 2, 1), np.float32), "n")],
                 opset=7, ir=3)


def models():
    relu = node("Relu", ["x"], ["y"])
    yield "functions", functions()
    yield "function_recursive", recursive()
    yield "function_explode", explode()
    yield "branches", branches()
    yield "external", external("weights.bin")
    yield "external_outside", external("../make_models.py")
    yield "external_beyond", external("weights.bin", 8, 8)
    yield "external_missing", external("nothing.bin")
    yield "typed", typed()
    yield "old_forms", old_forms()
    yield "unordered", model([node("Mul", ["b", "b"], ["y"]), node("Add", ["a", "x"], ["b"]),
                              node("Relu", ["x"], ["a"])])
    yield "cycle", model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]),
                          node("Relu", ["b"], ["y"])])
    yield "twice", model([relu, node("Abs", ["x"], ["y"])])
    yield "nothing_makes", model([node("Add", ["x", "nowhere"], ["y"])])
    yield "no_output", model([node("Relu", ["x"], ["z"])])
    yield "unknown", model([node("Frobnicate", ["x"], ["a"]), node("Frobnicate", ["a"], ["b"]),
                            node("Fused", ["b"], ["y"], domain="com.microsoft")],
                           extra=["com.microsoft"])
    yield "negative", model([relu], inits=[T(name="n", data_type=1, dims=[2, -3])])
    yield "short", model([relu], inits=[T(name="n", data_type=1, dims=[3], raw_data=b"\0" * 8)])
    yield "huge", model([relu], inits=[T(name="n", data_type=1, dims=[2**40, 2**40])])
    yield "strings", model([relu], inits=[T(name="n", data_type=8, dims=[1], string_data=[b"a"])])
    yield "sequence", model([relu], ins=[h.make_tensor_sequence_value_info("x", T.FLOAT, [2])])
    yield "opset6", model([relu], opset=6)
    yield "no_opset", model([node("Relu", ["x"], ["y"], domain="ai.onnx.other")],
                            extra=[])
    yield "inputs", model([node("Add", ["x", "y"], ["z"], name="n")], outs=[vi("z")])
    bare = node("Softmax", ["x"], ["y"])
    bare.attribute.append(onnx.AttributeProto(name="text", type=onnx.AttributeProto.STRING))
    yield "empty_string", model([bare])
    sparse = model([relu])
    sparse.graph.sparse_initializer.add(dims=[2])
    yield "sparse", sparse
    nested = h.make_graph([], "leaf", [], [vi("x")])
    for _ in range(30):
        nested = h.make_graph([node("If", ["c"], ["r"], then_branch=nested)],
                              "n", [], [vi("r")])
    yield "nested", model([node("If", ["c"], ["y"], then_branch=nested)],
                          ins=[vi("x"), vi("c", (), T.BOOL)])


def main(folder):
    folder = pathlib.Path(folder)
    (folder / "weights.bin").write_bytes(np.array([9, 1, 2], np.float32).tobytes())
    for name, m in models():
        m.producer_name = "make_models.py"
        (folder / f"{name}.onnx").write_bytes(m.SerializeToString())
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "text.onnx").write_text("This is no model at all.\n")
    whole = (folder / "functions.onnx").read_bytes()
    (folder / "cut.onnx").write_bytes(whole[:-20])


main(sys.argv[1])
