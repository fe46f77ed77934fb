"""What the commands share: groups of options, and errors told in one line."""

from __future__ import annotations

import errno
import inspect
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from seqmap.errors import MissingExtraError, SeqmapError

if TYPE_CHECKING:
    from seqmap.commands.console import Screen
    from seqmap.data import ReadOptions

_HALVES = re.compile("[\ud800-\udfff]")
_OTHERS_WAIT = 3.0
"""Seconds that all processes but the first wait before they tell an error."""
# What may be missing, and the extra of seqmap that brings it.
_EXTRAS = {
    **dict.fromkeys(("torch", "sklearn", "scipy", "matplotlib", "sentencepiece"), "train"),
    "optuna": "train",
    "pyarrow": "parquet",
    "ray": "ray",
    **dict.fromkeys(("onnx", "onnxruntime"), "export"),
    **dict.fromkeys(("soundfile", "soxr", "kaldi_native_fbank", "jiwer"), "audio"),
    **dict.fromkeys(("fastapi", "starlette", "uvicorn", "prometheus_client"), "serve"),
}


def _reading(
    *,
    text_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the text: a name or a 0-based number; several: 1,2.", metavar="X"
        ),
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the label.", metavar="Y")
    ] = None,
    soft_columns: Annotated[
        str | None,
        typer.Option(help="Columns of a teacher's probabilities, one a class.", metavar="A,B"),
    ] = None,
    label_separator: Annotated[
        str | None,
        typer.Option(help="Between several labels of one text, such as |.", metavar="S"),
    ] = None,
    label_names: Annotated[
        str | None,
        typer.Option(help="File of class names, for labels that are numbers.", metavar="FILE"),
    ] = None,
    time_column: Annotated[
        str | None, typer.Option(help="Of series: the column of the time.", metavar="T")
    ] = None,
    series_column: Annotated[
        str | None, typer.Option(help="Of many series: the column of their names.", metavar="S")
    ] = None,
    value_columns: Annotated[
        str | None, typer.Option(help="Of series: the columns to forecast.", metavar="A,B")
    ] = None,
    covariates: Annotated[
        str | None, typer.Option(help="Of series: columns that help to forecast.", metavar="A,B")
    ] = None,
    audio: Annotated[
        str | None,
        typer.Option(help="Of recordings: the folder, zip or tar that they are in.", metavar="A"),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(help="csv, tsv, jsonl, parquet, lines, plain or conll."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Such as utf-8 or gb18030; else guessed.")
    ] = None,
    header: Annotated[
        bool | None, typer.Option("--header/--no-header", help="Whether line 1 names the columns.")
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(help="Between columns; else guessed.", metavar="D")
    ] = None,
    quoting: Annotated[
        bool | None,
        typer.Option("--quoting/--no-quoting", help='Whether "…" may enclose a column.'),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="Of tags: iob1, iob2, bioes, bmes, bilou or none; else found out."),
    ] = None,
) -> ReadOptions:
    """Declare the options that say how a file is read; what is None is guessed."""
    from seqmap.commands.options import columns, delimiter_of
    from seqmap.data import ReadOptions

    return ReadOptions(
        format=format,
        text_columns=columns(text_column),
        label_column=(columns(label_column) or (None,))[0],
        soft_columns=columns(soft_columns),
        encoding=encoding,
        header=header,
        delimiter=delimiter_of(delimiter),
        quoting=quoting,
        label_separator=label_separator,
        label_names=label_names,
        time_column=(columns(time_column) or (None,))[0],
        series_column=(columns(series_column) or (None,))[0],
        value_columns=columns(value_columns),
        covariates=columns(covariates),
        audio=audio,
        scheme=scheme,
    )


def _screen(
    *,
    json: Annotated[bool, typer.Option("--json", help="End stdout with one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")] = False,
) -> Screen:
    """Declare the options that say what is printed."""
    from seqmap.commands.console import Screen

    return Screen(quiet=quiet, as_json=json)


def command(app: typer.Typer) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command with `app`, as a decorator.

    Its parameters `reading` and `screen` become the options declared above: each group is declared
    once, and the body gets the finished value. Errors end it with a line and an exit code.
    """

    def register(function: Callable[..., None]) -> Callable[..., None]:
        own = _parameters(function)
        groups = {name: _parameters(make) for name, make in _GROUPS.items() if name in own}
        parameters = {name: p for name, p in own.items() if name not in groups}
        for options in groups.values():
            parameters.update(options)

        @wraps(function)
        def run(**given: Any) -> None:
            with _errors_in_one_line():
                for name, options in groups.items():
                    given[name] = _GROUPS[name](**{option: given.pop(option) for option in options})
                function(**given)

        # typer reads these two.
        run.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: p.annotation for name, p in parameters.items()}
        app.command()(run)
        return function

    return register


def in_characters(given: Any) -> Any:
    """Return an option's text, or texts, with U+FFFD where the shell gave no UTF-8.

    Python puts half surrogates there, which nothing can write again.
    """
    if isinstance(given, list | tuple):
        return [in_characters(one) for one in given]
    return _HALVES.sub("\ufffd", given) if isinstance(given, str) else given


def shown_help(app: typer.Typer, words: Sequence[str]) -> str | None:
    """Return the help that `COMMAND --help` asks for; None where the words say something else.

    typer would parse them first, and for that loads pydantic, which takes longer than all else.
    """
    group = get_command(app)
    if len(words) != 2 or words[1] != "--help" or not isinstance(group, TyperGroup):
        return None
    found = group.commands.get(words[0])
    if found is None:
        return None
    above = group.context_class(group, info_name=group.name)
    return found.get_help(found.context_class(found, info_name=found.name, parent=above))


_GROUPS: dict[str, Callable[..., Any]] = {"reading": _reading, "screen": _screen}


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return a function's parameters with their annotations evaluated."""
    unseen = {"ReadOptions": Any, "Screen": Any}
    signature = inspect.signature(function, locals=unseen, eval_str=True)
    named = inspect.Parameter.KEYWORD_ONLY
    return {name: p.replace(kind=named) for name, p in signature.parameters.items()}


@contextmanager
def _errors_in_one_line() -> Iterator[None]:
    """Exit 2 for what the user can mend, 1 for a failure, 130 for Ctrl-C: never a traceback."""
    try:
        yield
        sys.stdout.flush()
    except SeqmapError as error:
        _stop(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        missing = MissingExtraError(package, _EXTRAS[package])
        _stop(str(missing), missing.exit_code)
    except KeyboardInterrupt:
        _stop("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is wrong.
        _abandon_stdout()
        raise typer.Exit(0) from None
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _abandon_stdout()
        _stop(f"cannot write the results: {error.strerror}", 2)


def _stop(message: str, code: int) -> NoReturn:
    rank = os.environ.get("RANK", "")
    if rank.isdecimal() and int(rank) > 0:  # others than torchrun may call something so
        # Of processes that torchrun started, usually all make the same mistake: when the first has
        # told it, torchrun ends the others.
        time.sleep(_OTHERS_WAIT)
    print(f"error: {message}" if code != 130 else message, file=sys.stderr)
    raise typer.Exit(code)


def _abandon_stdout() -> None:
    """Keep Python from flushing again, in vain, on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
