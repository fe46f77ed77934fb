"""A deployed translator run by torch: the same weights and beam, as it is usually written.

Tensors for the beam, one step at a time; what a Transformer decoder has computed of the words
before and of the source is kept.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmap.nn.encoders.transformer import positions
from seqmap.nn.model import load_arrays
from seqmap.nn.translator import Member, TranslationNetwork
from seqmap.runtime.members import member_prefix
from seqmap.runtime.translate import TranslateSession

Pairs = tuple[Tensor, Tensor]


class TorchTranslator:
    """Translates one sentence a call.

    Args:
        session: Whose weights, pieces and settings are taken.
        beam: Hypotheses that are kept.
    """

    def __init__(self, session: TranslateSession, beam: int) -> None:
        self.session, self.beam = session, beam
        config = session.config
        network = TranslationNetwork(
            source=session.codecs.source.size, target=session.codecs.target.size, config=config
        )
        load_arrays(network, dict(session.archive.arrays))
        network.eval()
        kind = _TransformerSteps if config.translate.decoder == "transformer" else _LSTMSteps
        self.members = [
            kind(member, session, member_prefix(place))
            for place, member in enumerate(network.members)
        ]

    @torch.inference_mode()
    def translate(self, text: str) -> str:
        """Return the best of a beam search."""
        session, beam = self.session, self.beam
        ids = session.codecs.source.encode(text).tolist()
        for member in self.members:
            member.begin(torch.tensor([[*ids, 0]]), beam)
        written = torch.zeros(beam, 1, dtype=torch.int64)
        scores = torch.full((beam,), -1e9)
        scores[0] = 0.0
        ended: list[tuple[float, list[int]]] = []
        for step in range(session.limit(len(ids)) + 1):
            log_p = self._log_p(written[:, -1:])
            log_p[:, 1] = -1e9
            best, places = (scores[:, None] + log_p).flatten().topk(2 * beam)
            rows, pieces = places // log_p.shape[1], places % log_p.shape[1]
            kept = []
            for n in range(2 * beam):
                if int(pieces[n]) == 0:
                    if n < beam:
                        length = ((6 + step) / 6) ** session.options.length_penalty
                        ended.append((float(best[n]) / length, written[rows[n], 1:].tolist()))
                elif len(kept) < beam:
                    kept.append(n)
            if len(ended) >= beam:
                break
            chosen = torch.tensor(kept)
            scores, parents = best[chosen], rows[chosen]
            written = torch.cat([written[parents], pieces[chosen][:, None]], dim=1)
            for member in self.members:
                member.select(parents)
        found = max(ended, key=lambda one: one[0])[1] if ended else written[0, 1:].tolist()
        return session.codecs.target.decode(found)

    def _log_p(self, words: Tensor) -> Tensor:
        found = [member.step(words).log_softmax(dim=-1) for member in self.members]
        if len(found) == 1:
            return found[0]
        return torch.stack(found).logsumexp(dim=0) - math.log(len(found))


class _Steps(ABC):
    """One network that writes step by step."""

    def __init__(self, member: Member, session: TranslateSession, prefix: str) -> None:
        self.network = member
        size, encoder = session.config.embedding.size, session.config.encoder
        arrays = session.archive.arrays
        self.encoder = nn.LSTM(
            size, encoder.hidden, encoder.layers, batch_first=True, bidirectional=True
        )
        for layer in range(encoder.layers):
            for side, suffix in (("forward", ""), ("backward", "_reverse")):
                names = (("w_ih", "weight_ih"), ("w_hh", "weight_hh"), ("bias", "bias_ih"))
                for ours, theirs in names:
                    value = np.array(arrays[f"{prefix}encoder.layers.{layer}.{side}.{ours}"])
                    own = getattr(self.encoder, f"{theirs}_l{layer}{suffix}")
                    own.data = torch.from_numpy(value)
                getattr(self.encoder, f"bias_hh_l{layer}{suffix}").data.zero_()

    def begin(self, source: Tensor, beam: int) -> None:
        """Read a source, (1, time)."""
        self._start(self.encoder(self.network.source(source))[0].expand(beam, -1, -1))

    @abstractmethod
    def _start(self, memory: Tensor) -> None: ...

    @abstractmethod
    def step(self, words: Tensor) -> Tensor:
        """Return scores of all pieces after the last ones, (beam, 1) -> (beam, pieces)."""

    @abstractmethod
    def select(self, parents: Tensor) -> None:
        """Let hypothesis k go on from `parents[k]`."""


class _LSTMSteps(_Steps):
    def _start(self, memory: Tensor) -> None:
        decoder = self.network.decoder
        self.memory = memory
        self.mask = torch.ones(memory.shape[:2], dtype=torch.bool)
        self.keys = decoder.attention.keys(memory)
        self.h = list(decoder.first(memory, self.mask))
        self.c = [torch.zeros_like(part) for part in self.h]

    def step(self, words: Tensor) -> Tensor:
        decoder, h, c = self.network.decoder, self.h, self.c
        x = self.network.target_vectors(words)
        h[0], c[0] = decoder.cells[0].step(x[:, 0], h[0], c[0])
        states = h[0]
        context = decoder.attention.attend(states[:, None], self.keys, self.memory, self.mask)[0]
        context = context[:, 0]
        for layer in range(1, len(h)):
            x = torch.cat([states, context], dim=1)
            h[layer], c[layer] = decoder.cells[layer].step(x, h[layer], c[layer])
            states = states + h[layer]
        combined = torch.tanh(decoder.combine(torch.cat([states, context], dim=1)))
        return self.network.scores(combined)

    def select(self, parents: Tensor) -> None:
        self.h, self.c = ([part[parents] for part in own] for own in (self.h, self.c))


class _TransformerSteps(_Steps):
    def _start(self, memory: Tensor) -> None:
        decoder = self.network.decoder
        self.source: list[Pairs] = [
            (self._by_head(layer.cross.key(memory)), self._by_head(layer.cross.value(memory)))
            for layer in decoder.layers
        ]
        self.past: list[Pairs | None] = [None] * len(decoder.layers)
        self.table = positions(512, decoder.config.hidden)
        self.time = 0

    def _by_head(self, x: Tensor) -> Tensor:  # (beam, heads, time, size)
        heads = self.network.decoder.config.heads
        return x.unflatten(2, (heads, -1)).transpose(1, 2)

    def _attended(self, query: Tensor, pairs: Pairs) -> Tensor:
        found = F.scaled_dot_product_attention(self._by_head(query), *pairs)
        return found.transpose(1, 2).flatten(2)

    def step(self, words: Tensor) -> Tensor:
        decoder = self.network.decoder
        x = decoder.project(self.network.target_vectors(words)) + self.table[self.time]
        for place, layer in enumerate(decoder.layers):
            here = layer.norm1(x)
            pairs = (self._by_head(layer.own.key(here)), self._by_head(layer.own.value(here)))
            before = self.past[place]
            if before is not None:
                keys, values = (torch.cat(both, dim=2) for both in zip(before, pairs, strict=True))
                pairs = (keys, values)
            self.past[place] = pairs
            x = x + layer.own.output(self._attended(layer.own.query(here), pairs))
            asked = layer.cross.query(layer.norm2(x))
            x = x + layer.cross.output(self._attended(asked, self.source[place]))
            x = x + layer.feed2(torch.relu(layer.feed1(layer.norm3(x))))
        self.time += 1
        return self.network.scores(decoder.combine(decoder.norm(x))[:, 0])

    def select(self, parents: Tensor) -> None:
        self.past = [
            None if pairs is None else (pairs[0][parents], pairs[1][parents]) for pairs in self.past
        ]
