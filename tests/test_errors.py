from __future__ import annotations

import pickle

from seqmap.errors import DataError, MissingExtraError, OutputError, nearest, shorten


def test_one_line_with_everything() -> None:
    error = DataError(
        "no such column", path="a.csv", line=3, given="txt", allowed=["text", "label"], remedy="Fix"
    )
    expected = "a.csv:3: no such column; given: 'txt'; allowed: text, label. Fix"
    assert str(error) == expected
    assert error.exit_code == 2


def test_long_values_are_cut() -> None:
    assert len(shorten("x" * 500)) == 80
    assert "…" in str(DataError("bad", given="y" * 500))


def test_errors_travel_between_processes() -> None:
    error = OutputError("disk full", path="m.seqmap", remedy="Free some space")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.path) == (OutputError, str(error), "m.seqmap")


def test_a_missing_extra_names_its_command() -> None:
    assert "pip install 'seqmap[train]'" in str(MissingExtraError("torch", "train"))


def test_nearest() -> None:
    assert nearest("hiden", ["hidden", "heads"]) == "hidden"
    assert nearest("zzz", ["hidden"]) is None
