"""A seeded grammar that writes reviews whose label hangs on words far apart.

A review states a claim (good or bad) and, many neutral words away, something that keeps or turns
it: a verdict on what others had said, a negation, a change over time, a pointer to one of two
things. The label is the product of both, so that neither a word nor a short n-gram tells it;
only the reviews of the pattern "plain" say what they mean.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Phrases = tuple[str, ...]
Item = TypeVar("Item")

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Aspect:
    """A part of what is reviewed, with what can be said about it."""

    subject: str
    good: Phrases
    bad: Phrases


@dataclass(frozen=True)
class Pattern:
    """A way to build a review.

    Templates hold `{claim}` and `{claim2}` (of one polarity), `{other}` (of the opposite one),
    `{turn}` (drawn from `keep` or `flip`) and slots of the tables.
    """

    name: str
    templates: Phrases
    keep: Phrases = ()
    """Phrases after which the claim stands."""
    flip: Phrases = ()
    """Phrases after which its opposite is meant; empty for a pattern that never turns."""
    weight: float = 1.0
    """How often the pattern is taken, relative to the others."""


@dataclass(frozen=True)
class Domain:
    """What is reviewed."""

    name: str
    aspects: tuple[Aspect, ...]
    tables: Mapping[str, Phrases]
    """Phrases of this domain; they are added to those of the language."""


@dataclass(frozen=True)
class Language:
    """All phrases of a language."""

    code: str
    joint: str
    """What stands between a subject and its predicate."""
    patterns: tuple[Pattern, ...]
    domains: tuple[Domain, ...]
    tables: Mapping[str, Phrases]


@dataclass(frozen=True)
class Sentence:
    """A review that the grammar wrote, with the way it came about."""

    text: str
    good: bool
    pattern: str
    domain: str


def write(language: Language, *, good: bool, source: random.Random) -> Sentence:
    """Write one review with the label `good`, or its opposite for False."""
    pattern = _weighted(language.patterns, source)
    domain = _choose(language.domains, source)
    turned = bool(pattern.flip) and source.random() < 0.5
    tables = _join(language.tables, domain.tables)
    aspects = _shuffled(domain.aspects, source)
    polarity = good != turned
    tables["claim"] = _claims(aspects[0], polarity, language.joint)
    tables["claim2"] = _claims(aspects[1], polarity, language.joint)
    tables["other"] = _claims(aspects[0], not polarity, language.joint)
    tables["turn"] = pattern.flip if turned else pattern.keep
    template = _choose(pattern.templates, source)
    return Sentence(
        _tidy(_expand(template, tables, source, used=set())), good, pattern.name, domain.name
    )


def _expand(
    template: str, tables: Mapping[str, Phrases], source: random.Random, *, used: set[str]
) -> str:
    """Fill the slots of `template`, and those of what fills them; no phrase is used twice."""

    def fill(match: re.Match[str]) -> str:
        options = tables[match[1]]
        fresh = [option for option in options if option not in used] or options
        option = _choose(fresh, source)
        used.add(option)
        return _expand(option, tables, source, used=used)

    return _SLOT.sub(fill, template)


def _tidy(text: str) -> str:
    """Begin every sentence with a capital letter."""
    text = re.sub(r"(^|[.!?] )([a-z])", lambda match: match[1] + match[2].upper(), text.strip())
    return text.replace(" i ", " I ")


def _claims(aspect: Aspect, good: bool, joint: str) -> Phrases:
    return tuple(f"{aspect.subject}{joint}{said}" for said in (aspect.good if good else aspect.bad))


def _join(general: Mapping[str, Phrases], special: Mapping[str, Phrases]) -> dict[str, Phrases]:
    return {
        name: (*general.get(name, ()), *special.get(name, ())) for name in {**general, **special}
    }


# `random.Random.random` is the one method whose stream Python promises never to change, so that
# the sample is the same under every version: `choice` and `shuffle` are built on it here.


def _choose(items: Sequence[Item], source: random.Random) -> Item:
    return items[int(source.random() * len(items))]


def _shuffled(items: Sequence[Item], source: random.Random) -> list[Item]:
    keys = [source.random() for _ in items]
    return [items[k] for k in sorted(range(len(items)), key=keys.__getitem__)]


def _weighted(patterns: Sequence[Pattern], source: random.Random) -> Pattern:
    left = source.random() * sum(pattern.weight for pattern in patterns)
    for pattern in patterns:
        left -= pattern.weight
        if left < 0:
            return pattern
    return patterns[-1]
