"""What was spoken when: attention and spectrum of a text, with its sound, as one HTML file."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.codecs.pieces import BLANK
from seqmap.runtime.explain.page import whole
from seqmap.runtime.png import png
from seqmap.tasks.speak_results import Spoken

END = "⏎"
"""How the end of a text, or of a part of it, is shown."""
_STYLE = """
.seqmap-spoken { font: 15px/1.5 system-ui, "Noto Sans SC", "PingFang SC", sans-serif;
  color: #1c2329; background: #fff; max-width: 1100px; margin: 0 auto; padding: 12px 16px; }
.seqmap-spoken h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
.seqmap-spoken h2 { font-size: 15px; margin: 20px 0 2px; }
.seqmap-spoken p { margin: 4px 0; overflow-wrap: anywhere; }
.seqmap-spoken .soft { color: #5c6670; font-size: 13px; }
.seqmap-spoken .row { display: grid; grid-template-columns: 3em 1fr; gap: 6px; }
.seqmap-spoken .names { display: flex; flex-direction: column; text-align: right; font-size: 12px;
  line-height: 1; }
.seqmap-spoken .names span { flex: 1; display: flex; align-items: center; justify-content: end; }
.seqmap-spoken img { width: 100%; image-rendering: pixelated; border: 1px solid #eef0f2;
  box-sizing: border-box; }
.seqmap-spoken audio { display: block; margin: 8px 0; }
"""


@dataclass(frozen=True)
class SpokenPage:
    """A spoken text with its attention, as `explain` gives it.

    Attributes:
        answer: What was said.
        step: Seconds of a step of the decoder.
        edits: Other texts, spoken for comparison.
    """

    answer: Spoken
    step: float
    edits: tuple[Spoken, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """What was read, blanks as a sign."""
        return tuple(symbol.replace(BLANK, "␣") for symbol in self.answer.symbols)

    @property
    def weights(self) -> NDArray[np.float32]:
        """The attention, (steps, symbols)."""
        return self.answer.alignment

    def times(self) -> list[tuple[str, float, float]]:
        """Return each symbol with begin and end of the time that it is attended to most."""
        peaks = self.weights.argmax(axis=1) if self.weights.size else np.zeros(0, np.int64)
        found = []
        for place, symbol in enumerate(self.symbols):
            steps = np.flatnonzero(peaks == place)
            if len(steps):
                found.append((symbol, steps[0] * self.step, (steps[-1] + 1) * self.step))
        return found

    def summary(self) -> str:
        """Return when each symbol is spoken, a line each."""
        lines = [f"{self.answer.text}: {self.answer.seconds:.2f} s"]
        lines += [f"({note})" for note in self.answer.notes]
        lines += [f"{begin:6.2f} – {end:5.2f} s  {name}" for name, begin, end in self.times()]
        for edit in self.edits:
            lines += ["", f"{edit.text}: {edit.seconds:.2f} s"]
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """Return everything but the sound as plain values."""
        return {
            "text": self.answer.text,
            "seconds": self.answer.seconds,
            "end": self.answer.end,
            "notes": list(self.answer.notes),
            "symbols": list(self.symbols),
            "step_seconds": self.step,
            "alignment": np.round(self.weights.astype(np.float64), 4).tolist(),
            "edits": [{"text": edit.text, "seconds": edit.seconds} for edit in self.edits],
        }

    def html(self) -> str:
        """Return a page: one file, no script, nothing loaded from elsewhere."""
        return whole(self.answer.text, self._body())

    def _repr_html_(self) -> str:
        return self._body()

    def _body(self) -> str:
        answer = self.answer
        notes = "".join(f" · {html.escape(note)}" for note in answer.notes)
        names = "".join(f"<span>{html.escape(name)}</span>" for name in self.symbols)
        height = max(22 * len(self.symbols), 60)
        parts = [
            f"<style>{_STYLE}</style>",
            f"<h1>{html.escape(answer.text)}</h1>",
            f'<p class="soft">{answer.seconds:.2f} s, {answer.rate:,} samples a second{notes}</p>',
            _player(answer),
            "<h2>Which symbol is spoken when</h2>",
            '<p class="soft">Time goes to the right; the darker, the more attention. '
            f"␣ is a blank, {END} the end.</p>",
            f'<div class="row"><div class="names">{names}</div>'
            f"{_image(1 - self.weights.T, f'height:{height}px', 'attention')}</div>",
            "<h2>What is written: log-mel bands</h2>",
            '<p class="soft">Low tones at the bottom; the darker, the louder.</p>',
            f'<div class="row"><div></div>'
            f"{_image(_dark(answer.frames.T[::-1]), 'height:220px', 'spectrum')}</div>",
        ]
        if self.edits:
            rows = "".join(f"<p>{html.escape(e.text)}</p>{_player(e)}" for e in self.edits)
            parts.append(f"<h2>What if</h2>{rows}")
        return '<div class="seqmap-spoken">' + "\n".join(parts) + "</div>"


def _player(answer: Spoken) -> str:
    sound = base64.b64encode(answer.wav()).decode("ascii")
    return f'<audio controls src="data:audio/wav;base64,{sound}"></audio>'


def _dark(logs: NDArray[np.floating]) -> NDArray[np.floating]:
    """Bring logarithms to 1 (silent) … 0 (loudest)."""
    if not logs.size:
        return logs
    low, high = float(logs.min()), float(logs.max())
    return 1 - (logs - low) / max(high - low, 1e-6)


def _image(values: NDArray[np.floating], style: str, name: str) -> str:
    """Return values 0…1, (rows, columns), as a grey picture."""
    if not values.size:
        return "<p>nothing</p>"
    data = base64.b64encode(grey_png(values)).decode("ascii")
    return f'<img alt="{name}" style="{style}" src="data:image/png;base64,{data}">'


def grey_png(values: NDArray[np.floating]) -> bytes:
    """Return values 0 (black) … 1 (white), (rows, columns), as a PNG of 8-bit grey."""
    return png(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))
