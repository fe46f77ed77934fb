"""The steps of `seqmap demo --task speak`: a voice learned, heard by a model that knows others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder, write_file
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data.audio import Recording, Samples
from seqmap.demo import show
from seqmap.demo.transcribe import demo_config as listening_config
from seqmap.explanation_plot import spoken_picture
from seqmap.runtime.session import load, restore
from seqmap.runtime.speak import SpeakSession
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.samples.syllables import RATE, SYNTHETIC_NOTICE, speech
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.tasks.speak_results import Spoken
from seqmap.training import reference, train

_VOICE = 3
_TRAIN, _DEV, _TEST = 90, 10, 30
_OTHERS = 240
_LONGEST = 5  # words of a sentence
_WRITTEN = 4


def run_demo(
    out: Path, screen: Screen, *, config: Config | None = None, listener: Config | None = None
) -> None:
    """Go from recordings of one voice to a deployed model, and show each step.

    Args:
        out: Folder for the model, sounds and pictures; it is made when missing.
        screen: Where to write.
        config: Another configuration than the demo's.
        listener: The same of the model that listens.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    model, task = make_folder(out) / "voice.seqmap", find_task("speak")
    said = _short(_TRAIN + _DEV + _TEST)
    parts = said[:_TRAIN], said[_TRAIN:-_TEST], said[-_TEST:]
    screen.result(show.heading("Data") + f"\n{SYNTHETIC_NOTICE}")
    screen.result("\n".join(task.inspect(*parts)))
    screen.result("for example: " + "; ".join(one.text for one in parts[0][:3]))
    screen.result(show.heading("Training"))
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(
            task,
            parts[0],
            parts[1],
            config=config or demo_config(),
            targets=AudioSet(RATE),
            out=model,
            watch=watch,
        )
    session = load(model)
    assert isinstance(session, SpeakSession)
    found = session.evaluate(parts[2])
    plain = reference(task, parts[0], parts[2], AudioSet(RATE))
    assert plain is not None
    screen.result(show.heading(f"Test: {_TEST} sentences that training never saw"))
    screen.result(found.report())
    screen.result(f"{plain.title}: {plain.metrics['mcd']:.2f} dB")
    begun = time.process_time()
    answers = session.predict([one.text for one in parts[2]])
    factor = (time.process_time() - begun) / sum(answer.seconds for answer in answers)
    screen.result(f"a second of speech takes {factor:.3f} s of processor time")
    heard = _heard(answers, parts[2], listener or listening_config(), screen)
    written = _write(session, answers[:_WRITTEN], out)
    seconds = time.perf_counter() - started
    places = [model, *written]
    screen.result(show.heading("Written") + "".join(f"\n  {place}" for place in places))
    screen.result(f"Done in {seconds:.0f} s.")
    screen.close(
        {
            "task": "speak",
            "synthetic": True,
            "metrics": found.metrics,
            "baseline": plain.metrics,
            "heard": heard,
            "factor": factor,
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "model": str(model),
            "size_bytes": model.stat().st_size,
            "written": [str(place) for place in written],
        }
    )


def demo_config() -> Config:
    """Return what an easy language in one voice needs."""
    return find_task("speak").config().replace(train__epochs=24, speak__frames=6)


def _short(count: int) -> list[Recording]:
    """Return sentences of one voice that are not long."""
    said = [one.recording for one in speech(3 * count, speaker=_VOICE)]
    return [one for one in said if len(one.text.split()) <= _LONGEST][:count]


def _heard(
    answers: Sequence[Spoken], test: Sequence[Recording], config: Config, screen: Screen
) -> dict[str, Any]:
    """Let a transcriber that was trained on other voices write down what was said."""
    screen.result(show.heading("Heard by a transcriber that knows eleven other voices"))
    others = [
        one.recording for one in speech(_OTHERS, seed=9) if one.recording.speaker != test[0].speaker
    ]
    trained = train(find_task("transcribe"), others, None, config=config, targets=AudioSet(RATE))
    session = restore(trained.archive)
    assert isinstance(session, TranscribeSession)
    said = [
        Recording(Samples(answer.samples, answer.rate), one.text, one.name)
        for answer, one in zip(answers, test, strict=True)
    ]
    ours, recorded = (session.evaluate(part).metrics["wer"] for part in (said, list(test)))
    for one, text in zip(said[:3], session.predict(said[:3]), strict=True):
        screen.result(f"  said   {one.text}\n  heard  {text.text}")
    screen.result(f"word error rate {ours:.4f}; of the recordings themselves {recorded:.4f}")
    return {"wer": ours, "wer_of_recordings": recorded}


def _write(session: SpeakSession, answers: Sequence[Spoken], out: Path) -> list[Path]:
    """Write some sounds, and the picture and page of the first one."""
    places = []
    for number, answer in enumerate(answers, start=1):
        name, content = session.task.file_of(answer)
        places.append(out / f"{number:04d}-{name}")
        write_file(places[-1], content)
    page = session.explain(answers[0].text)
    picture, text = out / "alignment.png", out / "alignment.html"
    spoken_picture(page, picture)
    write_file(text, page.html().encode())
    return [*places, picture, text]
