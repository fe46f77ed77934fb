"""Bring recordings and transcripts together."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from seqmap.data.audio.manifest import (
    Entry,
    Manifest,
    find_manifest,
    is_manifest,
    read_manifest,
)
from seqmap.data.audio.records import AudioDataset, AudioLayout, Recording
from seqmap.data.audio.shelf import Folder, Shelf, is_sound, is_tar, open_shelf
from seqmap.data.audio.sound import SoundFile
from seqmap.data.records import ReadOptions
from seqmap.data.source import STDIN, standard_input
from seqmap.errors import DataError


def read_recordings(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> AudioDataset:
    """Read recordings with their transcripts.

    Args:
        path: A manifest, or a folder, zip or tar with one inside.
        options: `audio` says where the recordings are, if not beside the manifest.

    Raises:
        DataError: It cannot be read, a recording is missing, empty or no sound, or has no text.
    """
    options, place, shown = options or ReadOptions(), Path(path), os.fspath(path)
    shelf = open_shelf(place)
    left: list[str] = []
    if shelf is not None:
        names = shelf.names()
        manifest = find_manifest(shelf, names, options)
        other = _other(options)
        sounds, left = _matched(manifest, [other or shelf], None if other else names)
    else:
        if not place.is_file():
            raise DataError("no such file", path=shown)
        if is_sound(place.name):
            raise DataError(
                "a recording alone has no transcript",
                path=shown,
                allowed="a manifest of path and text, or a folder, zip or tar with one",
            )
        manifest = read_manifest(place, options)
        sounds, left = _matched(manifest, _beside(place, options), None)
    examples = tuple(_recordings(manifest, sounds))
    if not examples:
        raise DataError("there is no recording in it", path=shown)
    return _dataset(shown, manifest, examples, left)


def iter_sounds(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Iterator[Recording]:
    """Read recordings that need no transcript: a file, all of a folder or archive, a manifest.

    Standard input gives a path a line.

    Raises:
        DataError: There is nothing of the kind.
    """
    options, shown = options or ReadOptions(), os.fspath(path)
    if shown == STDIN:
        for raw in standard_input():
            name = os.fsdecode(raw).strip()
            if name:
                yield Recording(_file(name), name=name)
        return
    place = Path(path)
    shelf = open_shelf(place)
    if shelf is not None:
        names = [name for name in shelf.names() if is_sound(name)]
        if not names:
            raise DataError("there is no recording in it", path=shown)
        sounds = shelf.sounds(set(names))
        yield from (Recording(sounds[name], name=name) for name in names)
    elif place.is_file() and is_manifest(place):
        manifest = read_manifest(place, options, labelled=False)
        found, _ = _matched(manifest, _beside(place, options), None)
        yield from _recordings(manifest, found, labelled=False)
    elif place.is_file():
        yield Recording(_file(shown), name=shown)
    else:
        raise DataError("no such file", path=shown)


def _file(path: str) -> SoundFile:
    return SoundFile(path, lambda: path)


def _other(options: ReadOptions) -> Shelf | None:
    """Return where the recordings are, if that is said."""
    if options.audio is None:
        return None
    shelf = open_shelf(options.audio)
    if shelf is None:
        raise DataError(
            "no recordings there", path=options.audio, allowed="a folder, a zip or a tar"
        )
    return shelf


def _beside(manifest: Path, options: ReadOptions) -> list[Shelf]:
    """Return where the recordings of a manifest may be, in the order of trying."""
    given = _other(options)
    if given is not None:
        return [given]
    home = manifest.parent
    stem = manifest.name.partition(".")[0]
    archives = [
        one
        for one in sorted(home.iterdir())
        if one.is_file()
        and one.name.startswith(stem)
        and (is_tar(one) or one.suffix.lower() == ".zip")
    ]
    shelves = [Folder(home, str(home)), *(open_shelf(one) for one in archives)]
    return [shelf for shelf in shelves if shelf is not None]


def _matched(
    manifest: Manifest, shelves: Sequence[Shelf], names: Sequence[str] | None
) -> tuple[dict[str, SoundFile], list[str]]:
    """Return the sound of each key, and the recordings that no line names.

    Raises:
        DataError: A recording is missing, or a name fits several.
    """
    keys = {entry.key for entry in manifest.entries}
    best: tuple[dict[str, str], Shelf, list[str]] | None = None
    for shelf in shelves:
        if isinstance(shelf, Folder):
            there = {key: key for key in keys if os.path.isfile(shelf.path / key)}
            if len(there) == len(keys):
                # What no line names is looked for only where all is listed anyway.
                rest = [name for name in names or () if is_sound(name) and name not in keys]
                return {k: _file(str(shelf.path / k)) for k in keys}, rest
        listed = [name for name in (names or shelf.names()) if is_sound(name)]
        found = _places(keys, listed, shelf.shown)
        if best is None or len(found) > len(best[0]):
            best = (found, shelf, listed)
        if len(found) == len(keys):
            break
        names = None
    assert best is not None
    found, shelf, listed = best
    for entry in manifest.entries:
        if entry.key not in found:
            raise DataError(
                "the recording of a transcript is missing",
                path=manifest.shown,
                line=entry.line or None,
                given=entry.key,
                remedy=f"Looked in {', '.join(one.shown for one in shelves)}; or say where: "
                "--audio FOLDER",
            )
    sounds = shelf.sounds(set(found.values()))
    used = set(found.values())
    return {key: sounds[name] for key, name in found.items()}, [n for n in listed if n not in used]


def _places(keys: set[str], names: Sequence[str], shown: str) -> dict[str, str]:
    """Return the file of each key: the end of its path fits, with or without its ending."""
    ends: defaultdict[str, list[str]] = defaultdict(list)
    wanted = {PurePosixPath(key).name for key in keys}
    for name in names:
        path = PurePosixPath(name)
        if path.name not in wanted and path.stem not in wanted:
            continue
        parts = path.parts
        for k in range(len(parts)):
            end = "/".join(parts[k:])
            ends[end].append(name)
            ends[end.removesuffix(path.suffix)].append(name)
    found = {}
    for key in keys:
        fits = ends.get(key.removeprefix("./"), [])
        if len(fits) > 1:
            raise DataError(
                "a name fits several recordings",
                path=shown,
                given=f"{key}: {', '.join(fits[:3])}",
                remedy="Give more of its path",
            )
        if fits:
            found[key] = fits[0]
    return found


def _recordings(
    manifest: Manifest, sounds: dict[str, SoundFile], *, labelled: bool = True
) -> Iterator[Recording]:
    for entry in manifest.entries:
        if labelled and not entry.text.strip():
            raise DataError(
                "a recording has no transcript",
                path=manifest.shown,
                line=entry.line or None,
                given=entry.key,
                remedy="Leave it out of the manifest",
            )
        speaker = entry.speaker or PurePosixPath(entry.key).parent.as_posix()
        yield Recording(sounds[entry.key], entry.text, entry.key, _named(speaker), entry.line)


def _named(speaker: str) -> str:
    return "" if speaker == "." else speaker


def _dataset(
    shown: str, manifest: Manifest, examples: tuple[Recording, ...], left: Sequence[str]
) -> AudioDataset:
    rates: Counter[int] = Counter()
    seconds, stereo, longest = 0.0, 0, 0.0
    for one in examples:
        header = one.sound.header()
        if header.frames == 0:
            raise DataError(
                "a recording is empty",
                path=manifest.shown,
                line=one.line or None,
                given=one.name,
                remedy="Leave it out of the manifest",
            )
        rates[header.rate] += 1
        seconds += header.seconds
        longest = max(longest, header.seconds)
        stereo += header.channels > 1
    rate, most = rates.most_common(1)[0]
    notes = []
    if len(rates) > 1:
        others = ", ".join(f"{r:,} Hz ({n})" for r, n in rates.most_common()[1:4])
        notes.append(f"{most} recordings at {rate:,} Hz, the others at {others}: resampled")
    if stereo:
        notes.append(f"{stereo} recordings have several channels: their mean is taken")
    if left:
        notes.append(f"{len(left)} recordings have no transcript and are left out, as {left[0]}")
    facts = (
        f"{manifest.kind}, {len(examples):,} recordings, {length_of(seconds)}, "
        f"up to {longest:.1f} s, {rate:,} Hz"
    )
    return AudioDataset(shown, examples, AudioLayout(facts, tuple(notes)), rate)


def length_of(seconds: float) -> str:
    """Return a length of time for reading."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


__all__ = ["Entry", "iter_sounds", "length_of", "read_recordings"]
