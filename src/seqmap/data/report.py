"""What is in the data: counts, repeated and contradictory texts, empty ones, overlap between parts.

Two notions of equal texts are used. *Equal* is equality of the strings, character by character;
the figures for duplicates, conflicts and overlap count with it. *Alike* compares only letters and
digits in lower case: blanks, punctuation and case do not count, and a text without letters or
digits is like no other. It finds the same news item with other quotes around it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from seqmap.data.records import Example, order_labels

_QUANTILES = (0.0, 0.05, 0.5, 0.95, 1.0)
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_ASCII_NOT_ALPHANUMERIC = bytes(code for code in range(128) if not chr(code).isalnum())
_MOST_CLASSES = 20


@dataclass(frozen=True)
class PartReport:
    """One part: train, dev or test."""

    name: str
    examples: int
    classes: dict[str, int]
    """Examples per label, in the order of the labels."""
    unlabelled: int
    """Examples without any label."""
    duplicates: int
    """Examples whose text is equal to that of an earlier one (empty texts included)."""
    conflicts: int
    """Distinct texts that occur with different labels."""
    empty: int
    """Texts without any character but white space."""
    lengths: tuple[int, ...]
    """Characters of a text: smallest, 5 %, median, 95 %, largest."""


@dataclass(frozen=True)
class Overlap:
    """What two parts share."""

    first: str
    second: str
    equal: int
    """Distinct texts that are in both."""
    alike: int
    """Distinct sequences of lower-case letters and digits that are in both."""


@dataclass(frozen=True)
class DataReport:
    """What `inspect` found."""

    parts: tuple[PartReport, ...]
    overlaps: tuple[Overlap, ...]
    unseen: dict[str, tuple[str, ...]]
    """Per later part, the labels that the first part does not have."""

    def describe(self) -> tuple[str, ...]:
        """Return the report as lines of text; what needs attention is said with its number."""
        lines = []
        for part in self.parts:
            lines.extend(_describe_part(part))
        for overlap in self.overlaps:
            if overlap.alike or overlap.equal:
                lines.append(
                    f"{overlap.first} and {overlap.second} share {overlap.equal:,} texts"
                    f" ({overlap.alike:,} apart from case, blanks and punctuation)"
                )
        for name, labels in self.unseen.items():
            shown = ", ".join(labels[:_MOST_CLASSES])
            lines.append(f"{name} has labels that {self.parts[0].name} lacks: {shown}")
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts and lists, for JSON."""
        plain = dataclasses.asdict(self)
        plain["parts"] = {part.pop("name"): part for part in plain["parts"]}
        for part in plain["parts"].values():
            part["lengths"] = dict(
                zip(("min", "p5", "median", "p95", "max"), part["lengths"], strict=False)
            )
        plain["unseen"] = {name: list(labels) for name, labels in self.unseen.items()}
        plain["overlaps"] = list(plain["overlaps"])
        return plain


def inspect(
    train: Iterable[Example],
    dev: Iterable[Example] | None = None,
    test: Iterable[Example] | None = None,
) -> DataReport:
    """Look through the parts of a data set.

    Args:
        train: The part that is learned from.
        dev: The part that decides when to stop.
        test: The part that is only measured on.
    """
    named = [("train", train), ("dev", dev), ("test", test)]
    given = [(name, list(part)) for name, part in named if part is not None]
    parts = tuple(_part(name, examples) for name, examples in given)
    overlaps = []
    if len(given) > 1:
        texts = [{example.text for example in examples} for _, examples in given]
        keys = [{alike_key(text) for text in part} - {b""} for part in texts]
        overlaps = [
            Overlap(given[i][0], given[j][0], len(texts[i] & texts[j]), len(keys[i] & keys[j]))
            for i in range(len(given))
            for j in range(i + 1, len(given))
        ]
    known = parts[0].classes.keys()
    unseen = {
        part.name: tuple(label for label in part.classes if label not in known)
        for part in parts[1:]
        if not part.classes.keys() <= known
    }
    return DataReport(parts, tuple(overlaps), unseen)


def alike_key(text: str) -> bytes:
    """Return the letters and digits of a text in lower case; texts with the same key are alike."""
    if text.isascii():
        return text.lower().encode().translate(None, _ASCII_NOT_ALPHANUMERIC)
    return _NOT_ALPHANUMERIC.sub("", text.lower()).encode("utf-8", "surrogatepass")


def fingerprint(examples: Iterable[Example]) -> str:
    """Return the SHA-256 of all texts, labels and soft labels in their order, in hexadecimal.

    Each string is preceded by its length in bytes, so that no two lists of examples are confused.
    Soft labels begin with a letter, where an example without them would be followed by a length.
    """
    digest = hashlib.sha256()
    for example in examples:
        fields = [text.encode("utf-8", "surrogatepass") for text in (example.text, *example.labels)]
        head = ",".join(str(len(field)) for field in fields)
        digest.update(b"".join([head.encode(), b";", *fields]))
        if example.soft is not None:
            shares = ",".join(repr(float(value)) for value in example.soft)
            digest.update(f"s{shares};".encode())
    return digest.hexdigest()


def _part(name: str, examples: Sequence[Example]) -> PartReport:
    labels_of: dict[str, set[frozenset[str]]] = defaultdict(set)
    sets: dict[tuple[str, ...], frozenset[str]] = {}
    for example in examples:
        labels = sets.setdefault(example.labels, frozenset(example.labels))
        labels_of[example.text].add(labels)
    counts = Counter(label for example in examples for label in example.labels)
    lengths = sorted(len(example.text) for example in examples)
    return PartReport(
        name=name,
        examples=len(examples),
        classes={label: counts[label] for label in order_labels(set(counts))},
        unlabelled=sum(not example.labels for example in examples),
        duplicates=len(examples) - len(labels_of),
        conflicts=sum(len(labels) > 1 for labels in labels_of.values()),
        empty=sum(not example.text or example.text.isspace() for example in examples),
        lengths=tuple(lengths[round(q * (len(lengths) - 1))] for q in _QUANTILES if lengths),
    )


def _describe_part(part: PartReport) -> list[str]:
    shown = ", ".join(
        f"{name} {count:,}" for name, count in list(part.classes.items())[:_MOST_CLASSES]
    )
    if len(part.classes) > _MOST_CLASSES:
        shown += f", ... ({len(part.classes)} classes)"
    lines = [f"{part.name}: {part.examples:,} examples ({shown or 'no labels'})"]
    if part.lengths:
        low, _, median, high, most = part.lengths
        lines.append(f"  characters: {low:,} to {most:,}, median {median:,}, 95 % up to {high:,}")
    troubles = [
        (part.duplicates, "repeat an earlier text"),
        (part.conflicts, "texts occur with different labels"),
        (part.empty, "empty texts"),
        (part.unlabelled, "without a label"),
    ]
    found = [f"{count:,} {what}" for count, what in troubles if count]
    return lines + (["  " + "; ".join(found)] if found else [])
