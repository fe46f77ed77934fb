"""Sequence models with LSTMs at heart: trained on an ordinary CPU, shipped as one small, fast file.

The public names load on first use (PEP 562), so `import seqmap` alone is cheap and torch-free.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmap.config import Config
    from seqmap.data import Example, read_examples
    from seqmap.errors import SeqmapError, UserError
    from seqmap.estimators import Classifier
    from seqmap.forecaster import Forecaster
    from seqmap.language_model import LanguageModel
    from seqmap.runtime.session import Session, load
    from seqmap.speaker import Speaker
    from seqmap.tagger import Tagger
    from seqmap.transcriber import Transcriber
    from seqmap.translator import Translator

__version__ = "0.1.0"

_HOME = {
    "Classifier": "seqmap.estimators",
    "Tagger": "seqmap.tagger",
    "Translator": "seqmap.translator",
    "Config": "seqmap.config",
    "Example": "seqmap.data",
    "Forecaster": "seqmap.forecaster",
    "LanguageModel": "seqmap.language_model",
    "SeqmapError": "seqmap.errors",
    "Session": "seqmap.runtime.session",
    "Speaker": "seqmap.speaker",
    "Transcriber": "seqmap.transcriber",
    "UserError": "seqmap.errors",
    "load": "seqmap.runtime.session",
    "read_examples": "seqmap.data",
}

__all__ = [
    "Classifier",
    "Config",
    "Example",
    "Forecaster",
    "LanguageModel",
    "SeqmapError",
    "Session",
    "Speaker",
    "Tagger",
    "Transcriber",
    "Translator",
    "UserError",
    "__version__",
    "load",
    "read_examples",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'seqmap' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
