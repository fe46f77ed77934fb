"""Text classification: accuracies beside the linear baseline."""

from __future__ import annotations

import json
import statistics
from collections import defaultdict

from reporting.rows import RESULTS, Row, mean_sd

# set -> (metric, bar, what was measured on)
BARS: dict[str, tuple[tuple[tuple[str, str, float], ...], str]] = {
    "imdb": (
        (("test", "accuracy", 0.918), ("lstm_alone", "accuracy", 0.905)),
        "official train / test; a stratified tenth of train is dev",
    ),
    "sst2": ((("test", "accuracy", 0.830),), "official train / dev / test, whole sentences"),
    "mr": ((("test", "accuracy", 0.795),), "10 stratified folds, seed 42"),
    "trec": ((("test", "accuracy", 0.920),), "official train / test, 6 classes"),
    "sms_spam": (
        (("test", "accuracy", 0.990), ("test", "f1", 0.96)),
        "80/20, stratified, seed 42; F1 is that of spam",
    ),
    "ag_news": ((("test", "accuracy", 0.877),), "12,000 of the training texts, official test"),
    "thucnews_titles": ((("test", "accuracy", 0.908),), "45,000 titles, official dev / test"),
    "chnsenticorp_htl": ((("test", "accuracy", 0.912),), "90/10, stratified, seed 42"),
    "waimai_10k": ((("test", "accuracy", 0.897),), "90/10, stratified, seed 42"),
}


NAMES = {"test": "LSTM + wide", "lstm_alone": "LSTM alone", "baseline": "linear baseline"}


def rows_of(name: str) -> list[Row]:
    """Return the runs of a set, the newest of each fold and seed."""
    path = RESULTS / "accuracy.jsonl"
    newest: dict[tuple[int, int], Row] = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["set"] == name:
                newest[row["fold"], row["seed"]] = row
    return [newest[key] for key in sorted(newest)]


def by_seed(rows: list[Row], branch: str, metric: str) -> list[float]:
    """Return one figure a seed: the mean over its folds."""
    seeds: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        seeds[row["seed"]].append(row[branch][metric])
    return [statistics.fmean(values) for values in seeds.values()]


def accuracy_table() -> list[str]:
    """Return the table of accuracies, in Markdown."""
    lines = [
        "| set | split | linear baseline | LSTM alone | LSTM + wide | bar | met | s / run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (bars, split) in BARS.items():
        rows = rows_of(name)
        if not rows:
            lines.append(f"| {name} | {split} | – | – | – | {_bars(bars)} | not measured | |")
            continue
        cells = [
            mean_sd(by_seed(rows, branch, "accuracy"))
            for branch in ("baseline", "lstm_alone", "test")
        ]
        cells[0] = f"{statistics.fmean(r['baseline']['accuracy'] for r in rows):.4f}"
        extra = [b for b in bars if b[1] == "f1"]
        if extra:
            cells[2] += f"; F1 {mean_sd(by_seed(rows, 'test', 'f1'))}"
        met = [
            statistics.fmean(by_seed(rows, branch, metric)) >= bar for branch, metric, bar in bars
        ]
        seconds = statistics.fmean(row["seconds"] for row in rows)
        cells += [_bars(bars), "yes" if all(met) else "**no**", f"{seconds:.0f}"]
        lines.append(f"| {name} | {split} | {' | '.join(cells)} |")
    return lines


def _bars(bars: tuple[tuple[str, str, float], ...]) -> str:
    def one(branch: str, metric: str, bar: float) -> str:
        note = " F1" if metric == "f1" else (" alone" if branch == "lstm_alone" else "")
        return f"≥ {bar:.3f}{note}"

    return ", ".join(one(*bar) for bar in bars)


CHINESE = {
    "| set | split | linear baseline | LSTM alone | LSTM + wide | bar | met | s / run |": (
        "| 数据集 | 划分 | 线性基线 | 仅 LSTM | LSTM + n 元分支 | 目标 | 达到 | 秒 / 次 |"
    ),
    "official train / test; a stratified tenth of train is dev": (
        "官方训练/测试集；开发集为训练集的十分之一（分层）"
    ),
    "official train / dev / test, whole sentences": "官方训练/开发/测试集，整句",
    "official train / test, 6 classes": "官方训练/测试集，6 类",
    "10 stratified folds, seed 42": "分层 10 折，种子 42",
    "80/20, stratified, seed 42; F1 is that of spam": "80/20 分层，种子 42；F1 指垃圾短信",
    "90/10, stratified, seed 42": "90/10 分层，种子 42",
    "12,000 of the training texts, official test": "12,000 条训练文本，官方测试集",
    "45,000 titles, official dev / test": "45,000 条标题，官方开发/测试集",
    " alone |": "（仅 LSTM）|",
    "| yes |": "| 是 |",
    "| **no** |": "| **否** |",
    "not measured": "未测",
}


def in_chinese(line: str) -> str:
    """Return a line of the accuracy table with its words in Chinese."""
    for english, chinese in CHINESE.items():
        line = line.replace(english, chinese)
    return line
