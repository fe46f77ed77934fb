"""Answers for texts without end: one by one in constant memory, and while a text is still coming.

python examples/streaming.py
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from seqmap import Classifier, load
from seqmap.samples.reviews import reviews


def train(path: Path, count: int, epochs: int) -> None:
    """Leave a model at `path`; only this part needs torch.

    One direction, and no n-grams: then each symbol costs the same, however long the text is.
    """
    data = reviews(train=count, dev=0, test=0).train
    settings = {"encoder.direction": "forward", "train.learning_rate": 5e-3}
    classifier = Classifier(hidden=32, epochs=epochs, wide="none", config=settings)
    classifier.fit([e.text for e in data], [e.labels[0] for e in data]).save(path)


def endless() -> Iterator[str]:
    """Stand for a log, a queue, a socket: texts that never end."""
    number = 0
    while True:
        number += 1
        yield f"message {number}: the room was clean and the staff were kind"


def main(count: int = 1000, epochs: int = 3) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.seqmap"
        train(path, count, epochs)
        model = load(path)

        # chunk=1 answers each text at once; more is faster where nobody waits.
        answers = model.predict_iter(endless(), chunk=1)
        for answer in islice(answers, 3):
            print(answer.label, f"{answer.probability:.3f}")

        with model.stream() as stream:
            for piece in ("The soup was ", "cold, the wai", "ter was rude. ", "I loved it."):
                stream.feed(piece)
                print(f"{stream.result().label:<9}", repr(piece))
        print(stream.result().label, "(the whole text)")


if __name__ == "__main__":
    main()
