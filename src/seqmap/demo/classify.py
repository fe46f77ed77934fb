"""The steps of `seqmap demo --task classify`: synthetic reviews, an LSTM, a linear model."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqmap import plots
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.demo import show
from seqmap.demo.deployed import ask_new_process
from seqmap.evaluate import evaluate
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.session import load
from seqmap.samples.reviews import LABELS, Reviews, reviews, sentences
from seqmap.tasks import Evaluation, find_task
from seqmap.training import Trained, train
from seqmap.training.baseline import Baseline, linear_baseline

# Small, so that it trains in seconds. The wide branch is off: the point is what the LSTM adds.
CONFIG = Config().replace(
    text__unit="word",
    embedding__size=64,
    embedding__dropout=0.1,
    embedding__word_dropout=0.02,
    encoder__name="lstm",
    encoder__hidden=64,
    encoder__direction="both",
    head__pooling="mean-max",
    head__dropout=0.2,
    head__label_smoothing=0.0,
    wide__kind="none",
    train__epochs=14,
    train__batch_size=16,
    train__learning_rate=6e-3,
    train__average=0.95,
    train__clip=0.5,
)

# Texts that differ in one phrase, `before{one|other}after`, and in their meaning altogether.
PAIRS = (
    "My neighbour had told me that the soup was awful. We talked about it on the phone for six "
    "minutes. {It turned out to be true, all of it.|None of it turned out to be true.}",
    "I took two of her novels along, one for each week. In the first the plot was gripping from "
    "start to finish; in the second the plot was boring from start to finish. I took notes every "
    "Monday. This review is about the {former|latter}.",
    "刚开始的时候电池特别耐用。家里有一只猫，还有三盆花。{直到今天一点都没有变|如今一切都变了}。",
)


def run_demo(out: Path, screen: Screen, *, config: Config = CONFIG) -> None:
    """Go from data to a deployed model, and show each step.

    Args:
        out: Folder for the model and the pictures; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model = make_folder(out) / "reviews.seqmap"
    parts = reviews()
    screen.result(show.heading("Data") + "\n" + show.data(parts))

    screen.result(show.heading("Training") + "\n" + show.network(config))
    with TrainingProgress(screen, find_task("classify").headline) as watch:
        trained = train(
            find_task("classify"), parts.train, parts.dev, config=config, out=model, watch=watch
        )
    screen.result(show.curves(trained))

    session = load(model)
    assert isinstance(session, ClassifySession)
    evaluation = evaluate(session, parts.test)
    screen.result(show.heading(f"Test: {len(parts.test):,} reviews that training never saw"))
    screen.result(evaluation.report())

    texts = [example.text for example in parts.test]
    baseline = linear_baseline(parts.train, parts.test)
    figures = _compare(parts, session.predict_proba(texts), baseline)
    screen.result(show.heading("The LSTM beside a linear model"))
    screen.result(show.comparison(figures, baseline, trained))

    pairs = [_split(pair) for pair in PAIRS]
    few = [before + phrase + after for before, one, two, after in pairs for phrase in (one, two)]
    deployed = ask_new_process(model, few=few, many=texts)
    screen.result(show.heading("Deployed: one file, no torch"))
    screen.result(show.deployment(model, deployed))
    screen.result(show.heading("Its answers: one phrase apart"))
    screen.result(show.answers(pairs, deployed))

    pictures = _draw(out, trained, evaluation, baseline)
    seconds = time.perf_counter() - started
    screen.result(show.heading("Written"))
    screen.result("\n".join(f"  {path}" for path in (model, *pictures)))
    screen.result(f'\nTry: seqmap predict {model} --text "…"\nDone in {seconds:.0f} s.')
    screen.close(
        {
            "task": "classify",
            "synthetic": True,
            "metrics": evaluation.metrics,
            "baseline": baseline.metrics,
            "accuracy_by_kind": figures,
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "epochs": len(trained.history),
            "deployed": deployed.to_dict(),
            "model": str(model),
            "size_bytes": model.stat().st_size,
            "pictures": [str(path) for path in pictures],
        }
    )


def _compare(parts: Reviews, answers: NDArray[np.float64], baseline: Baseline) -> show.Comparison:
    """Return the accuracy of both models on all reviews, and on either kind of them."""
    count = len(parts.train) + len(parts.dev) + len(parts.test)
    patterns = [sentence.pattern for sentence in sentences(count)][-len(parts.test) :]
    plain = np.array([pattern == "plain" for pattern in patterns])
    truth = np.array([LABELS.index(example.labels[0]) for example in parts.test])
    right = {
        "linear": baseline.probabilities.argmax(axis=1) == truth,
        "lstm": answers.argmax(axis=1) == truth,
    }
    kinds = {"all": np.ones_like(plain), "plain": plain, "turned": ~plain}
    return {
        kind: {"examples": int(held.sum()), **{n: float(r[held].mean()) for n, r in right.items()}}
        for kind, held in kinds.items()
    }


def _split(pair: str) -> tuple[str, str, str, str]:
    """Return the parts of `before{one|other}after`."""
    before, one, other, after = re.split(r"[{|}]", pair)
    return before, one, other, after


def _draw(
    out: Path, trained: Trained, evaluation: Evaluation, baseline: Baseline
) -> tuple[Path, Path]:
    curves, confusion = out / "learning-curves.png", out / "confusion.png"
    plots.learning_curves(
        trained.history,
        curves,
        title="Learning curves (synthetic reviews)",
        baselines={"linear, on test": baseline.metrics["accuracy"]},
    )
    plots.confusion(
        evaluation.details["confusion"],
        evaluation.details["labels"],
        confusion,
        title="Test (synthetic reviews)",
    )
    return curves, confusion
