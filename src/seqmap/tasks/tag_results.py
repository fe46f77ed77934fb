"""What a tagger answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entity:
    """A span that was found.

    Attributes:
        text: As it stands there.
        type: Its type.
        start: Its first character in the text.
        end: One after its last.
        probability: How probable it is that exactly this span has this type, calibrated.
    """

    text: str
    type: str
    start: int
    end: int
    probability: float


@dataclass(frozen=True)
class Alternative:
    """One of the most probable readings of a text.

    Attributes:
        probability: Of the whole reading.
        entities: Its spans; their probability is that of the reading.
        tags: One a token.
    """

    probability: float
    entities: tuple[Entity, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Tagging:
    """The answer for one text.

    Attributes:
        text: What was read; given tokens are joined by blanks.
        tokens: What it was cut into.
        tags: One a token: IOB2 for spans, else labels.
        tag_probabilities: Of each tag by itself.
        entities: The spans, in their order; empty where tags are plain labels.
        probability: Of the whole reading.
        intent: The label of the whole text, where the model gives one.
        intent_probability: Its probability.
        alternatives: The most probable readings, the best first, where they were asked for.
    """

    text: str
    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    tag_probabilities: tuple[float, ...]
    entities: tuple[Entity, ...]
    probability: float
    intent: str | None = None
    intent_probability: float | None = None
    alternatives: tuple[Alternative, ...] = ()
