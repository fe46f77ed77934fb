"""How long a fresh process takes until its first answer, and how much memory.

    python benchmarks/startup.py [--rounds 15] [--model M.seqmap ...]

Each contestant runs in a process of its own, by turns; figures are medians over the rounds. The
clock starts before the first import and stops after the first answer (starting Python itself, and
NumPy alone, are shown beside it). Memory is the resident peak; "beyond the table" leaves out the
model's arrays and the rows of the token table, which a larger vocabulary would make larger.
Without --model, the model has random weights: 20,000 words, embedding 128, LSTM 128, both ways.
Peers that are not installed are left out. Writes results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "startup.json"
VOCABULARY = 20_000
BARS = {"milliseconds": 120.0, "mebibytes": 45.0}

# What every contestant ends with: the figures on the last line. VmHWM is the resident peak.
_END = """
took = (time.perf_counter() - begun) * 1e3
import json
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({"milliseconds": took, "kibibytes": int(status["VmHWM"].split()[0]),
                  "table": table, "modules": len(sys.modules)}))
"""
_BEGIN = "import sys, time\nbegun = time.perf_counter()\ntable = 0\n"
SEQMAP = """
from seqmap import load
model = load(sys.argv[1])
model.predict(["It was not awful at all ."])
encoder = getattr(model.network, "encoder", None)
table = sum(a.nbytes for a in model.archive.arrays.values()) + getattr(encoder, "table_bytes", 0)
"""
TORCH = """
import torch
table_ = torch.nn.Embedding(20000, 128)
lstm = torch.nn.LSTM(128, 128, bidirectional=True, batch_first=True)
with torch.inference_mode():
    lstm(table_(torch.tensor([[1, 2, 3, 4, 5, 6, 7]])))
table = table_.weight.nbytes
"""
ONNX = """
import onnxruntime
options = onnxruntime.SessionOptions()
"""


def random_model(path: Path) -> None:
    """Write a bidirectional classifier with random weights."""
    from seqmap.codecs import fit_codec
    from seqmap.config import Config
    from seqmap.runtime.archive import FORMAT, Archive, save

    config = Config().replace(text__unit="word", text__vocabulary=VOCABULARY, wide__kind="none")
    words = (f"w{n}" for n in range(VOCABULARY - 20))
    codec = fit_codec([" ".join(words), "It was not awful at all ."], config.text)
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(scale=0.08, size=shape).astype(np.float32)

    state, arrays = codec.to_state()
    hidden = config.encoder.hidden
    arrays["embedding.weight"] = draw(codec.size, config.embedding.size)
    for side in ("forward", "backward"):
        name = f"encoder.layers.0.{side}"
        arrays[f"{name}.w_ih"] = draw(4 * hidden, config.embedding.size)
        arrays[f"{name}.w_hh"] = draw(4 * hidden, hidden)
        arrays[f"{name}.bias"] = draw(4 * hidden)
    arrays["head.weight"], arrays["head.bias"] = draw(2, 4 * hidden), draw(2)
    manifest = {
        "format": FORMAT,
        "seqmap": "0",
        "task": "classify",
        "config": config.to_dict(),
        "source": state,
        "target": {"labels": ["no", "yes"], "multi": False},
        "wide": None,
        "calibration": {"deep": 1.0, "wide": 0.0},
        "metrics": {},
    }
    save(Archive(manifest, arrays), path)


def contestants(models: dict[str, Path]) -> dict[str, tuple[str, list[str], dict[str, str]]]:
    """Return code, arguments and environment of each."""
    found: dict[str, tuple[str, list[str], dict[str, str]]] = {
        "Python alone": ("", [], {}),
        "NumPy alone": ("import numpy\n", [], {}),
    }
    for name, path in models.items():
        found[f"seqmap, {name}"] = (SEQMAP, [str(path)], {})
    first = next(iter(models.values()))
    found["seqmap without the native core"] = (SEQMAP, [str(first)], {"SEQMAP_LIBRARY": "none"})
    for name, code in (("torch, nn.LSTM", TORCH), ("onnxruntime, import alone", ONNX)):
        module = "torch" if code is TORCH else "onnxruntime"
        try:
            __import__(module)
        except ImportError:
            print(f"{module} is not installed: left out", file=sys.stderr)
            continue
        found[name] = (code, [], {})
    return found


def once(code: str, arguments: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run one contestant in a fresh process."""
    # Installed packages have their bytecode: a set-up that forbids it would measure the
    # compiler.
    usual = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + code + _END, *arguments],
        env={**usual, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
        cwd=HERE,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(models: dict[str, Path], rounds: int) -> dict[str, dict[str, float]]:
    """Take turns; return the medians."""
    runs: dict[str, list[dict[str, Any]]] = {}
    work = contestants(models)
    for name in work:
        once(*work[name])  # files into the cache
    for _ in range(rounds):
        for name in work:
            runs.setdefault(name, []).append(once(*work[name]))
    rows = {}
    for name, found in runs.items():
        rows[name] = {
            "milliseconds": statistics.median(run["milliseconds"] for run in found),
            "slowest": max(run["milliseconds"] for run in found),
            "mebibytes": statistics.median(run["kibibytes"] for run in found) / 1024,
            "beyond_table": statistics.median(
                run["kibibytes"] / 1024 - run["table"] / (1 << 20) for run in found
            ),
            "modules": found[0]["modules"],
        }
    return rows


def main() -> None:
    """Measure, print, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--model", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.seqmap"
        random_model(path)
        small = Path(folder) / "small.seqmap"
        from seqmap.runtime.archive import read, save
        from seqmap.runtime.quantize import quantized

        save(quantized(read(path), "int8"), small)
        models = {"fp32": path, "int8 archive": small}
        models |= {given.stem: given for given in arguments.model}
        rows = measure(models, arguments.rounds)
    for name, row in rows.items():
        print(
            f"{name:32s} {row['milliseconds']:7.1f} ms  {row['mebibytes']:6.1f} MiB"
            f"  {row['beyond_table']:6.1f} beyond the table  {row['modules']:5.0f} modules"
        )
    content = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "rounds": arguments.rounds,
        "vocabulary": VOCABULARY,
        "bars": BARS,
        "rows": rows,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
