"""The plain model that taggers are shown beside: a CRF on windows of words, shapes and affixes.

The usual features of such a model (Okazaki's crfsuite examples, Ratinov & Roth 2009), at fixed
settings: nothing is tuned on what is measured. It needs `sklearn-crfsuite`, which is not needed for
anything else; where it is missing there is no baseline.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from seqmap.data.tagging import Sentence, spans_of
from seqmap.features.forms import shape
from seqmap.span_metrics import span_report
from seqmap.tasks.tag import TagSet
from seqmap.training.job import Reference

_ROUNDS = 100
_L1, _L2 = 0.1, 0.1
_REACH = 2
TITLE = "feature-window CRF (words, affixes, shapes)"


def tag_reference(
    train: Sequence[Sentence], test: Sequence[Sentence], targets: TagSet
) -> Reference | None:
    """Fit the feature-window CRF on `train` and measure it on `test`; None where it is missing."""
    try:
        import pycrfsuite
    except ImportError:
        return None
    found, seconds = _fit_and_tag(pycrfsuite, train, test)
    pairs = (pair for s, g in zip(test, found, strict=True) for pair in zip(s.tags, g, strict=True))
    right = sum(true == given for true, given in pairs)
    metrics = {"accuracy": right / max(1, sum(len(s.tokens) for s in test))}
    if targets.spans:
        report = span_report([spans_of(s.tags) for s in test], [spans_of(tags) for tags in found])
        total = report.overall
        metrics |= {"f1": total.f1, "precision": total.precision, "recall": total.recall}
    return Reference(f"{TITLE}, {seconds:.0f} s", metrics)


def _fit_and_tag(
    pycrfsuite: Any, train: Sequence[Sentence], test: Sequence[Sentence]
) -> tuple[list[list[str]], float]:
    import tempfile
    from pathlib import Path

    started = time.perf_counter()
    trainer = pycrfsuite.Trainer(verbose=False)
    for sentence in train:
        trainer.append(window_features(sentence.tokens), list(sentence.tags))
    trainer.set_params(
        {
            "c1": _L1,
            "c2": _L2,
            "max_iterations": _ROUNDS,
            "feature.possible_transitions": True,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        model = str(Path(folder) / "crf")
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open(model)
        found = [list(tagger.tag(window_features(s.tokens))) if s.tokens else [] for s in test]
        tagger.close()
    return found, time.perf_counter() - started


def window_features(tokens: Sequence[str]) -> list[list[str]]:
    """Return the features of each token: it and two to either side, and pairs of neighbours."""
    own = [_own(token) for token in tokens]
    low = ["<s>", *(token.lower() for token in tokens), "</s>"]
    rows = []
    for place in range(len(tokens)):
        row = ["bias"]
        for shift in range(-_REACH, _REACH + 1):
            there = place + shift
            if 0 <= there < len(tokens):
                row += [f"{shift}:{name}" for name in own[there]]
            else:
                row.append(f"{shift}:out")
        row.append(f"pair-1={low[place]}|{low[place + 1]}")
        row.append(f"pair+1={low[place + 1]}|{low[place + 2]}")
        rows.append(row)
    return rows


def _own(token: str) -> list[str]:
    low = token.lower()
    names = [f"w={token}", f"l={low}", f"s={shape(token)}"]
    names += [f"p{n}={low[:n]}" for n in range(1, min(4, len(low) - 1) + 1)]
    names += [f"e{n}={low[-n:]}" for n in range(1, min(4, len(low) - 1) + 1)]
    return names
