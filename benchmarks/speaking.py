"""How well `seqmap train speak` speaks the digits of one speaker of fsdd.

    python benchmarks/speaking.py [SPEAKER ...] [--seeds 3] [--data ../shared/data] [--models DIR]

voice      recordings 7-29 of each digit of the speaker; 5 and 6 are dev, 0-4 test
listener   a transcriber (configs/fsdd.toml) that never saw these: recordings 5-44 of the five other
           speakers and 30-44 of this one, so that it knows the voice; dev 45-49

Each digit is spoken `DRAWS` times with other random numbers, and the listener writes down what it
hears; beside that, what it makes of the speaker's own recordings 0-29. The distortion is that to
the test recordings, beside that of another recording of the same digit. Then random texts of known
and unknown characters: how many are cut off, and how long the longest goes on. Times are processor
seconds on one thread. One JSON line per voice is added to benchmarks/results/speaking.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from seqmap.data.audio import Recording
from seqmap.runtime import native
from seqmap.runtime.archive import Archive, read, save, to_bytes
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.runtime.speak import SpeakSession
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.training import reference, train
from shipped import shipped
from speech import DIGITS, HERE, SPEAKERS, Recordings, digits

RESULTS = HERE / "results" / "speaking.jsonl"
DRAWS = 20
RANDOM = 1000
RATE = 8000
_LONGEST = 60  # characters of a random text

Row = dict[str, Any]
Numbered = list[tuple[int, Recording]]


def voice_parts(speaker: str, numbered: Numbered) -> tuple[Recordings, Recordings, Recordings]:
    """Return the voice's recordings to learn from, to choose on, to measure on."""
    own = [(number, one) for number, one in numbered if one.speaker == speaker]
    return (
        [one for number, one in own if 7 <= number < 30],
        [one for number, one in own if 5 <= number < 7],
        [one for number, one in own if number < 5],
    )


def listener_parts(speaker: str, numbered: Numbered) -> tuple[Recordings, Recordings]:
    """Return the listener's recordings: none that the voice learned from or is compared with."""
    fitting = [
        one for number, one in numbered if (30 if one.speaker == speaker else 5) <= number < 45
    ]
    return fitting, [one for number, one in numbered if number >= 45]


def kept(place: Path | None, make: Any) -> Archive:
    """Return the model of a file, or make and keep it."""
    if place is not None and place.exists():
        return read(place)
    archive: Archive = make().archive
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        save(archive, place)
    return archive


def listener(speaker: str, numbered: Numbered, models: Path | None) -> Any:
    """Return the transcriber that listens."""
    task = find_task("transcribe")
    config = shipped("fsdd", base=task.config())[0]
    parts = listener_parts(speaker, numbered)
    place = None if models is None else models / f"listener-{speaker}.seqmap"
    return restore(kept(place, lambda: train(task, *parts, config=config, targets=AudioSet(RATE))))


def heard(session: SpeakSession, ear: Any, variation: float) -> dict[str, Any]:
    """Return the share of digits that the listener reads, of all draws and of each digit."""
    right = {digit: 0 for digit in DIGITS}
    for seed in range(DRAWS):
        said = session.with_search(seed=seed, variation=variation).predict(list(DIGITS))
        texts = ear.predict([(one.samples, one.rate) for one in said])
        for digit, text in zip(DIGITS, texts, strict=True):
            right[digit] += text.text == digit
    shares = {digit: count / DRAWS for digit, count in right.items()}
    return {"accuracy": float(np.mean(list(shares.values()))), "digits": shares}


def runaways(session: SpeakSession) -> dict[str, float]:
    """Speak random texts; tell how many are cut off, and the most seconds a character."""
    rng = np.random.default_rng(42)
    letters = "".join(sorted(set("".join(DIGITS)))) + "  xqß9.?!—字"
    texts = []
    for _ in range(RANDOM):
        picked = rng.integers(len(letters), size=int(rng.integers(1, _LONGEST + 1)))
        texts.append("".join(letters[k] for k in picked))
    ends, seconds = [], []
    for begin in range(0, RANDOM, 50):
        for one in session.predict(texts[begin : begin + 50]):
            ends.append(one.end)
            seconds.append(one.seconds / max(len(one.symbols), 1))
    return {
        "count": len(ends),
        "cut": sum(end == "limit" for end in ends),
        "seconds_a_symbol_max": max(seconds),
        "seconds_a_symbol_mean": float(np.mean(seconds)),
    }


def run(speaker: str, seed: int, numbered: Numbered, ear: Any, models: Path | None) -> Row:
    """Train and measure one voice with one seed."""
    task = find_task("speak")
    config = shipped("fsdd_voice", base=task.config())[0]
    fitting, choosing, testing = voice_parts(speaker, numbered)
    place = None if models is None else models / f"voice-{speaker}-{seed}.seqmap"
    begun = time.perf_counter()
    chosen = config.replace(train__seed=seed)
    archive = kept(
        place, lambda: train(task, fitting, choosing, config=chosen, targets=AudioSet(RATE))
    )
    seconds = time.perf_counter() - begun
    native.set_threads(1)
    session, small = restore(archive), restore(quantized(archive, "int8"))
    assert isinstance(session, SpeakSession) and isinstance(small, SpeakSession)
    texts = list(DIGITS) * 3
    session.predict(texts)
    begun = time.process_time()
    said = [session.predict([text])[0] for text in texts]
    spent = time.process_time() - begun
    plain = reference(task, fitting, testing, AudioSet(RATE))
    assert plain is not None
    own = [one for number, one in numbered if one.speaker == speaker and number < 30]
    return {
        "set": "fsdd",
        "speaker": speaker,
        "seed": seed,
        "seconds": seconds,
        "test": session.evaluate(testing).metrics,
        "baseline": plain.metrics,
        "heard": heard(session, ear, 0.0),
        "heard_varied": heard(session, ear, 0.5),
        "heard_int8": heard(small, ear, 0.0),
        "heard_recordings": float(
            np.mean([a.text == b.text for a, b in zip(ear.predict(own), own, strict=True)])
        ),
        "factor": spent / sum(one.seconds for one in said),
        "random": runaways(session),
        "bytes": len(to_bytes(archive)),
        "bytes_int8": len(to_bytes(small.archive)),
    }


def main() -> None:
    """Run the speakers that are named, or jackson."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speakers", nargs="*", metavar="SPEAKER", help=", ".join(SPEAKERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--models", type=Path, default=None)
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    numbered = digits(given.data)
    for speaker in given.speakers or ("jackson",):
        ear = listener(speaker, numbered, given.models)
        for seed in range(42, 42 + given.seeds):
            row = run(speaker, seed, numbered, ear, given.models)
            with open(RESULTS, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(speaker, seed, row["heard"]["accuracy"], row["test"], row["random"], flush=True)


if __name__ == "__main__":
    main()
