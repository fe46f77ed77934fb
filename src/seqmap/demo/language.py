"""The steps of `seqmap demo --task language`: an LSTM that writes reviews, letter by letter."""

from __future__ import annotations

import time
from pathlib import Path

from seqmap import plots
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data.corpus import TextCorpus
from seqmap.demo import show
from seqmap.demo.deployed import ask_new_process
from seqmap.evaluate import evaluate
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.session import load
from seqmap.samples.reviews import SYNTHETIC_NOTICE, sentences
from seqmap.tasks import Evaluation, find_task
from seqmap.tasks.language import Written
from seqmap.training import Reference, reference, train

# Small, so that it trains in seconds.
CONFIG = (
    find_task("language")
    .config()
    .replace(
        embedding__size=64,
        encoder__hidden=128,
        encoder__layers=1,
        train__epochs=6,
        train__batch_size=16,
        train__learning_rate=8e-3,
        train__average=0.98,
    )
)
REVIEWS = 2600
BEGINNINGS = ("I expected the ", "The room ", "Nobody ")
TWINS = (
    "I would recommend this hotel to my friends.",
    "I would this recommend hotel friends my to.",
)


def run_demo(out: Path, screen: Screen, *, config: Config = CONFIG, reviews: int = REVIEWS) -> None:
    """Go from plain text to a deployed language model, and show each step.

    Args:
        out: Folder for the model and the picture; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.
        reviews: How many reviews are written to learn from, most of them.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model, task = make_folder(out) / "writer.seqmap", find_task("language")
    fitting, choosing, test = _parts(reviews)
    counted = ", ".join(task.count([part]) for part in (fitting, choosing, test))
    screen.result(show.heading("Data") + f"\n{SYNTHETIC_NOTICE}\n{counted}.")

    title = f"literal characters → LSTM {config.encoder.hidden} → next character"
    screen.result(show.heading("Training") + "\n" + title)
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(task, [fitting], [choosing], config=config, out=model, watch=watch)
    screen.result(f"{len(trained.history)} epochs in {trained.seconds:.1f} s")

    session = load(model)
    assert isinstance(session, LanguageSession)
    evaluation = evaluate(session, [test])
    plain = reference(task, [fitting], [test], None)
    screen.result(show.heading("Test: reviews never seen") + "\n" + _beside(evaluation, plain))
    screen.result(show.heading("What it writes"))
    for beginning in BEGINNINGS:
        written = session.write(beginning, Sampling(length=160, temperature=0.5))
        screen.result(show.wrap("· " + (beginning + written).partition("\n")[0], indent=2))

    deployed = ask_new_process(model, few=TWINS, many=test.texts[:20])
    screen.result(show.heading("Deployed: one file, no torch"))
    screen.result(show.deployment(model, deployed))
    screen.result(show.heading("What it finds likely"))
    for answer in session.score(TWINS):
        screen.result(_scored(answer))

    picture = out / "learning-curves.png"
    plots.learning_curves(trained.history, picture, metric="bits_per_character")
    screen.result(show.heading("Written") + f"\n  {model}\n  {picture}")
    seconds = time.perf_counter() - started
    screen.result(f'\nTry: seqmap generate {model} --text "I expected"\nDone in {seconds:.0f} s.')
    screen.close(
        {
            "task": "language",
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
        }
    )


def _parts(reviews: int) -> tuple[TextCorpus, TextCorpus, TextCorpus]:
    """Write reviews, English ones alone, and part them."""
    texts = [sentence.text for sentence in sentences(2 * reviews) if sentence.text.isascii()]
    tenth = len(texts) // 10
    return (
        TextCorpus(tuple(texts[2 * tenth :])),
        TextCorpus(tuple(texts[:tenth])),
        TextCorpus(tuple(texts[tenth : 2 * tenth])),
    )


def _beside(evaluation: Evaluation, plain: Reference | None) -> str:
    ours = f"LSTM: {evaluation.metrics['bits_per_character']:.3f} bits a character"
    if plain is None:
        return ours
    return f"{ours}; {plain.title}: {plain.metrics['bits_per_character']:.3f}"


def _scored(answer: Written) -> str:
    return f"  {answer.bits_per_character:5.2f} bits a character  {answer.text}"
