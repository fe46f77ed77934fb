"""Fixtures of the deployed half."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from seqmap.runtime import native


@pytest.fixture
def paths() -> Iterator[Callable[[], Iterator[str]]]:
    """Force every instruction set, with and without its sub-features; then the best one again."""

    def each() -> Iterator[str]:
        for isa in native.available_isas():
            for features in (True, False):
                native.set_isa(isa)
                for feature in native.FEATURES:
                    native.set_feature(feature, features)
                yield f"{isa}{'' if features else ' plain'}"

    yield each
    native.set_isa("auto")
    for feature in native.FEATURES:
        native.set_feature(feature, True)
