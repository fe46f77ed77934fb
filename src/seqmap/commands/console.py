"""What a person sees: notes and progress on stderr, results on stdout."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console


class Screen:
    """Writes for a person; with `quiet` only results and errors appear.

    Args:
        quiet: Leave notes and progress out.
        as_json: End stdout with one JSON object, and print nothing else there.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json
        self.stderr = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something that is not a result (stderr)."""
        self.stderr.print(text, markup=False)

    def result(self, text: str) -> None:
        """Print a result for a person (stdout), unless JSON is wanted."""
        if not self.as_json:
            print(text, flush=True)

    def close(self, summary: dict[str, Any]) -> None:
        """Print the JSON object that ends the output, if it is wanted."""
        if self.as_json:
            from seqmap.runtime.plain import plain

            print(json.dumps(plain(summary), ensure_ascii=False, allow_nan=False), flush=True)


def in_bytes(size: float) -> str:
    """Show a number of bytes in the unit that suits it."""
    if size < 1 << 10:
        return f"{size:.0f} B"
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
