"""What computes a network: the one place where that is decided.

Each backend is a function that builds the network, or returns None for what it does not do; the
first that builds it is taken. NumPy does everything and stands last.
"""

from __future__ import annotations

from collections.abc import Callable

from seqmap.config import Config
from seqmap.runtime import native
from seqmap.runtime.network import Network
from seqmap.runtime.ops import Arrays

Backend = Callable[[Arrays, Config, int, int, str], Network | None]


def build_network(
    arrays: Arrays, config: Config, *, vocabulary: int, classes: int, precision: str = "fp32"
) -> Network:
    """Build the fastest network that there is for a model.

    Args:
        arrays: An archive's.
        config: Names and sizes.
        vocabulary: How many symbols there are.
        classes: How many labels there are.
        precision: What the native core computes products in; NumPy always takes fp32.

    Raises:
        ArchiveError: The arrays do not fit the configuration.
    """
    for backend in BACKENDS:
        network = backend(arrays, config, vocabulary, classes, precision)
        if network is not None:
            return network
    raise AssertionError("NumPy builds every network")


def _native(
    arrays: Arrays, config: Config, vocabulary: int, classes: int, precision: str
) -> Network | None:
    if config.encoder.name != "lstm" or not native.available():
        return None
    # Imported here: only those who have the core pay for its bindings at start-up.
    from seqmap.runtime.native_network import NativeNetwork

    try:
        return NativeNetwork(
            arrays, config, vocabulary=vocabulary, classes=classes, precision=precision
        )
    except (KeyError, native.NativeError):
        # The arrays do not fit: NumPy says which.
        return None


def _numpy(
    arrays: Arrays, config: Config, vocabulary: int, classes: int, precision: str
) -> Network:
    # Imported here: where the core does the work, NumPy's operations need not be loaded.
    from seqmap.runtime.numpy_network import NumpyNetwork

    return NumpyNetwork(arrays, config, vocabulary=vocabulary, classes=classes)


BACKENDS: tuple[Backend, ...] = (_native, _numpy)
