"""N-gram language models: asked word by word, kept as arrays, read from and written to ARPA files.

Katz's backing-off form: p(w | h) is stored where h w was seen, else it is b(h) p(w | h'), with h'
the history without its first word.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import DataError

UNKNOWN, BEGIN, END = 0, 1, 2
SPECIAL = ("<unk>", "<s>", "</s>")
_LN10 = math.log(10.0)
NEVER = -99 * _LN10
"""The logarithm that ARPA files give to what does not occur, such as <s> after something."""

Context = tuple[int, ...]


@dataclass(frozen=True)
class NGrams:
    """A language model over words.

    Attributes:
        words: By their numbers; the first are `SPECIAL`.
        order: Words that are looked at together.
        chances: Natural logarithm of p(last | those before), by the numbers of the words.
        backoffs: Natural logarithm of b(history); what is missing is 0.
    """

    words: tuple[str, ...]
    order: int
    chances: dict[Context, float]
    backoffs: dict[Context, float]
    numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", {word: k for k, word in enumerate(self.words)})

    @property
    def begin(self) -> Context:
        """The history at the beginning of a sentence."""
        return (BEGIN,) if self.order > 1 else ()

    def number(self, word: str) -> int:
        """Return a word's number; `UNKNOWN` if the model does not know it."""
        return self.numbers.get(word, UNKNOWN)

    def score(self, history: Context, word: int) -> float:
        """Return the natural logarithm of p(word | history)."""
        chances, backoffs, total = self.chances, self.backoffs, 0.0
        while True:
            found = chances.get((*history, word))
            if found is not None:
                return total + found
            if not history:
                return total + chances.get((UNKNOWN,), NEVER)
            total += backoffs.get(history, 0.0)
            history = history[1:]

    def after(self, history: Context, word: int) -> Context:
        """Return the history after a word."""
        return (*history, word)[-(self.order - 1) :] if self.order > 1 else ()

    def sentence(self, words: Sequence[str]) -> float:
        """Return the natural logarithm of the probability of a whole sentence, its end included."""
        total, history = 0.0, self.begin
        for number in [*(self.number(word) for word in words), END]:
            total += self.score(history, number)
            history = self.after(history, number)
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return what `from_arrays` reads."""
        found: dict[str, NDArray[Any]] = {
            "words": np.frombuffer("\n".join(self.words).encode(), np.uint8)
        }
        for size in range(1, self.order + 1):
            keys = sorted(key for key in self.chances if len(key) == size)
            values = [(self.chances[key], self.backoffs.get(key, 0.0)) for key in keys]
            found[f"{size}.ids"] = np.array(keys, np.int32).reshape(-1, size)
            found[f"{size}.values"] = np.array(values, np.float32).reshape(-1, 2)
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> NGrams:
        """Rebuild a model.

        Raises:
            KeyError, ValueError: The arrays are incomplete or do not fit together.
        """
        words = tuple(arrays["words"].tobytes().decode().split("\n"))
        chances: dict[Context, float] = {}
        backoffs: dict[Context, float] = {}
        order = 0
        while f"{order + 1}.ids" in arrays:
            order += 1
            ids, values = arrays[f"{order}.ids"], arrays[f"{order}.values"]
            if ids.shape != (len(values), order) or values.shape[1:] != (2,):
                raise ValueError("the language model's arrays do not fit together")
            for key, (chance, backoff) in zip(ids.tolist(), values.tolist(), strict=True):
                chances[tuple(key)] = chance
                if backoff:
                    backoffs[tuple(key)] = backoff
        if order == 0 or words[:3] != SPECIAL:
            raise ValueError("the language model is incomplete")
        return cls(words, order, chances, backoffs)


def write_arpa(model: NGrams, file: TextIO) -> None:
    """Write a model in the ARPA format (logarithms to base 10)."""
    by_size: dict[int, list[Context]] = {size: [] for size in range(1, model.order + 1)}
    for key in sorted(model.chances):
        by_size[len(key)].append(key)
    file.write("\\data\\\n")
    for size, keys in by_size.items():
        file.write(f"ngram {size}={len(keys)}\n")
    for size, keys in by_size.items():
        file.write(f"\n\\{size}-grams:\n")
        for key in keys:
            shown = " ".join(model.words[number] for number in key)
            file.write(f"{model.chances[key] / _LN10:.6f}\t{shown}")
            if key in model.backoffs:
                file.write(f"\t{model.backoffs[key] / _LN10:.6f}")
            file.write("\n")
    file.write("\n\\end\\\n")


def read_arpa(path: str | Path, fold: Callable[[str], str] = str) -> NGrams:
    """Read a model from an ARPA file.

    Args:
        path: The file.
        fold: How words are written that are looked up; of words that become one, the likelier
            counts.

    Raises:
        DataError: It cannot be read, or is no such file.
    """
    numbers, fold = {word: k for k, word in enumerate(SPECIAL)}, functools.cache(fold)
    chances: dict[Context, float] = {}
    backoffs: dict[Context, float] = {}
    size = 0
    try:
        with open(path, encoding="utf-8") as file:
            for line, raw in enumerate(file, start=1):
                text = raw.strip()
                if text.startswith("\\"):
                    head = text.strip("\\:").partition("-")
                    size = int(head[0]) if head[2] == "grams" else 0
                elif text and size:
                    _take(text, size, numbers, chances, backoffs, path, line, fold)
    except OSError as error:
        raise DataError(f"cannot read the language model: {error.strerror}", path=path) from None
    except UnicodeDecodeError:
        raise DataError("this is not UTF-8", path=path) from None
    if not chances:
        raise DataError("this is not an ARPA language model", path=path, allowed="\\1-grams: …")
    chances.setdefault((UNKNOWN,), min(min(chances.values()), -7 * _LN10))
    return NGrams(tuple(numbers), max(map(len, chances)), chances, backoffs)


def _take(
    text: str,
    size: int,
    numbers: dict[str, int],
    chances: dict[Context, float],
    backoffs: dict[Context, float],
    path: str | Path,
    line: int,
    fold: Callable[[str], str],
) -> None:
    parts = text.split()
    try:
        if not size < len(parts) <= size + 2:
            raise ValueError
        chance = float(parts[0])
        backoff = float(parts[size + 1]) if len(parts) == size + 2 else 0.0
    except ValueError:
        raise DataError(
            f"a line of {size}-grams is a logarithm, {size} words and perhaps a weight",
            path=path,
            line=line,
            given=text,
        ) from None
    words = (_folded(word, fold) for word in parts[1 : size + 1])
    key = tuple(numbers.setdefault(word, len(numbers)) for word in words)
    if chances.get(key, -math.inf) >= chance * _LN10:
        return
    chances[key] = chance * _LN10
    if backoff:
        backoffs[key] = backoff * _LN10


def _folded(word: str, fold: Callable[[str], str]) -> str:
    """Return a word as it is looked up; marks, and what would be no word then, stay."""
    if word == "<UNK>":
        return "<unk>"
    found = word if word in SPECIAL else fold(word)
    return found if found and not any(map(str.isspace, found)) else word
