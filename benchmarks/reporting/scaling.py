"""Several processes, and encoders and settings side by side."""

from __future__ import annotations

import json
from typing import Any

from reporting.rows import RESULTS


def scaling(content: dict[str, Any]) -> list[str]:
    """Return how much faster two processes are than one."""
    train, predict = content["train"], content["predict"]
    settings = ", ".join(content["settings"])
    return [
        "## Scaling (`benchmarks/scaling.py`)",
        "",
        f"{content['machine']}, which other work shared; medians of {content['rounds']} interleaved"
        f" rounds. Training: {content['examples']:,} reviews of imdb, {settings}, second epoch, dev"
        f" included. Predicting: {content['files']} files of {content['examples']:,} reviews, start"
        " and loading included (Ray's start is most of it here).",
        "",
        "| | 1 | 2 | ratio |",
        "|---|---|---|---|",
        f"| processes of torchrun, reviews/s | {train['1']:.0f} | {train['2']:.0f} |"
        f" {content['train_ratio']:.2f}× |",
        f"| processors of Ray, s | {predict['ray 1']:.1f} | {predict['ray 2']:.1f} |"
        f" {content['predict_ratio']:.2f}× |",
        "",
        f"Without Ray, in one process: {predict['local']:.1f} s.",
    ]


def comparing() -> list[str]:
    """Return what `seqmap compare` and `seqmap search` found on trec."""
    path = RESULTS / "comparing.json"
    if not path.exists():
        return ["Not measured."]
    content = json.loads(path.read_text(encoding="utf-8"))
    lines: list[str] = []
    if "compare" in content:
        lines += _compared(content["compare"])
    if "search" in content:
        lines += ["", *_searched(content["search"])]
    return lines


def _compared(found: dict[str, Any]) -> list[str]:
    lines = [
        f"`seqmap compare` on trec: {found['data']}. {found['budget']} Measured while other work"
        " ran: seconds are upper bounds.",
        "",
        "| encoder | accuracy | parameters | s / training | µs / token | MiB at 64 → 1,024"
        " | gradient 99 steps back | recall, adding, copy at 100 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found["outcomes"]:
        name, probed = one["name"], found["probes"][one["name"]]
        values = [metrics[found["metric"]] for metrics in one["metrics"]]
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / max(len(values) - 1, 1)) ** 0.5
        memory = [f"{found['memory'][name][n] / 2**20:.1f}" for n in ("64", "1024")]
        scores = [f"{by_distance['100']:.0%}" for by_distance in probed["score"].values()]
        star = " *" if name in found["front"] else ""
        lines.append(
            f"| {name}{star} | {mean:.4f} ± {spread:.4f} | {one['parameters']:,} |"
            f" {sum(one['seconds']) / len(one['seconds']):.1f} | {one['us_per_token']:.2f} |"
            f" {' → '.join(memory)} | {probed['gradients'][-1]:.1e} | {', '.join(scores)} |"
        )
    return [*lines, "", "\\* no other one is both better and faster."]


def _searched(found: dict[str, Any]) -> list[str]:
    winner = found["winner"]
    return [
        f"`seqmap search` on trec, {found['trials']} trials within 4 MB and 1 ms"
        f" ({', '.join(found['settings'])}): the winner has {found['metrics']['accuracy']:.4f} on"
        f" test, {winner['mean']:.4f} ± {winner['spread']:.4f} on dev over the seeds of the final,"
        f" {winner['size'] / 1e6:.2f} MB, {winner['latency'] * 1e6:.0f} µs an answer:"
        f" {', '.join(f'{key} {value}' for key, value in winner['values'].items())}.",
    ]
