"""What speaking gives: sound with its alignment, and how near it is to recordings."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from seqmap.speech_metrics import distortions
from seqmap.tasks.base import Evaluation

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Spoken:
    """What was said.

    Attributes:
        text: What was to be said.
        samples: The sound, (samples,), in -1…1.
        rate: Samples a second.
        end: Whether speech ended behind the text (`text`), or was cut off (`limit`).
        symbols: What was read of the text, all parts one after the other.
        alignment: Attention of each step of the decoder, (steps, symbols).
        frames: Log-mel bands, (frames, mels).
        notes: What a listener should know.
        path: Where the sound was written.
    """

    text: str
    samples: Floats
    rate: int
    end: Literal["text", "limit"]
    symbols: tuple[str, ...]
    alignment: Floats
    frames: Floats
    notes: tuple[str, ...] = ()
    path: str = ""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def wav(self) -> bytes:
        """Return the sound as a WAV file of 16 bits."""
        held = io.BytesIO()
        with wave.open(held, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self.rate)
            file.writeframes(in_16_bits(self.samples))
        return held.getvalue()


def in_16_bits(samples: Floats) -> bytes:
    """Return samples as little-endian 16-bit numbers."""
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def evaluate_speech(
    truth: Sequence[Floats], said: Sequence[Floats], ends: Sequence[str]
) -> Evaluation:
    """Compare with recordings of the same texts.

    Args:
        truth: Log-mel bands of the recordings, (frames, mels) each.
        said: The same of what was said.
        ends: How each ended.
    """
    found = distortions(truth, said)
    spoken = found[np.isfinite(found)]  # a text of no known symbol is not spoken at all
    lengths = [len(b) / max(len(a), 1) for a, b in zip(truth, said, strict=True)]
    cut = sum(end == "limit" for end in ends)
    metrics = {
        "mcd": float(np.mean(spoken)) if len(spoken) else float("inf"),
        "duration": float(np.exp(np.mean(np.log(np.maximum(lengths, 1e-3))))),
        "cut": cut / len(ends),
    }
    table = "\n".join(
        [
            f"{len(truth):,} recordings: mel-cepstral distortion {metrics['mcd']:.2f} dB "
            f"(middle half {_quarter(spoken, 25):.2f} to {_quarter(spoken, 75):.2f}), "
            f"time warped{_unsaid(len(found) - len(spoken))}",
            f"{metrics['duration']:.2f} times as long as the recordings; "
            f"{cut} cut off at the limit of time",
        ]
    )
    return Evaluation(metrics, table, {"distortions": [_rounded(float(one)) for one in found]})


def _quarter(found: NDArray[np.float64], share: int) -> float:
    return float(np.percentile(found, share)) if len(found) else float("nan")


def _unsaid(count: int) -> str:
    return f"; {count} texts had no known symbol" if count else ""


def _rounded(value: float) -> float | None:
    return round(value, 4) if np.isfinite(value) else None
