"""The steps of `seqmap demo --task transcribe`: made-up speech, heard whole and as it comes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.demo import show
from seqmap.runtime.session import load
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.samples.syllables import NEW, RATE, SYNTHETIC_NOTICE, Spoken, speech
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.training import train

_TRAIN, _DEV, _TEST = 260, 40, 80
_CHUNK = 0.1


def run_demo(out: Path, screen: Screen, *, config: Config | None = None) -> None:
    """Go from speech to a deployed model, and show each step.

    Args:
        out: Folder for the model; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model, task = make_folder(out) / "speech.seqmap", find_task("transcribe")
    spoken = speech(_TRAIN + _DEV + _TEST)
    recordings = [one.recording for one in spoken]
    parts = recordings[:_TRAIN], recordings[_TRAIN:-_TEST], recordings[-_TEST:]
    screen.result(show.heading("Data") + f"\n{SYNTHETIC_NOTICE}")
    screen.result("\n".join(task.inspect(*parts)[:3]))
    screen.result("for example: " + "; ".join(one.text for one in parts[0][:3]))
    chosen = config or demo_config()
    screen.result(show.heading("Training") + "\nleft to right, so that it hears as you speak")
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(
            task,
            parts[0],
            parts[1],
            config=chosen,
            targets=AudioSet(RATE),
            out=model,
            watch=watch,
        )
    session = load(model)
    assert isinstance(session, TranscribeSession)
    found = session.evaluate(parts[2])
    greedy = session.with_search("greedy").evaluate(parts[2])
    title = f"Test: {_TEST} sentences that training never saw"
    screen.result(show.heading(title) + "\n" + found.report())
    screen.result(f"without search and language model: wer {greedy.metrics['wer']:.4f}")
    off = _time_error(session, spoken[-_TEST:])
    screen.result(f"words begin within {off:.3f} s of the truth in the median")
    streamed = _streamed(session, spoken[-_TEST], screen)
    phrases = _phrases(session, screen)
    seconds = time.perf_counter() - started
    screen.result(show.heading("Written") + f"\n  {model}\nDone in {seconds:.0f} s.")
    screen.close(
        {
            "task": "transcribe",
            "synthetic": True,
            "metrics": found.metrics,
            "greedy": greedy.metrics,
            "start_error_seconds": off,
            "stream": streamed,
            "phrases": phrases,
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "model": str(model),
            "size_bytes": model.stat().st_size,
        }
    )


def demo_config() -> Config:
    """Return what a small model of an easy language needs."""
    return (
        find_task("transcribe")
        .config()
        .replace(
            encoder__direction="forward",
            encoder__hidden=96,
            encoder__layers=2,
            encoder__dropout=0.1,
            head__dropout=0.1,
            audio__speed=0.0,
            audio__noise=0.3,
            audio__time_masks=1,
            audio__band_masks=1,
            train__epochs=24,
            train__batch_size=8,
            train__learning_rate=0.006,
            train__average=0.99,
        )
    )


def _time_error(session: TranscribeSession, spoken: list[Spoken]) -> float:
    """Return the median distance of the words' beginnings from the truth, in seconds."""
    off = []
    for one, answer in zip(spoken, session.predict([s.recording for s in spoken]), strict=True):
        if answer.text == one.recording.text:
            pairs = zip(answer.words, one.times, strict=True)
            off += [abs(word.start - begin) for word, (begin, _) in pairs]
    return float(np.median(off)) if off else float("inf")


def _streamed(session: TranscribeSession, one: Spoken, screen: Screen) -> dict[str, Any]:
    """Hear a sentence in pieces, and show what is known after each."""
    screen.result(show.heading("While somebody speaks"))
    samples, size = one.recording.sound.samples(RATE), int(_CHUNK * RATE)
    stream, before = session.stream(), ""
    for begin in range(0, len(samples), size):
        stream.feed(samples[begin : begin + size])
        if stream.partial() != before:
            before = stream.partial()
            screen.result(f"  {stream.seconds:4.1f} s  {before}")
    final = " ".join(part.text for part in stream.close())
    screen.result(f"  final   {final}\n  said    {one.recording.text}")
    return {"final": final, "said": one.recording.text}


def _phrases(session: TranscribeSession, screen: Screen) -> dict[str, float]:
    """Hear sentences with words that are new, without and with being told of them."""
    test = [one.recording for one in speech(40, seed=8, new=True)]
    before = session.evaluate(test).metrics["wer"]
    after = session.with_phrases(NEW).evaluate(test).metrics["wer"]
    screen.result(show.heading("Words that training never had"))
    screen.result(f"{' and '.join(NEW)}: wer {before:.4f}; told to expect them: {after:.4f}")
    return {"wer_before": before, "wer_after": after}
