"""The exceptions of seqmap.

    SeqmapError                  everything that seqmap raises on purpose
    ├── UserError                what was given cannot be used                exit code 2
    │   ├── DataError            a file, a row, a column, a value in the data
    │   ├── ConfigError          an option or a configuration key
    │   ├── ArchiveError         a .seqmap file
    │   ├── OutputError          a place that cannot be written
    │   └── MissingExtraError    an optional dependency that is not installed
    ├── TrainingError            training itself failed                       exit code 1
    └── ExportError              an export did not pass its check             exit code 1

A user's mistake is told in one line: where, what was given, what is allowed, what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class SeqmapError(Exception):
    """Everything that seqmap raises on purpose."""

    exit_code = 1


class UserError(SeqmapError):
    """What was given cannot be used.

    Args:
        problem: What is wrong, in one clause.
        path: The file that it is about.
        line: Its 1-based line number.
        given: The value found.
        allowed: What would have been accepted.
        remedy: What to do about it.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        given: object = None,
        allowed: str | Iterable[str] | None = None,
        remedy: str | None = None,
    ) -> None:
        self.problem = problem
        self.path = None if path is None else str(path)
        self.line = line
        self.given = given
        self.allowed = (
            allowed if allowed is None or isinstance(allowed, str) else ", ".join(allowed)
        )
        self.remedy = remedy
        super().__init__(self._one_line())

    def _one_line(self) -> str:
        where = "" if self.path is None else self.path
        if self.line is not None:
            where += f":{self.line}" if where else f"line {self.line}"
        text = f"{where}: {self.problem}" if where else self.problem
        if self.given is not None:
            text += f"; given: {shorten(str(self.given))!r}"
        if self.allowed is not None:
            text += f"; allowed: {self.allowed}"
        if self.remedy is not None:
            text += f". {self.remedy}"
        return text

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the fields across processes (joblib raises errors of workers again)."""
        return (_rebuild, (type(self), self.problem, self.__dict__))


class DataError(UserError):
    """A file, a row, a column or a value in the data cannot be used."""


class ConfigError(UserError):
    """An option or a configuration key cannot be used."""


class ArchiveError(UserError):
    """A .seqmap file cannot be read."""


class OutputError(UserError):
    """A place cannot be written."""


class MissingExtraError(UserError):
    """An optional dependency is not installed.

    Args:
        package: The package that could not be imported.
        extra: The extra of seqmap that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"this needs the package {package}, which is not installed",
            remedy=f"Run: pip install 'seqmap[{extra}]'",
        )


class TrainingError(SeqmapError):
    """Training itself failed, for example because the loss became NaN."""


class ExportError(SeqmapError):
    """An export does not do what the model did, and was not written."""


def _rebuild(kind: type[UserError], problem: str, fields: dict[str, object]) -> UserError:
    error = UserError.__new__(kind)
    Exception.__init__(error, problem)
    error.__dict__.update(fields)
    error.args = (error._one_line(),)
    return error


def shorten(text: str, limit: int = 80) -> str:
    """Cut a value that is shown in a message to at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the valid name most like `name`, or None when nothing is close."""
    import difflib  # only on the way to an error message

    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None
