"""The steps of `seqmap demo --task translate`: dates, numbers, phrases; LSTM with attention."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data.pairs import Pair
from seqmap.demo import show
from seqmap.demo.deployed import ask_new_process
from seqmap.evaluate import evaluate
from seqmap.explanation_plot import alignment_picture
from seqmap.runtime.session import load
from seqmap.runtime.translate import TranslateSession
from seqmap.samples.phrases import KINDS, SYNTHETIC_NOTICE, Phrases, phrases
from seqmap.tasks import find_task
from seqmap.tasks.translate import Translate
from seqmap.training import Reference, reference, train

# Small, so that it trains in two minutes.
CONFIG = (
    Translate()
    .config()
    .replace(
        text__vocabulary=500,
        embedding__size=96,
        embedding__dropout=0.1,
        embedding__word_dropout=0.0,
        encoder__hidden=96,
        head__dropout=0.1,
        head__label_smoothing=0.05,
        translate__hidden=160,
        translate__layers=2,
        translate__dropout=0.1,
        train__epochs=14,
        train__batch_size=48,
        train__learning_rate=5e-3,
        train__average=0.99,
    )
)

TEXTS = (
    "the thirty-first of October, nineteen eighty-seven",
    "twelve thousand three hundred and forty-five",
    "二〇二六年五月二十日",
    "She wants to buy three red umbrellas.",
    "我们昨天买了两只漂亮的猫。",
)
SHOWN = 3
"""Which of these the picture shows."""


def run_demo(out: Path, screen: Screen, *, config: Config = CONFIG) -> None:
    """Go from pairs to a deployed translator, and show each step.

    Args:
        out: Folder for the model, the page and the picture; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model = make_folder(out) / "phrases.seqmap"
    parts, task = phrases(), find_task("translate")
    screen.result(show.heading("Data") + "\n" + _data(parts))

    screen.result(show.heading("Training") + "\n" + _network(config))
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(task, parts.train, parts.dev, config=config, out=model, watch=watch)
    screen.result(f"{len(trained.history)} epochs in {trained.seconds:.1f} s")

    session = load(model)
    assert isinstance(session, TranslateSession)
    evaluation = evaluate(session, parts.test)
    title = f"Test: {len(parts.test):,} texts that training did not see"
    screen.result(show.heading(title) + "\n" + evaluation.report())
    plain = reference(task, parts.train, parts.test, None)
    kinds = exact_by_kind(session, parts.test, parts.kinds)
    screen.result("\n" + _by_kind(kinds, evaluation.metrics["exact"], plain))

    deployed = ask_new_process(model, few=TEXTS, many=[pair.source for pair in parts.test[:300]])
    screen.result(show.heading("Deployed: one file, no torch"))
    screen.result(show.deployment(model, deployed))
    screen.result(show.heading("Its answers"))
    screen.result(_answers(TEXTS, [str(answer["text"]) for answer in deployed.answers]))

    alignment = session.explain(TEXTS[SHOWN], what_if=TEXTS[SHOWN + 1 :])
    html, picture = out / "alignment.html", out / "alignment.png"
    html.write_text(alignment.html(), encoding="utf-8")
    alignment_picture(alignment, picture)
    seconds = time.perf_counter() - started
    screen.result(show.heading("Written"))
    screen.result("\n".join(f"  {path}" for path in (model, html, picture)))
    screen.result(f'\nTry: seqmap predict {model} --text "…"\nDone in {seconds:.0f} s.')
    screen.close(
        {
            "task": "translate",
            "synthetic": True,
            "metrics": evaluation.metrics,
            "exact_by_kind": kinds,
            "baseline": None if plain is None else plain.metrics,
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "epochs": len(trained.history),
            "deployed": deployed.to_dict(),
            "model": str(model),
            "size_bytes": model.stat().st_size,
            "pictures": [str(picture)],
            "page": str(html),
        }
    )


def exact_by_kind(
    session: TranslateSession, pairs: Sequence[Pair], kinds: Mapping[str, str]
) -> dict[str, float]:
    """Return the share of exact answers of each kind of pair."""
    right: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    answers = session.predict([pair.source for pair in pairs])
    for pair, answer in zip(pairs, answers, strict=True):
        right[kinds[pair.source]].append(answer.text == pair.target)
    return {kind: sum(own) / len(own) for kind, own in right.items() if own}


def _data(parts: Phrases) -> str:
    seen: dict[str, Pair] = {}
    for pair in parts.train:
        seen.setdefault(parts.kinds[pair.source], pair)
    shown = [show.wrap(f"{pair.source} → {pair.target}", indent=4) for pair in seen.values()]
    return "\n".join(
        [
            SYNTHETIC_NOTICE,
            f"{len(parts.train):,} to learn from, {len(parts.dev):,} to choose on, "
            f"{len(parts.test):,} to measure on. One of each kind:",
            "",
            *shown,
        ]
    )


def _network(config: Config) -> str:
    own, encoder = config.translate, config.encoder
    return show.wrap(
        f"subwords → embedding {config.embedding.size} → {encoder.name.upper()} "
        f"{encoder.hidden}×2 → attention ({own.attention}) → {own.layers}×LSTM {own.hidden} → "
        "subwords",
        indent=2,
    )


def _by_kind(kinds: Mapping[str, float], exact: float, plain: Reference | None) -> str:
    lines = [f"{'exactly right':<24}{'share':>8}"]
    lines += [f"{kind:<24}{100 * share:>7.1f}%" for kind, share in kinds.items()]
    lines.append(f"{'all':<24}{100 * exact:>7.1f}%")
    if plain is not None:
        lines.append(f"{plain.title}: {100 * plain.metrics['exact']:.1f}%")
    return "\n".join(lines)


def _answers(texts: Sequence[str], answers: Sequence[str]) -> str:
    pairs = zip(texts, answers, strict=True)
    return "\n".join(show.wrap(f"{text} → {answer}", indent=4) for text, answer in pairs)
