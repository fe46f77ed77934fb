"""The steps of `seqmap demo --task forecast`: a synthetic shop, a backtest, a stream, a picture."""

from __future__ import annotations

import csv
import time
from pathlib import Path

from seqmap import plots
from seqmap.commands.console import Screen
from seqmap.commands.folder import make_folder
from seqmap.commands.progress import TrainingProgress
from seqmap.config import Config
from seqmap.data import ReadOptions
from seqmap.demo import show
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.session import load
from seqmap.samples.series import SYNTHETIC_NOTICE, shop
from seqmap.tasks import find_task
from seqmap.tasks.forecast import Known
from seqmap.training import train

TEST = 24 * 7 * 6
"""Hours at the end that training never sees."""


def run_demo(out: Path, screen: Screen, *, config: Config | None = None) -> None:
    """Go from data to a deployed forecaster, and show each step.

    Args:
        out: Folder for the data, the model and the picture; it is made when missing.
        screen: Where to write.
        config: Another configuration than the task's.

    Raises:
        OutputError: The folder cannot be written.
        TrainingError: Training failed.
    """
    started = time.perf_counter()
    data, model = make_folder(out) / "shop.csv", out / "shop.seqmap"
    _write(data)
    task = find_task("forecast")
    options = ReadOptions(value_columns=("customers",), covariates=("rain",))
    dataset = task.read(str(data), options)
    whole = dataset.examples[0]
    screen.result(show.heading("Data") + f"\n{SYNTHETIC_NOTICE}\n{dataset.layout.describe()}")
    screen.result(show.heading("Training") + "\nthe last six weeks are kept for the test")
    with TrainingProgress(screen, task.headline) as watch:
        trained = train(
            task,
            [whole.cut(0, len(whole) - TEST)],
            config=config or task.config(),
            targets=Known(("rain",)),
            out=model,
            watch=watch,
        )
    session = load(model)
    assert isinstance(session, ForecastSession)
    back = session.evaluate([whole])
    screen.result(show.heading("Backtest: a forecast from every hour of the test"))
    screen.result(back.report())
    spent = _stream_seconds(session, data)
    screen.result(show.heading("Deployed: one file, no torch"))
    screen.result(
        f"{'the file':<40}{model.stat().st_size / 2**10:>12,.0f} KiB\n"
        f"{'one more value (' + session.encoder.backend + ')':<40}{spent * 1e6:>12,.1f} µs"
    )
    picture = out / "forecast.png"
    cut = whole.cut(0, len(whole) - session.horizon)
    answer = session.predict([cut])[0]
    plots.forecast(whole.values, answer, picture, title="Customers an hour (synthetic)")
    screen.result(show.heading("Written") + f"\n  {data}\n  {model}\n  {picture}")
    seconds = time.perf_counter() - started
    screen.result(f"\nTry: seqmap predict {model} {data}\nDone in {seconds:.0f} s.")
    screen.close(
        {
            "task": "forecast",
            "synthetic": True,
            "metrics": back.metrics,
            "baselines": back.details["baselines"],
            "train_seconds": trained.seconds,
            "seconds": seconds,
            "seconds_per_value": spent,
            "model": str(model),
            "size_bytes": model.stat().st_size,
            "pictures": [str(picture)],
        }
    )


def _write(path: Path) -> None:
    times, customers, rain = shop()
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "customers", "rain"])
        for when, count, wet in zip(times, customers.tolist(), rain.tolist(), strict=True):
            writer.writerow([when, count, f"{wet:.3f}"])


def _stream_seconds(session: ForecastSession, data: Path) -> float:
    """Return the seconds that a stream takes for one more value, the median of rounds."""
    _, customers, rain = shop()
    stream = session.stream(time="2023-01-02")
    rounds = []
    pairs = list(zip(customers.tolist(), rain.tolist(), strict=True))
    for begin in range(0, 5000, 1000):
        before = time.perf_counter()
        for value, wet in pairs[begin : begin + 1000]:
            stream.feed(value, (wet,))
        rounds.append((time.perf_counter() - before) / 1000)
    return sorted(rounds)[len(rounds) // 2]
