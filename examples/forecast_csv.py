"""From a CSV file to a forecast with intervals, a backtest and a stream.

    python examples/forecast_csv.py

The series is synthetic and made by the project; put your own file in its place.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from seqmap import Forecaster, load
from seqmap.data import ReadOptions
from seqmap.data.series import read_series
from seqmap.samples.series import shop


def main(count: int = 1500, epochs: int = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.csv"
        times, customers, rain = shop(count)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["time", "customers", "rain"])
            writer.writerows(zip(times, customers, rain, strict=True))

        data = read_series(path, ReadOptions(value_columns=("customers",), covariates=("rain",)))
        print(data.layout.describe())
        whole = data.examples[0]

        model = Forecaster(horizon=24, epochs=epochs).fit([whole.cut(0, count * 4 // 5)])
        print(model.backtest([whole]).report())  # beside naive, seasonal naive and linear
        model.save(Path(folder) / "shop.seqmap")

        stream = load(Path(folder) / "shop.seqmap").follow(whole)  # from here on: no torch
        stream.feed(21.0, [0.0])
        ahead = stream.forecast()
        for row in list(zip(ahead.times, ahead.values, ahead.lower, ahead.upper, strict=True))[:4]:
            print("{}  {:.1f}  ({:.1f} to {:.1f})".format(*row))


if __name__ == "__main__":
    main()
