"""`Classifier` inside scikit-learn's tools: a Pipeline, cross-validation, a search, a vote.

python examples/scikit_learn.py
"""

from __future__ import annotations

import html

from sklearn.ensemble import VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seqmap import Classifier
from seqmap.samples.reviews import reviews


def unescape(texts: list[str]) -> list[str]:
    """Turn `&amp;` back into `&`: any step that maps texts to texts may come before."""
    return [html.unescape(text) for text in texts]


def main(count: int = 800, epochs: int = 3) -> None:
    sample = reviews(train=count, dev=0, test=200)
    texts, labels = [e.text for e in sample.train], [e.labels[0] for e in sample.train]
    test_texts, test_labels = [e.text for e in sample.test], [e.labels[0] for e in sample.test]

    model = make_pipeline(FunctionTransformer(unescape), Classifier(hidden=16, epochs=epochs))
    scores = cross_val_score(model, texts, labels, cv=3)
    print(f"cross-validation: {scores.mean():.3f} ± {scores.std():.3f}")

    grid = {"classifier__hidden": [8, 16], "classifier__wide": ["ngram", "none"]}
    search = GridSearchCV(model, grid, cv=2).fit(texts, labels)
    print(f"best of the grid: {search.best_params_}, {search.best_score_:.3f}")

    linear = make_pipeline(TfidfVectorizer(), LogisticRegression())
    vote = VotingClassifier([("seqmap", model), ("linear", linear)], voting="soft")
    print(f"a vote of both: {vote.fit(texts, labels).score(test_texts, test_labels):.3f}")


if __name__ == "__main__":
    main()
