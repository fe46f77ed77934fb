"""Finds the native core and holds what its parts share: the instruction set and the threads.

The core is a plain shared library called through ctypes, which releases the GIL. Where it is
missing, `library()` returns None, says so once in the log, and callers take their other path:
NumPy, or `nn.LSTM`.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Iterator

from seqmap.errors import ConfigError, SeqmapError

ABI_VERSION = 6
"""Must equal SEQMAP_ABI_VERSION in native/include/seqmap_core.h."""

LIBRARY_VARIABLE = "SEQMAP_LIBRARY"
"""Environment variable with the path of the library to load; "none" leaves the core out."""

FEATURES = ("bf16", "amx", "vnni")
"""Sub-features of instruction sets."""


class NativeError(SeqmapError):
    """The native core refused a call."""


def _file_name() -> str:
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    return ("" if sys.platform == "win32" else "lib") + "seqmap_core" + suffix


def _candidates() -> Iterator[str]:
    """The places where a build or an install, editable or not, puts the library."""
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        yield chosen
        return
    inside = os.path.join("_native", _file_name())
    yield os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), inside)
    import sysconfig  # only where it does not lie beside this package

    for name in ("platlib", "purelib"):
        yield os.path.join(sysconfig.get_path(name), "seqmap", inside)


def _declare(core: ctypes.CDLL) -> None:
    """Set the types of the functions that this module calls."""
    text, number = ctypes.c_char_p, ctypes.c_int32
    signatures: dict[str, tuple[list[type], type | None]] = {
        "seqmap_abi_version": ([], number),
        "seqmap_last_error": ([], text),
        "seqmap_isa": ([], text),
        "seqmap_set_isa": ([text], number),
        "seqmap_isa_available": ([text], number),
        "seqmap_has_feature": ([text], number),
        "seqmap_set_feature": ([text, number], number),
        "seqmap_variant": ([text], text),
        "seqmap_set_threads": ([number], number),
        "seqmap_threads": ([], number),
        "seqmap_cached_bytes": ([], ctypes.c_int64),
        "seqmap_trim": ([], None),
    }
    declare(core, signatures)


def declare(core: ctypes.CDLL, signatures: dict[str, tuple[list[type], type | None]]) -> None:
    """Set argument and result types of functions, by name; other parts declare theirs with it."""
    for name, (arguments, result) in signatures.items():
        function = getattr(core, name)
        function.argtypes = arguments
        function.restype = result


@functools.cache
def library() -> ctypes.CDLL | None:
    """Load the core, or return None and say so once where there is none."""
    path = next((place for place in _candidates() if os.path.isfile(place)), None)
    if path is None:
        _warn("the native core is not installed: NumPy and torch do its work, several times slower")
        return None
    try:
        core = ctypes.CDLL(path)
        _declare(core)
    except (OSError, AttributeError) as error:
        _warn(f"the native core {path} cannot be loaded ({error}): working without it")
        return None
    version = core.seqmap_abi_version()
    if version != ABI_VERSION:
        _warn(
            f"the native core {path} has ABI version {version}, not {ABI_VERSION}:"
            " working without it; reinstall seqmap"
        )
        return None
    return core


def _warn(text: str) -> None:
    # Imported here: loading logging takes longer than loading the core.
    import logging

    logging.getLogger(__name__).warning(text)


def require() -> ctypes.CDLL:
    """The core, or an error where there is none."""
    core = library()
    if core is None:
        raise NativeError("this needs the native core, which is not installed")
    return core


def check(code: int) -> None:
    """Raise what a function of the core reports by a negative code."""
    if code < 0:
        raise NativeError(require().seqmap_last_error().decode())


def available() -> bool:
    """Whether the native core can be used."""
    return library() is not None


def isa() -> str | None:
    """The instruction set in use: avx512, avx2, neon or portable; None without the core."""
    core = library()
    return None if core is None else core.seqmap_isa().decode()


def available_isas() -> list[str]:
    """The instruction sets that this build has and this machine runs, the best first."""
    core = require()
    return [
        name
        for name in ("avx512", "avx2", "neon", "portable")
        if core.seqmap_isa_available(name.encode())
    ]


def set_isa(name: str) -> None:
    """Force an instruction set; "auto" goes back to the best one."""
    if require().seqmap_set_isa(name.encode()) < 0:
        raise ConfigError(
            "this instruction set cannot be used here",
            given=name,
            allowed=["auto", *available_isas()],
        )


def has_feature(name: str) -> bool:
    """Whether "bf16", "amx" (tiles of bf16) or "vnni" instructions are in use."""
    return bool(require().seqmap_has_feature(name.encode()))


def set_feature(name: str, enabled: bool) -> None:
    """Turn instructions off or on again; what would run on them then runs on ordinary ones."""
    check(require().seqmap_set_feature(name.encode(), int(enabled)))


def threads() -> int:
    """How many threads an operation may use, the caller included."""
    return int(require().seqmap_threads())


def set_threads(count: int) -> None:
    """Set the number of threads an operation may use; 0 means one per available core."""
    check(require().seqmap_set_threads(count))


def trim() -> None:
    """Give the memory that the core keeps for reuse back to the system."""
    require().seqmap_trim()
