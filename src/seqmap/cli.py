"""The command line: declarations only; what a command does is in `seqmap.commands`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqmap.commands.shell import command

if TYPE_CHECKING:
    from seqmap.commands.console import Screen
    from seqmap.data import ReadOptions

app = typer.Typer(
    name="seqmap",
    help="Sequence models with LSTMs at heart: trained on a CPU, shipped as one small, fast file.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to load than the help to read
)

Model = Annotated[str, typer.Argument(metavar="M.seqmap", help="A trained model.")]
Precision = Annotated[
    str | None, typer.Option(help="fp32, bf16 or int8; else as the model was exported.")
]
Labelled = Annotated[str, typer.Argument(metavar="DATA", help="Labelled examples.")]


@command(app)
def train(
    task: Annotated[str, typer.Argument(metavar="TASK", help="classify or forecast")],
    data: Annotated[str, typer.Argument(metavar="TRAIN", help="Labelled examples.")],
    dev: Annotated[str | None, typer.Option(help="Examples to choose on; else held out.")] = None,
    test: Annotated[str | None, typer.Option(help="Examples to measure on.")] = None,
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("model.seqmap"),
    config: Annotated[str | None, typer.Option(help="A TOML file.", metavar="C.toml")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, repeatable.", metavar="SECTION.KEY=VALUE"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the (first) training.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Train this many: mean ± sd.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill.")] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Fit a plain model too, to compare.")
    ] = True,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Train a model on labelled examples."""
    from seqmap.commands.options import settings
    from seqmap.commands.train import TrainRequest, run_train
    from seqmap.tasks import task_for

    task = task_for(task, data, recordings=reading.series_column is not None)
    chosen = settings(task, config, set_ or [], seed)
    request = TrainRequest(task, data, dev, test, out, chosen, reading, seeds, resume, baseline)
    run_train(request, screen)


@command(app)
def evaluate(
    model: Model,
    data: Labelled,
    precision: Precision = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Measure a model on labelled examples."""
    from seqmap.commands.evaluate import run_evaluate

    run_evaluate(model, data, precision, reading, screen)


@command(app)
def predict(
    model: Model,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="Texts; - is standard input.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="One text.")] = None,
    precision: Precision = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Answer inputs, one result a line."""
    from seqmap.commands.predict import run_predict

    run_predict(model, source, text, precision, reading, screen)


@command(app)
def stream(
    model: Model,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="One text; - is standard input.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text; else UTF-8.")] = None,
    precision: Precision = None,
    *,
    screen: Screen,
) -> None:
    """Answer while one text arrives, in constant memory."""
    from seqmap.commands.stream import run_stream

    run_stream(model, source, encoding, precision, screen)


@command(app)
def export(
    model: Model,
    to: Annotated[str, typer.Option(help="What to make: archive.")] = "archive",
    quantize: Annotated[
        str, typer.Option(help="Numbers of the weights: int8, bf16 or none.")
    ] = "int8",
    dev: Annotated[str | None, typer.Option(help="Examples to measure the loss on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where it goes; else beside the model.")] = None,
    max_loss: Annotated[
        float, typer.Option(help="Refuse to lose more (0.002: 0.2 points).")
    ] = 0.002,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Write the model in a smaller form, unless that costs accuracy."""
    from seqmap.commands.export import ExportRequest, run_export

    run_export(ExportRequest(model, to, quantize, dev, out, max_loss), reading, screen)


@command(app)
def bench(
    model: Model,
    data: Annotated[str | None, typer.Option(help="Texts; else they are made.")] = None,
    precision: Precision = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Measure speed, size, memory and start-up, beside the machine's limit."""
    from seqmap.commands.bench import run_bench

    run_bench(model, data, precision, reading, screen)


@command(app)
def demo(
    task: Annotated[
        str, typer.Option(help="Which demo: classify or forecast.", metavar="TASK")
    ] = "classify",
    out: Annotated[Path, typer.Option(help="Folder for the pictures and the model.")] = Path(
        "seqmap-demo"
    ),
    signals: Annotated[
        bool, typer.Option("--signals", help="With classify: signals instead of texts.")
    ] = False,
    *,
    screen: Screen,
) -> None:
    """Train, evaluate, save, load and predict on embedded data."""
    from seqmap.demo import run_demo

    run_demo("signal" if signals and task == "classify" else task, out, screen)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
