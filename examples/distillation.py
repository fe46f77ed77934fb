"""A large teacher, a small student: the student learns from the teacher's probabilities.

    python examples/distillation.py

The probabilities say more than labels do (Hinton et al. 2015), and they can be had for texts that
nobody has labelled. The teacher may be any model at all; here it is a larger Classifier.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from seqmap import Classifier
from seqmap.samples.reviews import reviews

SETTINGS = {
    "embedding": {"dropout": 0.1, "word_dropout": 0.02},
    "head": {"dropout": 0.2, "label_smoothing": 0.0},
    "train": {"batch_size": 16, "learning_rate": 5e-3, "average": 0.0},
}


def size_of(classifier: Classifier, name: str) -> int:
    """Return the bytes of the deployed file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        classifier.save(path)
        return path.stat().st_size


def main(labelled: int = 4000, unlabelled: int = 8000, epochs: int = 8) -> None:
    sample = reviews(train=labelled + unlabelled, dev=0, test=1000)
    texts = [example.text for example in sample.train]
    labels = [example.labels[0] for example in sample.train[:labelled]]
    test_texts, test_labels = ([e.text for e in sample.test], [e.labels[0] for e in sample.test])

    teacher = Classifier(hidden=96, epochs=epochs, wide="none", config=SETTINGS)
    teacher.fit(texts[:labelled], labels)

    small = {**SETTINGS, "embedding": {**SETTINGS["embedding"], "size": 24}}
    alone = Classifier(hidden=24, epochs=epochs, wide="none", config=small)
    alone.fit(texts[:labelled], labels)

    # The teacher labels the rest; its probabilities replace the labels in the loss.
    probabilities = teacher.predict_proba(texts)
    guessed = teacher.classes_[np.argmax(probabilities, axis=1)]
    student = Classifier(hidden=24, epochs=epochs, wide="none", config=small)
    student.fit(texts, guessed, soft=probabilities)

    for name, model in (("teacher", teacher), ("small alone", alone), ("student", student)):
        size = size_of(model, f"{name}.seqmap") / 1024
        print(f"{name:<12} accuracy {model.score(test_texts, test_labels):.3f}  {size:6.0f} KiB")


if __name__ == "__main__":
    main()
