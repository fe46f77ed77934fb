"""A text classifier from a CSV file: train, look at the figures, save, answer without torch.

    python examples/classify_csv.py [TRAIN.csv TEST.csv]

Without arguments it writes a small file of synthetic reviews first, so that it always runs.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from seqmap import Classifier, load, read_examples
from seqmap.samples.reviews import reviews


def write_sample(folder: Path) -> tuple[Path, Path]:
    """Write synthetic reviews as two CSV files, as a user would have them."""
    data = reviews(train=4000, dev=0, test=500)
    paths = folder / "train.csv", folder / "test.csv"
    for path, part in zip(paths, (data.train, data.test), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows((example.text, example.labels[0]) for example in part)
    return paths


def main(train_path: Path, test_path: Path, out: Path) -> None:
    train, test = read_examples(str(train_path)), read_examples(str(test_path))
    classifier = Classifier(hidden=64, verbose=True)
    classifier.fit([e.text for e in train], [e.labels[0] for e in train])
    print(classifier.evaluate([e.text for e in test], [e.labels[0] for e in test]).report())
    classifier.save(out)

    model = load(out)  # this line and all that follow need no torch
    for answer in model.predict(
        ["I expected it to be awful. It was not.", "房间很干净,但是太吵了。"]
    ):
        print(f"{answer.label}  {answer.probability:.3f}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        files = tuple(map(Path, sys.argv[1:3])) or write_sample(Path(name))
        main(files[0], files[1], Path(name) / "reviews.seqmap")
