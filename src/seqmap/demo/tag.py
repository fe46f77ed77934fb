"""The steps of `seqmap demo --task tag`: names in English and Chinese, an LSTM with a CRF."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from seqmap import plots
from seqmap.colours import in_terminal, page
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.demo import show
from seqmap.demo.deployed import ask_new_process
from seqmap.evaluate import evaluate
from seqmap.runtime.session import load
from seqmap.samples.entities import SYNTHETIC_NOTICE, TYPES, Entities, entities
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.tag import TagSet
from seqmap.training import Reference, reference, train

# Small, so that it trains in seconds.
CONFIG = Config().replace(
    embedding__size=48,
    embedding__dropout=0.3,
    embedding__word_dropout=0.0,
    encoder__hidden=64,
    head__dropout=0.3,
    tag__character_size=16,
    tag__character_hidden=16,
    train__epochs=8,
    train__batch_size=16,
    train__learning_rate=5e-3,
    train__average=0.99,
)

TEXTS = (
    "Jordan moved from Jordan to Lincoln last Friday; Lincoln has worked for Lincoln Bank since.",
    "According to Fenway Labs, Dr. Okafor left Port Hale in March.",
    "上周五，江林明在江林市见到了光华银行的白教授。",
    "石桥大学的小许说，她七月9日要去望海县。",
)


def run_demo(out: Path, screen: Screen, *, config: Config = CONFIG) -> None:
    """Go from data to a deployed tagger, and show each step.

    Args:
        out: Folder for the model, the page and the picture; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model = make_folder(out) / "entities.seqmap"
    parts, task = entities(), find_task("tag")
    screen.result(show.heading("Data") + "\n" + _data(parts))

    screen.result(show.heading("Training") + "\n" + _network(config))
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(task, parts.train, parts.dev, config=config, out=model, watch=watch)
    screen.result(f"{len(trained.history)} epochs in {trained.seconds:.1f} s")

    session = load(model)
    evaluation = evaluate(session, parts.test)
    title = f"Test: {len(parts.test):,} sentences, half of their names never seen"
    screen.result(show.heading(title) + "\n" + evaluation.report())
    plain = reference(task, parts.train, parts.test, TagSet())
    screen.result(_beside(evaluation, plain))

    coloured = sys.stdout.isatty()
    answers = session.predict(TEXTS)
    deployed = ask_new_process(model, few=TEXTS, many=[s.text for s in parts.test])
    screen.result(show.heading("Deployed: one file, no torch"))
    screen.result(show.deployment(model, deployed))
    screen.result(show.heading("Its answers"))
    screen.result("\n".join(in_terminal(answer, TYPES, coloured=coloured) for answer in answers))

    html, picture = out / "entities.html", out / "type-confusion.png"
    shown = [*answers, *session.predict([s.text for s in parts.test[:40]])]
    note = SYNTHETIC_NOTICE.replace("\n", " ") + " Point at a name for its probability."
    html.write_text(page(shown, TYPES, title="Entities found", note=note), encoding="utf-8")
    plots.confusion(
        evaluation.details["confusion"],
        evaluation.details["labels"],
        picture,
        title="Test (synthetic sentences)",
    )
    seconds = time.perf_counter() - started
    screen.result(show.heading("Written"))
    screen.result("\n".join(f"  {path}" for path in (model, html, picture)))
    screen.result(f'\nTry: seqmap predict {model} --text "…"\nDone in {seconds:.0f} s.')
    screen.close(
        {
            "task": "tag",
            "synthetic": True,
            "metrics": evaluation.metrics,
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


def _data(parts: Entities) -> str:
    sample = [s.text for s in parts.train[:4]]
    return "\n".join(
        [
            SYNTHETIC_NOTICE,
            f"{len(parts.train):,} to learn from, {len(parts.dev):,} to choose on, "
            f"{len(parts.test):,} to measure on; half Chinese. Four:",
            "",
            *(show.wrap(text, indent=2) for text in sample),
        ]
    )


def _network(config: Config) -> str:
    return (
        f"word {config.embedding.size} + letters {config.tag.character_hidden}×2 + shape → "
        f"{config.encoder.name.upper()} {config.encoder.hidden}×2 (+ window features) → CRF"
    )


def _beside(evaluation: Evaluation, plain: Reference | None) -> str:
    ours = f"\nF1 {evaluation.metrics['f1']:.4f}"
    if plain is None:
        return f"{ours} (no baseline: pip install python-crfsuite)"
    return f"{ours}; {plain.title}: F1 {plain.metrics['f1']:.4f}"
