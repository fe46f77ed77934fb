"""Explains a classifier: what each symbol does to the answer, and how the LSTM read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.codecs import truncate
from seqmap.codecs.base import UNKNOWN
from seqmap.errors import UserError, nearest
from seqmap.runtime.explain.attention import Views, views_of
from seqmap.runtime.explain.explanation import (
    Array,
    Completeness,
    Edit,
    Explanation,
    Match,
    Token,
    chosen_span,
)
from seqmap.runtime.explain.lstm import LSTMGradient, gates_of
from seqmap.runtime.explain.similar import classifier_reader, similar_places

if TYPE_CHECKING:
    from seqmap.runtime.classify import ClassifySession

NODES = (32, 64, 128, 256)
"""Places on the path of integrated gradients: more are taken until the sum is right."""
_TOLERANCE = 1e-3
"""Share of the difference of scores by which the sum may be off."""

_MOST_EDITS = 6
"""At most this many symbols are taken out to change the answer."""


def explain_label(
    session: ClassifySession,
    text: str,
    *,
    target: str | None = None,
    what_if: Sequence[str] = (),
    corpus: Iterable[str] = (),
    token: int | tuple[int, int] | None = None,
) -> Explanation:
    """Explain the answer to a text.

    Args:
        session: The model.
        text: What it is asked.
        target: The label to explain; None takes the most probable one.
        what_if: Other texts to compare with.
        corpus: Texts to look for similar states in.
        token: Number of the symbol whose state is looked for, or those of the first and last
            symbol of a span; None takes the weightiest.

    Raises:
        UserError: There is no such label or symbol, or this is no text.
    """
    answer = session.task.record(session.predict([text])[0])
    place = _class_of(session, session.predict_proba([text])[0], target)
    tokens, ids = read_tokens(session, text)
    occlusion, edits = _occluded(session, text, tokens, place)
    integrated, completeness, views = _inside(session, ids, place)
    span = 0, 1
    matches: tuple[Match, ...] = ()
    if corpus and tokens:
        weights = np.abs(occlusion if integrated is None else integrated)
        span = chosen_span(weights, token)
        matches = similar_places(classifier_reader(session), text, span, corpus)
    return Explanation(
        text,
        answer,
        session.labels[place],
        session.labels,
        tokens,
        integrated,
        occlusion,
        completeness,
        views.layers,
        views.pooling,
        (*edits, *_compared(session, what_if, place)),
        matches,
        span[0] if matches else None,
        views.maps,
        span[1],
    )


def read_tokens(session: ClassifySession, text: str) -> tuple[tuple[Token, ...], Any]:
    """Return the symbols of a text that the network reads, and their ids."""
    settings, codec = session.config.text, session.codecs.source
    ids, spans = codec.encode(text), codec.offsets(text)
    kept = truncate(np.arange(len(ids), dtype=np.int32), settings.max_length, settings.truncate)
    tokens = tuple(
        Token(text[start:end], start, end, bool(ids[k] != UNKNOWN))
        for k in map(int, kept)
        for start, end in [spans[k]]
    )
    return tokens, ids[kept]


def _class_of(session: ClassifySession, probabilities: Array, target: str | None) -> int:
    if target is None:
        return int(probabilities.argmax())
    if target not in session.labels:
        close = nearest(target, session.labels)
        raise UserError(
            "the model does not know this label",
            given=target,
            allowed=session.labels,
            remedy=f"Did you mean {close!r}?" if close else None,
        )
    return session.labels.index(target)


def _log_odds(probabilities: Array) -> Array:
    kept = np.clip(probabilities, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def _without(text: str, tokens: Sequence[Token], gone: set[int]) -> str:
    """Return a text without some symbols."""
    parts, place = [], 0
    for number in sorted(gone):
        parts.append(text[place : tokens[number].start])
        place = tokens[number].end
    return "".join([*parts, text[place:]])


def _occluded(
    session: ClassifySession, text: str, tokens: Sequence[Token], target: int
) -> tuple[Array, tuple[Edit, ...]]:
    """Leave out each symbol, and the fewest whose absence changes the answer (greedily)."""
    texts = [text, *(_without(text, tokens, {k}) for k in range(len(tokens)))]
    probabilities = session.predict_proba(texts)
    odds = _log_odds(probabilities[:, target])
    weights = odds[0] - odds[1:]
    best, gone = int(probabilities[0].argmax()), set()
    for number in map(int, np.argsort(-weights)[:_MOST_EDITS]):
        gone.add(number)
        changed = _without(text, tokens, gone)
        found = session.predict_proba([changed])[0]
        if int(found.argmax()) != best:
            removed = tuple(tokens[k].text for k in sorted(gone))
            label = session.labels[int(found.argmax())]
            return weights, (Edit(changed, removed, label, float(found[target])),)
    return weights, ()


def _compared(session: ClassifySession, texts: Sequence[str], target: int) -> tuple[Edit, ...]:
    if not texts:
        return ()
    return tuple(
        Edit(text, (), session.labels[int(row.argmax())], float(row[target]))
        for text, row in zip(texts, session.predict_proba(texts), strict=True)
    )


def _inside(
    session: ClassifySession, ids: Any, target: int
) -> tuple[Array | None, Completeness | None, Views]:
    """Integrated gradients and gates, where the encoder is an LSTM; else what can be seen."""
    if len(ids) == 0:
        return None, None, Views()
    if session.config.encoder.name != "lstm":
        return None, None, views_of(session, ids)
    network = LSTMGradient(session.archive.arrays, session.config)
    # The score is the target's logit against the mean of the others: what softmax looks at.
    classes = len(session.labels)
    weights = np.full(classes, 0.0 if session.codecs.multi else -1 / max(classes - 1, 1))
    weights[target] = 1.0
    x = network.embedding[ids].astype(np.float64)
    ends = np.stack([x, np.zeros_like(x)])
    passes, states = network.run(ends)
    scores = network.scores(states)
    score = scores @ weights
    deployed = session.network.logits([ids])[0]
    parity = float(np.abs(deployed - scores[0]).max())
    difference = float(score[0] - score[1])
    for nodes in NODES:
        integrated = integrate(network, x, weights, nodes)
        # A maximum over time has edges along the path, where few places are not enough.
        if abs(integrated.sum() - difference) <= _TOLERANCE * max(1.0, abs(difference)):
            break
    check = Completeness(float(integrated.sum()), difference, parity)
    layers = {run.name: gates_of(run) for directions in passes for run in directions}
    attention = network.attention(states)
    return integrated, check, Views(layers, {}, None if attention is None else attention[0])


def integrate(network: LSTMGradient, x: Array, weights: Array, nodes: int) -> Array:
    """Return integrated gradients of `weights · logits` from the zero vector, (tokens,).

    x · ∫ ∂F(αx)/∂x dα over α from 0 to 1, summed over the embedding (Sundararajan, Taly & Yan
    2017, eq. 1). The integral is a Gauss-Legendre sum.

    Args:
        network: The network.
        x: Embedded symbols, (tokens, size).
        weights: Of the logits, (classes,).
        nodes: Places on the path.
    """
    places, shares = np.polynomial.legendre.leggauss(nodes)
    total = np.zeros_like(x)
    batch = max(1, 4096 // len(x))
    for begin in range(0, nodes, batch):
        alpha = (places[begin : begin + batch, None, None] + 1) / 2
        passes, states = network.run(alpha * x)
        slope = network.gradient(passes, states, weights)
        total += (shares[begin : begin + batch, None, None] / 2 * slope).sum(axis=0)
    return np.asarray((x * total).sum(axis=1))
