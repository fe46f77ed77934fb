"""What reading tagged text gives: sentences of tokens with their tags, and where they stood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seqmap.data.tagging.schemes import Scheme


@dataclass(frozen=True, slots=True)
class Sentence:
    """One piece of text as tokens, possibly tagged.

    Attributes:
        tokens: The tokens as they stand in the text.
        text: The text that they are cut from; tokens that came without one are joined by blanks.
        offsets: Where each token stands in `text`: (start, end) in characters.
        tags: One a token: IOB2 for spans, else the labels themselves; empty when unlabelled.
        intent: The label of the whole, where there is one.
        line: The line of its file on which it begins, counted from 1; 0 when not from a file.
    """

    tokens: tuple[str, ...]
    text: str
    offsets: tuple[tuple[int, int], ...]
    tags: tuple[str, ...] = ()
    intent: str | None = None
    line: int = 0

    @classmethod
    def of_tokens(
        cls,
        tokens: tuple[str, ...],
        tags: tuple[str, ...] = (),
        *,
        intent: str | None = None,
        line: int = 0,
    ) -> Sentence:
        """Return a sentence whose text is its tokens with blanks between them."""
        offsets, place = [], 0
        for token in tokens:
            offsets.append((place, place + len(token)))
            place += len(token) + 1
        return cls(tokens, " ".join(tokens), tuple(offsets), tags, intent, line)


@dataclass(frozen=True)
class TaggedLayout:
    """What was found in a file.

    Attributes:
        format: `conll` or `jsonl`.
        encoding: Of the bytes.
        scheme: How its tags mark spans.
        columns: How many columns there are; 0 for JSONL.
        separator: Between columns: TAB or blanks.
        token_column: Number or name.
        tag_column: Number or name; None where there are no tags.
        repaired: Tags that broke their scheme.
        notes: What a reader should know.
    """

    format: str
    encoding: str
    scheme: Scheme
    columns: int = 0
    separator: str | None = None
    token_column: int | str = 0
    tag_column: int | str | None = None
    repaired: int = 0
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        facts = [self.format, self.encoding]
        if self.format == "conll":
            shown = {"\t": "TAB", None: "blanks"}.get(self.separator, repr(self.separator))
            facts += [f"{self.columns} columns between {shown}"]
        facts.append(f"token = column {self.token_column}")
        if self.tag_column is not None:
            facts.append(f"tag = column {self.tag_column}")
            facts.append("labels" if self.scheme == "none" else f"scheme {self.scheme}")
        notes = list(self.notes)
        if self.repaired:
            notes.insert(0, f"{self.repaired:,} tags break the scheme and were repaired")
        return "\n".join([", ".join(facts), *(f"  note: {note}" for note in notes)])


@dataclass(frozen=True)
class TaggedDataset:
    """The sentences of one file."""

    path: str
    examples: tuple[Sentence, ...]
    layout: TaggedLayout

    @property
    def scheme(self) -> Scheme:
        """How the file marked spans; the sentences' own tags are IOB2, unless it is `none`."""
        return self.layout.scheme

    def __len__(self) -> int:
        return len(self.examples)

    def __iter__(self) -> Iterator[Sentence]:
        return iter(self.examples)
