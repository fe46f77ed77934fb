"""Running text as numbers on the disk: a corpus may be larger than memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.base import TextCodec
from seqmap.data.corpus import Corpus, pieces_of
from seqmap.errors import OutputError

Tokens = NDArray[np.uint16] | NDArray[np.int32]


@contextmanager
def token_files(
    parts: Iterable[Iterable[Corpus]], codec: TextCodec, folder: Path | None
) -> Iterator[list[Tokens]]:
    """Encode parts of a corpus into files, and map them; the files go afterwards.

    Args:
        parts: Such as what is learned from and what is chosen on.
        codec: What encodes them.
        folder: Where the files lie; None takes the system's place for such files.

    Raises:
        OutputError: There is no room for them.
    """
    kind = np.dtype(np.uint16 if codec.size <= 1 << 16 else np.int32)
    with tempfile.TemporaryDirectory(prefix=".seqmap-", dir=folder) as home:
        yield [
            _written(pieces_of(corpora), codec, kind, Path(home) / f"{number}.ids")
            for number, corpora in enumerate(parts)
        ]


def _written(pieces: Iterable[str], codec: TextCodec, kind: np.dtype, path: Path) -> Tokens:
    held = ""
    try:
        with path.open("wb") as file:
            for piece in pieces:
                stable, held = codec.split_stable(held + piece)
                codec.encode(stable).astype(kind).tofile(file)
            codec.encode(held).astype(kind).tofile(file)
    except OSError as error:
        raise OutputError(
            f"cannot write the encoded corpus: {error.strerror}", path=path.parent
        ) from None
    if path.stat().st_size == 0:  # which cannot be mapped
        return np.zeros(0, kind)
    return np.memmap(path, kind, mode="r")
