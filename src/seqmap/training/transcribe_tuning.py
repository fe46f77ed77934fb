"""What the search weighs, how far phrases are helped, and how sure words are: chosen on dev."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import sigmoid
from seqmap.codecs.audio import Floats
from seqmap.codecs.transcript import longest_needed
from seqmap.config import Config
from seqmap.runtime.archive import Archive
from seqmap.runtime.session import restore
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.runtime.transcribe_words import TRUST, word_features
from seqmap.search.ctc_beam import BeamOptions
from seqmap.tasks.transcribe import TranscribeCodecs
from seqmap.tasks.transcribe_results import Transcript, evaluate_transcripts, word_truth
from seqmap.training.heard import HeardPart
from seqmap.transcript_metrics import alignments

_WEIGHTS = (0.3, 0.6, 1.0, 1.5, 2.0)
_BONUSES = (-1.0, 0.5, 2.0, 3.5, 5.0)
_USUAL = (0.6, 3.5)
"""Weight and bonus that hold unless dev is sure of others: best with ten voices of an4's training
part that the network had not heard."""
_UNKNOWNS = (-12.0, -6.0, -3.0, 0.0)  # words are known, unless dev is sure that there are others
_BOOSTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_FALSE = 0.02
"""Share of expected phrases that may be heard where they were not said."""
_MOST = 20_000
"""Steps of dev recordings that the weights are chosen on: a search costs more than the network."""
_STEPS, _PRIOR = 60, 1.0


def tuned(
    draft: Archive, dev: HeardPart, codecs: TranscribeCodecs, config: Config
) -> tuple[dict[str, Any], dict[str, float]]:
    """Choose the weights of the search, then fit the confidence of words.

    Args:
        draft: The model without them.
        dev: What is chosen on.
        codecs: What the numbers mean.
        config: Whether there is a search at all.

    Returns:
        The calibration for the manifest, and figures on dev.
    """
    session = restore(draft)
    assert isinstance(session, TranscribeSession)
    rows = session.acoustics.chances(dev.steps(codecs.source))
    beam = BeamOptions(beam=config.transcribe.beam)
    count = max(1, int(np.searchsorted(np.cumsum([len(one) for one in rows]), _MOST)))
    part = rows[:count], dev.texts[:count]
    if config.transcribe.search != "greedy" and session.lexicon.model is not None:
        beam = _weighed(session, beam, *part)
    if config.transcribe.search == "beam":
        beam = replace(beam, boost=_boost(session, beam, *part))
    calibration: dict[str, Any] = {
        "weight": beam.weight,
        "bonus": beam.bonus,
        "unknown": beam.unknown,
        "boost": beam.boost,
    }
    session = restore(Archive({**draft.manifest, "calibration": calibration}, draft.arrays))
    assert isinstance(session, TranscribeSession)
    calibration["trust"] = list(_trust(session, rows, dev.texts))
    final = restore(Archive({**draft.manifest, "calibration": calibration}, draft.arrays))
    assert isinstance(final, TranscribeSession)
    answers = [said(final, one) for one in rows]
    return calibration, evaluate_transcripts(dev.texts, answers, codecs.target).metrics


def searching(session: TranscribeSession, beam: BeamOptions) -> TranscribeSession:
    """Return a session that weighs readings so."""
    return session.with_search(weight=beam.weight, bonus=beam.bonus, unknown=beam.unknown)


def said(session: TranscribeSession, rows: Floats) -> Transcript:
    """Return what a session finds in the probabilities of a recording."""
    decoder = session.decoder()
    segments = [*decoder.feed(rows), *decoder.close()]
    return session.answer(segments, len(rows) * session.options.step, "", ())


def _weighed(
    session: TranscribeSession, beam: BeamOptions, rows: Sequence[Floats], texts: Sequence[str]
) -> BeamOptions:
    """Return what the language model, words and unknown words are worth.

    A few hundred words of dev cannot tell neighbours apart, and the fewest errors of all are half
    luck: so the usual worths stay, unless others have fewer errors by more than chance.
    Of the grid, the place whose surroundings have the fewest may challenge them.
    """

    def errors(tried: BeamOptions) -> NDArray[np.float64]:  # (recordings,)
        other = searching(session, tried)
        heard = [said(other, one).text for one in rows]
        wrong = [sum(a != b for a, b in pairs) for pairs in alignments(texts, heard)]
        return np.array(wrong, np.float64)

    usual = replace(beam, weight=_USUAL[0], bonus=_USUAL[1], unknown=_UNKNOWNS[0])
    grid = [[replace(usual, weight=w, bonus=b) for b in _BONUSES] for w in _WEIGHTS]
    counts = {one: errors(one) for row in grid for one in row}
    around = smoothed(np.array([[counts[one].sum() for one in row] for row in grid]))
    best = np.unravel_index(around.argmin(), around.shape)
    chosen, held = usual, counts[usual]
    challenger = grid[best[0]][best[1]]
    if surely_fewer(counts[challenger], held):
        chosen, held = challenger, counts[challenger]
    for unknown in _UNKNOWNS[1:]:
        tried = replace(chosen, unknown=unknown)
        found = errors(tried)
        if surely_fewer(found, held):
            chosen, held = tried, found
    return chosen


def surely_fewer(found: NDArray[np.float64], held: NDArray[np.float64]) -> bool:
    """Whether errors of the same recordings are fewer by more than two standard errors."""
    gains = held - found
    return bool(gains.sum() > 2 * np.sqrt(np.square(gains).sum()))


def smoothed(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each place and of its neighbours, these with half its weight."""
    inner = tuple(slice(1, -1) for _ in grid.shape)
    wide, share = np.pad(grid, 1), np.pad(np.ones_like(grid), 1)
    total, weight = wide[inner].copy(), share[inner].copy()
    for axis in range(grid.ndim):
        for step in (-1, 1):
            total += 0.5 * np.roll(wide, step, axis)[inner]
            weight += 0.5 * np.roll(share, step, axis)[inner]
    return np.asarray(total / weight)


def _boost(
    session: TranscribeSession, beam: BeamOptions, rows: Sequence[Floats], texts: Sequence[str]
) -> float:
    """Return the largest boost that hardly ever puts a phrase where it was not said.

    Each recording is read with phrases of others: two neighbouring words that it does not hold.
    """
    pairs = [_phrases(text, session) for text in texts]
    boost = _BOOSTS[0]
    for tried in _BOOSTS:
        false = asked = 0
        for place, (one, text) in enumerate(zip(rows, texts, strict=True)):
            others = [p for p in pairs[(place + 1) % len(pairs)] if p not in text]
            if not others:
                continue
            other = searching(session, beam)
            heard = said(other.with_phrases(others, boost=tried), one).text
            before = said(other, one).text if any(p in heard for p in others) else ""
            asked += len(others)
            false += sum(p in heard and p not in before for p in others)
        if asked and false > _FALSE * asked:
            break
        boost = tried
    return boost


def _phrases(text: str, session: TranscribeSession) -> list[str]:
    target = session.codecs.target
    words = target.words(text)
    joint = " " if target.spaced else ""
    found = (joint.join(words[k : k + 2]) for k in range(0, max(len(words) - 1, 1), 2))
    # Of characters that training never had, nothing could be expected.
    return [phrase for phrase in found if len(target.encode(phrase))]


def _trust(
    session: TranscribeSession, rows: Sequence[Floats], texts: Sequence[str]
) -> tuple[float, ...]:
    """Fit the confidence of words by logistic regression (Platt 1999), with a weak prior."""
    target = session.codecs.target
    features, heard = [], []
    for one in rows:
        search = session.decoder()
        words = [w for s in [*search.feed(one), *search.close()] for w in s.words]
        heard.append(" ".join(word.text for word in words))
        numbers = target.encode(heard[-1] if target.spaced else "".join(heard[-1].split()))
        # Parts of a stream are joined by a blank that no row may be left for.
        fits = words and longest_needed(numbers) <= len(one)
        own = word_features(numbers.tolist(), one, target, session.lexicon) if fits else []
        features.append([found[3] for found in own])
    truth = [" ".join(target.words(text)) for text in texts]
    right = word_truth(truth, heard, [len(own) for own in features])
    x = np.array([f for own in features for f in own], np.float64).reshape(-1, len(TRUST) - 1)
    y = np.array([r for own in right for r in own], np.float64)
    if not len(x):
        return TRUST
    return _logistic(np.concatenate([x, np.ones((len(x), 1))], axis=1), y)


def _logistic(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, ...]:
    """Return the weights of a logistic regression by Newton's method, pulled towards `TRUST`."""
    usual = np.array(TRUST)
    weights = usual.copy()
    for _ in range(_STEPS):
        chance = sigmoid(x @ weights)
        slope = x.T @ (chance - y) + _PRIOR * (weights - usual)
        bend = (x.T * (chance * (1 - chance))) @ x + _PRIOR * np.eye(len(weights))
        step = np.linalg.solve(bend, slope)
        weights = weights - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
        if float(np.abs(step).max()) < 1e-9:
            break
    return tuple(weights.tolist())
