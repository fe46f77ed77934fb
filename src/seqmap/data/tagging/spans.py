"""JSON Lines: raw text with character spans, or tokens with tags; possibly an intent beside them.

{"text": "Fly to Oslo", "spans": [{"start": 7, "end": 11, "label": "CITY"}], "intent": "book"}
{"text": "Fly to Oslo", "spans": [[7, 11, "CITY"]]}
{"tokens": ["Fly", "to", "Oslo"], "tags": ["O", "O", "B-CITY"]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seqmap.data.tagging.records import Sentence
from seqmap.data.tagging.schemes import Span, tags_of
from seqmap.data.tagging.tokens import tokenise
from seqmap.errors import DataError

TEXT_KEYS = ("text", "sentence", "utterance", "query")
TOKEN_KEYS = ("tokens", "words")
SPAN_KEYS = ("spans", "entities", "label", "slots")
TAG_KEYS = ("tags", "ner_tags", "labels")
INTENT_KEYS = ("intent",)
_START, _END, _TYPE = ("start", "start_offset"), ("end", "end_offset"), ("label", "type", "slot")


class Record:
    """One line of a file, for messages that say where it stands."""

    def __init__(self, values: Mapping[str, Any], path: str, line: int) -> None:
        self.values = values
        self.path = path
        self.line = line

    def pick(self, keys: Sequence[str]) -> Any:
        """Return the first of these keys that is there, else None."""
        return next((self.values[key] for key in keys if key in self.values), None)

    def error(self, problem: str, given: object = None, allowed: str | None = None) -> DataError:
        """Return an error at this line."""
        return DataError(problem, path=self.path, line=self.line, given=given, allowed=allowed)


def tokens_of(record: Record, keys: Sequence[str]) -> tuple[str, ...] | None:
    """Return the tokens that a line lists, or None if it holds a text.

    Raises:
        DataError: They are not a list of strings.
    """
    tokens = record.pick(keys)
    if tokens is None or isinstance(tokens, str):
        return None
    if not isinstance(tokens, list) or not all(isinstance(t, str) and t.strip() for t in tokens):
        raise record.error("the tokens are not a list of words", given=tokens)
    return tuple(tokens)


def text_of(record: Record, keys: Sequence[str]) -> str:
    """Return the text of a line.

    Raises:
        DataError: There is none.
    """
    text = record.pick(keys)
    if not isinstance(text, str):
        raise record.error(
            "there is no text", given=", ".join(record.values), allowed=", ".join(keys)
        )
    return text


def spanned(record: Record, text: str, spans: Any, unit: str) -> tuple[Sentence, int]:
    """Return a text with spans as tokens with tags.

    Args:
        record: The line.
        text: Its text.
        spans: Its list of spans, in characters of the text.
        unit: How the text is cut into tokens: `word` or `char`.

    Returns:
        The sentence, and how many spans did not end where tokens end: they were widened.

    Raises:
        DataError: A span is malformed, outside the text, or overlaps another.
    """
    if not isinstance(spans, list):
        raise record.error("the spans are not a list", given=spans)
    offsets = tokenise(text, unit)
    starts = {start: place for place, (start, _) in enumerate(offsets)}
    ends = {end: place for place, (_, end) in enumerate(offsets)}
    found: list[Span] = []
    widened, last = 0, 0
    for start, end, kind in sorted(_span(record, item, text) for item in spans):
        if start < last:
            raise record.error("spans overlap", given=text[start:end])
        last = end
        if start in starts and end in ends:
            first, after = starts[start], ends[end] + 1
        else:
            touched = [p for p, (b, e) in enumerate(offsets) if b < end and e > start]
            if not touched:
                raise record.error("a span holds no word", given=text[start:end])
            first, after = touched[0], touched[-1] + 1
            widened += 1
        if found and found[-1].end > first:
            raise record.error("two spans share a word", given=text[start:end])
        found.append(Span(first, after, kind))
    tokens = tuple(text[start:end] for start, end in offsets)
    tags = tuple(tags_of(found, len(tokens), "iob2"))
    return Sentence(tokens, text, tuple(offsets), tags, line=record.line), widened


def _span(record: Record, item: Any, text: str) -> tuple[int, int, str]:
    if isinstance(item, dict):
        inner = Record(item, record.path, record.line)
        start, end, kind = inner.pick(_START), inner.pick(_END), inner.pick(_TYPE)
    elif isinstance(item, list) and len(item) == 3:
        start, end, kind = item
    else:
        start = end = kind = None
    sound = type(start) is int and type(end) is int and isinstance(kind, str) and kind
    if not sound:
        raise record.error("a span is not understood", given=item, allowed="[start, end, label]")
    if not 0 <= start < end <= len(text):
        raise record.error(
            "a span is outside the text",
            given=f"[{start}, {end}]",
            allowed=f"0 to {len(text)}, start before end",
        )
    return start, end, kind
