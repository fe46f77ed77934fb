"""The search for the best sequence to write: greedy or by a beam, batched, and sure to stop.

All sentences and all hypotheses of each take a step together. A sentence is done when as many
hypotheses have ended as the beam is wide, when nothing that goes on can still become better than
what has ended, or at its length limit, where only the end may follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BOUNDARY
from seqmap.search.writing import (
    FORCED,
    NEVER,
    Floats,
    Hypothesis,
    Ints,
    Kernel,
    NumpyKernel,
    SearchOptions,
    Writer,
    normalised,
    penalty,
    repeats,
)


@dataclass(frozen=True)
class _Plan:
    """What does not change during a search.

    Attributes:
        options: How to search.
        width: Hypotheses of a sentence.
        n_best: How many answers to give.
        forced: What the answers to each sentence begin with.
        most: The most pieces of each answer.
        kernel: What computes.
    """

    options: SearchOptions
    width: int
    n_best: int
    forced: Sequence[NDArray[np.int32]]
    most: Sequence[int]
    kernel: Kernel

    def forbids(self, numbers: Ints, step: int) -> bool:
        """Whether some piece is forbidden at this step, beside the unknown one."""
        return 0 < self.options.no_repeat <= step or any(
            step < len(self.forced[n]) or step >= self.most[n] for n in numbers
        )


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
    if not sources:
        return []
    forced = prefixes or [np.zeros(0, np.int32)] * len(sources)
    most = [max(limit, len(prefix)) for limit, prefix in zip(limits, forced, strict=True)]
    width = max(options.beam, n_best)
    plan = _Plan(options, width, n_best, forced, most, kernel or NumpyKernel())
    ended = [_Ended(len(ids) + 1) for ids in sources]
    beam = _first(len(sources), width, writer.begin(sources, width))
    for step in range(max(most) + 1):
        scores, attention, beam.state = writer.step(beam.state, _last(beam, step))
        beam.attended = _grown(beam.attended, attention)
        total, values, places, ends = _candidates(scores, beam, step, plan)
        order, continuing = _ranked(beam.scores, values - total[:, :, None], width)
        _collect(beam, ended, beam.scores + ends - total, continuing, options)
        chosen = np.take_along_axis(places.reshape(len(places), -1), order, axis=1)
        kept = np.flatnonzero(
            [
                not _done(ended[n], continuing[row], most[n], plan)
                for row, n in enumerate(beam.numbers)
            ]
        )
        if not len(kept):
            break
        beam = _advanced(writer, beam, kept, order[kept] // width, chosen[kept], continuing[kept])
    return [one.found[:n_best] for one in ended]


def _first(sentences: int, width: int, state: Any) -> _Beam:
    """Return one hypothesis of each sentence, without a piece; the others follow from it."""
    scores = np.full((sentences, width), NEVER, np.float32)
    scores[:, 0] = 0.0
    return _Beam(
        np.arange(sentences),
        scores,
        np.zeros((sentences, width, 0), np.int32),
        np.zeros((sentences, width, 0, 0), np.float32),
        state,
    )


def _last(beam: _Beam, step: int) -> Ints:
    if step == 0:
        return np.full(beam.scores.shape, BOUNDARY, np.int64)
    return beam.written[:, :, -1].astype(np.int64)


def _candidates(
    scores: Floats, beam: _Beam, step: int, plan: _Plan
) -> tuple[Floats, Floats, Ints, Floats]:
    """Find the candidates of a step.

    Returns:
        log Σ exp (sentences, width), the best pieces of each hypothesis and their places
        (sentences, width, width), and the score of ending (sentences, width).
    """
    sentences, width, best = len(beam.numbers), plan.width, plan.kernel.best
    if not plan.options.unknown:
        scores[:, UNKNOWN] = NEVER
    ends = scores[:, BOUNDARY].reshape(sentences, width).copy()
    if plan.forbids(beam.numbers, step):
        total = best(scores, 1)[0]
        scores[:, BOUNDARY] = NEVER
        _filter(scores.reshape(sentences, width, -1), ends, beam, step, plan)
        _, values, places = best(scores, min(width, scores.shape[1]))
        values, places = _padded(values, places, width)
    else:
        # The usual step: one pass finds both; one of `width + 1` pieces may be the boundary.
        total, values, places = best(scores, min(width + 1, scores.shape[1]))
        values, places = _without_end(values, places, width)
    shape = (sentences, width, width)
    return total.reshape(sentences, width), values.reshape(shape), places.reshape(shape), ends


def _filter(scores: Floats, ends: Floats, beam: _Beam, step: int, plan: _Plan) -> None:
    """Forbid pieces, (sentences, width, pieces) in place, and ends where a prefix goes on."""
    for row, number in enumerate(beam.numbers):
        if step < len(plan.forced[number]):
            wanted = int(plan.forced[number][step])
            kept = scores[row, :, wanted].copy()
            scores[row] = NEVER
            # A prefix may hold what is otherwise forbidden.
            scores[row, :, wanted] = np.where(np.isfinite(kept), kept, FORCED)
            ends[row] = NEVER
        elif step >= plan.most[number]:
            scores[row] = NEVER
        elif 0 < plan.options.no_repeat <= step:
            for place in range(plan.width):
                banned = repeats(beam.written[row, place], plan.options.no_repeat)
                scores[row, place, banned] = NEVER


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


def _done(one: _Ended, continuing: Floats, limit: int, plan: _Plan) -> bool:
    """Whether a sentence needs no further step."""
    best = float(continuing[0])
    if best == NEVER or one.count >= plan.width:
        return True
    if len(one.found) < plan.n_best:
        return False
    # log P only falls, and no answer is longer than the limit: none can score more than this.
    bound = best / penalty(limit + 1, plan.options)
    return bool(one.found[plan.n_best - 1].score >= bound)


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
