"""From tagged sentences to a deployed tagger, and what its probabilities are good for.

    python examples/tag_names.py

The sentences are synthetic: the sample that `seqmap demo --task tag` uses. Yours come from a file:
`seqmap.data.tagging.read_tagged("train.conll")`.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from seqmap import Tagger, load
from seqmap.samples.entities import entities


def main(count: int = 600, epochs: int = 4) -> None:
    sample = entities(train=count, dev=100, test=200)
    tagger = Tagger(
        hidden=48, epochs=epochs, config={"embedding.size": 48, "train.learning_rate": 0.01}
    )
    tagger.fit(
        [s.tokens for s in sample.train],
        [s.tags for s in sample.train],
        dev=([s.tokens for s in sample.dev], [s.tags for s in sample.dev]),
    )
    print(tagger.evaluate([s.tokens for s in sample.test], [s.tags for s in sample.test]).report())

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.seqmap"
        tagger.save(path)
        model = load(path)  # from here on: no torch

    text = "According to Fenway Labs,  Dr. Okafor left Port Hale in March."
    for entity in model.predict([text])[0].entities:
        assert text[entity.start : entity.end] == entity.text  # places are those of the text
        print(f"{entity.probability:.3f}  {entity.type:<7} {entity.text}")

    # Only what is nearly certain: fewer entities, fewer wrong ones.
    for least in (0.0, 0.5, 0.9, 0.99):
        answers = model.with_answers(min_confidence=least).predict([s.text for s in sample.test])
        given = sum(len(answer.entities) for answer in answers)
        print(f"at least {least:.2f}: {given} entities")


if __name__ == "__main__":
    main()
