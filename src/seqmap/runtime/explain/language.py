"""Explains a language model: what makes a symbol follow, how its gates read the text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from seqmap.calibration import softmax
from seqmap.codecs.base import UNKNOWN
from seqmap.errors import UserError, nearest
from seqmap.runtime.explain.explanation import (
    Array,
    Completeness,
    Edit,
    Explanation,
    Match,
    Token,
    chosen_span,
)
from seqmap.runtime.explain.lstm import Direction, Pass, gates_of, states_of
from seqmap.runtime.explain.paths import log_odds, path_nodes
from seqmap.runtime.explain.similar import Read, similar_places
from seqmap.runtime.ops.recurrent import layer_inputs
from seqmap.runtime.ops.weights import take

if TYPE_CHECKING:
    from seqmap.runtime.language import LanguageSession

NODES = (64, 128, 256)
_TOLERANCE = 1e-3
MOST = 512
"""Symbols of a text, at most."""
_SHOWN = 12
"""Next symbols that the answer lists."""
_BEGIN = "\u23ce"
"""How the beginning of a line is shown, which is read before any text."""


class LanguageGradient:
    """log P of what follows a text, in float64, and the way back to the embedded symbols.

    Args:
        session: The model.
    """

    def __init__(self, session: LanguageSession) -> None:
        config, arrays = session.config, session.archive.arrays
        size, hidden = config.embedding.size, config.encoder.hidden
        vocabulary = session.codecs.source.size
        self.embedding = take(arrays, "embedding.weight", vocabulary, size).astype(np.float64)
        self.layers = [
            Direction(
                arrays,
                f"encoder.layers.{k}.forward",
                size if k == 0 else layer_inputs(k, size, config.encoder),
                hidden,
            )
            for k in range(config.encoder.layers)
        ]
        self._score = session.network.scores
        self._head = _head_of(session)

    def run(self, x: Array) -> tuple[list[Pass], Array]:
        """Run inputs (batch, time, size); returns the passes, and the logits (batch, symbols)."""
        passes = []
        for layer in self.layers:
            passes.append(layer.forward(x))
            x = states_of(passes[-1])
        weight, bias = self._head
        return passes, x[:, -1] @ weight.T + bias

    def gradient(self, passes: list[Pass], logits: Array, target: int) -> Array:
        """Return the derivative of log P(target) by the inputs, (batch, time, size)."""
        weight, _ = self._head
        slope = -softmax(logits)
        slope[:, target] += 1
        d = np.zeros_like(passes[-1].states[:, 1:])
        d[:, -1] = slope @ weight
        for layer, run in zip(reversed(self.layers), reversed(passes), strict=True):
            d = layer.backward(run, d)
        return d


def _head_of(session: LanguageSession) -> tuple[Array, Array]:
    """Return what turns the last state into logits, (symbols, hidden) and (symbols,)."""
    hidden = session.config.encoder.hidden
    bias = session.network.scores(np.zeros((1, hidden), np.float32))[0].astype(np.float64)
    rows = session.network.scores(np.eye(hidden, dtype=np.float32)).astype(np.float64)
    never = np.isneginf(bias)  # padding
    with np.errstate(invalid="ignore"):
        weight = np.where(never, 0.0, rows - bias).T
    return weight, np.where(never, -1e9, bias)


def explain_next(
    session: LanguageSession,
    text: str,
    *,
    target: str | None = None,
    what_if: Sequence[str] = (),
    corpus: Iterable[str] = (),
    token: int | tuple[int, int] | None = None,
) -> Explanation:
    """Explain what follows a text.

    Args:
        session: The model.
        text: What was read.
        target: The symbol that shall follow; None takes the likeliest.
        what_if: Other texts to compare with.
        corpus: Texts to look for similar states in.
        token: Number of the symbol whose state is looked for, or those of the first and last
            symbol of a span; None takes the weightiest.

    Raises:
        UserError: The text is too long, or there is no such symbol.
    """
    if not isinstance(text, str):
        raise UserError("a language model explains a text", given=type(text).__name__)
    ids = session.encode(text)
    if len(ids) > MOST:
        raise UserError(
            "only a short text can be explained",
            given=f"{len(ids)} symbols",
            allowed=f"{MOST} symbols",
        )
    source = session.codecs.source
    shares = _shares(session, [ids])[0]
    place = int(shares.argmax()) if target is None else _known(session, target)
    tokens = (
        Token(_BEGIN, 0, 0, True),
        *(
            Token(text[start:end], start, end, bool(number != UNKNOWN))
            for number, (start, end) in zip(ids[1:], source.offsets(text), strict=True)
        ),
    )
    likeliest = np.argsort(-shares, kind="stable")[:_SHOWN]
    name = source.symbol(place)
    answer = {
        "label": source.symbol(int(likeliest[0])),
        "probability": float(shares[likeliest[0]]),
        "probabilities": {source.symbol(int(k)): float(shares[k]) for k in likeliest},
    }
    integrated, check, layers = _inside(session, ids, place)
    occlusion = _occluded(session, ids, place)
    edits = tuple(
        Edit(other, (), source.symbol(int(row.argmax())), float(row[place]))
        for other in what_if
        for row in _shares(session, [session.encode(other)])
    )
    matches, span = _similar(session, text, integrated, corpus, token)
    return Explanation(
        text, answer, name, (name,), tokens, integrated, occlusion, check, layers,
        edits=edits, matches=matches, matched=span[0] if matches else None,
        matched_count=span[1],
    )  # fmt: skip


def _shares(session: LanguageSession, documents: Sequence[Any]) -> Array:
    return softmax(session.network.logits(documents).astype(np.float64))


def _known(session: LanguageSession, target: str) -> int:
    """Return the number of a symbol."""
    source = session.codecs.source
    found = source.encode(target)
    if len(found) == 1 and found[0] != UNKNOWN:
        return int(found[0])
    symbols = [source.symbol(k) for k in range(source.size)]
    close = nearest(target, symbols)
    raise UserError(
        "the model does not know this symbol",
        given=target,
        remedy=f"Did you mean {close!r}?" if close else None,
    )


def _occluded(session: LanguageSession, ids: Any, target: int) -> Array:
    """Return what the target's log-odds lose without each symbol, (symbols,)."""
    texts = [ids, *(np.delete(ids, k) for k in range(len(ids)))]
    odds = log_odds(_shares(session, texts)[:, target])
    return np.asarray(odds[0] - odds[1:])


def _inside(
    session: LanguageSession, ids: Any, target: int
) -> tuple[Array, Completeness, dict[str, dict[str, Array]]]:
    """Return integrated gradients of log P(target), their completeness, and the gates."""
    network = LanguageGradient(session)
    x = network.embedding[ids]
    passes, logits = network.run(np.stack([x, np.zeros_like(x)]))
    chances = logits - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
    scores = (chances - logits.max(1, keepdims=True))[:, target]
    deployed = float(np.log(_shares(session, [ids])[0, target]))
    difference = float(scores[0] - scores[1])
    for nodes in NODES:
        integrated = _integral(network, x, target, nodes)
        if abs(integrated.sum() - difference) <= _TOLERANCE * max(1.0, abs(difference)):
            break
    check = Completeness(float(integrated.sum()), difference, abs(deployed - float(scores[0])))
    return integrated, check, {run.name: gates_of(run) for run in passes}


def _integral(network: LanguageGradient, x: Array, target: int, nodes: int) -> Array:
    """Integrate along the path from zero, as `seqmap.runtime.explain.classify.integrate` does."""
    places, shares = path_nodes(nodes)
    total = np.zeros_like(x)
    batch = max(1, 4096 // len(x))
    for begin in range(0, nodes, batch):
        alpha = places[begin : begin + batch, None, None]
        passes, logits = network.run(alpha * x)
        slope = network.gradient(passes, logits, target)
        total += (shares[begin : begin + batch, None, None] * slope).sum(axis=0)
    return np.asarray((x * total).sum(axis=1))


def _similar(
    session: LanguageSession,
    text: str,
    weights: Array,
    corpus: Iterable[str],
    token: int | tuple[int, int] | None,
) -> tuple[tuple[Match, ...], tuple[int, int]]:
    if not corpus:
        return (), (0, 1)
    span = chosen_span(weights, token)
    return similar_places(_reader(session), text, span, corpus), span


def _reader(session: LanguageSession) -> Read:
    source = session.codecs.source

    def read(texts: list[str]) -> list[tuple[Any, Any]]:
        found = []
        for text in texts:
            states = session.network.states([session.encode(text)])
            found.append((states, [(0, 0), *source.offsets(text)]))
        return found

    return read
