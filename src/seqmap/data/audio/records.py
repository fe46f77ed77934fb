"""What reading recordings gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from seqmap.data.audio.sound import Sound


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording with its transcript.

    Attributes:
        sound: Where its samples come from.
        text: What is said in it; empty where that is not known.
        name: What it is called.
        speaker: Who speaks, or the folder that it lies in; empty where nothing is known.
        line: The line of the manifest, counted from 1; 0 when it has none.
    """

    sound: Sound
    text: str = ""
    name: str = ""
    speaker: str = ""
    line: int = 0


@dataclass(frozen=True)
class AudioLayout:
    """What was found."""

    facts: str
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return one line of facts, and one line for each note."""
        return "\n".join([self.facts, *(f"  note: {note}" for note in self.notes)])


@dataclass(frozen=True)
class AudioDataset:
    """The recordings that a manifest, a folder or an archive holds.

    Attributes:
        path: Where they come from.
        examples: The recordings.
        layout: What was found.
        rate: Samples a second of most of them.
    """

    path: str
    examples: tuple[Recording, ...]
    layout: AudioLayout
    rate: int


def usual_rate(recordings: Iterable[Recording]) -> int:
    """Return the samples a second of most recordings; of equally many, what comes first."""
    return Counter(one.sound.header().rate for one in recordings).most_common(1)[0][0]
