"""Running text as numbers on the disk: a corpus may be larger than memory."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import Ids, TextCodec
from seqmap.data.corpus import Corpus, pieces_of
from seqmap.errors import OutputError
from seqmap.training.distributed import ALONE, Group

Tokens = NDArray[np.uint16] | NDArray[np.int32]


@contextmanager
def token_files(
    parts: Iterable[Iterable[Corpus]],
    codec: TextCodec,
    folder: Path | None,
    group: Group = ALONE,
) -> Iterator[list[Tokens]]:
    """Encode parts of a corpus into files, and map them; the files go afterwards.

    Processes of one machine share the work and the files: each encodes some pieces of the text.

    Args:
        parts: Such as what is learned from and what is chosen on.
        codec: What encodes them.
        folder: Where the files lie; None takes the system's place for such files.
        group: The processes that train together.

    Raises:
        OutputError: There is no room for them.
    """
    kind = np.dtype(np.uint16 if codec.size <= 1 << 16 else np.int32)
    with _home(folder, group) as home:
        found = []
        for number, corpora in enumerate(parts):
            path = home / f"{number}.ids"
            units = _units(pieces_of(corpora))
            if group.local_size == 1:
                _write((codec.encode(unit) for unit in units), kind, path)
            else:
                _write_together(units, codec, kind, path, group)
            # An empty file cannot be mapped.
            empty = path.stat().st_size == 0
            found.append(np.zeros(0, kind) if empty else np.memmap(path, kind, mode="r"))
        yield found


@contextmanager
def _home(folder: Path | None, group: Group) -> Iterator[Path]:
    """Make a folder that the processes of a machine share; the one that made it removes it."""
    if group.local_rank:
        paths = group.gathered("")
        yield Path(paths[group.rank - group.local_rank])
        return
    with tempfile.TemporaryDirectory(prefix=".seqmap-", dir=folder) as home:
        group.gathered(os.path.abspath(home))
        yield Path(home)


def _units(pieces: Iterable[str]) -> Iterator[str]:
    """Put pieces together until a line ends: such texts can be encoded each by itself."""
    held: list[str] = []
    for piece in pieces:
        held.append(piece)
        if piece.endswith("\n"):
            yield "".join(held)
            held = []
    if held:
        yield "".join(held)


def _write(parts: Iterable[Ids], kind: np.dtype, path: Path) -> None:
    try:
        with path.open("wb") as file:
            for part in parts:
                part.astype(kind).tofile(file)
    except OSError as error:
        raise OutputError(
            f"cannot write the encoded corpus: {error.strerror}", path=path.parent
        ) from None


def _write_together(
    units: Iterable[str], codec: TextCodec, kind: np.dtype, path: Path, group: Group
) -> None:
    """Encode every n-th text in each of n processes; one then puts them in order."""
    counts: list[int] = []

    def own() -> Iterator[Ids]:
        for number, unit in enumerate(units):
            if number % group.local_size == group.local_rank:
                ids = codec.encode(unit)
                counts.append(len(ids))
                yield ids

    _write(own(), kind, _share(path, group.local_rank))
    told = group.gathered(json.dumps(counts))
    if not group.local_rank:
        first = group.rank
        every = [json.loads(one) for one in told[first : first + group.local_size]]
        shares = [_share(path, rank) for rank in range(group.local_size)]
        _write(_in_turn(shares, every, kind), kind, path)
        for share in shares:
            share.unlink()
    group.wait()


def _in_turn(shares: list[Path], counts: list[list[int]], kind: np.dtype) -> Iterator[Ids]:
    """Read the first text of each process, then the second of each, and so on."""
    with ExitStack() as stack:
        files = [stack.enter_context(share.open("rb")) for share in shares]
        for turn in zip_longest(*counts, fillvalue=0):
            for file, count in zip(files, turn, strict=True):
                yield np.fromfile(file, kind, count)


def _share(path: Path, rank: int) -> Path:
    return path.with_name(f"{path.name}.{rank}")
