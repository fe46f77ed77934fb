"""Explains a translation: what each read piece does to the answer, beside the cross-attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import UNKNOWN
from seqmap.codecs.pieces import BLANK, BOUNDARY
from seqmap.runtime.alignment import Alignment
from seqmap.runtime.explain.explanation import Array, Match, Token, chosen_span
from seqmap.runtime.explain.lstm import gate_views
from seqmap.runtime.explain.paths import along_path
from seqmap.runtime.explain.similar import Read, similar_places

if TYPE_CHECKING:
    from seqmap.runtime.translate import TranslateSession

_MOST = 24
"""Pieces that are read, at most, for integrated gradients: each is written anew many times."""
_ROWS = 64  # sources that are scored together


def explain_translation(
    session: TranslateSession,
    text: str,
    *,
    what_if: Sequence[str] = (),
    corpus: Iterable[str] = (),
    token: int | tuple[int, int] | None = None,
) -> Alignment:
    """Explain the answer to a text.

    Args:
        session: The model.
        text: What is read.
        what_if: Other texts, answered for comparison.
        corpus: Texts to look for similar states of the encoder in.
        token: Number of the piece whose state is looked for, or those of the first and last
            piece of a span; None takes the weightiest.

    Raises:
        UserError: There is no such piece.
    """
    answer, *others = session.predict([text, *what_if])
    ids = session.codecs.source.encode(text)[: session.config.text.max_length]
    if not len(ids):
        return Alignment(answer, tuple(others))
    written = session.written_ids(text)
    whole = forced(session, [ids], written)[0]
    without = forced(session, [np.delete(ids, k) for k in range(len(ids))], written)
    losses = (whole - without).T  # (written, read)
    occlusion = losses.sum(axis=0)
    integrated, check = along_path(
        lambda x: _of_vectors(session, x, written),
        session.writer.vectors(ids),
        float(whole.sum()),
        most=_MOST,
    )
    layers: dict[str, dict[str, Array]] = {}
    if session.config.encoder.name == "lstm":
        # Gates of the first network: of several, each has its own.
        read = session.writer.members[0].vectors(np.append(ids, BOUNDARY))
        layers = gate_views(session.archive.arrays, read, session.config.encoder, "encoder.")
    matches: tuple[Match, ...] = ()
    span = 0, 1
    if corpus:
        span = chosen_span(occlusion, token)
        matches = similar_places(_reader(session), text, span, corpus)
    return Alignment(
        answer,
        tuple(others),
        tuple(_tokens(session, text, ids)),
        occlusion,
        losses[: len(answer.tokens)],
        integrated,
        check,
        layers,
        matches,
        span[0] if matches else None,
        span[1],
    )


def forced(session: TranslateSession, sources: Sequence[Any], written: Any) -> Array:
    """Return log P of each piece of an answer, its end included, (sources, pieces).

    Args:
        session: The model.
        sources: Ids of each source.
        written: Ids of the answer without its end.
    """
    found = []
    for begin in range(0, len(sources), _ROWS):
        part = sources[begin : begin + _ROWS]
        found.append(_scored(session, session.writer.begin(part, 1), len(part), written))
    return np.concatenate(found)


def _of_vectors(session: TranslateSession, x: NDArray[np.float32], written: Any) -> Array:
    """Return log P of an answer to sources that are given as vectors, (sources,)."""
    state = session.writer.begin_vectors(x)
    return np.asarray(_scored(session, state, len(x), written).sum(axis=1))


def _scored(session: TranslateSession, state: Any, count: int, written: Any) -> Array:
    last, found = BOUNDARY, []
    for piece in [*map(int, written), BOUNDARY]:
        scores, _, state = session.writer.step(state, np.full((count, 1), last, np.int64))
        logits = scores.astype(np.float64)
        if not session.options.unknown:
            logits[:, UNKNOWN] = -np.inf  # as in the search
        top = logits.max(axis=1)
        logs = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
        found.append(logits[:, piece] - logs)
        last = piece
    return np.stack(found, axis=1)


def _tokens(session: TranslateSession, text: str, ids: Any) -> list[Token]:
    """Return the read pieces where they stand in the text."""
    pieces = session.codecs.source.pieces(text)[: len(ids)]
    spans = piece_spans(text, pieces)
    return [
        Token(text[start:end] or piece.replace(BLANK, "␣"), start, end, bool(number != UNKNOWN))
        for piece, number, (start, end) in zip(pieces, ids, spans, strict=True)
    ]


def piece_spans(text: str, pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Return where each piece stands: what was folded beyond recognition has no width."""
    plain, place, spans = text.lower(), 0, []
    if len(plain) != len(text):  # a few characters change their length in lower case
        plain = text
    for piece in pieces:
        wanted = piece.replace(BLANK, "").lower()
        found = plain.find(wanted, place) if wanted else -1
        if found < 0:
            spans.append((place, place))
            continue
        spans.append((found, found + len(wanted)))
        place = found + len(wanted)
    return spans


def _reader(session: TranslateSession) -> Read:
    source, longest = session.codecs.source, session.config.text.max_length

    def read(texts: list[str]) -> list[tuple[Any, Any]]:
        found: list[tuple[Any, Any]] = []
        for text in texts:
            ids = source.encode(text)[:longest]
            states = session.writer.states(ids)[: len(ids)]
            found.append((states, piece_spans(text, source.pieces(text)[: len(ids)])))
        return found

    return read
