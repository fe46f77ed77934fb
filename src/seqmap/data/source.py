"""Files as streams of bytes and of lines: plain, gzip or zip, standard input; split on LF alone.

`str.splitlines` and Python's universal newlines also split at U+0085, U+2028 and a lone CR, which
occur inside real texts (about 1,480 times in the IMDB reviews). Here lines end at LF and nowhere
else.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from seqmap.data.encoding import Decoder
from seqmap.errors import DataError

STDIN = "-"
BUFFER_BYTES = 1 << 18


class Source:
    """A file, or standard input, whose uncompressed bytes can be read.

    Args:
        path: The file; `-` is standard input.

    Raises:
        DataError: There is no such file, it cannot be opened, or its zip does not hold one file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.is_stdin = self.path == STDIN
        self.shown = "standard input" if self.is_stdin else self.path
        self._member: str | None = None
        self.is_stream = comes_once(self.path)
        """Whether it can be read only once, as it comes: standard input or a named pipe."""
        magic = b"" if self.is_stream else self._magic()
        self._kind = "gz" if magic[:2] == b"\x1f\x8b" else "plain"
        name = self.path
        if magic in (b"PK\x03\x04", b"PK\x05\x06"):
            self._kind = "zip"
            name = self._member = self._only_member()
        elif self._kind == "gz":
            name = name.removesuffix(".gz")
        self.is_plain = self._kind == "plain"
        self.extension = "" if self.is_stdin else Path(name).suffix.lower()

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the operating system and the decompressors raise into a DataError."""
        try:
            yield
        except FileNotFoundError:
            raise DataError("no such file", path=self.shown) from None
        except IsADirectoryError:
            raise DataError("this is a folder, not a file", path=self.shown) from None
        except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as error:
            raise DataError(
                f"the compressed file is damaged or cut off ({error})",
                path=self.shown,
                remedy="Copy it again",
            ) from None
        except (RuntimeError, NotImplementedError) as error:
            if self._kind != "zip":
                raise
            raise DataError(f"cannot unpack the zip file: {error}", path=self.shown) from None
        except OSError as error:
            problem = f"cannot read it: {error.strerror or error}"
            raise DataError(problem, path=self.shown) from None

    def open(self) -> IO[bytes]:
        """Open the uncompressed bytes; each call starts from the beginning, except for stdin."""
        if self.is_stdin:
            return standard_input()
        with self.errors():
            if self._member is not None:
                with zipfile.ZipFile(self.path) as archive:
                    # The member keeps the underlying file open after the archive is closed.
                    return _buffered(archive.open(self._member))
            if self._kind == "gz":
                return _buffered(gzip.open(self.path))
            return open(self.path, "rb", buffering=BUFFER_BYTES)

    def _magic(self) -> bytes:
        with self.errors(), open(self.path, "rb") as file:
            return file.read(4)

    def _only_member(self) -> str:
        with self.errors(), zipfile.ZipFile(self.path) as archive:
            names = [
                info.filename
                for info in archive.infolist()
                if not info.is_dir()
                and not info.filename.startswith("__MACOSX/")
                and not Path(info.filename).name.startswith(".")
            ]
        if len(names) != 1:
            raise DataError(
                f"the zip file holds {len(names)} files",
                path=self.path,
                allowed="a zip file with one file",
                remedy="Unpack it and give one of: " + ", ".join(names[:5]) if names else None,
            )
        return names[0]


class LineStream:
    """The lines of a source as text, numbered from 1, without their LF (a CR before it stays).

    The stream is read once, lazily; `peek` looks ahead without consuming.

    Args:
        source: Where the bytes come from.
        encoding: The encoding, or None to guess it.
    """

    def __init__(self, source: Source, encoding: str | None = None) -> None:
        self.source = source
        self.exhausted = False
        """Whether the last line has been read from the source."""
        self._peeked: list[tuple[int, str]] = []
        self._decoder = Decoder(source.shown, encoding)
        self._lines = self._read()

    @property
    def encoding(self) -> str:
        """The encoding of what was read so far."""
        return self._decoder.encoding

    def peek(self, lines: int = 200, characters: int = 1 << 17) -> list[tuple[int, str]]:
        """Return the first lines, about that many characters at most, and leave them there."""
        size = sum(len(text) for _, text in self._peeked)
        while len(self._peeked) < lines and size < characters:
            item = next(self._lines, None)
            if item is None:
                break
            self._peeked.append(item)
            size += len(item[1])
        return self._peeked[:lines]

    def close(self) -> None:
        """Close the file, if it has not been read to its end."""
        self._lines.close()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while self._peeked:
            yield self._peeked.pop(0)
        yield from self._lines

    def _read(self) -> Generator[tuple[int, str], None, None]:
        with self.source.errors():
            file = self.source.open()
            try:
                for number, line in self._decoder.lines(file, self._rest):
                    yield number, line[:-1] if line.endswith("\n") else line
            finally:
                if not self.source.is_stdin:
                    file.close()
        self.exhausted = True

    def _rest(self, first: int) -> Iterator[bytes] | None:
        """Return the raw lines from number `first` on, for the guess of an encoding."""
        return None if self.source.is_stream else self._raw_lines(first)

    def _raw_lines(self, first: int) -> Iterator[bytes]:
        with self.source.open() as file:
            yield from islice(file, first - 1, None)


def standard_input() -> IO[bytes]:
    """Return a reader of standard input, always the same one.

    Not the interpreter's own: that one is locked while a thread waits for a line, and an
    interpreter that ends meanwhile aborts because it cannot close it.
    """
    own = sys.stdin.buffer
    try:
        number = own.fileno()
    except (OSError, ValueError):  # it is no file: a test's, or a notebook's
        return own
    return _reader_of(number)


@cache
def _reader_of(number: int) -> IO[bytes]:
    return open(number, "rb", closefd=False)


def comes_once(path: str) -> bool:
    """Tell whether it can be read only once, as it comes: standard input or a named pipe."""
    if path == STDIN:
        return True
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False  # reading it tells why
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


def _buffered(file: Any) -> IO[bytes]:
    # The standard library types neither compressed file as the RawIOBase that it is.
    return io.BufferedReader(file, BUFFER_BYTES)


def without_cr(line: str) -> str:
    """Return the line without the CR of a CR LF ending."""
    return line[:-1] if line.endswith("\r") else line
