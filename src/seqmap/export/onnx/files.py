"""From a model to its graphs, and to what has to be known to feed them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from seqmap.codecs.char import CharCodec
from seqmap.codecs.word import WordCodec
from seqmap.errors import UserError
from seqmap.export.onnx import classify, tag
from seqmap.export.onnx.classify import Feeds
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.session import Session
from seqmap.runtime.tag import TagSession

Graphs = Mapping[str, onnx.ModelProto]


def graphs_of(session: Session) -> Graphs:
    """Return a model's graphs by the names of their files.

    Raises:
        UserError: Its task, or a part of it, is not exported.
    """
    if isinstance(session, ClassifySession):
        return {"model.onnx": classify.classifier(session)}
    if isinstance(session, TagSession):
        return {"model.onnx": tag.emissions_graph(session), "crf.onnx": tag.viterbi_graph(session)}
    raise UserError(
        "a model of this task cannot be exported to ONNX",
        given=session.task.name,
        allowed="classify (texts), tag",
    )


def feeds(session: Session, inputs: Sequence[Any]) -> Feeds:
    """Return what `model.onnx` is given for some inputs of a model.

    Args:
        session: The model that was exported.
        inputs: Texts; for a tagger also lists of tokens, each with one at least.
    """
    if isinstance(session, TagSession):
        return tag.tag_feeds(session, [session.sentence(given).tokens for given in inputs])
    assert isinstance(session, ClassifySession)
    return classify.classify_feeds(session, inputs)


def described(session: Session) -> str:
    """Return `model.json`: labels, and how text becomes the graphs' inputs."""
    source: Any = session.codecs.source
    facts: dict[str, Any] = {"task": session.task.name}
    if isinstance(session, TagSession):
        facts["labels"] = list(session.codecs.target.names)
        intents = session.codecs.intents
        facts["intents"] = [] if intents is None else list(intents.names)
        facts["unit"] = session.codecs.tokeniser.unit
        facts["tokens"] = session.codecs.tokeniser.to_state()
        facts["window"] = session.config.tag.window
        facts["temperature"] = session.search.temperature
        facts["longest_word"] = source.longest
        facts["words"] = list(source.words.symbols)
        facts["letters"] = list(source.letters.symbols)
        facts["feature_keys"] = source.features.tolist()
        facts["pair_keys"] = source.pairs.tolist()
        return json.dumps(facts, ensure_ascii=False)
    assert isinstance(session, ClassifySession)
    text = session.config.text
    facts |= {
        "labels": list(session.labels),
        "unit": source.unit,
        "several_labels": session.codecs.multi,
        "lowercase": source.lowercase,
        "max_length": text.max_length,
        "truncate": text.truncate,
    }
    if isinstance(source, WordCodec | CharCodec):
        facts["symbols"] = list(source.vocabulary.symbols)
    else:
        facts["symbols"] = [source.symbol(index) for index in range(source.size)]
    if session.wide is not None:
        space = session.wide.space
        facts["wide"] = {
            "words": space.spec.words,
            "characters": space.spec.characters,
            "keys": {name: keys.tolist() for name, keys in space.keys.items()},
            "scales": {name: scales.tolist() for name, scales in space.scales.items()},
        }
    return json.dumps(facts, ensure_ascii=False)
