"""Settings of a search that a user gives by name, checked against those that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seqmap.errors import ConfigError, nearest


def check_settings(settings: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings whose names and types are those of the known ones.

    Args:
        settings: What was given, by name.
        known: Each setting with its present value.

    Raises:
        ConfigError: There is no such setting, or its value is of another type.
    """
    for name, value in settings.items():
        if name not in known:
            close = nearest(name, known)
            raise ConfigError(
                "there is no such setting of a search",
                given=name,
                allowed=tuple(known),
                remedy=f"Did you mean {close}?" if close else None,
            )
        wanted = (int, float) if isinstance(known[name], float) else type(known[name])
        if not isinstance(value, wanted):
            kind = type(known[name]).__name__
            raise ConfigError(f"{name} of a search is of type {kind}", given=value)
    return dict(settings)
