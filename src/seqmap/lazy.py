"""Names in tables that are imported when they are first asked for: starting up stays fast."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def imported(place: str) -> Any:
    """Return what stands at `package.module:name`."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
