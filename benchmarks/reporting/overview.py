"""One line for each task beside text classification, for the READMEs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reporting.rows import RESULTS, Row


@dataclass(frozen=True)
class Figure:
    """What one set shows.

    Attributes:
        file: Of benchmarks/results, without its ending.
        key: What names the set in a row.
        name: The set.
        shown: What is done, and what is counted.
        plain: The figure of the plain model, if a row has it.
        own: That of seqmap.
        bar: What was to be reached.
        high: Whether more is better.
        digits: How many are shown, and compared.
    """

    file: str
    key: str
    name: str
    shown: str
    plain: Callable[[Row], float | None]
    own: Callable[[Row], float]
    bar: float
    high: bool = True
    digits: int = 3


def _f1(row: Row) -> float | None:
    return row["baseline"]["f1"] if row["baseline"] else None


def _bleu(row: Row) -> float | None:
    return row["baseline"]["bleu"] if row["baseline"] else None


def _tag(name: str, bar: float) -> Figure:
    own = lambda r: r["test"]["f1"]  # noqa: E731
    return Figure("tagging", "set", name, "tag, F1", _f1, own, bar, digits=4)


def _pairs(name: str, bar: float) -> Figure:
    shown, own = "translate, BLEU", lambda r: r["test"]["bleu"]  # noqa: E731
    return Figure("translation", "run", name, shown, _bleu, own, bar, digits=1)


def _signal(name: str, bar: float) -> Figure:
    return Figure(
        "signals",
        "set",
        name,
        "classify signals, accuracy",
        lambda r: r["baseline"]["accuracy"],
        lambda r: r["test"]["accuracy"],
        bar,
    )


def _series(name: str, shown: str, metric: str, bar: float) -> Figure:
    return Figure(
        "forecast",
        "set",
        name,
        shown,
        lambda r: min(r["baselines"][k][metric] for k in ("naive", "seasonal")),
        lambda r: r["test"][metric],
        bar,
        high=False,
        digits=4,
    )


def _words(name: str, bar: float) -> Figure:
    shown, own = "transcribe, word errors", lambda r: r["test"]["wer"]  # noqa: E731
    return Figure("speech", "set", name, shown, lambda r: None, own, bar, high=False)


def _digits(name: str, bar: float) -> Figure:
    return Figure(
        "speech",
        "set",
        name,
        "transcribe digits, accuracy",
        lambda r: r["baseline"]["accuracy"],
        lambda r: r["test"]["accuracy"],
        bar,
    )


FIGURES = (
    _tag("resume_ner", 0.945),
    _tag("wikiann_en", 0.80),
    _tag("wnut17", 0.22),
    _tag("wikineural_en", 0.87),
    _pairs("en-de-lstm", 36.0),
    _pairs("en-de-hybrid", 37.5),
    _pairs("en-fr-hybrid", 57.0),
    _words("an4", 0.08),
    _words("an4_stream", 0.12),
    _digits("fsdd", 0.99),
    _digits("fsdd_voices", 0.93),
    Figure(
        "speaking",
        "set",
        "fsdd",
        "speak digits, read by a transcriber",
        lambda r: r["heard_recordings"],
        lambda r: r["heard"]["accuracy"],
        0.95,
    ),
    _series("ETTh1", "forecast, squared error", "mse_scaled", 0.0255),
    _series("exchange_rate", "forecast, relative error", "rse", 0.0171),
    _signal("japanesevowels", 0.98),
    _signal("basicmotions", 0.975),
    _signal("indoor_movement", 0.90),
)

WORDS = {
    "| task | set | plain model | seqmap | bar | met | seeds |": (
        "| 任务 | 数据集 | 简单模型 | seqmap | 目标 | 达到 | 种子 |"
    ),
    "tag, F1": "标注，F1",
    "translate, BLEU": "翻译，BLEU",
    "classify signals, accuracy": "信号分类，准确率",
    "forecast, squared error": "预测，平方误差",
    "forecast, relative error": "预测，相对误差",
    "transcribe, word errors": "语音识别，词错误率",
    "transcribe digits, accuracy": "数字识别，准确率",
    "speak digits, read by a transcriber": "语音合成数字，识别正确率",
    "| yes |": "| 是 |",
    "| **no** |": "| **否** |",
}


def overview_table() -> list[str]:
    """Return the table, in Markdown; what was not measured has no line."""
    lines = ["| task | set | plain model | seqmap | bar | met | seeds |", "|---" * 7 + "|"]
    for figure in FIGURES:
        rows = _rows(figure)
        if rows:
            lines.append(_line(figure, rows))
    return lines


def overview_in_chinese(line: str) -> str:
    """Return a line of the table with its words in Chinese."""
    for english, chinese in WORDS.items():
        line = line.replace(english, chinese)
    return line


def _rows(figure: Figure) -> list[Row]:
    """Return all rows of the whole set, the newest last."""
    path = RESULTS / f"{figure.file}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = map(json.loads, lines)
    return [r for r in rows if r[figure.key] == figure.name and r.get("share", 1.0) == 1.0]


def _line(figure: Figure, rows: Sequence[Row]) -> str:
    # The newest of each seed, or of each seed and speaker; plain models have no seed.
    newest = {(row["seed"], row.get("speaker", "")): row for row in rows}
    own = statistics.fmean(figure.own(row) for row in newest.values())
    beside = [figure.plain(row) for row in newest.values()]
    if None in beside:
        beside = [figure.plain(row) for row in rows]
    known = [value for value in beside if value is not None]
    mean = f"{statistics.fmean(known):.{figure.digits}f}" if known else "–"
    # A bar is met to the digits in which it was set.
    found = round(own, figure.digits)
    met = found >= figure.bar if figure.high else found <= figure.bar
    cells = [
        figure.shown,
        figure.name,
        mean,
        f"{own:.{figure.digits}f}",
        f"{'≥' if figure.high else '≤'} {figure.bar:g}",
        "yes" if met else "**no**",
        str(len({row["seed"] for row in newest.values()})),
    ]
    return f"| {' | '.join(cells)} |"
