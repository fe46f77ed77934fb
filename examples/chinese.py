"""Chinese needs no option: characters become the symbols, and nothing has to be segmented.

    python examples/chinese.py

The reviews are synthetic. A word's place decides here: 前者 (the former) and 后者 (the latter).
"""

from __future__ import annotations

from seqmap import Classifier
from seqmap.samples.reviews import LABELS, sentences


def main(count: int = 9000, epochs: int = 10) -> None:
    written = [s for s in sentences(count) if not s.text.isascii()]  # half of the sample
    texts, labels = [s.text for s in written], [LABELS[s.good] for s in written]
    cut = len(texts) * 9 // 10

    classifier = Classifier(
        hidden=64,
        epochs=epochs,
        wide="none",
        config={
            "embedding": {"dropout": 0.1, "word_dropout": 0.0},
            "head": {"dropout": 0.2, "label_smoothing": 0.0},
            "train": {"batch_size": 16, "learning_rate": 5e-3, "average": 0.0},
        },
        verbose=True,
    )
    classifier.fit(texts[:cut], labels[:cut])
    print(classifier.evaluate(texts[cut:], labels[cut:]).report())
    books = "我借了《沉默的灯塔》和《冬日来信》。第一本情节扣人心弦，而第二本情节无聊透顶。"
    asked = [books + "这条评价写的是" + which for which in ("前者。", "后者。")]
    for text, label in zip(asked, classifier.predict(asked), strict=True):
        print(label, text)


if __name__ == "__main__":
    main()
