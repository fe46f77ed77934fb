"""Holding out a part of the examples: stratified, and the same on every machine."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from seqmap.data.records import Example
from seqmap.errors import DataError

SEED = 42


def hold_out(
    examples: Iterable[Example], share: float, seed: int = SEED
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Split off a stratified part; both parts keep the order of the file.

    The part has `round(share * n)` examples, at least one. Each class gives its share, rounded
    down; what is missing comes from the classes with the largest remainders. A class always keeps
    an example in the first part, so that a class with one example is not held out. With several
    labels an example, labels are served from the rarest on (iterative stratification, Sechidis et
    al. 2011), and the size of the part is met about, not exactly.

    Args:
        examples: What to split.
        share: The share of the second part, between 0 and 1.
        seed: Of the choice; only `random.Random.random` is used, whose sequence Python guarantees.

    Raises:
        DataError: Every class has one example only, or the share is out of range.
    """
    if not 0.0 < share < 1.0:
        raise DataError("the share to hold out is out of range", given=share, allowed="0 to 1")
    examples = tuple(examples)
    if len(examples) < 2:
        raise DataError("nothing can be held out", given=f"{len(examples)} example(s)")
    rng = random.Random(seed)
    keys = [rng.random() for _ in examples]
    order = sorted(range(len(examples)), key=lambda index: keys[index])
    wanted = max(1, round(share * len(examples)))
    if all(len(example.labels) == 1 for example in examples):
        chosen = _by_class(examples, order, share, wanted)
    else:
        chosen = _by_labels(examples, order, share)
    if not chosen:
        raise DataError(
            "nothing can be held out: every class has one example",
            remedy="Give a dev file (--dev)",
        )
    kept = tuple(example for index, example in enumerate(examples) if index not in chosen)
    held = tuple(example for index, example in enumerate(examples) if index in chosen)
    return kept, held


def check_trainable(examples: Iterable[Example], path: str | None = None) -> None:
    """Raise a DataError unless the examples hold at least two classes.

    Raises:
        DataError: There is no example, no label, or one class only.
    """
    names = {label for example in examples for label in example.labels}
    if len(names) < 2:
        raise DataError(
            "one class only" if names else "there are no labels",
            path=path,
            given=next(iter(names), None),
            allowed="at least two classes",
            remedy="Check that the right column is read as the label (--label-column)",
        )


def _by_class(examples: Sequence[Example], order: list[int], share: float, wanted: int) -> set[int]:
    members: dict[str, list[int]] = defaultdict(list)
    for index in order:
        members[examples[index].labels[0]].append(index)
    take = {name: min(int(share * len(ids)), len(ids) - 1) for name, ids in members.items()}
    # Remainders in descending order, large classes first, then by name: no tie is left to chance.
    rest = sorted(
        (name for name, ids in members.items() if take[name] < len(ids) - 1),
        key=lambda name: (take[name] - share * len(members[name]), -len(members[name]), name),
    )
    for name in rest[: max(0, wanted - sum(take.values()))]:
        take[name] += 1
    return {index for name, ids in members.items() for index in ids[: take[name]]}


def _by_labels(examples: Sequence[Example], order: list[int], share: float) -> set[int]:
    counts = Counter(label for example in examples for label in example.labels)
    by_label: dict[str, list[int]] = defaultdict(list)
    for index in order:
        for label in examples[index].labels:
            by_label[label].append(index)
    need = {label: share * count for label, count in counts.items()}
    chosen: set[int] = set()
    for label in sorted(counts, key=lambda name: (counts[name], name)):
        for index in by_label[label]:
            # Half an example is rounded up.
            if need[label] < 0.5:
                break
            labels = examples[index].labels
            if index not in chosen and all(counts[name] > 1 and need[name] > 0 for name in labels):
                chosen.add(index)
                for name in labels:
                    need[name] -= 1.0
    bare = [index for index in order if not examples[index].labels]
    chosen.update(bare[: round(share * len(bare))])
    if not chosen:
        spare = (i for i in order if all(counts[name] > 1 for name in examples[i].labels))
        chosen.update([index for index in [next(spare, None)] if index is not None])
    return chosen
