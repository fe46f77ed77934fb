"""The search for the best sequence to write: greedy, beam, sampling; batched, and sure to stop.

All sentences and all hypotheses of each take a step together. A hypothesis is a sequence of pieces
that ends with the boundary; its score is log P / lp + cp (Wu et al. 2016, eq. 14):

    lp = ((5 + length) / 6) ** length_penalty
    cp = coverage_penalty * Σ_source log(min(Σ_steps attention, 1))

A sentence is done when as many hypotheses have ended as the beam is wide, when nothing that goes on
can still become better than what has ended, or at its length limit, where only the end may follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BOUNDARY
from seqmap.errors import ConfigError

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

NEVER = np.float32(-np.inf)


@dataclass(frozen=True)
class SearchOptions:
    """How answers are searched for."""

    beam: int = 4
    """Hypotheses that are kept; 1 is greedy."""
    length_penalty: float = 1.0
    """How much longer answers are favoured; 0 ranks by log-probability alone."""
    coverage_penalty: float = 0.0
    """How much answers that attend to all of the source are favoured."""
    no_repeat: int = 0
    """An answer never holds the same so many pieces twice; 0 lets it."""
    unknown: bool = False
    """Whether the unknown piece may be written (to be replaced through the alignment)."""
    sample: float = 0.0
    """Draw answers instead, at this temperature; 0 searches for the best."""
    top: int = 0
    """When drawing, only among so many of the most probable pieces; 0: all."""
    seed: int = 0
    """Of the drawing."""

    def __post_init__(self) -> None:
        ranges = {
            "beam": (1, 1000),
            "length_penalty": (0, 10),
            "coverage_penalty": (0, 10),
            "no_repeat": (0, 1000),
            "sample": (0, 100),
            "top": (0, 1 << 30),
            "seed": (0, 2**63 - 1),
        }
        for name, (least, most) in ranges.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(
                    f"{name} of a search is out of range",
                    given=value,
                    allowed=f"{least} to {most:g}",
                )


@dataclass(frozen=True)
class Hypothesis:
    """A sequence that was written.

    Attributes:
        pieces: Its ids, without the boundary, (time,).
        log_probability: Of the pieces and the end.
        score: What it is ranked by.
        attention: How each piece, and the end, attended to the source and its boundary,
            (time + 1, source + 1).
    """

    pieces: NDArray[np.int32]
    log_probability: float
    score: float
    attention: Floats


class Writer(Protocol):
    """A network that writes; `width` hypotheses of each sentence stand side by side."""

    def begin(self, sources: Sequence[NDArray[np.int32]], width: int) -> Any:
        """Read the sources; return the state before the first piece."""

    def step(self, state: Any, pieces: Ints) -> tuple[Floats, Floats, Any]:
        """Take a step.

        Args:
            state: What `begin`, `step` or `select` gave.
            pieces: The last one of each hypothesis, (sentences, width).

        Returns:
            Scores of all pieces, not normalised, (sentences * width, pieces), which the caller may
            overwrite; the attention, (sentences, width, source); the state after the step.
        """

    def select(self, state: Any, sentences: Ints, parents: Ints) -> Any:
        """Keep some sentences; in each, hypothesis k goes on from `parents[:, k]`."""


class Kernel(Protocol):
    """What computes: NumPy, or the native core."""

    def best(self, scores: Floats, count: int) -> tuple[Floats, Floats, Ints]:
        """Return of each row log Σ exp, and its `count` highest with their places, best first."""


class NumpyKernel:
    """The search's two reductions in NumPy."""

    def best(self, scores: Floats, count: int) -> tuple[Floats, Floats, Ints]:
        """Return (rows,), (rows, count), (rows, count)."""
        rows = np.arange(len(scores))[:, None]
        most = scores.max(axis=1, keepdims=True)
        most[most == NEVER] = 0.0  # where everything is forbidden, so is the sum
        with np.errstate(divide="ignore"):
            logs = np.log(np.exp(scores - most).sum(axis=1))
        total = most[:, 0] + logs
        if count == 1:
            places = scores.argmax(axis=1)[:, None]
            return total, scores[rows, places], places
        places = np.argpartition(-scores, min(count, scores.shape[1] - 1), axis=1)[:, :count]
        places = np.sort(places, axis=1)  # equal scores: the lower id first
        order = np.argsort(-scores[rows, places], axis=1, kind="stable")
        places = np.take_along_axis(places, order, axis=1)
        return total, scores[rows, places], places


@dataclass
class _Beam:
    """The hypotheses that go on, of the sentences that are not done.

    Attributes:
        numbers: Which sentence of the batch each is, (sentences,).
        scores: log P, (sentences, width); minus infinity where there is none.
        written: (sentences, width, steps).
        attended: (sentences, width, steps, source).
    """

    numbers: Ints
    scores: Floats
    written: NDArray[np.int32]
    attended: Floats
    state: Any = None


@dataclass
class _Ended:
    """What has ended of one sentence.

    Attributes:
        read: Pieces of its source, the boundary included.
        found: By falling score.
        count: How many there are.
    """

    read: int
    found: list[Hypothesis] = field(default_factory=list)
    count: int = 0


def search(
    writer: Writer,
    sources: Sequence[NDArray[np.int32]],
    limits: Sequence[int],
    options: SearchOptions,
    *,
    n_best: int = 1,
    prefixes: Sequence[NDArray[np.int32]] | None = None,
    kernel: Kernel | None = None,
) -> list[list[Hypothesis]]:
    """Find the best sequences for each source, the best first; at least one, at most `n_best`.

    Args:
        writer: The network.
        sources: Ids of each source.
        limits: The most pieces that each answer may have, the end not counted.
        options: How to search.
        n_best: How many answers to give; a beam is never narrower.
        prefixes: Ids that each answer must begin with; they count towards its score.
        kernel: What computes; None takes NumPy.
    """
    width = max(options.beam, n_best)
    kernel = kernel or NumpyKernel()
    ended = [_Ended(len(ids) + 1) for ids in sources]
    if not sources:
        return []
    beam = _Beam(
        np.arange(len(sources)),
        np.full((len(sources), width), NEVER, np.float32),
        np.zeros((len(sources), width, 0), np.int32),
        np.zeros((len(sources), width, 0, 0), np.float32),
        writer.begin(sources, width),
    )
    beam.scores[:, 0] = 0.0
    forced = prefixes or [np.zeros(0, np.int32)] * len(sources)
    most = [max(limit, len(prefix)) for limit, prefix in zip(limits, forced, strict=True)]
    for step in range(max(most) + 1):
        scores, attention, beam.state = writer.step(beam.state, _last(beam, step))
        total, values, places, ends = _candidates(
            scores, beam, step, options, forced, most, kernel, width
        )
        beam.attended = _grown(beam.attended, attention)
        order, continuing = _ranked(beam.scores, values - total[:, :, None], width)
        _collect(beam, ended, beam.scores + ends - total, continuing, options)
        parents, chosen = (
            order // width,
            np.take_along_axis(places.reshape(len(places), -1), order, axis=1),
        )
        kept = np.flatnonzero(
            [
                not _done(ended[n], continuing[row], most[n], options, width, n_best)
                for row, n in enumerate(beam.numbers)
            ]
        )
        if not len(kept):
            break
        beam = _advanced(writer, beam, kept, parents[kept], chosen[kept], continuing[kept])
    return [one.found[:n_best] for one in ended]


def _last(beam: _Beam, step: int) -> Ints:
    if step == 0:
        return np.full(beam.scores.shape, BOUNDARY, np.int64)
    return beam.written[:, :, -1].astype(np.int64)


def _candidates(
    scores: Floats,
    beam: _Beam,
    step: int,
    options: SearchOptions,
    forced: Sequence[NDArray[np.int32]],
    most: Sequence[int],
    kernel: Kernel,
    width: int,
) -> tuple[Floats, Floats, Ints, Floats]:
    """Find the candidates of a step.

    Returns:
        log Σ exp (sentences, width), the best pieces of each hypothesis and their places
        (sentences, width, width), and the score of ending (sentences, width).
    """
    sentences = len(beam.numbers)
    if not options.unknown:
        scores[:, UNKNOWN] = NEVER
    ends = scores[:, BOUNDARY].reshape(sentences, width).copy()
    total = kernel.best(scores, 1)[0] if _changes(beam, step, options, forced, most) else None
    scores[:, BOUNDARY] = NEVER if total is not None else scores[:, BOUNDARY]
    if total is None:
        # The usual step: one pass finds both; the boundary is one of `width + 1` at most.
        total, values, places = kernel.best(scores, min(width + 1, scores.shape[1]))
        values, places = _without_end(values, places, width)
    else:
        _filter(scores.reshape(sentences, width, -1), beam, step, options, forced, most, ends)
        _, values, places = kernel.best(scores, min(width, scores.shape[1]))
        values, places = _padded(values, places, width)
    shape = (sentences, width, width)
    return total.reshape(sentences, width), values.reshape(shape), places.reshape(shape), ends


def _changes(
    beam: _Beam,
    step: int,
    options: SearchOptions,
    forced: Sequence[NDArray[np.int32]],
    most: Sequence[int],
) -> bool:
    """Whether some piece is forbidden at this step, beside the unknown one."""
    return 0 < options.no_repeat <= step or any(
        step < len(forced[n]) or step >= most[n] for n in beam.numbers
    )


def _filter(
    scores: Floats,
    beam: _Beam,
    step: int,
    options: SearchOptions,
    forced: Sequence[NDArray[np.int32]],
    most: Sequence[int],
    ends: Floats,
) -> None:
    """Forbid pieces: (sentences, width, pieces) in place, and ends where a prefix goes on."""
    for row, number in enumerate(beam.numbers):
        if step < len(forced[number]):
            wanted = int(forced[number][step])
            kept = scores[row, :, wanted].copy()
            scores[row] = NEVER
            # A prefix may hold what is otherwise forbidden.
            scores[row, :, wanted] = np.where(np.isfinite(kept), kept, np.float32(-30.0))
            ends[row] = NEVER
        elif step >= most[number]:
            scores[row] = NEVER
        elif 0 < options.no_repeat <= step:
            for place in range(scores.shape[1]):
                banned = repeats(beam.written[row, place], options.no_repeat)
                scores[row, place, banned] = NEVER


def repeats(written: NDArray[np.int32], length: int) -> list[int]:
    """Return the pieces that would complete `length` pieces in a row that are there already."""
    count = len(written)
    if count < length:
        return []
    tail = tuple(written[count - length + 1 :].tolist())
    known = written.tolist()
    return [
        known[begin + length - 1]
        for begin in range(count - length + 1)
        if tuple(known[begin : begin + length - 1]) == tail
    ]


def _without_end(values: Floats, places: Ints, width: int) -> tuple[Floats, Ints]:
    """Take the boundary out of the best pieces of each row, keep `width` of them."""
    end = places == BOUNDARY
    order = np.argsort(end, axis=1, kind="stable")
    values = np.take_along_axis(np.where(end, NEVER, values), order, axis=1)
    return _padded(values, np.take_along_axis(places, order, axis=1), width)


def _padded(values: Floats, places: Ints, width: int) -> tuple[Floats, Ints]:
    """Bring rows to `width` candidates: there may be fewer pieces than the beam is wide."""
    lack = width - values.shape[1]
    if lack <= 0:
        return values[:, :width], places[:, :width]
    return (
        np.pad(values, ((0, 0), (0, lack)), constant_values=NEVER),
        np.pad(places, ((0, 0), (0, lack))),
    )


def _ranked(before: Floats, gained: Floats, width: int) -> tuple[Ints, Floats]:
    """Return which candidates go on, numbered within their sentence, and their log P."""
    candidates = (before[:, :, None] + gained).reshape(len(before), -1)
    order = np.argsort(-candidates, axis=1, kind="stable")[:, :width]
    return order, np.take_along_axis(candidates, order, axis=1)


def _grown(attended: Floats, attention: Floats) -> Floats:
    """Add a step, (…, steps, source) and (…, source)."""
    if attended.shape[2] == 0:
        return attention[:, :, None, :].copy()
    return np.concatenate([attended, attention[:, :, None, :]], axis=2)


def _collect(
    beam: _Beam, ended: list[_Ended], ends: Floats, continuing: Floats, options: SearchOptions
) -> None:
    """Take over hypotheses that end now, if they are among the best `width` of their sentence."""
    width = ends.shape[1]
    worst = continuing[:, -1:]
    for row, place in np.argwhere((ends > NEVER) & (ends >= worst)):
        value = ends[row, place]
        better = int((continuing[row] > value).sum()) + int((ends[row] > value).sum())
        if better >= width:
            continue
        one = ended[beam.numbers[row]]
        pieces = beam.written[row, place].copy()
        attention = beam.attended[row, place, :, : one.read].copy()
        score = normalised(float(value), len(pieces) + 1, attention, options)
        one.found.append(Hypothesis(pieces, float(value), score, attention))
        one.found.sort(key=lambda found: -found.score)
        one.count += 1


def normalised(
    log_probability: float, length: int, attention: Floats, options: SearchOptions
) -> float:
    """Return the score of a hypothesis of `length` pieces, its end included."""
    score = log_probability / _penalty(length, options)
    if options.coverage_penalty > 0:
        covered = np.clip(attention.sum(axis=0), 1e-9, 1.0)
        score += options.coverage_penalty * float(np.log(covered).sum())
    return score


def _done(
    one: _Ended,
    continuing: Floats,
    limit: int,
    options: SearchOptions,
    width: int,
    n_best: int,
) -> bool:
    """Whether a sentence needs no further step."""
    best = float(continuing[0])
    if best == NEVER or one.count >= width:
        return True
    if len(one.found) < n_best:
        return False
    # log P only falls, and no answer is longer than the limit: none can score more than this.
    return bool(one.found[n_best - 1].score >= best / _penalty(limit + 1, options))


def _penalty(length: int, options: SearchOptions) -> float:
    return float(((5 + length) / 6) ** options.length_penalty)


def _advanced(
    writer: Writer, beam: _Beam, kept: Ints, parents: Ints, chosen: Ints, scores: Floats
) -> _Beam:
    """Return the beam after a step: hypotheses go on from their parents."""
    rows = kept[:, None]
    written = np.concatenate(
        [beam.written[rows, parents], chosen[:, :, None].astype(np.int32)], axis=2
    )
    return _Beam(
        beam.numbers[kept],
        scores,
        written,
        beam.attended[rows, parents],
        writer.select(beam.state, kept, parents),
    )
