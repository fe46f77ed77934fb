"""A deployed classifier: predict, probabilities, stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seqmap.calibration import sigmoid, softmax
from seqmap.codecs import truncate
from seqmap.codecs.base import Ids
from seqmap.errors import ArchiveError, UserError
from seqmap.runtime.archive import Archive
from seqmap.runtime.plan import build_network
from seqmap.runtime.session import CHUNK, Session
from seqmap.runtime.stream import TextStream
from seqmap.tasks.base import Evaluation
from seqmap.tasks.classify import Classify, Codecs

if TYPE_CHECKING:
    from seqmap.data import Example
    from seqmap.features.wide import WideModel
    from seqmap.runtime.explain.explanation import Explanation


class ClassifySession(Session):
    """Text → label, or several labels.

    Attributes:
        codecs: What turns texts and labels into numbers and back.
        network: The deep branch.
        wide: The linear model over n-grams, or None.
        factors: The weights of both branches, and the bias (classes,), which calibrate them.
    """

    task: Classify
    codecs: Codecs
    explains = True

    def _restore(self, archive: Archive) -> None:
        manifest, arrays = archive.manifest, archive.arrays
        self.codecs = self.task.restore_codecs(manifest, arrays)
        self.factors = _factors(manifest.get("calibration") or {}, len(self.labels))
        self.wide = _restore_wide(archive, len(self.labels))
        self.network = build_network(
            arrays,
            self.config,
            vocabulary=self.codecs.source.size,
            classes=len(self.labels),
            precision=self.precision,
        )

    @property
    def backend(self) -> str:
        """What computes: `native` or `numpy`."""
        return self.network.backend

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the columns of `predict_proba`."""
        return tuple(self.codecs.target.names)

    def evaluate(self, examples: Sequence[Example]) -> Evaluation:
        """Score calibrated probabilities against the labels (not a teacher's shares).

        Raises:
            DataError: A label that training did not know.
        """
        hard = [replace(example, soft=None) for example in examples]
        targets = self.task.encode_targets(hard, self.codecs)
        probabilities = self.predict_proba([example.text for example in examples])
        return self.task.evaluate(probabilities, targets, self.codecs)

    def predict_proba(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """Return calibrated probabilities, (texts, classes).

        Raises:
            UserError: As for `predict`.
        """
        self._refuse_one(texts, "predict_proba")
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
        if self.wide is not None:
            return "its wide branch needs the whole text"
        return None

    def explain(
        self,
        text: str,
        *,
        target: str | None = None,
        what_if: Sequence[str] = (),
        corpus: Iterable[str] = (),
        token: int | tuple[int, int] | None = None,
    ) -> Explanation:
        """Explain the answer to a text: attributions, gates, what-if, similar states."""
        # Imported here: who only asks for answers does not pay for it.
        from seqmap.runtime.explain.classify import explain_label

        return explain_label(self, text, target=target, what_if=what_if, corpus=corpus, token=token)

    def without_wide(self) -> ClassifySession:
        """Return the same model with its deep branch alone, uncalibrated."""
        if self.wide is None:
            return self
        manifest = {**self.archive.manifest, "wide": None, "calibration": {"deep": 1.0}}
        return ClassifySession(Archive(manifest, self.archive.arrays), self.precision)

    def encode(self, text: str) -> Ids:
        """Return the symbols of a text as the network reads them, (time,) int32, cut to size."""
        settings = self.config.text
        return truncate(self.codecs.source.encode(text), settings.max_length, settings.truncate)

    def answers(self, probabilities: NDArray[np.float64]) -> list[Any]:
        """Turn probabilities (texts, classes) into the task's results."""
        return self.task.results(probabilities, self.codecs)

    def calibrated(
        self, deep: NDArray[Any] | None, wide: NDArray[Any] | None = None
    ) -> NDArray[np.float64]:
        """Turn the branches' scores into probabilities: those of `a deep + b wide + bias`."""
        a, b, bias = self.factors
        fused = bias
        if deep is not None:
            fused = fused + a * deep.astype(np.float64)
        if wide is not None:
            fused = fused + b * wide.astype(np.float64)
        return np.asarray(sigmoid(fused) if self.codecs.multi else softmax(fused))

    def _answer(self, inputs: Sequence[str], begin: int) -> list[Any]:
        return self.answers(self._probabilities(inputs, begin))

    def _probabilities(self, texts: Sequence[str], begin: int) -> NDArray[np.float64]:
        for place, text in enumerate(texts):
            if not isinstance(text, str):
                raise UserError(
                    "predict takes texts", given=repr(text), allowed="str", line=begin + place + 1
                )
        ids = [self.encode(text) for text in texts]
        wide = None if self.wide is None else self.wide.logits(texts)
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
