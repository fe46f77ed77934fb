"""What a request to a server may set, within limits: a wrong value is refused, never cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqmap.errors import ConfigError, nearest


@dataclass(frozen=True)
class Wish:
    """An option of a request.

    Attributes:
        kind: `int`, `float` or `str`.
        least: The smallest number; of a text, ignored.
        most: The largest number; of a text, its most characters.
        about: What it does, for the API's description.
    """

    kind: type
    least: float
    most: float
    about: str

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema."""
        if self.kind is str:
            return {"type": "string", "maxLength": int(self.most), "description": self.about}
        kind = "integer" if self.kind is int else "number"
        bounds = {"minimum": self.kind(self.least), "maximum": self.kind(self.most)}
        return {"type": kind, **bounds, "description": self.about}


def granted(options: Mapping[str, Any], known: Mapping[str, Wish]) -> dict[str, Any]:
    """Return options whose names and values are allowed.

    Raises:
        ConfigError: One is not.
    """
    for name, value in options.items():
        wish = known.get(name)
        if wish is None:
            close = nearest(name, known)
            raise ConfigError(
                "a request to this model has no such option",
                given=name,
                allowed=sorted(known) or "none",
                remedy=f"Did you mean {close!r}?" if close else None,
            )
        if not _fits(value, wish):
            raise ConfigError(f"{name} cannot have this value", given=value, allowed=_allowed(wish))
    return {name: known[name].kind(value) for name, value in options.items()}


def _fits(value: Any, wish: Wish) -> bool:
    if wish.kind is str:
        return isinstance(value, str) and len(value) <= wish.most
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # JSON knows one kind of number: 3.0 is 3.
    return wish.least <= value <= wish.most and (wish.kind is float or value == int(value))


def _allowed(wish: Wish) -> str:
    if wish.kind is str:
        return f"a text of at most {wish.most:g} characters"
    what = "a whole number" if wish.kind is int else "a number"
    return f"{what} from {wish.least:g} to {wish.most:g}"
