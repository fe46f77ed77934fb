"""Text to tags: names, slots, chunks, parts of speech; possibly with an intent for the whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seqmap.codecs.labels import LabelCodec
from seqmap.codecs.tags import TagCodec
from seqmap.config import Config
from seqmap.data.tagging.tokens import Tokeniser
from seqmap.errors import DataError
from seqmap.features.form_codec import FormCodec
from seqmap.tasks.base import Evaluation, Task
from seqmap.tasks.tag_data import (
    check_types,
    described,
    shown,
    strata_of,
    tokeniser_of,
    types_of,
)
from seqmap.tasks.tag_results import Entity, Tagging

if TYPE_CHECKING:
    from seqmap.data import ReadOptions
    from seqmap.data.tagging import Sentence, TaggedDataset


@dataclass(frozen=True)
class TagSet:
    """What is known of the tags of all training sentences.

    Attributes:
        spans: Whether tags mark spans; else they are labels of single tokens.
        tokeniser: How raw text is cut to look like them.
    """

    spans: bool = True
    tokeniser: Tokeniser = field(default_factory=Tokeniser)


@dataclass(frozen=True)
class TagCodecs:
    """The two sides of the mapping.

    Attributes:
        source: Tokens to numbers.
        target: Tags to numbers.
        intents: Labels of whole texts, or None.
        tokeniser: How raw text is cut into tokens.
    """

    source: FormCodec
    target: TagCodec
    intents: LabelCodec | None
    tokeniser: Tokeniser


class Tag(Task):
    """Text → tags."""

    name = "tag"
    mapping = "text → tags"
    headline = ("f1", "accuracy", "intent_accuracy")

    def config(self) -> Config:
        """Return defaults that suit sentences of some dozen tokens."""
        return Config().replace(
            embedding__size=100,
            embedding__dropout=0.4,
            embedding__word_dropout=0.0,
            head__dropout=0.4,
            train__epochs=20,
            train__batch_size=16,
        )

    def read(self, path: str, options: ReadOptions) -> TaggedDataset:
        """Read tagged sentences; raw text with spans is cut by the script that it is in."""
        from seqmap.data.tagging import read_tagged

        _refuse_foreign(options)
        return read_tagged(path, options)

    def targets(self, dataset: Any) -> TagSet:
        """Return whether tags mark spans, and whether tokens are single characters."""
        return TagSet(dataset.scheme != "none", tokeniser_of(dataset.examples))

    def check_trainable(self, dataset: Any) -> None:
        """Refuse a file without any span, or with one label only."""
        tags = {tag for sentence in dataset.examples for tag in sentence.tags}
        if dataset.scheme != "none" and tags <= {"O"}:
            raise DataError(
                "there is no entity in the training data: every tag is O",
                path=dataset.path,
                remedy="Check that the right column is read as the tag (--label-column)",
            )
        if len(tags) < 2:
            raise DataError(
                "one tag only", path=dataset.path, given=next(iter(tags), None), allowed="two tags"
            )

    def conform(self, other: Any, train: Any) -> Any:
        """Refuse another kind of tags, types that training does not see, and missing intents."""
        if (other.scheme == "none") != (train.scheme == "none"):
            raise DataError(
                "the tags mark spans in one file and are labels in the other",
                path=other.path,
                given=other.scheme,
                allowed=train.scheme,
            )
        known = frozenset(types_of(train.examples))
        check_types(other, known, "the training data does not have this type")
        intents = {s.intent for s in train.examples}
        for sentence in other.examples:
            if sentence.intent not in intents:
                raise DataError(
                    "the training data does not have this intent",
                    path=other.path,
                    line=sentence.line,
                    given=sentence.intent,
                )
        return other

    def check_known(self, dataset: Any, codecs: TagCodecs) -> None:
        """Refuse types that a model does not know."""
        if (dataset.scheme == "none") == codecs.target.spans:
            raise DataError(
                "the model was trained on another kind of tags",
                path=dataset.path,
                given=dataset.scheme,
                remedy="Name the scheme (--scheme), or the column (--label-column)",
            )
        check_types(dataset, frozenset(codecs.target.types), "the model does not know this type")

    def hold_out(
        self, examples: Sequence[Sentence], share: float
    ) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
        """Split off a part in which the types, and intents, have about their share (seed 42)."""
        from seqmap.data import Example, hold_out

        stand_ins = [
            Example(str(place), strata_of(sentence)) for place, sentence in enumerate(examples)
        ]
        kept, held = hold_out(stand_ins, share)
        return [examples[int(e.text)] for e in kept], [examples[int(e.text)] for e in held]

    def inspect(
        self, train: Sequence[Sentence], dev: Sequence[Sentence], test: Sequence[Sentence] | None
    ) -> tuple[str, ...]:
        """Count sentences, tokens, types, repeated sentences, and what the parts share."""
        parts = {"train": train, "dev": dev, "test": test or ()}
        lines = [line for name, part in parts.items() if part for line in described(name, part)]
        names = [name for name, part in parts.items() if part]
        texts = {name: {s.tokens for s in parts[name]} for name in names}
        for place, first in enumerate(names):
            for second in names[place + 1 :]:
                shared = len(texts[first] & texts[second])
                if shared:
                    lines.append(f"{first} and {second} share {shared:,} sentences")
        return tuple(lines)

    def memory(self, dataset: Any, options: ReadOptions) -> dict[str, Any]:
        """Return format and columns of the training file."""
        from seqmap.data.source import Source

        layout = dataset.layout
        return {
            "format": layout.format,
            "extension": Source(dataset.path).extension,
            "columns": layout.columns,
            "token_column": layout.token_column,
            "tag_column": layout.tag_column,
            "scheme": layout.scheme,
            "given": {
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

        if not memory:
            return options
        found = same_columns(path, options, memory, format=memory["format"])
        # A file without tags lacks the column in which they stood.
        return found if labelled else replace(found, label_column=options.label_column)

    def inputs(self, path: str, options: ReadOptions) -> Iterator[Any]:
        """Stream the sentences of a file or a pipe; plain text is one a line."""
        from seqmap.data.tagging import iter_untagged

        _refuse_foreign(options)
        return iter_untagged(path, options)

    def limits(self, manifest: Mapping[str, Any]) -> tuple[str, ...]:
        """Tell what a tagger must not be trusted with."""
        return (
            "It finds only the types that it was trained on, and names of new kinds less often.",
            "Probabilities hold for texts like those of training; elsewhere they are too sure.",
            "It repeats what its tags hold, errors and prejudices included.",
        )

    def input_of(self, text: str) -> str:
        """Return the text itself."""
        return text

    def line(self, answer: Tagging) -> str:
        """Return `Type: text (probability)` for each entity, or `token/tag` for labels.

        If several readings were asked for, each begins with its own probability in brackets; those
        behind the best one are a column each.
        """
        return shown(answer)

    def record(self, answer: Tagging) -> dict[str, Any]:
        """Return an answer as plain values; what is not there is left out."""
        values = asdict(answer)
        optional = ["intent", "intent_probability", "alternatives"]
        if not answer.tokens and answer.entities:  # of a stream: places without a text
            optional += ["text", "tokens", "tags", "tag_probabilities"]
        for name in optional:
            if not values[name]:
                del values[name]
        return values

    # What training and deployment share.

    def fit_codecs(
        self,
        examples: Sequence[Sentence],
        config: Config,
        targets: TagSet,
        *,
        every: Sequence[Sentence] | None = None,
    ) -> TagCodecs:
        """Build words, letters, features, tags and intents from training data.

        Args:
            examples: What is learned from.
            config: Sizes of the vocabularies.
            targets: What is known of the tags.
            every: All of the training data: an intent that only held-out sentences have is learned
                from these in the end. None takes `examples`.
        """
        source = FormCodec.fit([s.tokens for s in examples], config)
        target = TagCodec.fit((s.tags for s in examples), spans=targets.spans)
        named = [(s.intent,) for s in every or examples if s.intent is not None]
        intents = LabelCodec.fit(named) if named else None
        return TagCodecs(source, target, intents, targets.tokeniser)

    def codec_state(self, codecs: TagCodecs) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return manifest entries and arrays that `restore_codecs` reads."""
        state, arrays = codecs.source.to_state()
        target = codecs.target.to_state()
        target["intents"] = None if codecs.intents is None else list(codecs.intents.names)
        cut = codecs.tokeniser
        source = {**state, "unit": cut.unit, "tokens": cut.to_state()}
        return {"source": source, "target": target}, arrays

    def restore_codecs(self, manifest: Mapping[str, Any], arrays: Mapping[str, Any]) -> TagCodecs:
        """Rebuild the codecs from an archive."""
        source, target = manifest["source"], manifest["target"]
        names = target["intents"]
        return TagCodecs(
            FormCodec.from_state(source, arrays),
            TagCodec.from_state(target),
            None if names is None else LabelCodec(names),
            Tokeniser.from_state(str(source["unit"]), source.get("tokens")),
        )

    def evaluate(
        self, truth: Sequence[Sentence], answers: Sequence[Tagging], codecs: TagCodecs
    ) -> Evaluation:
        """Score answers against tagged sentences."""
        from seqmap.tasks.tag_scores import evaluate_labels, evaluate_spans

        return (evaluate_spans if codecs.target.spans else evaluate_labels)(truth, answers)


def entities_of(sentence: Sentence, spans: Sequence[Any], chances: Sequence[float]) -> list[Entity]:
    """Return spans of tokens as entities in the text."""
    found = []
    for (start, end, kind), chance in zip(spans, chances, strict=True):
        begin, stop = sentence.offsets[start][0], sentence.offsets[end - 1][1]
        found.append(Entity(sentence.text[begin:stop], kind, begin, stop, chance))
    return found


def _refuse_foreign(options: ReadOptions) -> None:
    """Refuse options that say something about labels of whole texts."""
    for name in ("soft_columns", "label_separator", "label_names"):
        if getattr(options, name) is not None:
            option = "--" + name.replace("_", "-")
            raise DataError("this option means nothing to tagging", given=option)
