"""Which recording has which transcript: tables, Kaldi, `.fileids`, LibriSpeech, `.txt`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from seqmap.data.audio.shelf import Folder, Shelf, is_sound
from seqmap.data.formats.guess import open_table
from seqmap.data.records import Column, ReadOptions
from seqmap.data.source import Source
from seqmap.data.table import Table
from seqmap.errors import DataError

PATHS = ("path", "audio", "file", "filename", "file_name", "audio_filepath", "wav", "audio_path")
TEXTS = ("text", "sentence", "transcript", "transcription", "words", "normalized_text")
SPEAKERS = ("speaker", "speaker_id", "client_id", "spk", "reader")
TABLES = (".tsv", ".csv", ".jsonl", ".tab", ".parquet")
_SPOKEN = re.compile(r"^(?:<s>\s*)?(.*?)\s*(?:</s>)?\s*\(([^()]+)\)\s*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a manifest.

    Attributes:
        key: Path or name of the recording.
        text: What is said in it.
        speaker: Who speaks, where that is told.
        line: Counted from 1.
    """

    key: str
    text: str
    speaker: str = ""
    line: int = 0


@dataclass(frozen=True)
class Manifest:
    """All lines.

    Attributes:
        kind: What it is, for the user.
        shown: Where it is, for messages.
        entries: Its lines.
    """

    kind: str
    shown: str
    entries: tuple[Entry, ...]


def is_manifest(path: Path) -> bool:
    """Tell a manifest by its name."""
    return path.suffix.lower() in (".fileids", ".transcription", *TABLES)


def read_manifest(path: Path, options: ReadOptions, *, labelled: bool = True) -> Manifest:
    """Read a manifest that is a file of its own.

    Raises:
        DataError: It cannot be read, or its parts do not belong together.
    """
    if path.suffix.lower() in (".fileids", ".transcription"):
        return _pair(Folder(path.parent, str(path.parent)), path.stem)
    return _table(str(path), str(path), options, labelled=labelled)


def find_manifest(shelf: Shelf, names: Sequence[str], options: ReadOptions) -> Manifest:
    """Find the transcripts inside a folder or an archive.

    Raises:
        DataError: There are none, or more than one kind of them.
    """
    at_top = sorted(names, key=lambda name: name.count("/"))
    base = {PurePosixPath(name).name: name for name in reversed(at_top)}
    if "wav.scp" in base and "text" in base:
        return _kaldi(shelf, base)
    ids = [n for n in names if n.endswith(".fileids")]
    pairs = [n for n in ids if n.removesuffix(".fileids") + ".transcription" in names]
    tables = [name for name in names if PurePosixPath(name).suffix.lower() in TABLES]
    if len(pairs) + len(tables) > 1:
        raise DataError(
            "there are several manifests in it",
            path=shelf.shown,
            given=", ".join([*pairs, *tables][:5]),
            remedy="Give one of them, and the recordings by --audio",
        )
    if pairs:
        return _pair(shelf, pairs[0].removesuffix(".fileids"))
    if tables:
        return _inside(shelf, tables[0], options)
    spoken = [name for name in names if name.endswith(".trans.txt")]
    if spoken:
        return _librispeech(shelf, spoken)
    stems = {name.rpartition(".")[0] for name in names if is_sound(name)}
    beside = [n for n in names if n.endswith(".txt") and n.removesuffix(".txt") in stems]
    if beside:
        entries = [Entry(n.removesuffix(".txt"), _decoded(shelf, n).strip()) for n in beside]
        return Manifest("a text beside each recording", shelf.shown, tuple(entries))
    raise DataError(
        "no transcripts in it",
        path=shelf.shown,
        allowed="a TSV, CSV or JSONL of path and text, wav.scp and text, or a .fileids with its "
        ".transcription",
    )


def _pair(shelf: Shelf, stem: str) -> Manifest:
    """Read the names of recordings, and transcripts that end in `(name)`."""
    ids_name, text_name = f"{stem}.fileids", f"{stem}.transcription"
    shown = f"{shelf.shown}/{text_name}"
    ids = [line.strip() for line in _lines(shelf, ids_name) if line.strip()]
    by_name = {PurePosixPath(one).name: one for one in ids}
    if len(by_name) < len(ids):
        raise DataError("a recording is named twice", path=f"{shelf.shown}/{ids_name}")
    entries, seen = [], set()
    for line, raw in enumerate(_lines(shelf, text_name), start=1):
        if not raw.strip():
            continue
        found = _SPOKEN.match(raw.strip())
        if found is None:
            raise DataError("a transcript ends in (name)", path=shown, line=line, given=raw.strip())
        name = PurePosixPath(found[2].strip()).name
        if name not in by_name:
            raise DataError(
                f"the transcript of a recording that is not in {ids_name}",
                path=shown,
                line=line,
                given=name,
            )
        seen.add(name)
        entries.append(Entry(by_name[name], found[1], line=line))
    missing = [one for name, one in by_name.items() if name not in seen]
    if missing:
        raise DataError(
            f"{len(missing)} recordings of {ids_name} have no transcript",
            path=shown,
            given=missing[0],
        )
    return Manifest(".fileids and .transcription", shown, tuple(entries))


def _kaldi(shelf: Shelf, base: dict[str, str]) -> Manifest:
    """Read `wav.scp` (name, path), `text` (name, words), `utt2spk` (name, speaker)."""
    if "segments" in base:
        raise DataError(
            "parts of recordings (Kaldi's `segments`) are not read",
            path=shelf.shown,
            remedy="Cut the recordings first: extract-segments",
        )
    shown = f"{shelf.shown}/{base['wav.scp']}"
    places = {}
    for line, name, rest in _named(shelf, base["wav.scp"]):
        if rest.endswith("|"):
            raise DataError("commands in wav.scp are not run", path=shown, line=line, given=rest)
        places[name] = rest
    speakers = {n: s for _, n, s in _named(shelf, base["utt2spk"])} if "utt2spk" in base else {}
    entries = []
    for line, name, text in _named(shelf, base["text"]):
        if name not in places:
            raise DataError(
                "a transcript without a recording in wav.scp",
                path=f"{shelf.shown}/{base['text']}",
                line=line,
                given=name,
            )
        entries.append(Entry(places[name], text, speakers.get(name, ""), line))
    return Manifest("wav.scp and text", shown, tuple(entries))


def _librispeech(shelf: Shelf, names: Sequence[str]) -> Manifest:
    """Read `NAME WORDS` lines whose recordings lie beside them."""
    entries = []
    for place in names:
        home = PurePosixPath(place).parent
        for line, name, text in _named(shelf, place):
            entries.append(Entry((home / name).as_posix(), text, line=line))
    return Manifest(".trans.txt", shelf.shown, tuple(entries))


def _inside(shelf: Shelf, name: str, options: ReadOptions) -> Manifest:
    """Read a table that lies in a folder or an archive."""
    shown = f"{shelf.shown}/{name}"
    if isinstance(shelf, Folder):
        return _table(str(shelf.path / name), shown, options)
    suffix = PurePosixPath(name).suffix
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(shelf.text(name))
        file.flush()
        return _table(file.name, shown, options)


def _table(path: str, shown: str, options: ReadOptions, *, labelled: bool = True) -> Manifest:
    """Read columns of paths and texts."""
    table = open_table(Source(path), options, labelled=labelled)
    if table.header is False and table.columns and options.header is None and table.sample:
        cells = {str(cell).strip().lower() for cell in table.sample[0]}
        if cells & {*PATHS, *TEXTS}:
            table = open_table(Source(path), replace(options, header=True), labelled=labelled)
    if not any(table.columns) and not table.sample:
        raise DataError("the file is empty", path=shown)
    where = _path_column(table, shown)
    what = _column(table, (options.text_columns or (None,))[0], TEXTS)
    if what is None and table.header is False:
        what = next((k for k in range(len(table.columns)) if k != where), None)
    if what is None and labelled:
        raise DataError(
            "no column of transcripts",
            path=shown,
            given=", ".join(table.columns),
            allowed=TEXTS,
            remedy="Name it with --text-column",
        )
    who = _column(table, None, SPEAKERS)
    wanted = [place for place in (where, what, who) if place is not None]
    entries = []
    for line, row in table.read(wanted):
        found = dict(zip(wanted, row, strict=True))
        text = "" if what is None or found[what] is None else str(found[what])
        speaker = "" if who is None or found[who] is None else str(found[who]).strip()
        entries.append(Entry(str(found[where]).strip(), text, speaker, line))
    return Manifest(f"{table.format} of path and text", shown, tuple(entries))


def _path_column(table: Table, shown: str) -> int:
    found = _column(table, None, PATHS)
    if found is not None:
        return found
    for place in range(len(table.columns)):
        cells = [str(row[place]) for row in table.sample if len(row) > place]
        if cells and all(is_sound(cell.strip()) for cell in cells):
            return place
    if table.header is False:
        return 0
    raise DataError("no column of paths", path=shown, given=", ".join(table.columns), allowed=PATHS)


def _column(table: Table, asked: Column | None, usual: Sequence[str]) -> int | None:
    lower = [str(name).strip().lower() for name in table.columns]
    if asked is not None:
        if isinstance(asked, int) and 0 <= asked < len(lower):
            return asked
        if asked in table.columns:
            return table.columns.index(str(asked))
        raise DataError(
            "no such column", path=table.source.shown, given=asked, allowed=table.columns
        )
    if table.header is False:
        return None
    return next((lower.index(name) for name in usual if name in lower), None)


def _named(shelf: Shelf, name: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, first word and the rest of each line."""
    for line, raw in enumerate(_lines(shelf, name), start=1):
        first, _, rest = raw.strip().partition(" ")
        if first:
            yield line, first, rest.strip()


def _lines(shelf: Shelf, name: str) -> list[str]:
    return _decoded(shelf, name).split("\n")


def _decoded(shelf: Shelf, name: str) -> str:
    try:
        return shelf.text(name).decode("utf-8-sig").replace("\t", " ")
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", path=f"{shelf.shown}/{name}") from None
