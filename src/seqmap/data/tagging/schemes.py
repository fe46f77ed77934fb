"""Tags ⇄ spans: which scheme a file is in, what is wrong with it, and what its tags mean.

A scheme marks where spans begin and end: IOB1 (`I-` inside, `B-` only between two spans of a type),
IOB2 (`B-` begins every span), BIOES (`E-` ends, `S-` is a span of one), BMES (`M-` for `I-`), BILOU
(`L-` ends, `U-` is one). What a tag sequence means, sound or not, follows the rules of conlleval
(Tjong Kim Sang & Buchholz 2000): a span begins at `B-` and `S-`, after `O`, after `E-` and `S-`,
and where the type changes; it ends before each of these, and after `E-` and `S-`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from seqmap.errors import DataError

OUTSIDE = "O"

Scheme = Literal["iob1", "iob2", "bioes", "bmes", "bilou", "none"]
SCHEMES: tuple[Scheme, ...] = ("iob1", "iob2", "bioes", "bmes", "bilou", "none")

_TAG = re.compile(r"([BIEMSLU])(?:-(.*))?")
_STRANGE = re.compile(r"([A-Z])-.+")  # looks like a prefix, and is of no scheme
# All prefixes as those of BIOES.
_PLAIN = {"B": "B", "I": "I", "E": "E", "S": "S", "M": "I", "L": "E", "U": "S"}
_PREFIXES: dict[Scheme, frozenset[str]] = {
    "iob1": frozenset("BI"),
    "iob2": frozenset("BI"),
    "bioes": frozenset("BIES"),
    "bmes": frozenset("BMES"),
    "bilou": frozenset("BILU"),
}
# What marks the beginning, the inside and the end of a span, and a span of one.
_MARKS: dict[Scheme, str] = {
    "iob1": "BIIB",
    "iob2": "BIIB",
    "bioes": "BIES",
    "bmes": "BMES",
    "bilou": "BILU",
}

# Spans without an end that are taken for slips where others have one, and not for a second scheme.
_STRAY, _STRAY_SHARE = 2, 0.2


class Span(NamedTuple):
    """Some neighbouring tokens of one type."""

    start: int
    """The first token."""
    end: int
    """One after the last."""
    type: str


class TagError(ValueError):
    """Tags that are of no scheme, or of several."""


def split_tag(tag: str) -> tuple[str, str]:
    """Return prefix and type of a tag; `O` has neither, and what has no prefix is all type."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    found = _TAG.fullmatch(tag)
    return (found[1], found[2] or "") if found else ("", tag)


def detect_scheme(sentences: Iterable[Sequence[str]]) -> Scheme:
    """Return the scheme of a file's tags; `none` where tags are no spans (parts of speech).

    Raises:
        TagError: Prefixes of several schemes occur, or of none, or spans that end as in several.
    """
    prefixes: Counter[str] = Counter()
    bare: set[str] = set()
    unended = 0  # spans without E- or L-
    apart = touching = starts = 0  # B- that begin after something else / right after their type
    for tags in sentences:
        before = (OUTSIDE, "")
        for tag in tags:
            prefix, kind = split_tag(tag)
            prefixes[prefix] += 1
            if not prefix:
                bare.add(tag)
            follows = before[0] in "BIM" and before[1] == kind
            if prefix == "B":
                touching += follows
                apart += not follows
            elif prefix == "I":
                starts += not follows
            unended += before[0] in "BIM" and (prefix not in "IMEL" or before[1] != kind)
            before = (prefix, kind)
        unended += before[0] in "BIM"
    found = set(prefixes) - {OUTSIDE, ""}
    if bare:
        if found and prefixes[""] < sum(prefixes[name] for name in found):
            raise TagError(f"{min(bare)!r} has no prefix, others have {_listed(found)}")
        strange = [shown[1] for tag in bare if (shown := _STRANGE.fullmatch(tag))]
        if prefixes[OUTSIDE] and len(strange) == len(bare):
            raise TagError(f"prefixes of no scheme: {_listed(set(strange))}")
        return "none"
    if found <= {"B", "I"}:
        return "iob1" if starts and not apart else "iob2"
    for scheme in ("bioes", "bmes", "bilou"):
        if found <= _PREFIXES[scheme]:
            ended = sum(prefixes[name] for name in "ESLU")
            if unended > max(_STRAY, _STRAY_SHARE * ended):
                raise TagError(f"{unended} spans have no end, as in iob2; {ended} do, as {scheme}")
            return scheme
    raise TagError(f"prefixes of several schemes: {_listed(found)}")


def check_scheme(tag: str, scheme: Scheme) -> None:
    """Refuse a tag that a scheme does not have.

    Raises:
        TagError: It is no tag of it.
    """
    if scheme == "none" or tag == OUTSIDE:
        return
    prefix, _ = split_tag(tag)
    if prefix not in _PREFIXES[scheme]:
        allowed = ", ".join([OUTSIDE, *(f"{p}-…" for p in sorted(_PREFIXES[scheme]))])
        raise TagError(f"{tag!r} is no tag of the scheme {scheme} ({allowed})")


def spans_of(tags: Sequence[str]) -> list[Span]:
    """Return the spans that tags of any scheme mean, by the rules of conlleval."""
    spans: list[Span] = []
    start, open_type = -1, ""
    last = OUTSIDE
    for place, tag in enumerate(tags):
        prefix, kind = split_tag(tag)
        mark = _PLAIN.get(prefix, OUTSIDE)
        inside = start >= 0
        begins = mark in "BS" or (mark in "IE" and (last in "OES" or kind != open_type))
        if inside and (begins or mark == OUTSIDE):
            spans.append(Span(start, place, open_type))
            inside = False
        if mark == OUTSIDE:
            start = -1
        elif begins or not inside:
            start, open_type = place, kind
        if mark in "ES" and start >= 0:
            spans.append(Span(start, place + 1, open_type))
            start = -1
        last = mark
    if start >= 0:
        spans.append(Span(start, len(tags), open_type))
    return spans


def tags_of(spans: Iterable[Span], length: int, scheme: Scheme) -> list[str]:
    """Return tags for spans that do not overlap.

    Args:
        spans: In their order.
        length: Number of tokens.
        scheme: Any but `none`.
    """
    tags = [OUTSIDE] * length
    begin, inside, end, single = tuple(_MARKS[scheme])
    last: Span | None = None
    for span in spans:
        marks = [begin, *(inside for _ in range(span.end - span.start - 2)), end]
        if span.end - span.start == 1:
            marks = [single]
        if scheme == "iob1" and not (last and last.end == span.start and last.type == span.type):
            marks[0] = "I"
        kind = f"-{span.type}" if span.type else ""
        tags[span.start : span.end] = [mark + kind for mark in marks]
        last = span
    return tags


def count_repairs(tags: Sequence[str], scheme: Scheme) -> int:
    """Return how many tags break the rules of their scheme: they are read as conlleval does."""
    if scheme in ("none", "iob1"):
        return 0
    broken = 0
    open_type: str | None = None
    closes = scheme != "iob2"
    for tag in tags:
        prefix, kind = split_tag(tag)
        mark = _PLAIN.get(prefix, OUTSIDE)
        goes_on = mark in "IE"
        if goes_on and open_type != kind:
            broken += 1  # nothing to go on with
        elif not goes_on and closes and open_type is not None:
            broken += 1  # what was open has no end
        open_type = kind if mark in "BI" else None
    return broken + (closes and open_type is not None)


def refuse(problem: str, *, path: str, line: int | None, given: str | None = None) -> DataError:
    """Return the error for tags that cannot be read."""
    return DataError(
        problem,
        path=path,
        line=line,
        given=given,
        allowed=", ".join(SCHEMES),
        remedy="Check the tag column (--label-column), or name the scheme (--scheme)",
    )


def _listed(prefixes: Iterable[str]) -> str:
    return ", ".join(f"{prefix}-" for prefix in sorted(prefixes))
