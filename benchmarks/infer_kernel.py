"""Deployed LSTM encoders on the native core against ONNX Runtime, torch and LiteRT.

    python benchmarks/infer_kernel.py [document] [batch] [stream] [--hidden 128 256] [--rounds 7]

Documents are all different, with words drawn from a Zipf distribution: a table of gate sums
flatters when one document repeats. Contestants take turns within a round; a figure is the median
over rounds, a ratio the median of the rounds' ratios. Peers come from PyPI (torch, onnx,
onnxruntime, ai-edge-litert); a missing one is left out, and said so. Writing the LiteRT model needs
TensorFlow: name a Python that has it in SEQMAP_BENCH_TF_PYTHON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

VOCABULARY, SIZE = 20_000, 128
REST = 0.02
"""Seconds before a turn: the threads of the contestant before still spin for a while."""

Contestant = Callable[[], Any]


# ---- work --------------------------------------------------------------------------------


def make_weights(hidden: int) -> dict[str, np.ndarray]:
    """One forward layer over an embedding, by the archive's names."""
    rng = np.random.default_rng(hidden)
    bound = 1 / np.sqrt(hidden)

    def draw(*shape: int) -> np.ndarray:
        return rng.uniform(-bound, bound, shape).astype(np.float32)

    return {
        "embedding.weight": rng.normal(size=(VOCABULARY, SIZE)).astype(np.float32),
        "encoder.layers.0.forward.w_ih": draw(4 * hidden, SIZE),
        "encoder.layers.0.forward.w_hh": draw(4 * hidden, hidden),
        "encoder.layers.0.forward.bias": draw(4 * hidden),
    }


def zipf_ids(lengths: list[int], seed: int) -> list[np.ndarray]:
    """One array of int32 ids per length; frequent words have ids all over the vocabulary."""
    rng = np.random.default_rng(seed)
    chance = 1 / np.arange(1, VOCABULARY + 1)
    order = np.random.default_rng(0).permutation(VOCABULARY).astype(np.int32)
    flat = order[rng.choice(VOCABULARY, sum(lengths), p=chance / chance.sum())]
    return np.split(flat, np.cumsum(lengths)[:-1])


def imdb_lengths(count: int) -> list[int]:
    """Lengths like those of IMDB reviews, cut at 400."""
    rng = np.random.default_rng(0)
    return np.clip(rng.lognormal(np.log(175), 0.768, count), 10, 400).astype(int).tolist()


# ---- peers --------------------------------------------------------------------------------


def onnx_session(weights: dict[str, np.ndarray], hidden: int, int8: bool, threads: int) -> Any:
    """Gather and LSTM -> the last state; int8 by onnxruntime's own dynamic quantisation."""
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    order = [0, 3, 1, 2]  # ONNX has the gates i o f c

    def gates(name: str) -> np.ndarray:
        parts = np.split(weights[f"encoder.layers.0.forward.{name}"], 4)
        return np.concatenate([parts[k] for k in order])

    bias = np.concatenate([gates("bias"), np.zeros(4 * hidden, np.float32)])
    constants = {
        "E": weights["embedding.weight"],
        "W": gates("w_ih")[None],
        "R": gates("w_hh")[None],
        "B": bias[None],
    }
    nodes = [
        helper.make_node("Gather", ["E", "x"], ["e"]),
        helper.make_node(
            "LSTM", ["e", "W", "R", "B", "length"], ["", "h"], hidden_size=hidden, name="lstm"
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "lstm",
        [
            helper.make_tensor_value_info("x", TensorProto.INT64, ["time", "batch"]),
            helper.make_tensor_value_info("length", TensorProto.INT32, ["batch"]),
        ],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, "batch", hidden])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/m.onnx"
        onnx.save(model, path)
        if int8:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            quantize_dynamic(
                path, f"{folder}/q.onnx", weight_type=QuantType.QInt8, op_types_to_quantize=["LSTM"]
            )
            path = f"{folder}/q.onnx"
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def torch_encoder(weights: dict[str, np.ndarray], hidden: int) -> Callable[..., Any]:
    """(batch, time) ids and lengths -> last states, by nn.LSTM on padded input."""
    import torch

    lstm = torch.nn.LSTM(SIZE, hidden, batch_first=True)
    table = torch.from_numpy(weights["embedding.weight"])
    with torch.no_grad():
        for ours, theirs in (
            ("w_ih", "weight_ih_l0"),
            ("w_hh", "weight_hh_l0"),
            ("bias", "bias_ih_l0"),
        ):
            value = torch.from_numpy(weights[f"encoder.layers.0.forward.{ours}"])
            getattr(lstm, theirs).copy_(value)
        lstm.bias_hh_l0.zero_()
    lstm.eval()

    def run(ids: Any, lengths: Any, state: Any = None, bf16: bool = False) -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y, (h, c) = lstm(torch.nn.functional.embedding(ids, table), state)
            return y[torch.arange(len(ids)), lengths - 1] if lengths is not None else (h, c)

    return run


_WRITE_LITERT = """
import sys, numpy as np, tensorflow as tf
source, target, hidden, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
w = np.load(source)
# unroll: one step needs no loop, which LiteRT would run through its slow WHILE.
ids = tf.keras.Input((1,), batch_size=1, dtype="int32")
embed = tf.keras.layers.Embedding(*w["embedding"].shape)
layer = tf.keras.layers.LSTM(hidden, unroll=True)
model = tf.keras.Model(ids, layer(embed(ids)))
embed.set_weights([w["embedding"]])
layer.set_weights([w["w_ih"].T, w["w_hh"].T, w["bias"]])
converter = tf.lite.TFLiteConverter.from_keras_model(model)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
open(target, "wb").write(converter.convert())
"""


def litert_step(weights: dict[str, np.ndarray], hidden: int) -> Contestant | None:
    """One step (time 1, from the zero state) of a dynamic-range int8 LiteRT model."""
    from ai_edge_litert.interpreter import Interpreter

    python = os.environ.get("SEQMAP_BENCH_TF_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/w.npz", f"{folder}/m.tflite"
        named = {n: weights[f"encoder.layers.0.forward.{n}"] for n in ("w_ih", "w_hh", "bias")}
        np.savez(source, embedding=weights["embedding.weight"], **named)
        done = subprocess.run(
            [python, "-c", _WRITE_LITERT, source, target, str(hidden), str(SIZE)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print("LiteRT left out: no model could be written:", done.stderr.strip()[-200:])
            return None
        interpreter = Interpreter(model_content=Path(target).read_bytes(), num_threads=1)
    interpreter.allocate_tensors()
    put, get = (
        interpreter.get_input_details()[0]["index"],
        interpreter.get_output_details()[0]["index"],
    )
    x = np.zeros((1, 1), np.int32)

    def run(token: int) -> Any:
        x[0, 0] = token
        interpreter.set_tensor(put, x)
        interpreter.invoke()
        return interpreter.get_tensor(get)

    return run


# ---- timing --------------------------------------------------------------------------------


def measure(contestants: dict[str, Contestant], rounds: int) -> dict[str, np.ndarray]:
    """Seconds per round, the contestants taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for run in contestants.values():
        run()
    for k in range(rounds):
        names = list(contestants)
        for name in names[k % len(names) :] + names[: k % len(names)]:
            time.sleep(REST)
            start = time.perf_counter()
            contestants[name]()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def report(
    title: str,
    seconds: dict[str, np.ndarray],
    unit: float,
    bars: list[tuple[str, list[str], float | None]],
) -> dict:
    """Print the table of one piece of work.

    Args:
        title: What was done.
        seconds: Per contestant, the seconds of each round.
        unit: Documents or steps in a round.
        bars: Our contestant, its peers (the fastest in a round counts) and the ratio to reach.
    """
    print(f"\n{title}")
    for name, values in seconds.items():
        quartiles = np.percentile(values, [25, 75])
        spread = (quartiles[1] - quartiles[0]) / np.median(values)
        print(f"  {name:24s} {np.median(values) / unit * 1e6:10.2f} us   spread {spread:4.0%}")
    result: dict[str, Any] = {
        "title": title,
        "us": {name: float(np.median(values) / unit * 1e6) for name, values in seconds.items()},
    }
    for ours, peers, bar in bars:
        present = [seconds[peer] for peer in peers if peer in seconds]
        if not present:
            continue
        ratio = float(np.median(np.min(present, axis=0) / seconds[ours]))
        verdict = (
            "" if bar is None else f"   (bar {bar}: {'reached' if ratio >= bar else 'MISSED'})"
        )
        named = peers[0] if len(peers) == 1 else "the best peer"
        print(f"  {ours} against {named}: {ratio:.2f}x{verdict}")
        result[f"{ours} vs {named}"] = {"ratio": ratio, "bar": bar}
    return result


def have(name: str) -> bool:
    """Whether a peer can be imported."""
    try:
        __import__(name)
    except ImportError:
        print(f"{name} is not installed: left out")
        return False
    return True


# ---- the pieces of work ------------------------------------------------------------------------


def bench_documents(hidden: int, rounds: int) -> list[dict]:
    """One document at a time on one thread: 20 and 200 tokens."""
    from seqmap.runtime import native
    from seqmap.runtime.native_ops import NativeEncoder

    native.set_threads(1)
    weights = make_weights(hidden)
    ours = {
        precision: NativeEncoder(weights, pooling="last", precision=precision, table_bytes=1 << 30)
        for precision in ("fp32", "bf16", "int8")
    }
    for encoder in ours.values():
        encoder.warm()
    bare = NativeEncoder(weights, pooling="last", precision="int8", table="none")
    sessions = {}
    if have("onnxruntime") and have("onnx"):
        sessions = {
            f"ort {p}": onnx_session(weights, hidden, p == "int8", 1) for p in ("fp32", "int8")
        }
    bars = {
        128: ((2.0, 3.0)),
        256: ((1.8, 2.0)),
        512: ((None, 1.8)),
    }.get(hidden, (None, None))
    results = []
    for length, count in ((20, 400), (200, 100 if hidden <= 256 else 40)):
        docs = zipf_ids([length] * count, seed=length)
        wide = [ids.astype(np.int64)[:, None] for ids in docs]
        lengths = np.array([length], np.int32)
        contestants: dict[str, Contestant] = {}

        def native_run(encoder: Any, docs: list[np.ndarray] = docs) -> Contestant:
            return lambda: [encoder.document(ids) for ids in docs]

        def ort_run(session: Any, wide: Any = wide, lengths: Any = lengths) -> Contestant:
            return lambda: [session.run(None, {"x": x, "length": lengths}) for x in wide]

        for precision, encoder in ours.items():
            contestants[f"{precision} + table"] = native_run(encoder)
        contestants["int8, no table"] = native_run(bare)
        for name, session in sessions.items():
            contestants[name] = ort_run(session)
            want = session.run(None, {"x": wide[0], "length": lengths})[0].ravel()
            got = ours[name.split()[1]].document(docs[0])
            print(f"largest difference from {name}: {np.abs(want - got).max():.1e}")
        results.append(
            report(
                f"one document of {length} tokens, hidden {hidden}, 1 thread",
                measure(contestants, rounds),
                count,
                [
                    ("fp32 + table", ["ort fp32"], bars[0]),
                    ("bf16 + table", ["ort fp32"], None),
                    ("int8 + table", ["ort int8"], bars[1]),
                    ("int8, no table", ["ort int8"], None),
                ],
            )
        )
    return results


def bench_batch(hidden: int, rounds: int) -> list[dict]:
    """64 documents of mixed lengths on two threads."""
    from seqmap.runtime import native
    from seqmap.runtime.native_ops import NativeEncoder

    native.set_threads(2)
    weights = make_weights(hidden)
    lengths = imdb_lengths(64)
    docs = zipf_ids(lengths, seed=1)
    contestants: dict[str, Contestant] = {}
    for precision in ("fp32", "bf16", "int8"):
        encoder = NativeEncoder(weights, pooling="last", precision=precision, table_bytes=1 << 30)
        encoder.warm()
        contestants[f"{precision} + table"] = lambda encoder=encoder: encoder.run(docs).pooled
    order = np.argsort(lengths, kind="stable")
    # The same work sorted into padded buckets, for those that pad.
    widths = (8, 16, 64)
    buckets = {w: [order[i : i + w] for i in range(0, 64, w)] for w in widths}

    def padded(bucket: np.ndarray) -> np.ndarray:
        x = np.zeros((len(bucket), max(lengths[k] for k in bucket)), np.int64)
        for row, k in enumerate(bucket):
            x[row, : lengths[k]] = docs[k]
        return x

    peers = []
    if have("torch"):
        import torch

        torch.set_num_threads(2)
        run = torch_encoder(weights, hidden)
        for width in (8, 16):
            for bf16 in (False, True):
                name = f"torch {'bf16 ' if bf16 else ''}buckets of {width}"
                work = [
                    (torch.from_numpy(padded(b)), torch.tensor([lengths[k] for k in b]))
                    for b in buckets[width]
                ]
                contestants[name] = lambda work=work, bf16=bf16: [run(*w, bf16=bf16) for w in work]
                peers.append(name)
    if have("onnxruntime") and have("onnx"):
        session = onnx_session(weights, hidden, True, 2)
        for width in widths:
            name = f"ort int8 buckets of {width}"
            feeds = [
                {
                    "x": np.ascontiguousarray(padded(b).T),
                    "length": np.array([lengths[k] for k in b], np.int32),
                }
                for b in buckets[width]
            ]
            contestants[name] = lambda feeds=feeds: [session.run(None, f) for f in feeds]
            peers.append(name)
    bar = 4.0 if hidden == 128 else None
    return [
        report(
            f"64 documents of mixed lengths ({sum(lengths)} tokens), hidden {hidden}, 2 threads",
            measure(contestants, rounds),
            64,
            [
                (f"{p} + table", peers, bar if p == "int8" else None)
                for p in ("fp32", "bf16", "int8")
            ],
        )
    ]


def bench_stream(hidden: int, rounds: int) -> list[dict]:
    """One step after the other, called from Python, one thread."""
    from seqmap.runtime import native
    from seqmap.runtime.native_ops import NativeEncoder

    native.set_threads(1)
    weights = make_weights(hidden)
    steps = 2000
    tokens = zipf_ids([steps], seed=2)[0].tolist()
    contestants: dict[str, Contestant] = {}
    for precision in ("fp32", "bf16", "int8"):
        encoder = NativeEncoder(weights, pooling="last", precision=precision, table_bytes=1 << 30)
        encoder.warm()
        step = encoder.stream().step
        contestants[f"{precision} + table"] = lambda step=step: [step(token) for token in tokens]
    if have("ai_edge_litert"):
        litert = litert_step(weights, hidden)
        if litert is not None:
            contestants["litert int8"] = lambda: [litert(token) for token in tokens]
    if have("torch"):
        import torch

        torch.set_num_threads(1)
        run = torch_encoder(weights, hidden)
        few = [torch.tensor([[token]]) for token in tokens[: steps // 10]]

        def nn_lstm() -> None:
            state = None
            for _ in range(10):  # the same ids again: nn.LSTM has no table to be flattered
                for token in few:
                    state = run(token, None, state)

        contestants["nn.LSTM"] = nn_lstm
    return [
        report(
            f"streaming step from Python, hidden {hidden}, 1 thread",
            measure(contestants, rounds),
            steps,
            [
                ("int8 + table", ["litert int8"], 2.0 if hidden == 128 else None),
                ("int8 + table", ["nn.LSTM"], 20.0 if hidden == 128 else None),
            ],
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", nargs="*", default=["document", "batch", "stream"])
    parser.add_argument("--hidden", type=int, nargs="+", default=[128, 256, 512])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    from seqmap.runtime import native

    features = [name for name in native.FEATURES if native.has_feature(name)]
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, {native.isa()} {features}")
    pieces = {"document": bench_documents, "batch": bench_batch, "stream": bench_stream}
    results = []
    for work in options.work:
        for hidden in options.hidden:
            if work == "document" or hidden <= 256:
                results += pieces[work](hidden, options.rounds)
    if options.json:
        found = {"machine": machine, "isa": native.isa(), "features": features, "results": results}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
