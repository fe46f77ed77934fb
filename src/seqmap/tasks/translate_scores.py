"""How well texts were written: BLEU and chrF by sacrebleu, and how many are exactly right."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

from seqmap.data.pairs import Pair
from seqmap.errors import MissingExtraError
from seqmap.metrics import display_width
from seqmap.scripts import UNSPACED
from seqmap.tasks.base import Evaluation

_UNSPACED = re.compile(f"[{UNSPACED}]")
_HAN_TOKENIZER = "zh"
_SHOWN = 5
_WIDTH = 76


def score_texts(answers: Sequence[str], truth: Sequence[Pair]) -> Evaluation:
    """Score answers against the true targets; a source with several targets has as many references.

    Args:
        answers: One for each of `truth`.
        truth: Pairs; those that share a source are references of each other.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    texts, references = _grouped(answers, truth)
    exact = sum(text in own for text, own in zip(texts, references, strict=True)) / len(texts)
    bleu, chrf = corpus_scores(texts, references)
    metrics = {"bleu": bleu["score"], "chrf": chrf["score"], "exact": exact}
    lines = [
        f"{'BLEU':<8}{bleu['score']:>8.2f}   {bleu['signature']}",
        f"{'chrF':<8}{chrf['score']:>8.2f}   {chrf['signature']}",
        f"{'exact':<8}{100 * exact:>7.2f}%   of {len(texts):,} texts",
        *_wrong(texts, references, truth),
    ]
    lower = corpus_scores(texts, references, lowercase=True)[0]
    details = {
        "signatures": {"bleu": bleu["signature"], "chrf": chrf["signature"]},
        "bleu_lowercase": lower["score"],
        "bleu_details": bleu["details"],
    }
    return Evaluation(metrics, "\n".join(lines), details)


def corpus_scores(
    texts: Sequence[str], references: Sequence[Sequence[str]], *, lowercase: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return BLEU and chrF of sacrebleu, each as score, signature and details.

    BLEU cuts texts as `13a`; where the references are in a script without blanks, as `zh`.

    Raises:
        MissingExtraError: sacrebleu is not installed.
    """
    try:
        metrics = importlib.import_module("sacrebleu.metrics")
    except ImportError:
        raise MissingExtraError("sacrebleu", "train") from None
    most = max(map(len, references))
    streams = [[own[min(n, len(own) - 1)] for own in references] for n in range(most)]
    unspaced = sum(_UNSPACED.search(own[0]) is not None for own in references)
    tokenizer = _HAN_TOKENIZER if 2 * unspaced > len(references) else "13a"
    found = []
    for metric in (
        metrics.BLEU(tokenize=tokenizer, lowercase=lowercase),
        metrics.CHRF(lowercase=lowercase),
    ):
        score = metric.corpus_score(list(texts), streams)
        signature = str(metric.get_signature())
        found.append({"score": float(score.score), "signature": signature, "details": str(score)})
    return found[0], found[1]


def _grouped(
    answers: Sequence[str], truth: Sequence[Pair]
) -> tuple[list[str], list[tuple[str, ...]]]:
    """Return each source's answer once, with all of its targets."""
    targets: dict[str, dict[str, None]] = {}
    found: dict[str, str] = {}
    for answer, pair in zip(answers, truth, strict=True):
        targets.setdefault(pair.source, {})[" ".join(pair.target.split())] = None
        found.setdefault(pair.source, answer)
    return list(found.values()), [tuple(own) for own in targets.values()]


def _wrong(
    texts: Sequence[str], references: Sequence[Sequence[str]], truth: Sequence[Pair]
) -> list[str]:
    """Show some answers that are not right."""
    sources = list(dict.fromkeys(pair.source for pair in truth))
    wrong = [
        (source, own[0], text)
        for source, own, text in zip(sources, references, texts, strict=True)
        if text not in own
    ][:_SHOWN]
    lines = []
    for source, true, text in wrong:
        lines += ["", f"  {_cut(source)}", f"  = {_cut(true)}", f"  ≠ {_cut(text)}"]
    return lines


def _cut(text: str) -> str:
    shown = " ".join(text.split())
    if display_width(shown) <= _WIDTH:
        return shown
    while display_width(shown) > _WIDTH - 1:
        shown = shown[:-1]
    return shown + "…"
