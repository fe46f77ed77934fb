"""Several labels a text: which things does a review speak of? None, one, or more of them.

    python examples/several_labels.py

The sentences are put together from parts, so the right answer is known.
"""

from __future__ import annotations

import random

from seqmap import Classifier

PARTS = {
    "price": ("it costs next to nothing", "far too expensive for us", "a fair price"),
    "food": ("the soup was excellent", "breakfast came cold", "we loved the bread"),
    "staff": ("the waiter was rude", "friendly people at the desk", "nobody answered the bell"),
    "room": ("a quiet room", "the bed was broken", "dust on every shelf"),
}
NOTHING = ("we came by train", "it rained all week", "this was in spring")


def write(count: int, seed: int) -> tuple[list[str], list[list[str]]]:
    """Return texts and the list of labels of each; a list may be empty."""
    chance = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        names = chance.sample(sorted(PARTS), chance.randint(0, 3))
        said = [chance.choice(PARTS[name]) for name in names] + [chance.choice(NOTHING)]
        chance.shuffle(said)
        texts.append(", ".join(said))
        labels.append(names)
    return texts, labels


def main(count: int = 1000, epochs: int = 6) -> None:
    texts, labels = write(count, seed=1)
    classifier = Classifier(hidden=32, epochs=epochs).fit(texts, labels)

    test_texts, test_labels = write(300, seed=2)
    print(classifier.evaluate(test_texts, test_labels).report())
    asked = ["breakfast came cold, but a fair price", "it rained all week"]
    for text, chosen in zip(asked, classifier.predict(asked), strict=True):
        print(chosen, text)
    # The line at 0.5 can be drawn elsewhere: the probabilities are those of each label by itself.
    for label, share in zip(classifier.classes_, classifier.predict_proba(asked)[0], strict=True):
        print(f"{label:<8}{share:.3f}")


if __name__ == "__main__":
    main()
