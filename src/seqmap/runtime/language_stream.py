"""One text through a language model, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqmap.runtime.language_network import LanguageNetworkStream
from seqmap.runtime.sampling import Sampling
from seqmap.runtime.stream import TextStream
from seqmap.tasks.language import Expectation, figures

if TYPE_CHECKING:
    from seqmap.runtime.language import LanguageSession


class LanguageStream(TextStream):
    """One text through a language model, in pieces of any size; memory does not grow."""

    _session: LanguageSession
    _network: LanguageNetworkStream

    def _begin(self) -> LanguageNetworkStream:
        return self._session.started()

    def result(self) -> Expectation:
        """Return what may follow, and how probable the text so far is."""
        found = figures(self._network.nats, self.symbols, 1)
        following = self._session.likeliest(self.probabilities())
        return Expectation(following, self.symbols, found["loss"], found["perplexity"])

    def write(self, sampling: Sampling | None = None) -> str:
        """Return a continuation of what was read so far; the stream stays where it is.

        Args:
            sampling: How symbols are drawn; None goes by the model's own settings.
        """
        session, chosen = self._session, sampling or self._session.sampling
        other = self._network.state()
        rng = np.random.default_rng(chosen.seed)
        try:
            return session.drawn(self._network, chosen, rng)
        finally:
            self._network.restore(other)

    def writing(self, sampling: Sampling | None = None) -> Iterator[str]:
        """Yield the text of `write` as it is written; the stream then is behind it.

        Args:
            sampling: How symbols are drawn; None goes by the model's own settings.
        """
        session, chosen = self._session, sampling or self._session.sampling
        rng = np.random.default_rng(chosen.seed)
        return session.writing(self._network, chosen, rng)

    def fork(self) -> LanguageStream:
        """Return a second stream that goes on from here; neither influences the other."""
        other = LanguageStream(self._session)
        other.restore(self.snapshot())
        return other
