"""A deployed model: load, predict, stream. Needs NumPy and no torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import sigmoid, softmax
from seqmap.codecs import truncate
from seqmap.config import Config, from_dict
from seqmap.errors import ArchiveError, ConfigError, UserError
from seqmap.runtime.archive import Archive, read
from seqmap.runtime.plan import build_network
from seqmap.runtime.stream import TextStream
from seqmap.tasks import Codecs, Task, find_task

if TYPE_CHECKING:
    from seqmap.features.wide import WideModel

CHUNK = 256
"""Texts that `predict_iter` takes at once."""


def load(path: str | Path) -> Session:
    """Load a model.

    Raises:
        ArchiveError: There is no such file, or it cannot be used.
    """
    archive = read(path)
    try:
        return Session(archive)
    except ArchiveError as error:
        raise ArchiveError(
            error.problem,
            path=path,
            given=error.given,
            allowed=error.allowed,
            remedy=error.remedy,
        ) from None


class Session:
    """A model that answers. It never changes, so threads may share it.

    Args:
        archive: What was read or trained.

    Attributes:
        archive: The same.
        task: What it does.
        config: What it was built from.
        codecs: What turns texts and labels into numbers and back.
        network: The deep branch.

    Raises:
        ArchiveError: Its parts are incomplete or do not fit together.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        manifest, arrays = archive.manifest, archive.arrays
        try:
            self.task: Task = find_task(manifest["task"])
            self.config: Config = from_dict(manifest["config"])
            self.codecs: Codecs = self.task.restore_codecs(manifest, arrays)
            self._factors = _factors(manifest.get("calibration") or {}, len(self.labels))
            self._wide = _restore_wide(archive, len(self.labels))
        except ArchiveError:
            raise
        except ConfigError as error:
            raise ArchiveError(
                f"the model's configuration is not understood: {error.problem}", given=error.given
            ) from None
        except UserError as error:
            raise ArchiveError(f"the model is not understood: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArchiveError(
                "the model's description is incomplete", given=f"{type(error).__name__}: {error}"
            ) from None
        self.network = build_network(
            arrays, self.config, vocabulary=self.codecs.source.size, classes=len(self.labels)
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the columns of `predict_proba`."""
        return tuple(self.codecs.target.names)

    @property
    def metrics(self) -> dict[str, Any]:
        """The figures that were measured when the model was trained."""
        return dict(self.archive.manifest.get("metrics") or {})

    @cached_property
    def digest(self) -> str:
        """What identifies the model: the archive's digest."""
        return self.archive.digest()

    def predict(self, texts: Iterable[str]) -> list[Any]:
        """Answer every text: one result of the task each, in order.

        Raises:
            UserError: This is one string, or holds something else than strings.
        """
        return list(self.predict_iter(texts))

    def predict_iter(self, texts: Iterable[str], *, chunk: int = CHUNK) -> Iterator[Any]:
        """Answer texts as they come, in order, in constant memory.

        Args:
            texts: Any number of them.
            chunk: How many are waited for before the next answers are given; 1 answers at once.

        Raises:
            UserError: As for `predict`.
        """
        if isinstance(texts, str):
            raise UserError("predict takes a list of texts", given=texts, remedy="Use [text]")
        coming, begin = iter(texts), 0
        while part := list(islice(coming, chunk)):
            yield from self.answers(self._probabilities(part, begin))
            begin += len(part)

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities, (texts, classes).

        Raises:
            UserError: As for `predict`.
        """
        if isinstance(texts, str):
            raise UserError("predict_proba takes a list of texts", given=texts, remedy="Use [text]")
        coming, begin = iter(texts), 0
        found = [np.empty((0, len(self.labels)))]
        while part := list(islice(coming, CHUNK)):
            found.append(self._probabilities(part, begin))
            begin += len(part)
        return np.concatenate(found)

    def stream(self, state: bytes | None = None) -> TextStream:
        """Begin a stream: answers for a text that arrives piece by piece, in constant memory.

        Args:
            state: What `TextStream.to_bytes` gave, to go on from there.

        Raises:
            UserError: The model needs the whole text before it can answer.
            ArchiveError: The state is damaged, or of another model.
        """
        reason = self._why_no_stream()
        if reason:
            raise UserError(
                f"this model cannot stream: {reason}",
                remedy="Train it with --set encoder.direction=forward --set wide.kind=none",
            )
        stream = TextStream(self)
        if state is not None:
            stream.load(state)
        return stream

    def _why_no_stream(self) -> str | None:
        encoder = self.config.encoder
        if encoder.name in ("transformer", "lstm-transformer"):
            return f"a {encoder.name} needs the whole text"
        if not self.network.streams:
            return f"its {encoder.name} also reads backwards from the end of the text"
        if self._wide is not None:
            return "its wide branch needs the whole text"
        return None

    def without_wide(self) -> Session:
        """Return the same model with its deep branch alone, uncalibrated."""
        if self._wide is None:
            return self
        manifest = {**self.archive.manifest, "wide": None, "calibration": {"deep": 1.0}}
        return Session(Archive(manifest, self.archive.arrays))

    def answers(self, probabilities: NDArray[np.float64]) -> list[Any]:
        """Turn probabilities (texts, classes) into the task's results."""
        return self.task.results(probabilities, self.codecs)

    def calibrated(
        self, deep: NDArray[Any] | None, wide: NDArray[Any] | None = None
    ) -> NDArray[np.float64]:
        """Turn the branches' scores into probabilities: those of `a deep + b wide + bias`."""
        a, b, bias = self._factors
        fused = bias
        if deep is not None:
            fused = fused + a * deep.astype(np.float64)
        if wide is not None:
            fused = fused + b * wide.astype(np.float64)
        return np.asarray(sigmoid(fused) if self.codecs.multi else softmax(fused))

    def _probabilities(self, texts: Sequence[str], begin: int) -> NDArray[np.float64]:
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise UserError(
                    "predict takes texts", given=repr(text), allowed="str", line=begin + place + 1
                )
        settings, codec = self.config.text, self.codecs.source
        ids = [truncate(codec.encode(t), settings.max_length, settings.truncate) for t in texts]
        wide = None if self._wide is None else self._wide.logits(texts)
        return self.calibrated(self.network.logits(ids), wide)


def _factors(calibration: dict[str, Any], classes: int) -> tuple[float, float, NDArray[np.float64]]:
    """Return the weights of both branches and the bias (classes,)."""
    bias = np.asarray(calibration.get("bias", np.zeros(classes)), dtype=np.float64)
    if bias.shape != (classes,):
        raise ArchiveError("the model's calibration does not fit its labels", given=bias.shape)
    return float(calibration.get("deep", 1.0)), float(calibration.get("wide", 0.0)), bias


def _restore_wide(archive: Archive, classes: int) -> WideModel | None:
    """Rebuild the wide branch, unless the model has none or gives it no weight."""
    state = archive.manifest.get("wide")
    if state is None or not (archive.manifest.get("calibration") or {}).get("wide"):
        return None
    # Imported here: models without it start faster.
    from seqmap.features.wide import WideModel

    model = WideModel.from_state(state, archive.arrays)
    if len(model.bias) != classes:
        raise ArchiveError("the model's wide branch does not fit its labels", given=len(model.bias))
    return model
