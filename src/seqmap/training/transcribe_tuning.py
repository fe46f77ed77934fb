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
from seqmap.transcript_metrics import error_rates

_WEIGHTS = (0.3, 0.6, 1.0, 1.5, 2.0)
_BONUSES = (0.0, -1.0, 1.0, 2.0, 3.5, 5.0)
_UNKNOWNS = (-12.0, -6.0, -3.0, 0.0)  # of equals the first: words are known unless dev has others
_BOOSTS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
_FALSE = 0.02
"""Share of expected phrases that may be heard where they were not said."""
_MOST = 200
"""Dev recordings that the weights are chosen on: a search costs more than the network."""
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
    part = rows[:_MOST], dev.texts[:_MOST]
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
    """Return weight and bonus with the fewest errors; of equals the first."""

    def cost(tried: BeamOptions) -> float:
        other = searching(session, tried)
        rates = error_rates(texts, [said(other, one).text for one in rows])
        return rates["wer"] + 0.1 * rates["cer"]

    # One after the other, and the first again: a grid of both would take three times as long.
    beam = min((replace(beam, weight=weight) for weight in _WEIGHTS), key=cost)
    beam = min((replace(beam, bonus=bonus) for bonus in _BONUSES), key=cost)
    beam = min((replace(beam, unknown=unknown) for unknown in _UNKNOWNS), key=cost)
    near = [beam.weight, beam.weight * 0.75, beam.weight * 1.3]
    return min((replace(beam, weight=weight) for weight in near), key=cost)


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
