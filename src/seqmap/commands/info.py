"""`seqmap info`: the card of a model."""

from __future__ import annotations

from seqmap.commands.console import Screen
from seqmap.runtime.card import read_card


def run_info(model: str, markdown: bool, screen: Screen) -> None:
    """Show what a model is, learned from, reaches and cannot do.

    Raises:
        ArchiveError: The model cannot be used.
    """
    card = read_card(model)
    screen.result(card.markdown() if markdown else card.text())
    screen.close(card.facts)
