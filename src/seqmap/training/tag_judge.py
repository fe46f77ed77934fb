"""How good a tagger is on dev while it is trained, and what is kept of its two branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.config import Config
from seqmap.data.tagging import Sentence, Span, spans_of
from seqmap.nn.heads.crf import CRF
from seqmap.nn.model import to_arrays
from seqmap.nn.tagger import TagNetwork
from seqmap.runtime.members import member_prefix
from seqmap.runtime.native_crf import best_kernel
from seqmap.runtime.ops.weights import SCALE
from seqmap.runtime.quantize import to_int8
from seqmap.runtime.tag import chain_of
from seqmap.search.crf import Chain
from seqmap.search.tagging import TagSearch
from seqmap.span_metrics import span_report
from seqmap.tasks.tag import TagCodecs
from seqmap.training.learner import Score
from seqmap.training.tag_fusion import EPOCH_SHARES, Branch, choose_lean, choose_share, fuse
from seqmap.training.tag_learner import DevOutputs, TagData

# What a nat of dev loss weighs beside F1: it only decides between equals.
_TIE = 1e-5


OUTSIDE_TAG = 0
"""The number of the tag outside of spans, where tags mark spans."""


class Judge:
    """Measures the network on dev, and puts its branches together."""

    def __init__(
        self,
        network: TagNetwork,
        codecs: TagCodecs,
        config: Config,
        dev: Sequence[Sentence],
        data: TagData,
    ) -> None:
        self._network, self._codecs, self._config = network, codecs, config
        self._data = data
        self._search = TagSearch(codecs.target, self._deep_chain(), kernel=best_kernel())
        self._truth = [
            spans_of(s.tags)
            if codecs.target.spans
            else [Span(t, t + 1, tag) for t, tag in enumerate(s.tags)]
            for s in dev
        ]

    def score(self, outputs: DevOutputs) -> Score:
        """Return F1 of the spans, or accuracy of plain labels; the cost is what is missing."""
        tried = EPOCH_SHARES if outputs.wide is not None else (0.0,)
        figures = [self._figures(self.fused(outputs, share)) for share in tried]
        main = "f1" if self._codecs.target.spans else "accuracy"
        metrics = max(figures, key=lambda found: found[main])
        cost = 1.0 - metrics.get("f1", metrics["accuracy"])
        if outputs.intents is not None:
            hits = float((outputs.intents.argmax(axis=1) == self._data.intents).mean())
            metrics["intent_accuracy"] = hits
            cost += 1.0 - hits
        # Among equals the surer one: on easy data F1 is soon as good as it gets.
        return Score(outputs.loss, metrics, cost + _TIE * min(outputs.loss, 1.0))

    def _figures(self, fused: Branch) -> dict[str, float]:
        search = TagSearch(self._codecs.target, fused.chain, kernel=self._search.kernel)
        best = search.best(fused.emissions)
        right = sum(int((b == t).sum()) for b, t in zip(best, self._data.tags, strict=True))
        metrics = {"accuracy": right / max(1, int(self._data.lengths.sum()))}
        if self._codecs.target.spans:
            found = [search.spans(numbers) for numbers in best]
            metrics["f1"] = span_report(self._truth, found).overall.f1
        return metrics

    def choose_share(self, outputs: DevOutputs) -> float:
        """Return how much the lexical features count."""
        if outputs.wide is None:
            return 0.0
        deep = Branch(outputs.deep, self._deep_chain())
        wide = Branch(outputs.wide, self._wide_chain())
        return choose_share(self._search, deep, wide, self._truth)

    def choose_lean(self, fused: Branch) -> float:
        """Return how much less likely the tag outside of spans should be."""
        if not self._codecs.target.spans:
            return 0.0
        return choose_lean(self._search, fused, self._truth, OUTSIDE_TAG)

    def fused(self, outputs: DevOutputs, share: float) -> Branch:
        """Return both branches put together."""
        deep = Branch(outputs.deep, self._deep_chain())
        if outputs.wide is None:
            return deep
        return fuse(deep, Branch(outputs.wide, self._wide_chain()), share)

    def arrays(self, share: float, amount: float) -> dict[str, NDArray[Any]]:
        """Return the archive's arrays: one chain, the features with their share, O less likely."""
        found: dict[str, NDArray[Any]] = dict(to_arrays(self._network.state_dict()))
        self._share_out(found)
        for name in [name for name in found if name.startswith("wide_crf.")]:
            own = found.pop(name)
            crf = name.removeprefix("wide_")
            found[crf] = (found[crf] + share * own).astype(np.float32)
        if amount:
            found["output.bias"] = found["output.bias"].copy()
            found["output.bias"][OUTSIDE_TAG] -= amount
        features = found.pop("features.weight", None)
        if features is not None and share > 0:
            # A byte a weight, one scale a row, as in the wide branch of classification.
            name = "features.weight"
            found[name], found[name + SCALE] = to_int8((share * features).astype(np.float32))
        return found

    def _share_out(self, found: dict[str, NDArray[Any]]) -> None:
        """Divide the scores by how many networks there are: those of all are added up."""
        members = self._network.members
        for prefix in map(member_prefix, range(len(members))):
            for name in [name for name in found if name.startswith(prefix + "crf.")]:
                del found[name]
            for name in found:
                if name.startswith((prefix + "output.", prefix + "intent.")):
                    found[name] = found[name] / np.float32(len(members))
        for name, mean in _mean([member.crf for member in members]).items():
            found[name] = mean.astype(np.float32)

    def _deep_chain(self) -> Chain:
        """Return the scores between tags of the networks, as they are now."""
        return self._chain([member.crf for member in self._network.members])

    def _wide_chain(self) -> Chain:
        """Return those of the lexical features."""
        assert self._network.wide_crf is not None
        return self._chain([self._network.wide_crf])

    def _chain(self, crfs: Sequence[CRF]) -> Chain:
        return chain_of(_mean(crfs), self._codecs.target, self._config.tag.decoder)


def _mean(crfs: Sequence[CRF]) -> dict[str, NDArray[Any]]:
    """Return the scores between tags by the archive's names, their mean."""
    weights = [dict(crf.named_parameters()) for crf in crfs]
    return {
        f"crf.{name}": np.mean([own[name].detach().cpu().numpy() for own in weights], axis=0)
        for name in weights[0]
    }
