"""Archives to export: classifiers, also with a wide branch, and taggers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqmap.features.ngrams import NgramSpec
from seqmap.features.space import NgramSpace
from seqmap.features.wide import WideModel
from seqmap.runtime.archive import Archive

TAGGERS = Path(__file__).parents[1] / "runtime" / "test_tag.py"
WIDE_TEXTS = [
    "a plain sentence, written to be read; it isn't long",
    "It's a plain day; numbers -- and ... 漢字 ½ ﬁne 3,000.5",
    "It's a plain DAY; numbers -- and ... 漢字 ½ ﬁne (long)",
    "numbers 3,000.5 and marks ... -- (here), written to be read",
]


@pytest.fixture(scope="session")
def make_tagger() -> Callable[..., Archive]:
    """The builder of taggers with random weights that the tests of the runtime use."""
    spec = importlib.util.spec_from_file_location("taggers", TAGGERS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    builder: Callable[..., Archive] = module.build
    return builder


@pytest.fixture(scope="session")
def with_wide() -> Callable[..., Archive]:
    """Add a wide branch with random weights to a classifier."""

    def widen(archive: Archive, *, words: int = 3, characters: int = 5) -> Archive:
        count = len(archive.manifest["target"]["labels"])
        rng = np.random.default_rng(0)
        targets = np.eye(count, dtype=np.float32)[np.arange(len(WIDE_TEXTS)) % count]
        spec = NgramSpec(words=words, characters=characters)
        space = NgramSpace.fit(WIDE_TEXTS, targets, spec=spec).space
        weights = rng.normal(size=(space.size, count)).astype(np.float32)
        wide = WideModel(space, weights, rng.normal(size=count).astype(np.float32))
        calibration = {"deep": 0.7, "wide": 1.3, "bias": rng.normal(size=count).tolist()}
        manifest = {**archive.manifest, "wide": wide.to_state(), "calibration": calibration}
        return Archive(manifest, {**archive.arrays, **wide.to_arrays()})

    return widen
