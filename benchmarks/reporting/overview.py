"""One line for each task beside text classification, for the READMEs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reporting.numbers import FORECAST_BARS, SIGNAL_BARS
from reporting.rows import RESULTS, Row
from reporting.speaking import SPEAKING_BAR
from reporting.speech import AN4_BARS, DIGIT_BARS
from reporting.tagging import TAG_BARS
from reporting.translation import TRANSLATION_BARS


@dataclass(frozen=True)
class Figure:
    """What one set shows.

    Attributes:
        file: Of benchmarks/results, without its ending.
        name: The set, or the run.
        shown: What is done, and what is counted.
        plain: Where a row has the figures of plain models; the least of them is shown.
        own: Where it has that of seqmap.
        bar: What was to be reached.
        high: Whether more is better.
        digits: How many are shown, and compared.
    """

    file: str
    name: str
    shown: str
    plain: tuple[str, ...]
    own: str
    bar: float
    high: bool = True
    digits: int = 3


_RIGHT = (("baseline/accuracy",), "test/accuracy")
_NAIVE = ("naive", "seasonal")
_SHOWN = {"ETTh1": "forecast, squared error", "exchange_rate": "forecast, relative error"}

FIGURES = (
    *(
        Figure("tagging", name, "tag, F1", ("baseline/f1",), "test/f1", bar, digits=4)
        for name, (bar, _) in TAG_BARS.items()
    ),
    *(
        Figure(
            "translation", name, "translate, BLEU", ("baseline/bleu",), "test/bleu", bar, digits=1
        )
        for name, bar in TRANSLATION_BARS.items()
    ),
    *(
        Figure("speech", name, "transcribe, word errors", (), "test/wer", bar, high=False)
        for name, (_, bar) in AN4_BARS.items()
    ),
    *(
        Figure("speech", name, "transcribe digits, accuracy", *_RIGHT, bar)
        for name, bar in DIGIT_BARS.items()
    ),
    Figure(
        "speaking",
        "fsdd",
        "speak digits, read by a transcriber",
        ("heard_recordings",),
        "heard/accuracy",
        SPEAKING_BAR,
    ),
    *(
        Figure(
            "forecast",
            name,
            _SHOWN[name],
            tuple(f"baselines/{plain}/{metric}" for plain in _NAIVE),
            f"test/{metric}",
            bar,
            high=False,
            digits=4,
        )
        for name, (metric, bar) in FORECAST_BARS.items()
    ),
    *(
        Figure("signals", name, "classify signals, accuracy", *_RIGHT, bar)
        for name, bar in SIGNAL_BARS.items()
    ),
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
    return [
        row
        for row in rows
        if figure.name in (row.get("set"), row.get("run")) and row.get("share", 1.0) == 1.0
    ]


def _at(row: Row, path: str) -> float | None:
    """Return what stands at a path of keys; None where there is nothing."""
    found: Any = row
    for key in path.split("/"):
        found = found and found[key]
    return None if found is None else float(found)


def _own(figure: Figure, row: Row) -> float:
    found = _at(row, figure.own)
    assert found is not None, (figure.name, figure.own)
    return found


def _plain(figure: Figure, row: Row) -> float | None:
    found = [value for path in figure.plain if (value := _at(row, path)) is not None]
    return min(found, default=None)


def _line(figure: Figure, rows: Sequence[Row]) -> str:
    # The newest of each seed, or of each seed and speaker; plain models have no seed.
    newest = {(row["seed"], row.get("speaker", "")): row for row in rows}
    own = statistics.fmean(_own(figure, row) for row in newest.values())
    beside = [_plain(figure, row) for row in newest.values()]
    if None in beside:
        beside = [_plain(figure, row) for row in rows]
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
