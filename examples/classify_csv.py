"""A text classifier from a CSV file: train, look at the figures, save, answer without torch.

    python examples/classify_csv.py [TRAIN.csv TEST.csv]

Without arguments it writes a file of synthetic reviews first, so that it always runs.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from pathlib import Path

from seqmap import Classifier, load, read_examples
from seqmap.samples.reviews import reviews

# Every text of the sample hangs on one turn of phrase, and no two are alike: with the usual dropout
# the network would not see it often enough. On real texts, begin with the defaults: Classifier().
SAMPLE_SETTINGS = {
    "embedding.dropout": 0.1,
    "embedding.word_dropout": 0.02,
    "head.dropout": 0.2,
    "head.label_smoothing": 0.0,
    "train.batch_size": 16,
    "train.learning_rate": 5e-3,
    "train.average": 0.0,
}


def write_sample(folder: Path, count: int) -> tuple[Path, Path]:
    """Write synthetic reviews as two CSV files, as a user would have them."""
    data = reviews(train=count, dev=0, test=500)
    paths = folder / "train.csv", folder / "test.csv"
    for path, part in zip(paths, (data.train, data.test), strict=True):
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            writer.writerows((example.text, example.labels[0]) for example in part)
    return paths


def main(paths: tuple[Path, Path] | None = None, *, count: int = 6000, epochs: int = 10) -> None:
    with tempfile.TemporaryDirectory() as name:
        train_path, test_path = paths or write_sample(Path(name), count)
        train, test = read_examples(str(train_path)), read_examples(str(test_path))

        classifier = Classifier(
            hidden=64, epochs=epochs, config=None if paths else SAMPLE_SETTINGS, verbose=True
        )
        classifier.fit([e.text for e in train], [e.labels[0] for e in train])
        print(classifier.evaluate([e.text for e in test], [e.labels[0] for e in test]).report())
        classifier.save(Path(name) / "reviews.seqmap")

        model = load(Path(name) / "reviews.seqmap")  # this line and all that follow need no torch
        for example in test.examples[:4]:
            answer = model.predict([example.text])[0]
            print(f"{answer.label}  {answer.probability:.3f}  {example.text}")


if __name__ == "__main__":
    main((Path(sys.argv[1]), Path(sys.argv[2])) if len(sys.argv) == 3 else None)
