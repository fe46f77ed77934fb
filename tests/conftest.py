"""Fixtures shared by all tests: public data, and small archives with random weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from seqmap.codecs import fit_codec
from seqmap.config import Config, EncoderConfig
from seqmap.data.corpus import TextCorpus
from seqmap.runtime.archive import FORMAT, Archive, save
from seqmap.tasks import find_task

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TEXTS = [
    "a plain sentence, written to be read",
    "It's the second one; it isn't long.",
    "numbers 3,000.5 and marks ... -- (here)",
    "漢字 and ordinary words 混ざる",
]
GATES = {"lstm": 4, "gru": 3, "rnn": 1}

Arrays = dict[str, NDArray[Any]]


class Weights:
    """Draws weights and keeps them by name."""

    def __init__(self, seed: int) -> None:
        self.arrays: Arrays = {}
        self._rng = np.random.default_rng(seed)

    def draw(self, name: str, *shape: int, scale: float = 0.4) -> None:
        values = self._rng.normal(scale=scale, size=shape)
        self.arrays[name] = values.astype(np.float32)

    def dense(self, name: str, outputs: int, inputs: int) -> None:
        self.draw(f"{name}.weight", outputs, inputs)
        self.draw(f"{name}.bias", outputs)

    def recurrent(self, prefix: str, kind: str, inputs: int, config: EncoderConfig) -> int:
        """Draw a stack; return the width of its states."""
        sides = ["forward", "backward"] if config.direction == "both" else ["forward"]
        rows = GATES[kind] * config.hidden
        for layer in range(config.layers):
            for side in sides:
                name = f"{prefix}layers.{layer}.{side}"
                self.draw(f"{name}.w_ih", rows, inputs)
                self.draw(f"{name}.w_hh", rows, config.hidden)
                for bias in ["bias_ih", "bias_hh"] if kind == "gru" else ["bias"]:
                    self.draw(f"{name}.{bias}", rows)
            inputs = len(sides) * config.hidden
        return inputs

    def transformer(self, prefix: str, inputs: int, config: EncoderConfig) -> int:
        width, inner = config.hidden, config.feedforward or 4 * config.hidden
        self.dense(f"{prefix}project", width, inputs)
        for layer in range(config.layers):
            name = f"{prefix}layers.{layer}."
            for part in ("query", "key", "value", "output"):
                self.dense(name + part, width, width)
            self.dense(f"{name}feed1", inner, width)
            self.dense(f"{name}feed2", width, inner)
            for norm in ("norm1", "norm2"):
                self.draw(f"{name}{norm}.weight", width)
                self.draw(f"{name}{norm}.bias", width)
        self.draw(f"{prefix}norm.weight", width)
        self.draw(f"{prefix}norm.bias", width)
        return width

    def encoder(self, inputs: int, config: EncoderConfig) -> int:
        if config.name == "transformer":
            return self.transformer("encoder.", inputs, config)
        if config.name == "lstm-transformer":
            width = self.recurrent("encoder.lstm.", "lstm", inputs, config)
            return self.transformer("encoder.transformer.", width, config)
        return self.recurrent("encoder.", config.name, inputs, config)


def build(
    *,
    texts: list[str] | None = None,
    labels: tuple[str, ...] = ("bad", "good", "so-so"),
    multi: bool = False,
    seed: int = 0,
    **settings: Any,
) -> Archive:
    """Return an archive of a random classifier; settings as for `Config.replace`."""
    small: dict[str, Any] = {
        "text__unit": "word",
        "embedding__size": 5,
        "encoder__hidden": 8,
        "encoder__heads": 2,
        "wide__kind": "none",
    }
    config = Config().replace(**(small | settings))
    codec = fit_codec(texts or TEXTS, config.text)
    state, arrays = codec.to_state()
    weights = Weights(seed)
    weights.draw("embedding.weight", codec.size, config.embedding.size)
    width = weights.encoder(config.embedding.size, config.encoder)
    if config.head.pooling == "attention":
        weights.dense("pooling.project", 6, width)
        weights.draw("pooling.context", 6)
    weights.dense("head", len(labels), width * (2 if config.head.pooling == "mean-max" else 1))
    manifest = {
        "format": FORMAT,
        "seqmap": "0.1.0",
        "task": "classify",
        "config": config.to_dict(),
        "source": state,
        "target": {"labels": list(labels), "multi": multi},
        "wide": None,
        "calibration": {"deep": 1.0, "wide": 0.0},
        "metrics": {"dev": {"accuracy": 0.5}},
    }
    return Archive(manifest, arrays | weights.arrays)


@pytest.fixture(scope="session")
def make_archive() -> Callable[..., Archive]:
    return build


@pytest.fixture(scope="session")
def make_weights() -> Callable[[int], Weights]:
    return Weights


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets; tests that need it are skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the public data sets are not here (../shared/data)")
    return SHARED


@pytest.fixture(scope="session")
def small_language() -> Config:
    """A language model that is trained in a second."""
    return (
        find_task("language")
        .config()
        .replace(
            embedding__size=12,
            encoder__hidden=16,
            encoder__layers=1,
            train__epochs=3,
            train__batch_size=4,
            train__learning_rate=0.02,
            train__threads=1,
            language__steps=16,
        )
    )


def _sentences(lines: int = 150, seed: int = 0) -> list[TextCorpus]:
    rng = np.random.default_rng(seed)
    pairs = [("cat", "meows"), ("dog", "barks"), ("hen", "clucks")]
    found = []
    for place in rng.integers(0, 3, lines):
        animal, sound = pairs[place]
        found.append(f"the {animal} in the {'old new red'.split()[rng.integers(3)]} house {sound}.")
    return [TextCorpus(tuple(found))]


@pytest.fixture(scope="session")
def corpus() -> Callable[..., list[TextCorpus]]:
    """Sentences of a small grammar: what follows depends on what came some words before."""
    return _sentences


def _train_small(task: str, folder: Path) -> Path:
    """Train a small model of a task in seconds; return its file."""
    from seqmap.samples.phrases import phrases
    from seqmap.samples.series import shop
    from seqmap.samples.signals import gestures
    from seqmap.samples.syllables import RATE, speech
    from seqmap.tasks.forecast import Known
    from seqmap.tasks.recordings import AudioSet
    from seqmap.training import train

    found = find_task(task)
    config = found.config().replace(
        train__epochs=1, encoder__hidden=16, encoder__direction="forward", train__threads=1
    )
    path = folder / f"{task}.seqmap"
    if task == "translate":
        config = config.replace(text__vocabulary=400, translate__hidden=16, embedding__size=16)
        train(found, phrases(train=200, dev=1, test=1).train, config=config, out=path)
    elif task == "forecast":
        from seqmap.data.series import even_series

        _, values, _ = shop(400)
        series = even_series("shop", values, values[:, None][:, :0], None)
        config = config.replace(forecast__horizon=6)
        train(found, [series], config=config, out=path, targets=Known(()))
    elif task == "signal":
        train(found, gestures(60), config=config, out=path)
    elif task == "transcribe":
        spoken = [one.recording for one in speech(12)]
        config = config.replace(audio__mels=12, transcribe__search="greedy", encoder__hidden=32)
        made = train(found, spoken[:8], spoken[8:], config=config, targets=AudioSet(RATE)).archive
        # Hardly trained it would say nothing.
        rng = np.random.default_rng(3)
        noise = rng.normal(size=made.arrays["output.weight"].shape, scale=3)
        save(replace(made, arrays=made.arrays | {"output.weight": noise.astype(np.float32)}), path)
    else:
        config = config.replace(encoder__layers=1, embedding__size=8)
        corpus = TextCorpus(tuple(f"the cat sat on mat {n}." for n in range(300)))
        train(found, [corpus], config=config, out=path)
    return path


_TRAINED = ("translate", "forecast", "signal", "transcribe", "language")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small model of each task that does not answer with labels or tags."""
    folder = tmp_path_factory.mktemp("trained")
    return {task: _train_small(task, folder) for task in _TRAINED}
