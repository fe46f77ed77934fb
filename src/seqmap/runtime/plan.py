"""What computes a network: the one place where that is decided.

Each backend is a function that builds the network, or returns None for what it does not do; the
first that builds it is taken. NumPy does everything and stands last.
"""

from __future__ import annotations

from collections.abc import Callable

from seqmap.config import Config
from seqmap.runtime.network import Network, NumpyNetwork
from seqmap.runtime.ops import Arrays

Backend = Callable[[Arrays, Config, int, int], Network | None]


def build_network(arrays: Arrays, config: Config, *, vocabulary: int, classes: int) -> Network:
    """Build the fastest network that there is for a model.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        vocabulary: How many symbols there are.
        classes: How many labels there are.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """
    for backend in BACKENDS:
        network = backend(arrays, config, vocabulary, classes)
        if network is not None:
            return network
    raise AssertionError("NumPy builds every network")


def _numpy(arrays: Arrays, config: Config, vocabulary: int, classes: int) -> Network:
    return NumpyNetwork(arrays, config, vocabulary=vocabulary, classes=classes)


BACKENDS: tuple[Backend, ...] = (_numpy,)
