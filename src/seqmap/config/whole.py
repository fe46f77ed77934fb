"""The whole configuration: read from TOML or dicts, checked, changed, and written down."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from seqmap.config.network import EmbeddingConfig, EncoderConfig, HeadConfig, TextConfig, WideConfig
from seqmap.config.series import AudioConfig, ForecastConfig, SignalConfig
from seqmap.config.tasks import (
    LanguageConfig,
    SpeakConfig,
    TagConfig,
    TranscribeConfig,
    TranslateConfig,
)
from seqmap.config.training import TrainConfig
from seqmap.errors import ConfigError, nearest

if TYPE_CHECKING:
    from pathlib import Path

_TOO_LONG = 1024
"""Bits of an integer that no float can hold."""


@dataclass(frozen=True)
class Config:
    """Everything that decides what model comes out of given data."""

    text: TextConfig = field(default_factory=TextConfig)
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    wide: WideConfig = field(default_factory=WideConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)
    signal: SignalConfig = field(default_factory=SignalConfig)
    tag: TagConfig = field(default_factory=TagConfig)
    audio: AudioConfig = field(default_factory=AudioConfig)
    transcribe: TranscribeConfig = field(default_factory=TranscribeConfig)
    language: LanguageConfig = field(default_factory=LanguageConfig)
    translate: TranslateConfig = field(default_factory=TranslateConfig)
    speak: SpeakConfig = field(default_factory=SpeakConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def replace(self, **settings: Any) -> Config:
        """Return a copy with `section__key=value` settings applied, checked as in a file."""
        return override(self, {name.replace("__", "."): value for name, value in settings.items()})

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return plain nested dicts, for TOML and for the manifest."""
        return dataclasses.asdict(self)


def load_config(
    path: str | Path | None, settings: Sequence[str] = (), *, base: Config | None = None
) -> Config:
    """Read a configuration file and apply `--set section.key=value` settings to it.

    Args:
        path: A TOML file, or None for the defaults.
        settings: Strings of the form `section.key=value`; the value is read as TOML, else as text.
        base: What they change; None means the defaults.

    Raises:
        ConfigError: The file cannot be read, or a key or value is not valid.
    """
    import tomllib  # a deployed model has no file to read

    config = Config() if base is None else base
    if path is not None:
        try:
            with open(path, "rb") as file:
                tables = tomllib.load(file)
        except OSError as error:
            raise ConfigError(
                f"cannot read the configuration: {error.strerror}", path=path
            ) from None
        except ValueError as error:  # TOML's errors, those of UTF-8, and numbers of 5000 digits
            raise ConfigError(f"not valid TOML: {error}", path=path) from None
        config = override(config, _flatten(tables, path), path=path)
    return override(config, dict(parse_setting(setting) for setting in settings))


def parse_setting(setting: str) -> tuple[str, Any]:
    """Split `section.key=value`; the value is read as a TOML value, else taken as text."""
    import tomllib

    name, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError("a setting needs the form section.key=value", given=setting)
    try:
        return name.strip(), tomllib.loads(f"value = {text}")["value"]
    except ValueError:  # TOML's errors, and numbers of 5000 digits
        return name.strip(), text.strip()


def from_dict(
    tables: Mapping[str, Any], *, base: Config | None = None, path: str | Path | None = None
) -> Config:
    """Build a configuration from nested dicts or dotted keys, checked like a file.

    Args:
        tables: `{"encoder": {"layers": 2}}` or `{"encoder.layers": 2}`.
        base: What it changes; None means the defaults.
        path: The file that the values come from, for messages.
    """
    dotted = {name: value for name, value in tables.items() if "." in name}
    nested = {name: value for name, value in tables.items() if "." not in name}
    values = _flatten(nested, path) | dotted
    return override(Config() if base is None else base, values, path=path)


def override(config: Config, values: Mapping[str, Any], path: str | Path | None = None) -> Config:
    """Return `config` with the dotted keys of `values` replaced."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, key = _resolve(name, path)
        sections.setdefault(section, {})[key] = _checked(section, key, value, path)
    changed = {
        section: dataclasses.replace(getattr(config, section), **keys)
        for section, keys in sections.items()
    }
    return dataclasses.replace(config, **changed)


def to_toml(config: Config) -> str:
    """Write a configuration as TOML that `load_config` reads back.

    Raises:
        ConfigError: A text holds bytes that are not UTF-8, such as the name of a file may.
    """
    lines: list[str] = []
    for section, keys in config.to_dict().items():
        lines.append(f"[{section}]")
        lines.extend(f"{key} = {_toml(value)}" for key, value in keys.items())
        lines.append("")
    return "\n".join(lines)


def _toml(value: Any) -> str:
    """Write a value: as JSON does, but TOML has no surrogate escapes, and wants DEL escaped."""
    text = json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigError("TOML holds only UTF-8", given=ascii(value)) from None
    return text


def _flatten(tables: Mapping[str, Any], path: str | Path | None) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for section, keys in tables.items():
        if not isinstance(keys, Mapping):
            raise ConfigError(
                "a configuration consists of tables",
                path=path,
                given=section,
                allowed=[f"[{name}]" for name in _sections()],
            )
        flat.update({f"{section}.{key}": value for key, value in keys.items()})
    return flat


@functools.cache
def _sections() -> dict[str, type[Any]]:
    """Return the dataclass of each section."""
    hints = get_type_hints(Config)
    return {part.name: hints[part.name] for part in dataclasses.fields(Config)}


@functools.cache
def _hints(section: str) -> dict[str, Any]:
    """Return the type of each key of a section; evaluating annotations is slow."""
    return get_type_hints(_sections()[section], include_extras=True)


@functools.cache
def _known() -> tuple[str, ...]:
    return tuple(
        f"{section}.{key.name}"
        for section, kind in _sections().items()
        for key in dataclasses.fields(kind)
    )


def _resolve(name: str, path: str | Path | None) -> tuple[str, str]:
    known = _known()
    if name in known:
        section, _, key = name.partition(".")
        return section, key
    # A bare key is fine to suggest by its last part too: `hidden` means `encoder.hidden`.
    tails: dict[str, str] = {}
    for full in known:
        tails.setdefault(full.partition(".")[2], full)  # the first section is the usual one
    similar = nearest(name.rpartition(".")[2], tails)
    close = tails.get(name) or nearest(name, known) or tails.get(similar or "")
    remedy = f"Did you mean {close}?" if close else f"Sections: {', '.join(_sections())}"
    raise ConfigError("unknown configuration key", path=path, given=name, remedy=remedy)


def _checked(section: str, key: str, value: Any, path: str | Path | None) -> Any:
    hint, bounds = _hints(section)[key], None
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    name = f"{section}.{key}"
    if type(value) is int and value.bit_length() >= _TOO_LONG:
        # Told apart here: neither `float` nor `str` takes integers of any length.
        raise ConfigError(
            f"{name} is out of range",
            path=path,
            given=f"an integer of {value.bit_length():,} bits",
            allowed=None if bounds is None else str(bounds),
        )
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ConfigError(
                f"{name} cannot be this", path=path, given=value, allowed=get_args(hint)
            )
        return value
    kind = hint if not isinstance(hint, types.UnionType) else get_args(hint)[0]
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        raise ConfigError(f"{name} needs a value of type {kind.__name__}", path=path, given=value)
    if bounds is not None and value not in bounds:
        raise ConfigError(f"{name} is out of range", path=path, given=value, allowed=str(bounds))
    return value
