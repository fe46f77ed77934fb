"""What all streams share: they are open until closed, and go on from a state of the same model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from seqmap.errors import ArchiveError, UserError
from seqmap.runtime.archive import Archive


class InputStream(ABC):
    """An input that comes in pieces; leaving a `with` block closes it, unless by an error."""

    def __init__(self) -> None:
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the input is complete."""
        return self._closed

    @abstractmethod
    def close(self) -> Any:
        """Say that the input is complete."""

    def _check_open(self) -> None:
        if self._closed:
            raise UserError("the stream is closed", remedy="Begin a new one with session.stream()")

    def _check_text(self, text: str) -> None:
        """Refuse more of a closed stream, and what is no text."""
        self._check_open()
        if not isinstance(text, str):
            raise UserError("a stream takes text", given=type(text).__name__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()


def described_state(archive: Archive, model: str, backend: str | None = None) -> dict[str, Any]:
    """Return what a stream's state says of itself.

    Args:
        archive: What `to_bytes` gave, read.
        model: Digest of the model that goes on.
        backend: What computes here, if the state is of use to it alone.

    Raises:
        ArchiveError: It is something else, or of another model or backend.
    """
    described = archive.manifest.get("stream")
    if not isinstance(described, dict):
        raise ArchiveError("this is not the state of a stream")
    if described.get("model") != model:
        raise ArchiveError("the stream's state belongs to another model")
    if backend is not None and described["backend"] != backend:
        raise ArchiveError(
            "the stream's state was made by another backend",
            given=described["backend"],
            allowed=backend,
        )
    return described
