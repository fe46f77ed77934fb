"""The command line: declarations only; what a command does is in `seqmap.commands`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from seqmap.errors import SeqmapError

app = typer.Typer(
    name="seqmap",
    help="Sequence models with LSTMs at heart: trained on a CPU, shipped as one small, fast file.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than the help to read
)

Json = Annotated[bool, typer.Option("--json", help="End stdout with one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only results and errors.")]
Model = Annotated[str, typer.Argument(metavar="M.seqmap", help="A trained model.")]
TextColumn = Annotated[
    str | None,
    typer.Option(help="Column of the text: a name or a 0-based number; several: 1,2.", metavar="X"),
]
LabelColumn = Annotated[str | None, typer.Option(help="Column of the label.", metavar="Y")]
SoftColumns = Annotated[
    str | None,
    typer.Option(help="Columns of a teacher's probabilities, one a class: a,b.", metavar="A,B"),
]
Format = Annotated[
    str | None, typer.Option("--format", help="csv, tsv, jsonl, parquet or lines; else guessed.")
]
Encoding = Annotated[str | None, typer.Option(help="Such as utf-8 or gb18030; else guessed.")]
Header = Annotated[
    bool | None, typer.Option("--header/--no-header", help="Whether line 1 names the columns.")
]
Delimiter = Annotated[str | None, typer.Option(help="Between columns; else guessed.")]
Quoting = Annotated[
    bool | None, typer.Option("--quoting/--no-quoting", help='Whether "…" may enclose a column.')
]
LabelSeparator = Annotated[
    str | None, typer.Option(help="Between several labels of one text, such as |.", metavar="S")
]


@app.command()
def train(
    task: Annotated[str, typer.Argument(metavar="TASK", help="classify")],
    data: Annotated[str, typer.Argument(metavar="TRAIN", help="Labelled examples.")],
    dev: Annotated[str | None, typer.Option(help="Examples to choose on; else held out.")] = None,
    test: Annotated[str | None, typer.Option(help="Examples to measure on.")] = None,
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("model.seqmap"),
    config: Annotated[str | None, typer.Option(help="A TOML file.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value, repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the (first) training.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train this many: mean ± sd.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill.")] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Fit the linear baseline too.")
    ] = True,
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    soft_columns: SoftColumns = None,
    format_: Format = None,
    encoding: Encoding = None,
    header: Header = None,
    delimiter: Delimiter = None,
    quoting: Quoting = None,
    label_separator: LabelSeparator = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model on labelled examples."""
    from seqmap.commands.options import read_options, settings
    from seqmap.commands.train import TrainRequest, run_train

    options = read_options(locals())
    chosen = settings(config, set_ or [], seed)
    request = TrainRequest(task, data, dev, test, out, chosen, options, seeds, resume, baseline)
    run_train(request, _screen(json, quiet))


@app.command()
def evaluate(
    model: Model,
    data: Annotated[str, typer.Argument(metavar="DATA", help="Labelled examples.")],
    text_column: TextColumn = None,
    label_column: LabelColumn = None,
    soft_columns: SoftColumns = None,
    format_: Format = None,
    encoding: Encoding = None,
    header: Header = None,
    delimiter: Delimiter = None,
    quoting: Quoting = None,
    label_separator: LabelSeparator = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a model on labelled examples."""
    from seqmap.commands.evaluate import run_evaluate
    from seqmap.commands.options import read_options

    run_evaluate(model, data, read_options(locals()), _screen(json, quiet))


@app.command()
def predict(
    model: Model,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="Texts; - is standard input.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="One text.")] = None,
    text_column: TextColumn = None,
    format_: Format = None,
    encoding: Encoding = None,
    header: Header = None,
    delimiter: Delimiter = None,
    quoting: Quoting = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Answer texts, one result a line."""
    from seqmap.commands.options import read_options
    from seqmap.commands.predict import run_predict

    run_predict(model, source, text, read_options(locals()), _screen(json, quiet))


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the model.")] = Path(
        "seqmap-demo"
    ),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train, evaluate, save, load and predict on embedded, synthetic data."""
    from seqmap.demo import run_demo

    run_demo(out, _screen(json, quiet))


def _screen(json: bool, quiet: bool) -> Any:
    from seqmap.commands.console import Screen

    return Screen(quiet=quiet, as_json=json)


def main() -> None:
    """Run the command line: exit 0 done, 2 bad input or usage, 1 failure."""
    try:
        app()
    except SeqmapError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
