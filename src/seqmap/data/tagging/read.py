"""Reading tagged text from a file: CoNLL columns or JSON Lines, checked and brought to IOB2."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from seqmap.data.formats.jsonl import parse_object
from seqmap.data.records import Column, ReadOptions
from seqmap.data.source import LineStream, Source
from seqmap.data.tagging import spans as jsonl
from seqmap.data.tagging.conll import Columns, Row, read_columns
from seqmap.data.tagging.records import Sentence, TaggedDataset, TaggedLayout
from seqmap.data.tagging.schemes import (
    SCHEMES,
    Scheme,
    TagError,
    check_scheme,
    count_repairs,
    detect_scheme,
    refuse,
    spans_of,
    tags_of,
)
from seqmap.data.tagging.tokens import tokenise
from seqmap.errors import DataError

FORMATS = ("conll", "jsonl", "plain")
_EXTENSIONS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".txt": "plain"}


def read_tagged(
    path: str | os.PathLike[str], options: ReadOptions | None = None, *, unit: str = "word"
) -> TaggedDataset:
    """Read all sentences of a tagged file.

    Args:
        path: The file; `-` is standard input.
        options: How to read it; what is None is found out, and reported in the layout.
        unit: How raw text is cut into tokens: `word` or `char`.

    Raises:
        DataError: The file is missing or empty, or a line cannot be used.
    """
    options = options or ReadOptions()
    source = Source(path)
    given = _scheme(options)
    stream = LineStream(source, options.encoding)
    if _format(source, stream, options, labelled=True) == "jsonl":
        sentences, layout = _read_jsonl(stream, options, unit)
    else:
        sentences, layout = _read_conll(stream, options)
    if not sentences:
        raise DataError("there is no sentence in it", path=source.shown)
    scheme = given or _detected(sentences, source.shown)
    # In columns each token has a line of its own.
    by_line = layout.format == "conll"
    sentences, repaired = _unified(sentences, scheme, source.shown, by_line=by_line)
    layout = replace(layout, encoding=stream.encoding, scheme=scheme, repaired=repaired)
    return TaggedDataset(os.fspath(path), tuple(sentences), layout)


def iter_untagged(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Iterator[Sentence | str]:
    """Read what is to be tagged as it comes: sentences of tokens, or raw texts.

    Args:
        path: The file; `-` is standard input. Plain text is one text a line.
        options: How to read it.

    Raises:
        DataError: The file cannot be read.
    """
    options = options or ReadOptions()
    source = Source(path)
    stream = LineStream(source, options.encoding)
    kind = _format(source, stream, options, labelled=False)
    if kind == "conll":
        columns, blocks = read_columns(stream, options, labelled=False)
        for rows in blocks:
            tokens = tuple(cells[columns.token] for _, cells in rows)
            yield Sentence.of_tokens(tokens, line=rows[0][0])
        return
    keys = _keys(options.text_columns)
    for number, line in stream:
        text = line.rstrip("\r")
        if kind == "jsonl":
            if not text.strip():
                continue
            record = jsonl.Record(parse_object(text, number, source.shown), source.shown, number)
            tokens_found = jsonl.tokens_of(record, keys or jsonl.TOKEN_KEYS)
            if tokens_found is not None:
                yield Sentence.of_tokens(tokens_found, line=number)
                continue
            text = jsonl.text_of(record, keys or jsonl.TEXT_KEYS)
        yield text


def sentence_of(text: str, unit: str = "word", *, line: int = 0) -> Sentence:
    """Return raw text as tokens that know where they stood."""
    offsets = tokenise(text, unit)
    tokens = tuple(text[start:end] for start, end in offsets)
    return Sentence(tokens, text, tuple(offsets), line=line)


def _scheme(options: ReadOptions) -> Scheme | None:
    if options.scheme in (None, "auto"):
        return None
    if options.scheme not in SCHEMES:
        raise DataError("unknown scheme", given=options.scheme, allowed=("auto", *SCHEMES))
    return options.scheme


def _format(source: Source, stream: LineStream, options: ReadOptions, *, labelled: bool) -> str:
    if options.format is not None:
        allowed = FORMATS[:2] if labelled else FORMATS
        if options.format not in allowed:
            raise DataError("tagged text has another format", given=options.format, allowed=allowed)
        return options.format
    kind = _EXTENSIONS.get(source.extension)
    if kind == "plain" and labelled:
        kind = None
    if kind:
        return kind
    if source.is_stream and not labelled:
        return "plain"  # Whoever writes to a pipe may wait: nothing is read ahead.
    first = next((line for _, line in stream.peek(50) if line.strip()), "")
    return "jsonl" if first.lstrip().startswith("{") else "conll"


def _read_conll(stream: LineStream, options: ReadOptions) -> tuple[list[Sentence], TaggedLayout]:
    columns, blocks = read_columns(stream, options, labelled=True)
    assert columns.tag is not None
    sentences = [_of_rows(rows, columns) for rows in blocks]
    layout = TaggedLayout(
        "conll",
        stream.encoding,
        "none",
        columns.count,
        columns.separator,
        columns.token,
        columns.tag,
        notes=("the first column counts the tokens",) if columns.indexed else (),
    )
    return sentences, layout


def _of_rows(rows: Sequence[Row], columns: Columns) -> Sentence:
    assert columns.tag is not None
    tokens = tuple(cells[columns.token] for _, cells in rows)
    tags = tuple(cells[columns.tag].strip() for _, cells in rows)
    return Sentence.of_tokens(tokens, tags, line=rows[0][0])


def _read_jsonl(
    stream: LineStream, options: ReadOptions, unit: str
) -> tuple[list[Sentence], TaggedLayout]:
    shown = stream.source.shown
    text_keys, label_keys = _keys(options.text_columns), _keys(_single(options.label_column))
    sentences: list[Sentence] = []
    widened = 0
    for number, line in stream:
        if not line.strip():
            continue
        record = jsonl.Record(parse_object(line, number, shown), shown, number)
        intent = record.pick(jsonl.INTENT_KEYS)
        if intent is not None and not (isinstance(intent, str) and intent):
            raise record.error("the intent is not a name", given=intent)
        tokens = jsonl.tokens_of(record, text_keys or jsonl.TOKEN_KEYS)
        if tokens is not None:
            tags = record.pick(label_keys or jsonl.TAG_KEYS)
            _check_tags(record, tokens, tags)
            sentence = Sentence.of_tokens(tokens, tuple(tags), line=number)
        else:
            text = jsonl.text_of(record, text_keys or jsonl.TEXT_KEYS)
            found = record.pick(label_keys or jsonl.SPAN_KEYS)
            if found is None:
                raise record.error("there are no spans", allowed=", ".join(jsonl.SPAN_KEYS))
            sentence, wide = jsonl.spanned(record, text, found, unit)
            widened += wide
        sentences.append(replace(sentence, intent=intent))
    notes = (f"{widened:,} spans end inside a word and were widened",) if widened else ()
    with_intent = sum(sentence.intent is not None for sentence in sentences)
    if with_intent:
        if with_intent < len(sentences):
            bare = next(s for s in sentences if s.intent is None)
            raise DataError("the intent is missing", path=shown, line=bare.line)
        notes = (*notes, "with an intent each")
    first = text_keys or ("text or tokens",)
    layout = TaggedLayout(
        "jsonl",
        stream.encoding,
        "iob2",
        token_column=first[0],
        tag_column=(label_keys or ("spans or tags",))[0],
        notes=notes,
    )
    return sentences, layout


def _check_tags(record: jsonl.Record, tokens: Sequence[str], tags: object) -> None:
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        raise record.error("the tags are not a list of names", given=tags)
    if len(tags) != len(tokens):
        raise record.error("tokens and tags differ in number", given=f"{len(tokens)}, {len(tags)}")


def _keys(columns: tuple[Column, ...] | None) -> tuple[str, ...]:
    return tuple(map(str, columns)) if columns else ()


def _single(column: Column | None) -> tuple[Column, ...] | None:
    return None if column is None else (column,)


def _detected(sentences: Sequence[Sentence], path: str) -> Scheme:
    try:
        return detect_scheme(sentence.tags for sentence in sentences)
    except TagError as error:
        raise refuse(f"the tags are of no one scheme: {error}", path=path, line=None) from None


def _unified(
    sentences: Sequence[Sentence], scheme: Scheme, path: str, *, by_line: bool
) -> tuple[list[Sentence], int]:
    """Check every tag, and bring spans to IOB2.

    Args:
        sentences: As they were read.
        scheme: How their tags mark spans.
        path: The file.
        by_line: Whether each token stands on a line of its own, behind that of its sentence.
    """
    if scheme == "none":
        return list(sentences), 0
    repaired, found = 0, []
    for sentence in sentences:
        for place, tag in enumerate(sentence.tags):
            try:
                check_scheme(tag, scheme)
            except TagError as error:
                line = sentence.line + (place if by_line else 0)
                raise refuse(str(error), path=path, line=line) from None
        repaired += count_repairs(sentence.tags, scheme)
        tags = tags_of(spans_of(sentence.tags), len(sentence.tokens), "iob2")
        found.append(replace(sentence, tags=tuple(tags)))
    return found, repaired
