"""The Transformer encoder (Vaswani et al. 2017), pre-norm, in NumPy.

Dense layers and norms run over all tokens at once, without padding; attention goes document by
document.
"""

from __future__ import annotations

import numpy as np

from seqmap.config import EncoderConfig
from seqmap.errors import ArchiveError
from seqmap.runtime.ops.base import Encoder, Ids
from seqmap.runtime.ops.layout import Layout
from seqmap.runtime.ops.weights import Arrays, Floats, take, take_dense

_NORM_FLOOR = np.float32(1e-5)  # torch's default epsilon


class Transformer:
    """Projection, sinusoidal positions, a stack of layers, a final norm.

    Args:
        arrays: An archive's.
        prefix: What stands before the arrays' names.
        size: Features of an input.
        config: Sizes.
    """

    def __init__(self, arrays: Arrays, prefix: str, size: int, config: EncoderConfig) -> None:
        width = config.hidden
        if width % config.heads:
            raise ArchiveError(
                "the model's width is not a multiple of its attention heads",
                given=f"hidden {width}, heads {config.heads}",
            )
        self.width = width
        self.project = take_dense(arrays, f"{prefix}project", width, size)
        self.layers = [
            TransformerLayer(arrays, f"{prefix}layers.{layer}.", config)
            for layer in range(config.layers)
        ]
        self.norm = take_norm(arrays, f"{prefix}norm", width)
        self._positions = positions(512, width)

    def run(self, x: Floats, layout: Layout) -> Floats:
        """Encode, (tokens, size) -> (tokens, width)."""
        longest = int(layout.lengths.max(initial=0))
        if longest > len(self._positions):
            self._positions = positions(2 * longest, self.width)
        x = _dense(x, self.project)
        x += self._positions[layout.time]
        for layer in self.layers:
            x = layer.run(x, layout)
        return normed(x, self.norm)

    def maps(self, x: Floats) -> list[Floats]:
        """Return which symbol looks at which: (heads, time, time) for each layer.

        Args:
            x: Inputs of one document, (time, size).
        """
        layout = Layout([len(x)])
        x = _dense(x, self.project) + positions(len(x), self.width)
        found = []
        for layer in self.layers:
            query, key, _ = layer.parts(normed(x, layer.norm1)).transpose(1, 2, 0, 3)
            found.append(_shares(query, key))
            x = layer.run(x, layout)
        return found


class TransformerLayer:
    """Self-attention, then a feed-forward network, each on normed input and added to the stream."""

    def __init__(self, arrays: Arrays, prefix: str, config: EncoderConfig) -> None:
        width, inner = config.hidden, config.feedforward or 4 * config.hidden
        self.heads = config.heads
        self.norm1 = take_norm(arrays, f"{prefix}norm1", width)
        self.norm2 = take_norm(arrays, f"{prefix}norm2", width)
        parts = [
            take_dense(arrays, f"{prefix}{name}", width, width)
            for name in ("query", "key", "value")
        ]
        # query, key and value as one product: (width, 3 width)
        self.attended = (
            np.concatenate([weight for weight, _ in parts], axis=1),
            np.concatenate([bias for _, bias in parts]),
        )
        self.output = take_dense(arrays, f"{prefix}output", width, width)
        self.feed1 = take_dense(arrays, f"{prefix}feed1", inner, width)
        self.feed2 = take_dense(arrays, f"{prefix}feed2", width, inner)

    def run(self, x: Floats, layout: Layout) -> Floats:
        """One layer, (tokens, width) -> (tokens, width)."""
        x = x + _dense(self.attend(normed(x, self.norm1), layout), self.output)
        inner = _dense(normed(x, self.norm2), self.feed1)
        np.maximum(inner, 0, out=inner)
        x += _dense(inner, self.feed2)
        return x

    def parts(self, x: Floats) -> Floats:
        """Return query (scaled), key and value, (tokens, 3, heads, width / heads)."""
        tokens, width = x.shape
        found = _dense(x, self.attended).reshape(tokens, 3, self.heads, width // self.heads)
        found[:, 0] *= np.float32((width // self.heads) ** -0.5)
        return found

    def attend(self, x: Floats, layout: Layout) -> Floats:
        """Scaled dot-product self-attention within each document, eq. 1 of Vaswani et al. 2017."""
        tokens, width = x.shape
        both = self.parts(x)
        context = np.empty((tokens, self.heads, width // self.heads), dtype=np.float32)
        for document in layout.filled:
            begin, end = layout.offsets[document : document + 2]
            # (heads, time, width / heads) each
            query, key, value = both[begin:end].transpose(1, 2, 0, 3)
            context[begin:end] = (_shares(query, key) @ value).transpose(1, 0, 2)
        return context.reshape(tokens, width)


class TransformerEncoder(Encoder):
    """The Transformer over an embedding."""

    directions = 1

    def __init__(
        self, arrays: Arrays, embedding: Floats, config: EncoderConfig, prefix: str = "encoder."
    ) -> None:
        self.embedding = embedding
        self.transformer = Transformer(arrays, prefix, embedding.shape[1], config)
        self.width = self.transformer.width

    def encode(self, ids: Ids, layout: Layout) -> Floats:
        """Read whole documents, (tokens,) -> (tokens, width)."""
        return self.transformer.run(self.embedding[ids], layout)


def positions(time: int, width: int) -> Floats:
    """Sinusoidal positions, §3.5 of Vaswani et al. 2017: sine at even places, cosine at odd ones.

    Returns:
        (time, width).
    """
    rate = np.exp(np.arange(0, width, 2) * (-np.log(10_000.0) / width))
    angle = np.arange(time)[:, None] * rate
    table = np.zeros((time, width), dtype=np.float32)
    table[:, 0::2] = np.sin(angle)
    table[:, 1::2] = np.cos(angle)[:, : width // 2]
    return table


def _shares(query: Floats, key: Floats) -> Floats:
    """Return the softmax of query · key, (heads, time, time): rows add up to 1."""
    return softmax(query @ key.transpose(0, 2, 1))


def softmax(scores: Floats) -> Floats:
    """Return the softmax over the last axis; overwrites its argument."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    return scores


def take_norm(arrays: Arrays, name: str, width: int) -> tuple[Floats, Floats]:
    """Return weight and bias of a layer norm, each (width,)."""
    return take(arrays, f"{name}.weight", width), take(arrays, f"{name}.bias", width)


def _dense(x: Floats, layer: tuple[Floats, Floats]) -> Floats:
    out = x @ layer[0]
    out += layer[1]
    return np.asarray(out)


def normed(x: Floats, norm: tuple[Floats, Floats]) -> Floats:
    """Layer norm over features (Ba et al. 2016)."""
    # Sums, not `mean`: on small arrays its checks cost more than the work.
    width = np.float32(x.shape[-1])
    centred = x - np.add.reduce(x, axis=-1, keepdims=True) / width
    variance = np.add.reduce(np.square(centred), axis=-1, keepdims=True) / width
    centred /= np.sqrt(variance + _NORM_FLOOR)
    centred *= norm[0]
    centred += norm[1]
    return np.asarray(centred)
