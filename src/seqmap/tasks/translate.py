"""Text to text: translation, normalisation, transliteration, short summaries."""

from __future__ import annotations

import copy
import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seqmap.codecs.characters import choose_unit
from seqmap.codecs.pieces import PIECES, PieceCodec, restore_pieces
from seqmap.config import Config
from seqmap.errors import DataError
from seqmap.tasks.base import Evaluation, Task
from seqmap.tasks.translate_results import Translation

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.pairs import Pair, PairDataset

_SEED = 42
_REPEATED_LINES = 5


@dataclass(frozen=True)
class PairCodecs:
    """The two sides of the mapping.

    Attributes:
        source: Of what is read.
        target: Of what is written.
        joint: Whether both have the same pieces.
    """

    source: PieceCodec
    target: PieceCodec
    joint: bool


class Translate(Task):
    """Text → text."""

    name = "translate"
    mapping = "text → text"
    headline = ("bleu", "chrf", "exact")

    def config(self) -> Config:
        """Return defaults that suit some ten thousand short pairs."""
        return Config().replace(
            text__unit="subword",
            text__vocabulary=6000,
            text__lowercase=False,
            text__max_length=200,
            embedding__size=256,
            embedding__dropout=0.3,
            embedding__word_dropout=0.05,
            encoder__hidden=192,
            head__dropout=0.3,
            train__epochs=25,
            train__batch_size=96,
            train__batch_tokens=4096,
            train__learning_rate=2e-3,
            train__weight_decay=0.0,
            train__patience=6,
        )

    def read(self, path: str, options: ReadOptions) -> PairDataset:
        """Read pairs from a table, or from two files that agree line by line."""
        from seqmap.data.pairs import read_pairs

        _refuse_foreign(options)
        return read_pairs(path, options)

    def targets(self, dataset: Any) -> None:
        """Return nothing: the recipe needs to know no more than the pairs."""

    def check_trainable(self, dataset: Any) -> None:
        """Refuse a file in which every target is the same."""
        if len({pair.target for pair in dataset.examples}) < 2:
            raise DataError(
                "every target is the same",
                path=dataset.path,
                given=dataset.examples[0].target,
                allowed="at least two different targets",
            )

    def check_known(self, dataset: Any, codecs: PairCodecs) -> None:
        """Accept any text."""

    def hold_out(
        self, examples: Sequence[Pair], share: float
    ) -> tuple[Sequence[Pair], Sequence[Pair]]:
        """Split off pairs (seed 42); those with the same source stay together."""
        sources = list(dict.fromkeys(pair.source for pair in examples))
        if len(sources) < 2:
            raise DataError("nothing can be held out", given=f"{len(sources)} source text(s)")
        draw = random.Random(_SEED)
        keys = {source: draw.random() for source in sources}
        wanted = max(1, round(share * len(sources)))
        held = set(sorted(sources, key=lambda source: keys[source])[:wanted])
        kept = [pair for pair in examples if pair.source not in held]
        return kept, [pair for pair in examples if pair.source in held]

    def inspect(
        self, train: Sequence[Pair], dev: Sequence[Pair], test: Sequence[Pair] | None
    ) -> tuple[str, ...]:
        """Count pairs and words, sources with several targets, and what the parts share."""
        parts = {"train": train, "dev": dev, "test": test or ()}
        lines = [line for name, part in parts.items() if part for line in _described(name, part)]
        names = [name for name, part in parts.items() if part]
        for place, first in enumerate(names):
            known = {pair.source for pair in parts[first]}
            for second in names[place + 1 :]:
                shared = sum(pair.source in known for pair in parts[second])
                if shared and parts[first] is not parts[second]:
                    lines.append(f"{shared:,} sources of {second} are in {first} too")
        return tuple(lines)

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return format and columns of the training file."""
        from seqmap.data.source import Source

        layout = dataset.layout
        aligned = layout.source_column is None
        return {
            "format": layout.format,
            "extension": "" if aligned else Source(dataset.path).extension,
            "given": {
                "format": options.format,
                "text_columns": options.text_columns,
                "label_column": options.label_column,
                "delimiter": options.delimiter,
            },
        }

    def recall(
        self,
        path: str,
        options: ReadOptions,
        memory: Mapping[str, Any] | None,
        *,
        labelled: bool,
    ) -> ReadOptions:
        """Take the training file's columns for a file whose name ends the same."""
        from seqmap.data.memory import same_columns
        from seqmap.data.pairs import two_files

        if not memory or not memory["extension"]:
            return options
        if two_files(path) is not None:
            return options
        return same_columns(path, options, memory, format=memory["given"]["format"])

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a translator must not be trusted with."""
        return (
            "It writes fluently even where it has understood nothing: have what matters checked.",
            "It knows texts like those of its training, and no others; names and numbers suffer.",
            "Scores rank the answers to one text; they are no probabilities of being right.",
        )

    def inputs(self, path: str, options: ReadOptions) -> Iterator[str]:
        """Stream the texts of a file or a pipe: one a line."""
        from seqmap.data.pairs import iter_sources

        _refuse_foreign(options)
        return (text for _, text in iter_sources(path, options))

    def input_of(self, text: str) -> str:
        """Return the text itself."""
        return text

    def line(self, answer: Translation) -> str:
        """Return the text; of several answers each, by falling score, with its score."""
        if not answer.alternatives:
            return answer.text
        return "\t".join(f"{one.score:.4f} {one.text}" for one in answer.alternatives)

    def record(self, answer: Translation) -> dict[str, Any]:
        """Return an answer as plain values; attention is left to `explain`."""
        values: dict[str, Any] = {
            "text": answer.text,
            "score": answer.score,
            "log_probability": answer.log_probability,
        }
        if answer.alternatives:
            values["alternatives"] = [asdict(one) for one in answer.alternatives]
        return values

    # What training and deployment share.

    def fit_codecs(self, pairs: Sequence[Pair], config: Config) -> PairCodecs:
        """Learn the pieces of both sides.

        Raises:
            DataError, ConfigError, MissingExtraError: As the codec says.
        """
        text = config.text
        plain = config.replace(text__lowercase=False).text
        sources = [p.source.lower() if text.lowercase else p.source for p in pairs]
        targets = [p.target for p in pairs]
        if config.translate.vocabulary == "separate":
            return PairCodecs(
                PIECES[_unit(text.unit, sources)].fit(sources, config=text, size=text.vocabulary),
                PIECES[_unit(text.unit, targets)].fit(targets, config=plain, size=text.vocabulary),
                joint=False,
            )
        both = [side for sides in zip(sources, targets, strict=True) for side in sides]
        target = PIECES[_unit(text.unit, both)].fit(both, config=plain, size=text.vocabulary)
        return PairCodecs(_reading(target, lowercase=text.lowercase), target, joint=True)

    def codec_state(self, codecs: PairCodecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.target.to_state()
        named = {f"target.{name}": array for name, array in arrays.items()}
        source, own = codecs.source.to_state()
        if not codecs.joint:
            named |= {f"source.{name}": array for name, array in own.items()}
        return {"source": source, "target": {**state, "joint": codecs.joint}}, named

    def restore_codecs(self, manifest: Mapping[str, Any], arrays: Mapping[str, Any]) -> PairCodecs:
        """Rebuild the codecs from an archive."""

        def part(side: str) -> dict[str, Any]:
            start = side + "."
            return {n[len(start) :]: a for n, a in arrays.items() if n.startswith(start)}

        source, target = manifest["source"], manifest["target"]
        written = restore_pieces(target, part("target"))
        if target["joint"]:
            read = _reading(written, lowercase=bool(source["lowercase"]))
            return PairCodecs(read, written, joint=True)
        return PairCodecs(restore_pieces(source, part("source")), written, joint=False)

    def evaluate(self, truth: Sequence[Pair], answers: Sequence[Translation]) -> Evaluation:
        """Score answers against the true targets."""
        from seqmap.tasks.translate_scores import score_texts

        return score_texts([a.text for a in answers], truth)


def fingerprint(pairs: Sequence[Pair]) -> str:
    """Return the SHA-256 of all texts in their order, in hexadecimal."""
    digest = hashlib.sha256()
    for pair in pairs:
        sides = [side.encode("utf-8", "surrogatepass") for side in (pair.source, pair.target)]
        digest.update(b"%d,%d;" % (len(sides[0]), len(sides[1])) + sides[0] + sides[1])
    return digest.hexdigest()


def _unit(unit: str, texts: Sequence[str]) -> str:
    return choose_unit(texts) if unit == "auto" else unit


def _reading(codec: PieceCodec, *, lowercase: bool) -> PieceCodec:
    """Return a codec of the same pieces, for the side that is read."""
    if not lowercase:
        return codec
    state, arrays = codec.to_state()
    return restore_pieces({**state, "lowercase": True}, copy.copy(arrays))


def _described(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    words = [sum(len(getattr(p, side).split()) for p in pairs) for side in ("source", "target")]
    yield f"{name}: {len(pairs):,} pairs, {words[0]:,} → {words[1]:,} words between blanks"
    targets: dict[str, set[str]] = {}
    for pair in pairs:
        targets.setdefault(pair.source, set()).add(pair.target)
    repeated = len(pairs) - len({(pair.source, pair.target) for pair in pairs})
    several = sum(len(found) > 1 for found in targets.values())
    if repeated:
        yield f"  {repeated:,} pairs repeat an earlier one"
    if several:
        yield f"  {several:,} sources have several targets"


def _refuse_foreign(options: ReadOptions) -> None:
    """Refuse options that say something about labels or tags."""
    for name in ("soft_columns", "label_separator", "label_names", "scheme"):
        if getattr(options, name) is not None:
            option = "--" + name.replace("_", "-")
            raise DataError("this option means nothing to translation", given=option)
