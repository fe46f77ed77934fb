"""Error rates, speed and size of `seqmap train transcribe` on an4 and fsdd.

    python benchmarks/speech.py SET ... [--seeds 3] [--first-seed 42] [--models FOLDER]

an4          681 of the training recordings, the official test part; heard whole
an4_stream   the same, left to right
fsdd         recordings 5-49 of each digit and speaker to learn from, 0-4 to test (the set's rule)
fsdd_voices  leave one speaker out: six trainings, each tested on all recordings of the one left out
fsdd_voices_an4  the same, with the 53 voices of an4's training part to learn from besides

Trained as configs/SET.toml says, once per seed. Each model is exported to int8 and measured so on
one thread; times are processor seconds. One JSON line per run is added to
benchmarks/results/speech.jsonl. With --models a model FOLDER/SET-SEED.seqmap that is there is
measured instead of trained again, and one that is trained is left there.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqmap.codecs.audio import Voice, joined_voices
from seqmap.config import Config
from seqmap.data.audio import Recording, iter_sounds, read_recordings
from seqmap.runtime import native
from seqmap.runtime.archive import Archive, read, save, to_bytes
from seqmap.runtime.quantize import quantized
from seqmap.runtime.session import restore
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.search.kneser_ney import fit_ngrams
from seqmap.search.ngram import write_arpa
from seqmap.tasks import find_task
from seqmap.tasks.recordings import AudioSet
from seqmap.training import train
from shipped import shipped

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "speech.jsonl"
SETS = ("an4", "an4_stream", "fsdd", "fsdd_voices", "fsdd_voices_an4")
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")

Recordings = Sequence[Recording]
Row = dict[str, Any]


def an4(data: Path) -> tuple[Recordings, None, Recordings]:
    """Return the parts of an4; dev is held out by the recipe: whole speakers."""
    places = (data / "an4" / f"an4_{part}.fileids" for part in ("train_part", "test"))
    fitting, testing = (read_recordings(place).examples for place in places)
    return fitting, None, testing


def digits(data: Path) -> list[tuple[int, Recording]]:
    """Return the recordings of fsdd with their numbers."""
    found = []
    for one in iter_sounds(data / "fsdd" / "recordings.tar.xz"):
        digit, speaker, number = Path(one.name).stem.split("_")
        found.append(
            (int(number), Recording(one.sound, DIGITS[int(digit)], Path(one.name).stem, speaker))
        )
    return found


def fsdd(data: Path) -> tuple[Recordings, Recordings, Recordings]:
    """Return the parts of fsdd by the set's rule; of the training part 45-49 are dev."""
    numbered = digits(data)
    return (
        [one for number, one in numbered if 5 <= number < 45],
        [one for number, one in numbered if number >= 45],
        [one for number, one in numbered if number < 5],
    )


def without(speaker: str, data: Path) -> tuple[Recordings, Recordings, Recordings]:
    """Return parts in which a speaker is only tested; dev is 45-49 of the others."""
    numbered = digits(data)
    others = [(number, one) for number, one in numbered if one.speaker != speaker]
    return (
        [one for number, one in others if number < 45],
        [one for number, one in others if number >= 45],
        [one for _, one in numbered if one.speaker == speaker],
    )


def digits_alone(path: Path) -> Path:
    """Write a language model of one digit a recording, as an ARPA file; returns its place."""
    with open(path, "w", encoding="utf-8") as file:
        write_arpa(fit_ngrams([[digit] for digit in DIGITS], 2), file)
    return path


def plain_digits(fitting: Recordings, testing: Recordings, *, by_speaker: bool = False) -> float:
    """Return the share that logistic regression on band means of eight stretches gets right.

    Bands are centred by the recording, or by all of its speaker.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    codec = find_task("transcribe").source_codec(Config(), 8000)  # type: ignore[attr-defined]

    def features(part: Recordings) -> np.ndarray:
        rows, heard = [], [codec.bands(one.sound.samples(codec.rate)) for one in part]
        keys = [one.speaker if by_speaker else str(k) for k, one in enumerate(part)]
        voices = joined_voices(zip(keys, map(Voice.of, heard), strict=True))
        for key, bands in zip(keys, heard, strict=True):
            cuts = np.array_split(bands - voices[key].mean, 8)
            rows.append(np.concatenate([c.mean(axis=0) if len(c) else bands[0] for c in cuts]))
        return np.array(rows)

    scaler = StandardScaler()
    model = LogisticRegression(max_iter=2000, C=0.1)
    model.fit(scaler.fit_transform(features(fitting)), [one.text for one in fitting])
    heard = model.predict(scaler.transform(features(testing)))
    return float(np.mean([a == b.text for a, b in zip(heard, testing, strict=True)]))


def trained(
    name: str,
    seed: int,
    parts: tuple[Any, Any, Any],
    models: Path | None,
    language: Path | None = None,
) -> tuple[Archive, float | None]:
    """Return a model and the seconds of its training; None where it was there already."""
    place = None if models is None else models / f"{name}-{seed}.seqmap"
    if place is not None and place.exists():
        return read(place), None
    task = find_task("transcribe")
    config, _ = shipped(name.partition("-")[0], base=task.config())
    fitting, choosing, _ = parts
    found = train(
        task,
        fitting,
        choosing,
        config=config.replace(
            train__seed=seed, transcribe__language="" if language is None else str(language)
        ),
        targets=AudioSet(fitting[0].sound.header().rate),
    )
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        save(found.archive, place)
    return found.archive, found.seconds


def measured(archive: Archive, testing: Recordings) -> Row:
    """Measure a model as it is, and in int8 on one thread."""
    native.set_threads(1)
    small = quantized(archive, "int8")
    whole, int8 = restore(archive), restore(small)
    assert isinstance(whole, TranscribeSession) and isinstance(int8, TranscribeSession)
    row: Row = {
        "greedy": whole.with_search("greedy").evaluate(testing).metrics,
        "test": whole.evaluate(testing).metrics,
        "int8_greedy": int8.with_search("greedy").evaluate(testing).metrics,
        "int8": int8.evaluate(testing).metrics,
        "bytes": len(to_bytes(archive)),
        "bytes_int8": len(to_bytes(small)),
    }
    for name, session in (("greedy", int8.with_search("greedy")), ("search", int8)):
        begun = time.process_time()
        answers = session.predict(testing)
        row[f"factor_{name}"] = (time.process_time() - begun) / sum(a.seconds for a in answers)
    if int8.acoustics.streams:
        row["stream"] = streamed(int8, testing)
    return row


def streamed(session: TranscribeSession, testing: Recordings) -> Row:
    """Feed pieces of 0.1 s: time from the last piece to the final text, lag, and memory."""
    size = session.rate // 10
    close, lags = [], []
    for one in testing[:60]:
        samples = one.sound.samples(session.rate)
        stream = session.stream()
        seen: list[tuple[str, float]] = []
        for begin in range(0, len(samples), size):
            began = time.process_time()
            parts = stream.feed(samples[begin : begin + size])
            seen.append((stream.partial(), stream.seconds))
        last = stream.close()
        close.append(time.process_time() - began)
        if not parts and last and last[-1].text:
            known = next((at for text, at in seen if text == last[-1].text), None)
            if known is not None:
                lags.append(known - last[-1].words[-1].end)
    sounds = [one.sound.samples(session.rate) for one in testing[:10]]
    tracemalloc.start()
    stream = session.stream()
    for samples in sounds:
        for begin in range(0, len(samples), size):
            stream.feed(samples[begin : begin + size])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {
        "close_ms_p50": 1e3 * float(np.percentile(close, 50)),
        "close_ms_p95": 1e3 * float(np.percentile(close, 95)),
        "lag_seconds_p50": float(np.median(lags)) if lags else None,
        "state_bytes": len(stream.to_bytes()),
        "peak_bytes": peak,
    }


def left_out(name: str, speaker: str, seed: int, data: Path, models: Path | None) -> Row:
    """Train without a speaker, and measure on that one."""
    fitting, choosing, testing = without(speaker, data)
    plain = plain_digits(fitting, testing, by_speaker=True)
    with tempfile.TemporaryDirectory() as folder:
        language = None
        if name == "fsdd_voices_an4":
            # The rate is the first recording's: those of an4 are resampled to it.
            fitting = [*fitting, *an4(data)[0]]
            language = digits_alone(Path(folder) / "digits.arpa")
        parts = (fitting, choosing, testing)
        archive, seconds = trained(f"{name}-{speaker}", seed, parts, models, language)
    row = {"speaker": speaker, "seconds": seconds, **measured(archive, testing)}
    return {**row, "baseline": {"accuracy": plain}}


def run(
    name: str, seed: int, data: Path, models: Path | None, speakers: Sequence[str]
) -> Iterator[Row]:
    """Train and measure one set with one seed."""
    if name.startswith("fsdd_voices"):
        for speaker in speakers:
            yield left_out(name, speaker, seed, data, models)
        return
    found: tuple[Any, Any, Any] = fsdd(data) if name == "fsdd" else an4(data)
    archive, seconds = trained(name, seed, found, models)
    row = {"seconds": seconds, **measured(archive, found[2])}
    if name == "fsdd":
        row["baseline"] = {"accuracy": plain_digits(found[0], found[2])}
    yield row


def main() -> None:
    """Run the sets that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", metavar="SET", help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=42)
    parser.add_argument("--data", type=Path, default=HERE.parents[1] / "shared" / "data")
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--speakers", nargs="*", choices=SPEAKERS, default=SPEAKERS)
    given = parser.parse_args()
    RESULTS.parent.mkdir(exist_ok=True)
    for name in given.sets or SETS:
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            for row in run(name, seed, given.data, given.models, given.speakers):
                with open(RESULTS, "a", encoding="utf-8") as file:
                    file.write(json.dumps({"set": name, "seed": seed, **row}) + "\n")
                shown = {key: round(row["test"][key], 4) for key in ("wer", "cer", "accuracy")}
                print(f"{name} {row.get('speaker', '')} {seed}: {shown}", flush=True)


if __name__ == "__main__":
    main()
