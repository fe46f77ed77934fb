"""The command line: declarations only; what a command does is in `seqmap.commands`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqmap import __version__
from seqmap.commands.shell import command, in_characters, shown_help

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
Phrases = Annotated[
    str | None,
    typer.Option(help="Of speech: a file of expected phrases, one a line.", metavar="FILE"),
]
About = Annotated[
    str | None,
    typer.Option(help="What the model is for; in its card.", callback=in_characters),
]
Licence = Annotated[
    str | None, typer.Option(help="Its licence; in its card.", callback=in_characters)
]
Labelled = Annotated[str, typer.Argument(metavar="DATA", help="Labelled examples.")]


def _version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@command(app)
def train(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="classify, tag, translate, forecast, transcribe, language, speak",
        ),
    ],
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
    init: Annotated[
        str | None, typer.Option(help="A language model to start from.", metavar="LM.seqmap")
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Fit a plain model too, to compare.")
    ] = True,
    about: About = None,
    licence: Licence = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Train a model on labelled examples."""
    from seqmap.commands.options import settings
    from seqmap.commands.train import run_train
    from seqmap.commands.train_request import TrainRequest
    from seqmap.tasks import task_for

    task = task_for(task, data, recordings=reading.series_column is not None)
    chosen = settings(task, config, set_ or [], seed)
    request = TrainRequest(task, data, dev, test, out, chosen, reading, seeds, resume, baseline)
    card = {"about": about, "licence": licence}
    run_train(replace(request, card=card, init=init), screen)


@command(app)
def pretrain(
    corpora: Annotated[
        list[str], typer.Argument(metavar="CORPUS…", help="Files of running text, or tables.")
    ],
    dev: Annotated[str | None, typer.Option(help="Text to choose on; else held out.")] = None,
    out: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("LM.seqmap"),
    config: Annotated[str | None, typer.Option(help="A TOML file.", metavar="C.toml")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting, repeatable.", metavar="SECTION.KEY=VALUE"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the training.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after a kill.")] = False,
    about: About = None,
    licence: Licence = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Train a language model on plain text, for others to start from (train --init)."""
    from seqmap.commands.options import settings
    from seqmap.commands.train import run_train
    from seqmap.commands.train_request import TrainRequest
    from seqmap.tasks.language import PRETRAINING

    chosen = settings("language", config, set_ or [], seed, defaults=PRETRAINING)
    request = TrainRequest("language", corpora[0], dev, None, out, chosen, reading, resume=resume)
    card = {"about": about, "licence": licence}
    run_train(replace(request, more=corpora[1:], card=card, baseline=False), screen)


@command(app)
def generate(
    model: Model,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="Texts to continue.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="One text to continue.", callback=in_characters)
    ] = None,
    length: Annotated[int | None, typer.Option(help="Symbols to write; 0 only scores.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Below 1: safer; 0: always the likeliest.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Only the K likeliest symbols.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Only the likeliest of share P.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Continuations of each text.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 42,
    precision: Precision = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Let a language model write, from a text or from nothing."""
    from seqmap.commands.generate import GenerateRequest, run_generate

    drawn = (count, seed, length, temperature, top_k, top_p)
    run_generate(GenerateRequest(model, source, text, *drawn, precision), reading, screen)


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
        str | None, typer.Argument(metavar="[FILE|-]", help="Texts or sound; - is standard input.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="One text.", callback=in_characters)] = None,
    precision: Precision = None,
    min_confidence: Annotated[
        float, typer.Option(help="Leave out what is less probable.", metavar="P")
    ] = 0.0,
    n_best: Annotated[int, typer.Option(help="Readings of each input.", metavar="N")] = 1,
    phrases: Phrases = None,
    search: Annotated[
        list[str] | None,
        typer.Option(
            help="Of translators, transcribers and speakers: beam=8, pace=1.2, …; repeatable.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Answer all files of a folder, into this one; of speakers: WAV files."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="Of a folder: local, or ray (machines of a cluster).")
    ] = None,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Answer inputs, one result a line; or a folder of files, into another."""
    from seqmap.commands.predict import PredictRequest, run_predict

    request = PredictRequest(model, source, text, reading, precision, min_confidence, n_best)
    searched = replace(request, phrases=phrases, search=tuple(search or ()))
    if out is None and engine is None:
        run_predict(searched, screen)
        return
    from seqmap.commands.predict_folder import run_folder

    run_folder(replace(searched, out=out, engine=engine), screen)


@command(app)
def stream(
    model: Model,
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|-]", help="A text or sound; - is standard input.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Of the text; else UTF-8.")] = None,
    precision: Precision = None,
    rate: Annotated[
        int | None, typer.Option(min=1, help="Of raw 16-bit samples; else the model's.")
    ] = None,
    phrases: Phrases = None,
    *,
    screen: Screen,
) -> None:
    """Answer while one text or speech arrives, in constant memory."""
    from seqmap.commands.stream import StreamRequest, run_stream

    run_stream(StreamRequest(model, source, encoding, precision, rate, phrases), screen)


@command(app)
def export(
    model: Model,
    to: Annotated[str, typer.Option(help="What to make: archive, c or onnx.")] = "archive",
    quantize: Annotated[
        str, typer.Option(help="Numbers of the weights: int8, bf16 or none.")
    ] = "int8",
    dev: Annotated[str | None, typer.Option(help="Examples to measure the loss on.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where it goes; else beside the model.")] = None,
    max_loss: Annotated[
        float, typer.Option(help="Refuse to lose more (0.002: 0.2 points or %).")
    ] = 0.002,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Write the model in another form, unless that costs accuracy."""
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
def explain(
    model: Model,
    text: Annotated[str, typer.Option(help="What the model is asked.", callback=in_characters)],
    target: Annotated[
        str | None,
        typer.Option(help="Label to explain; else the answer.", callback=in_characters),
    ] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(help="Another text to compare with; repeatable.", callback=in_characters),
    ] = None,
    corpus: Annotated[
        str | None, typer.Option(help="Texts to look for similar states in.", metavar="FILE")
    ] = None,
    token: Annotated[
        str | None, typer.Option(help="Number of the symbol to look for; a span: 3-5.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Page to write.", metavar="F.html")] = None,
    png: Annotated[Path | None, typer.Option(help="Picture to write.", metavar="F.png")] = None,
    *,
    screen: Screen,
) -> None:
    """Show why a model answers as it does."""
    from seqmap.commands.explain import ExplainRequest, chosen, run_explain

    asked = ExplainRequest(model, text, target, what_if or (), corpus, chosen(token), out, png)
    run_explain(asked, screen)


@command(app)
def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="[NAME=]M.seqmap…", help="Trained models; a name again: version 2."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    token_file: Annotated[
        Path | None, typer.Option(help="Bearer token of clients; or SEQMAP_TOKEN.", metavar="FILE")
    ] = None,
    max_batch: Annotated[int, typer.Option(min=1, help="Inputs answered at once.")] = 64,
    max_queue: Annotated[int, typer.Option(min=1, help="Inputs that may wait; then 503.")] = 1024,
    max_bytes: Annotated[int, typer.Option(min=64, help="Bytes of a request.")] = 1 << 20,
    max_inputs: Annotated[int, typer.Option(min=1, help="Inputs of a request.")] = 256,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds for a request.")] = 10.0,
    reload: Annotated[float, typer.Option(min=0, help="Look at files each … seconds.")] = 2.0,
    *,
    screen: Screen,
) -> None:
    """Answer over HTTP, with a web page."""
    from seqmap.commands.serve import read_token, run_serve
    from seqmap.serve.settings import ServeSettings

    limits = ServeSettings(host, port, read_token(token_file), max_batch, max_queue)
    limits = replace(limits, max_bytes=max_bytes, max_inputs=max_inputs)
    limits = replace(limits, timeout=timeout, reload_seconds=reload)
    run_serve(models, limits, screen)


@command(app)
def compare(
    task: Annotated[str, typer.Argument(metavar="TASK", help="classify or tag")],
    data: Annotated[str, typer.Argument(metavar="TRAIN", help="Labelled examples.")],
    encoders: Annotated[
        str, typer.Option(help="What to compare, separated by commas.", metavar="A,B,…")
    ] = "rnn,gru,lstm,transformer,lstm-transformer",
    dev: Annotated[str | None, typer.Option(help="Examples to choose on; else held out.")] = None,
    test: Annotated[str | None, typer.Option(help="Examples to measure on; else dev.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("comparison"),
    config: Annotated[str | None, typer.Option(help="A TOML file.", metavar="C.toml")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of all, repeatable.", metavar="SECTION.KEY=VALUE"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first training.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each encoder.")] = 3,
    probe_steps: Annotated[
        int, typer.Option(min=0, help="Training steps of each probe; 0: no probes.")
    ] = 300,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Train several encoders on the same data, and show what each reaches and costs."""
    from seqmap.commands.compare import CompareRequest, run_compare
    from seqmap.commands.options import settings

    names = [name.strip() for name in encoders.split(",")]
    chosen = settings(task, config, set_ or [], seed)
    files = (data, dev, test, out)
    run_compare(CompareRequest(task, names, *files, chosen, reading, seeds, probe_steps), screen)


@command(app)
def search(
    task: Annotated[str, typer.Argument(metavar="TASK", help="classify or tag")],
    data: Annotated[str, typer.Argument(metavar="TRAIN", help="Labelled examples.")],
    trials: Annotated[int, typer.Option(min=1, help="Trials in all; more go on.")] = 30,
    max_size: Annotated[str | None, typer.Option(help="Of the file, such as 2MB.")] = None,
    max_latency: Annotated[
        str | None, typer.Option(help="Of an answer, one thread, such as 1ms.")
    ] = None,
    dev: Annotated[str | None, typer.Option(help="Examples to choose on; else held out.")] = None,
    test: Annotated[str | None, typer.Option(help="Examples for the winner alone.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the search.")] = Path("search"),
    config: Annotated[str | None, typer.Option(help="A TOML file.", metavar="C.toml")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Not to be searched, repeatable.", metavar="SECTION.KEY=VALUE"),
    ] = None,
    finalists: Annotated[int, typer.Option(min=0, help="The best, trained again.")] = 3,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each finalist.")] = 3,
    *,
    reading: ReadOptions,
    screen: Screen,
) -> None:
    """Look for the best configuration; stop it at any time, and go on with the same command."""
    from seqmap.commands.options import settings
    from seqmap.commands.search import SearchRequest, run_search

    fixed = set_ or []
    given = (data, dev, test, out, settings(task, config, fixed, None), fixed, reading)
    run_search(SearchRequest(task, *given, trials, finalists, seeds, max_size, max_latency), screen)


@command(app)
def info(
    model: Model,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As a page to publish with the model.")
    ] = False,
    *,
    screen: Screen,
) -> None:
    """Show what a model is, learned from, reaches and cannot do."""
    from seqmap.commands.info import run_info

    run_info(model, markdown, screen)


@command(app)
def data(
    action: Annotated[str, typer.Argument(metavar="list|get", help="Name the sets, or get one.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which set to get.")] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; else its name.")] = None,
    mirror: Annotated[
        Path | None, typer.Option(help="Folder with the files, instead of the network.")
    ] = None,
    *,
    screen: Screen,
) -> None:
    """List well-known public data sets, or get one, checked."""
    from seqmap.commands.data import run_data

    run_data(action, name, out, mirror, screen)


@command(app)
def demo(
    task: Annotated[
        str,
        typer.Option(
            help="classify, tag, translate, forecast, transcribe, language or speak.",
            metavar="TASK",
        ),
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
    found = shown_help(app, sys.argv[1:])
    if found is not None:
        print(found)
        return
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
