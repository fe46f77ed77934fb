"""What tasks that learn from recordings and their transcripts have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqmap.errors import DataError
from seqmap.tasks.base import Task

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.audio import AudioDataset, Recording


@dataclass(frozen=True)
class AudioSet:
    """What is known of all training recordings.

    Attributes:
        rate: Samples a second of most of them.
    """

    rate: int


class RecordingTask(Task):
    """A task whose examples are recordings with their transcripts."""

    def read(self, path: str, options: ReadOptions) -> AudioDataset:
        """Read recordings with their transcripts."""
        from seqmap.data.audio import read_recordings

        return read_recordings(path, options)

    def targets(self, dataset: Any) -> AudioSet:
        """Return the rate."""
        return AudioSet(dataset.rate)

    def check_trainable(self, dataset: Any) -> None:
        """Refuse a single recording: nothing would be left to choose on."""
        if len(dataset.examples) < 2:
            raise DataError(
                "one recording only", path=dataset.path, allowed="two recordings or more"
            )

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return the columns that were named."""
        return {"text_columns": options.text_columns, "format": options.format}


def split_off(
    examples: Sequence[Recording], held: set[int]
) -> tuple[list[Recording], list[Recording]]:
    """Return the recordings that are kept and those that are held out, by their places.

    Raises:
        DataError: None would be kept.
    """
    if len(held) >= len(examples):
        raise DataError("nothing can be held out", given=len(examples))
    kept = [one for place, one in enumerate(examples) if place not in held]
    return kept, [one for place, one in enumerate(examples) if place in held]
