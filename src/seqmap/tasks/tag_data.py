"""What is in tagged sentences, and in answers: unit, types, and lines to tell of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqmap.data.tagging.tokens import Tokeniser
from seqmap.errors import DataError
from seqmap.tasks.tag_results import Alternative, Tagging

if TYPE_CHECKING:
    from seqmap.data.tagging import Sentence, TaggedDataset

_MOST_TYPES = 20
_LOOKED_AT = 2000


def tokeniser_of(sentences: Sequence[Sentence]) -> Tokeniser:
    """Return what cuts raw text to look like these sentences.

    Sentences that were cut from raw text themselves are of plain words, whatever their script: that
    is how they were cut.
    """
    if any(s.text != " ".join(s.tokens) for s in sentences[:_LOOKED_AT]):
        return Tokeniser()
    unit = "char" if single_characters(sentences) else "word"
    return Tokeniser.fit((s.tokens for s in sentences), unit)


def single_characters(sentences: Sequence[Sentence]) -> bool:
    """Whether nearly all tokens are single characters, as in Chinese."""
    looked = [token for s in sentences[:_LOOKED_AT] for token in s.tokens]
    return bool(looked) and 10 * sum(len(token) == 1 for token in looked) >= 9 * max(1, len(looked))


def types_of(sentences: Sequence[Sentence]) -> Counter[str]:
    """Count the spans of each type; of plain labels, the labels."""
    counts: Counter[str] = Counter()
    for sentence in sentences:
        for tag in sentence.tags:
            mark, _, kind = tag.partition("-")
            if mark == "B" and (kind or tag == "B"):
                counts[kind] += 1
            elif mark not in ("I", "O"):
                counts[tag] += 1
    return counts


def strata_of(sentence: Sentence) -> tuple[str, ...]:
    """Return what a part that is held out should have its share of: the types, and the intent."""
    types = sorted(set(types_of([sentence])))
    # The mark tells an intent from a type of its name.
    return (*types,) if sentence.intent is None else (*types, f"\0{sentence.intent}")


def check_types(dataset: TaggedDataset, known: frozenset[str], problem: str) -> None:
    """Refuse types that are not known, by file and line.

    Raises:
        DataError: There is one.
    """
    for sentence in dataset.examples:
        strange = set(types_of([sentence])) - known
        if strange:
            raise DataError(
                problem,
                path=dataset.path,
                line=sentence.line,
                given=min(strange),
                allowed=", ".join(sorted(known)[:_MOST_TYPES]),
            )


def described(name: str, sentences: Sequence[Sentence]) -> Iterator[str]:
    """Yield lines about a part: counts of types, repeated sentences."""
    counts = types_of(sentences)
    tokens = sum(len(s.tokens) for s in sentences)
    shown = ", ".join(f"{kind or 'span'} {n:,}" for kind, n in counts.most_common(_MOST_TYPES))
    more = f", ... ({len(counts)} types)" if len(counts) > _MOST_TYPES else ""
    yield f"{name}: {len(sentences):,} sentences, {tokens:,} tokens ({shown or 'no entity'}{more})"
    tagged: dict[tuple[str, ...], set[tuple[str, ...]]] = {}
    for sentence in sentences:
        tagged.setdefault(sentence.tokens, set()).add(sentence.tags)
    repeated = len(sentences) - len(tagged)
    unlike = sum(len(tags) > 1 for tags in tagged.values())
    if repeated:
        yield f"  {repeated:,} repeat an earlier sentence, {unlike:,} of these differ in their tags"


def shown(answer: Tagging) -> str:
    """Return an answer as a line; see `Tag.line`."""
    if answer.entities or all(tag == "O" for tag in answer.tags):
        columns = [f"{e.type}: {_one_line(e.text)} ({e.probability:.3f})" for e in answer.entities]
    else:
        columns = [_labelled(answer.tokens, answer.tags)]
    if answer.alternatives:
        best, *others = answer.alternatives
        behind = [_reading(one, answer.tokens) for one in others]
        columns = [f"[{best.probability:.3f}]", *columns, *behind]
    line = "\t".join(columns)
    if answer.intent is not None:
        line = f"[{answer.intent} {answer.intent_probability:.3f}]\t{line}"
    return line


def _reading(one: Alternative, tokens: Sequence[str]) -> str:
    """Return a reading behind the best one; without entities it is its probability alone."""
    text = "; ".join(f"{e.type}: {_one_line(e.text)}" for e in one.entities)
    if not one.entities and any(tag != "O" for tag in one.tags):
        text = _labelled(tokens, one.tags)
    return f"[{one.probability:.3f}] {text}".rstrip()


def _labelled(tokens: Sequence[str], tags: Sequence[str]) -> str:
    return " ".join(f"{token}/{tag}" for token, tag in zip(tokens, tags, strict=True))


def _one_line(text: str) -> str:
    return " ".join(text.split())
