"""Explains a tagger: what the CRF weighed, which words a span hangs on, how the LSTM read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import softmax
from seqmap.codecs.base import UNKNOWN
from seqmap.data.tagging.records import Sentence
from seqmap.data.tagging.schemes import Span
from seqmap.errors import UserError, nearest
from seqmap.runtime.explain.explanation import (
    Array,
    Completeness,
    Edit,
    Token,
    chosen_span,
)
from seqmap.runtime.explain.lstm import gate_views
from seqmap.runtime.explain.paths import along_path, log_odds
from seqmap.runtime.explain.similar import Read, similar_places
from seqmap.runtime.explain.tag_explanation import TagExplanation
from seqmap.search.crf import Chain, forward_backward

if TYPE_CHECKING:
    from seqmap.runtime.tag import TagInput, TagSession

Chances = Callable[[Any, Any], Array]
"""Emissions and logits of intents of some readings -> a probability of each."""
NOTHING = "\u25a1"
"""What a token is replaced by to see what it does: a sign that no text of training holds."""


def explain_tags(
    session: TagSession,
    given: TagInput,
    *,
    target: str | None = None,
    what_if: Sequence[str] = (),
    corpus: Iterable[str] = (),
    token: int | tuple[int, int] | None = None,
) -> TagExplanation:
    """Explain the tags of a text.

    Args:
        session: The model.
        given: What it is asked: a text that fits one window, or a list of tokens.
        target: Type of the span to explain, or name of an intent; None takes the least certain
            span.
        what_if: Other texts to compare with.
        corpus: Texts to look for similar states in.
        token: Number of a token, or those of the first and last token whose states are looked for:
            the span that holds the first is explained.

    Raises:
        UserError: The text is too long, or there is no such type or token.
    """
    sentence = session.sentence(given)
    first = token[0] if isinstance(token, tuple) else token
    _refuse(session, sentence, target, first)
    answer = session.predict([sentence])[0]
    tokens = tuple(
        Token(text, *offsets, session.codecs.source.forms[text].word != UNKNOWN)
        for text, offsets in zip(sentence.tokens, sentence.offsets, strict=True)
    )
    edits = tuple(
        Edit(text, (), session.task.line(found) or "nothing", found.probability)
        for text, found in zip(what_if, session.predict(list(what_if)), strict=True)
    )
    bare = TagExplanation(
        sentence.text,
        session.task.record(answer),
        target or "",
        session.labels,
        tokens,
        None,
        np.zeros(len(tokens)),
        None,
        edits=edits,
        names=session.codecs.target.names,
        chain=session.search.chain.transitions,
    )
    if not tokens:
        return bare
    found = _filled(session, sentence, bare, target, first)
    if not corpus:
        return found
    span = chosen_span(found.occlusion, token)
    texts = (one.text if isinstance(one, Sentence) else one for one in corpus)
    matches = similar_places(_reader(session), sentence.text, span, texts)
    return replace(
        found, matches=matches, matched=span[0] if matches else None, matched_count=span[1]
    )


def _filled(
    session: TagSession,
    sentence: Sentence,
    bare: TagExplanation,
    target: str | None,
    token: int | None,
) -> TagExplanation:
    """Add what needs tokens: probabilities, the span, gates."""
    emissions = session.emissions([sentence.tokens])[0]
    tags = session.search.search([emissions])[0]
    span = _chosen(session, tags, target, token)
    marginals, pairs = probabilities(emissions, session.search.chain, session.search.temperature)
    layers: dict[str, dict[str, Array]] = {}
    if session.config.encoder.name == "lstm":
        # Of several networks the first: each has gates of its own.
        inputs = session.reader.members[0].vectors(sentence.tokens)
        layers = gate_views(session.archive.arrays, inputs, session.config.encoder, "encoder.")
    found = replace(
        bare,
        layers=layers,
        best=tuple(tags.numbers.tolist()),
        marginals=marginals,
        pairs=pairs,
    )
    intent = _intent_of(session, target)
    chances: Chances
    if intent is not None:
        chances = _intent_chooser(session, intent)
    elif span is not None:
        chances = _span_chooser(session, tags.numbers, span)
        found = replace(found, target=span.type, span=(span.start, span.end))
    else:
        return found
    chance, occlusion, integrated, check = _attributed(session, sentence.tokens, chances)
    return replace(
        found,
        span_probability=chance,
        occlusion=occlusion,
        integrated=integrated,
        completeness=check,
    )


def _span_chooser(session: TagSession, numbers: Any, span: Span) -> Chances:
    return lambda emissions, _: _span_chances(session, emissions, numbers, span)


def _intent_chooser(session: TagSession, intent: int) -> Chances:
    return lambda _, logits: _intent_chances(session, logits, intent)


def _intent_of(session: TagSession, target: str | None) -> int | None:
    """Return the number of the intent that is explained; None where it is a span."""
    intents = session.codecs.intents
    if target is None or target in session.labels or intents is None:
        return None
    return intents.names.index(target)


def probabilities(emissions: NDArray[Any], chain: Chain, temperature: float) -> tuple[Array, Array]:
    """Return P(y_t), (tokens, tags), and P(y_(t-1), y_t), (tokens - 1, tags, tags).

    With α and β of forward-backward, P(y_(t-1) = j, y_t = k) = exp(α_(t-1)[j] + A[j, k] + e_t[k] +
    β_t[k] - log Z), all scores divided by the temperature.

    Args:
        emissions: (tokens, tags).
        chain: The scores between tags.
        temperature: Of the calibration.
    """
    warm = Chain(
        chain.transitions / temperature, chain.start / temperature, chain.end / temperature
    )
    scores = np.asarray(emissions, np.float64)[None] / temperature
    alphas, betas, log_z = forward_backward(scores, np.array([len(emissions)]), warm)
    alpha, beta = alphas[0], betas[0]
    behind = (scores[0] + beta)[1:, None, :]
    return (
        np.exp(alpha + beta - log_z[0]),
        np.exp(alpha[:-1, :, None] + warm.transitions + behind - log_z[0]),
    )


def _refuse(session: TagSession, sentence: Sentence, target: str | None, token: int | None) -> None:
    window = session.config.tag.window
    if len(sentence.tokens) > window:
        raise UserError(
            "only a text that is read at once can be explained",
            given=f"{len(sentence.tokens)} tokens",
            allowed=f"{window} tokens",
        )
    intents = session.codecs.intents
    known = (*session.labels, *(intents.names if intents is not None else ()))
    if target is not None and target not in known:
        close = nearest(target, known)
        raise UserError(
            "the model does not know this type",
            given=target,
            allowed=known,
            remedy=f"Did you mean {close!r}?" if close else None,
        )
    if token is not None and not 0 <= token < len(sentence.tokens):
        allowed = f"0 to {len(sentence.tokens) - 1}" if sentence.tokens else "none: there are none"
        raise UserError("there is no such token", given=token, allowed=allowed)


def _chosen(session: TagSession, tags: Any, target: str | None, token: int | None) -> Span | None:
    """Return the span to explain: that of the type or token asked for, the least certain one."""
    spans = session.search.marked(tags.numbers)
    chances = tags.span_probabilities if session.codecs.target.spans else tags.tag_probabilities
    fitting = [
        (float(chance), span)
        for span, chance in zip(spans, chances, strict=True)
        if target in (None, span.type) and (token is None or span.start <= token < span.end)
    ]
    return min(fitting)[1] if fitting else None


def _span_chances(
    session: TagSession, emissions: Sequence[NDArray[Any]], numbers: Any, span: Span
) -> Array:
    """Return how probable a span is by each of some emissions, (readings,)."""
    chain, temperature = session.search.chain, session.search.temperature
    wanted = numbers[span.start : span.end]
    found = []
    for own in emissions:
        single, pairs = probabilities(own, chain, temperature)
        chance = float(single[span.start, wanted[0]])
        for place in range(span.start + 1, span.end):
            before, here = wanted[place - 1 - span.start], wanted[place - span.start]
            chance *= pairs[place - 1, before, here] / max(single[place - 1, before], 1e-300)
        found.append(chance)
    return np.array(found)


def _intent_chances(session: TagSession, logits: NDArray[Any], intent: int) -> Array:
    """Return how probable an intent is, (readings,)."""
    warm = np.asarray(logits, np.float64) / session.intent_temperature
    return np.asarray(softmax(warm)[:, intent])


def _attributed(
    session: TagSession, tokens: Sequence[str], chances: Chances
) -> tuple[float, Array, Array | None, Completeness | None]:
    """Return a probability, and what its log-odds owe to each token.

    Args:
        session: The model.
        tokens: The sentence.
        chances: What is explained: probabilities by emissions and logits of intents.

    Returns:
        The probability; what its log-odds lose without each token's form, (tokens,); integrated
        gradients of them (tokens,) and how well they add up, None for long sentences.
    """
    given = list(tokens)
    texts = [given, *([*given[:k], NOTHING, *given[k + 1 :]] for k in range(len(given)))]
    found = chances(*session.reader.read(texts))
    odds = log_odds(found)
    integrated, check = along_path(
        lambda x: log_odds(chances(*session.reader.read_vectors(x, given))),
        session.reader.vectors(given),
        float(odds[0]),
    )
    return float(found[0]), np.asarray(odds[0] - odds[1:]), integrated, check


def _reader(session: TagSession) -> Read:
    def read(texts: list[Any]) -> list[tuple[Any, Any]]:
        sentences = [session.sentence(text) for text in texts]
        return [
            (session.reader.states(own.tokens), own.offsets)
            if own.tokens
            else (np.zeros((0, 1)), ())
            for own in sentences
        ]

    return read
