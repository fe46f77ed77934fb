"""What an exported model consists of, and how it becomes files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIZES = {"float": 4, "double": 8, "int": 4, "char": 1, "unsigned char": 1}
_A_LINE = 96


@dataclass
class Program:
    """A model on its way to C.

    Attributes:
        prefix: What every public name begins with.
        parts: Files of `source/`, in order.
        public: Constants of the header.
        own: Constants of the source.
        fields: What the state holds: type, name, sizes of its dimensions.
        arrays: Definitions of plain tables.
        objects: Definitions over them, which need the types of `base.c` or `text.c`.
        labels: Names of classes, or types of spans.
        flash: Bytes of the tables.
        operations: Products (with their additions) a symbol.
    """

    prefix: str
    parts: list[str] = field(default_factory=list)
    public: dict[str, int] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    types: list[str] = field(default_factory=list)
    fields: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)
    arrays: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    labels: Sequence[str] = ()
    flash: int = 0
    operations: int = 0

    def table(self, kind: str, name: str, values: NDArray[Any]) -> None:
        """Add a constant table.

        Raises:
            ValueError: It holds NaN.
        """
        values = np.asarray(values)
        flat = values.ravel()
        if flat.dtype.kind == "f":
            if np.isnan(flat).any():
                raise ValueError(f"{name} holds NaN")
            write = repr if kind == "double" else _float
            words: Iterable[str] = map(write, flat.tolist())
        else:
            suffix = "u" if kind == "uint32_t" else ""
            words = [f"{value}{suffix}" for value in flat.tolist()]
        body = _wrapped(words) or "0"
        self.arrays.append(f"static const {kind} {name}[{max(1, flat.size)}] = {{\n{body}}};\n")
        self.flash += flat.size * width_of(kind)

    def ram(self) -> int:
        """Return the bytes of the state, as compilers lay it out."""
        size, widest = 0, 1
        for kind, _, dimensions in self.fields:
            width, unit = width_of(kind), alignment_of(kind)
            size = -(-size // unit) * unit + width * int(np.prod(dimensions, dtype=np.int64))
            widest = max(widest, unit)
        return -(-size // widest) * widest

    def members(self) -> str:
        """Return the fields of the state, in C."""
        return "".join(
            f"    {kind} {name}{''.join(f'[{size}]' for size in sizes)};\n"
            for kind, name, sizes in self.fields
        )

    def filled(self, text: str) -> str:
        """Put the model's names into a piece of C."""
        text = text.replace("@p@", self.prefix).replace("@P@", self.prefix.upper())
        return text.replace("@labels@", ", ".join(map(quoted, self.labels)))

    def weights(self) -> str:
        """Return the file of the tables."""
        return "/* The numbers of the model; made by seqmap export. */\n" + "".join(self.arrays)

    def source(self) -> str:
        """Return the `.c`."""
        own = "".join(f"#define SM_{name} {value}\n" for name, value in self.own.items())
        lines = [
            f"/* Made by seqmap export. The model's tables are in {self.prefix}_weights.h. */",
            f'#include "{self.prefix}.h"\n',
            "#include <float.h>\n#include <math.h>\n#include <string.h>\n",
            f'#include "{self.prefix}_weights.h"\n',
            own,
        ]
        for number, part in enumerate(self.parts):
            lines.append(part_of(part))
            if number + 1 == len(_TYPES):
                lines += ["/* ---- the model's tables ---- */\n", *self.objects, ""]
        return self.filled("\n".join(lines))

    def header(self, template: str) -> str:
        """Return the `.h`."""
        public = "".join(f"#define @P@_{name} {value}\n" for name, value in self.public.items())
        text = part_of(template).replace("@constants@", public)
        text = text.replace("@types@", "".join(self.types)).replace("@members@", self.members())
        return self.filled(text)


_TYPES = {"base.c", "text.c"}
"""Parts that define types of tables; they come first."""


def part_of(name: str) -> str:
    """Return a file of the C runtime."""
    return (resources.files(__package__) / "source" / name).read_text(encoding="utf-8")


def width_of(kind: str) -> int:
    """Return the bytes of a type."""
    return _layout(kind)[0]


def alignment_of(kind: str) -> int:
    """Return what addresses of a type are multiples of."""
    return _layout(kind)[1]


def _layout(kind: str) -> tuple[int, int]:
    found = re.fullmatch(r"u?int(\d+)_t", kind)
    size = int(found[1]) // 8 if found else _SIZES.get(kind)
    return (size, size) if size else _STRUCTS[kind.rpartition("_")[2]]


# Structures inside the state, by the end of their names: bytes and alignment (64-bit machines).
_STRUCTS = {"feature": (8, 4), "token": (16, 8)}


def quoted(text: str) -> str:
    """Return a string literal; what is not printable ASCII is escaped byte by byte."""
    shown = []
    for byte in text.encode("utf-8", "surrogatepass"):
        char = chr(byte)
        if char in '"\\?':
            shown.append("\\" + char)
        elif 32 <= byte < 127:
            shown.append(char)
        else:
            shown.append(f"\\{byte:03o}")
    return '"' + "".join(shown) + '"'


def prefix_of(name: str) -> str:
    """Return a C identifier for a model's name."""
    found = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower()
    return found if found and not found[0].isdigit() else f"model_{found}".rstrip("_")


def _float(value: float) -> str:
    if value == float("inf"):
        return "HUGE_VALF"
    if value == float("-inf"):
        return "-HUGE_VALF"
    text = f"{value:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def _wrapped(words: Iterable[str]) -> str:
    lines, line = [], ""
    for word in words:
        if len(line) + len(word) + 1 > _A_LINE:
            lines.append(line)
            line = ""
        line += word + ","
    if line:
        lines.append(line)
    return "\n".join(lines) + "\n" if lines else ""
