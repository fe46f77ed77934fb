"""What is told about the data."""

from __future__ import annotations

import hashlib
import json

from seqmap.data import Example, fingerprint, inspect

TRAIN = [
    Example("Good film", ("pos",)),
    Example("Good film", ("pos",)),
    Example("It happened.", ("pos",)),
    Example("It happened.", ("neg",)),
    Example(" ", ("neg",)),
    Example("no label here"),
]
TEST = [Example("good film!", ("pos",)), Example("It happened.", ("neutral",)), Example("!!", ())]


def test_counts() -> None:
    part = inspect(TRAIN).parts[0]
    assert (part.examples, part.duplicates, part.conflicts) == (6, 2, 1)
    assert (part.empty, part.unlabelled) == (1, 1)
    assert part.classes == {"neg": 2, "pos": 3}
    assert part.lengths[0] == 1
    assert part.lengths[-1] == 13


def test_overlap_and_unseen_labels() -> None:
    report = inspect(TRAIN, test=TEST)
    assert [(o.first, o.second, o.equal, o.alike) for o in report.overlaps] == [
        ("train", "test", 1, 2)
    ]
    assert report.unseen == {"test": ("neutral",)}
    told = "\n".join(report.describe())
    assert "share 1 texts (2 apart from case" in told
    assert "test has labels that train lacks: neutral" in told
    assert "1 texts occur with different labels" in told


def test_the_order_of_labels_is_no_conflict() -> None:
    part = inspect([Example("x", ("a", "b")), Example("x", ("b", "a"))]).parts[0]
    assert (part.duplicates, part.conflicts) == (1, 0)


def test_plain_dict_for_json() -> None:
    plain = json.loads(json.dumps(inspect(TRAIN, dev=TEST).to_dict()))
    assert plain["parts"]["train"]["classes"] == {"neg": 2, "pos": 3}
    assert plain["parts"]["dev"]["lengths"]["max"] == 12
    assert plain["unseen"] == {"dev": ["neutral"]}


def test_an_empty_part_is_no_trouble() -> None:
    report = inspect([], dev=TRAIN)
    assert report.parts[0].lengths == ()
    assert report.to_dict()["parts"]["train"]["lengths"] == {}
    assert report.describe()


def test_fingerprints_tell_order_labels_and_boundaries_apart() -> None:
    a, b = Example("x", ("1",)), Example("y", ("2",))
    prints = [
        fingerprint(examples)
        for examples in ([a, b], [b, a], [a], [Example("x1")], [Example("x", ("1", ""))])
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint([a, b]) == fingerprint((Example("x", ("1",), line=7), b))
    assert len(prints[0]) == 64


def test_fingerprints_follow_soft_labels_and_stay_without_them() -> None:
    hard = Example("x", ("1",))
    soft = [Example("x", ("1",), shares) for shares in ((0.25, 0.75), (0.75, 0.25))]
    prints = [fingerprint([hard]), *(fingerprint([example]) for example in soft)]
    assert len(set(prints)) == 3
    # As in the manifests and checkpoints of models that are in use.
    assert fingerprint([hard]) == hashlib.sha256(b"1,1;x1").hexdigest()
