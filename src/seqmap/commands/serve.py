"""`seqmap serve`: models behind HTTP, with a web page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from seqmap.commands.console import Screen
from seqmap.errors import ConfigError, DataError
from seqmap.serve.registry import places_of
from seqmap.serve.run import serve
from seqmap.serve.settings import ServeSettings

TOKEN_VARIABLE = "SEQMAP_TOKEN"
"""Environment variable with the token; on the command line other users could read it."""


def run_serve(models: Sequence[str], settings: ServeSettings, screen: Screen) -> None:
    """Serve until told to stop.

    Raises:
        UserError: A model, the address or the token cannot be used.
    """
    service = serve(places_of(models), settings, note=screen.note)
    screen.close({"models": service.registry.names, "requests": service.measures.total()})


def read_token(path: Path | None) -> str | None:
    """Return the token from a file, else from the environment, else None.

    Raises:
        UserError: The file cannot be read, or the token cannot stand in a header.
    """
    token = os.environ.get(TOKEN_VARIABLE)
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot read the token: {error}", path=path) from None
    if token is None:
        return None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            "a token is one word of visible ASCII characters",
            remedy="Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return token
