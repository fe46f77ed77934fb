"""The configurations that are kept in configs/."""

from __future__ import annotations

from pathlib import Path

from seqmap.config import Config, load_config

ROOT = Path(__file__).resolve().parent.parent


def shipped(*names: str, base: Config) -> tuple[Config, str]:
    """Return the first configuration that is there, and where it stands; else the defaults."""
    for name in names:
        path = f"configs/{name}.toml"
        if (ROOT / path).exists():
            return load_config(ROOT / path, base=base), path
    return base, "defaults"
