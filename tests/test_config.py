from __future__ import annotations

from pathlib import Path

import pytest

from seqmap.config import Config, from_dict, load_config, parse_setting, to_toml
from seqmap.errors import ConfigError


def test_a_file_and_settings_override_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text('[encoder]\nname = "gru"\nhidden = 64\n[train]\nlearning_rate = 1\n')
    config = load_config(path, ["encoder.hidden=32", "text.unit=char", "text.lowercase=false"])
    assert (config.encoder.name, config.encoder.hidden) == ("gru", 32)
    assert config.train.learning_rate == 1.0
    assert (config.text.unit, config.text.lowercase) == ("char", False)
    assert config.head == Config().head


def test_toml_round_trip(tmp_path: Path) -> None:
    config = Config().replace(encoder__layers=3, text__vectors='a "b".txt', train__clip=0.25)
    path = tmp_path / "c.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert load_config(path) == config
    assert from_dict(config.to_dict()) == config


@pytest.mark.parametrize("text", ["/data/😀.vec", "a\x7fb", 'é"\\\t漢\x01', "\u2028"])
def test_any_text_survives_toml(tmp_path: Path, text: str) -> None:
    config = Config().replace(text__vectors=text)
    (tmp_path / "c.toml").write_text(to_toml(config), encoding="utf-8")
    assert load_config(tmp_path / "c.toml") == config


def test_bytes_that_are_no_text_are_told() -> None:
    with pytest.raises(ConfigError, match="TOML holds only UTF-8"):
        to_toml(Config().replace(text__vectors="/data/\udcff.vec"))


@pytest.mark.parametrize("key", ["train.learning_rate", "train.epochs"])
def test_integers_that_no_float_holds_are_out_of_range(tmp_path: Path, key: str) -> None:
    for value in (10**400, -(10**5000)):
        with pytest.raises(ConfigError, match=f"{key} is out of range.*bits.*allowed"):
            from_dict({key: value})
    section, _, name = key.partition(".")
    (tmp_path / "c.toml").write_text(f"[{section}]\n{name} = {'9' * 5000}\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(tmp_path / "c.toml")
    with pytest.raises(ConfigError, match=f"{key} needs a value of type"):
        load_config(None, [f"{key}={'9' * 5000}"])


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("encoder.hiden=64", "Did you mean encoder.hidden?"),
        ("hidden=64", "Did you mean encoder.hidden?"),
        ("encoder.name=lsmt", "allowed: lstm, gru"),
        ("encoder.hidden=0", "allowed: 1 to 8192"),
        ("encoder.hidden=big", "needs a value of type int"),
        ("train.learning_rate=nan", "out of range"),
        ("text.lowercase=1", "needs a value of type bool"),
        ("encoder.hidden", "section.key=value"),
        ("zzz.qqq=1", "Sections: text"),
    ],
)
def test_bad_settings_name_the_remedy(setting: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, [setting])
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_config(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[encoder\n")
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(broken)
    flat = tmp_path / "flat.toml"
    flat.write_text("hidden = 3\n")
    with pytest.raises(ConfigError, match="consists of tables"):
        load_config(flat)


def test_values_are_read_as_toml_or_text() -> None:
    assert parse_setting("a.b = 3") == ("a.b", 3)
    assert parse_setting("a.b=1e-3") == ("a.b", 0.001)
    assert parse_setting("a.b=word=x") == ("a.b", "word=x")
