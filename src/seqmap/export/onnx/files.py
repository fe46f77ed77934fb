"""From a model to its graphs, and to what has to be known to feed them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import onnx

from seqmap.codecs.char import CharCodec
from seqmap.codecs.pieces import BOUNDARY
from seqmap.codecs.word import WordCodec
from seqmap.errors import UserError
from seqmap.export.onnx import classify, language, tag, translate, vectors
from seqmap.export.onnx.classify import Feeds
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.forecast import ForecastSession
from seqmap.runtime.language import LanguageSession
from seqmap.runtime.session import Session
from seqmap.runtime.signal import SignalSession
from seqmap.runtime.tag import TagSession
from seqmap.runtime.transcribe import TranscribeSession
from seqmap.runtime.translate import TranslateSession

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
    if isinstance(session, TranslateSession):
        return {
            "encoder.onnx": translate.encoder_graph(session),
            "decoder.onnx": translate.decoder_graph(session),
        }
    if isinstance(session, LanguageSession):
        return {"model.onnx": language.language_graph(session)}
    if isinstance(session, SignalSession):
        return {"model.onnx": vectors.signal_graph(session)}
    if isinstance(session, ForecastSession):
        return {"model.onnx": vectors.forecast_graph(session)}
    if isinstance(session, TranscribeSession):
        return {"model.onnx": vectors.acoustic_graph(session)}
    raise UserError(
        "a model of this task cannot be exported to ONNX",
        given=session.task.name,
        allowed="classify, tag, translate, language, forecast, transcribe",
    )


def feeds(session: Session, inputs: Sequence[Any]) -> Feeds:
    """Return what `model.onnx`, or `encoder.onnx`, is given for some inputs of a model.

    Args:
        session: The model that was exported.
        inputs: Texts; for a tagger also lists of tokens, each with one at least; signals, series
            or sounds.
    """
    if isinstance(session, TranslateSession):
        return translate.translate_feeds(session, inputs)
    if isinstance(session, LanguageSession):
        return language.language_feeds(session, inputs)
    if isinstance(session, SignalSession | ForecastSession | TranscribeSession):
        return vectors.features_of(session, inputs)
    if isinstance(session, TagSession):
        return tag.tag_feeds(session, [session.sentence(given).tokens for given in inputs])
    assert isinstance(session, ClassifySession)
    return classify.classify_feeds(session, inputs)


def described(session: Session) -> str:
    """Return `model.json`: labels, and how text becomes the graphs' inputs."""
    if isinstance(session, SignalSession | ForecastSession | TranscribeSession):
        return json.dumps(_numbers_described(session), ensure_ascii=False)
    if isinstance(session, TranslateSession | LanguageSession):
        return json.dumps(_texts_described(session), ensure_ascii=False)
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


def _numbers_described(
    session: SignalSession | ForecastSession | TranscribeSession,
) -> dict[str, Any]:
    """Return how numbers become features, and outputs become answers."""
    manifest = session.archive.manifest
    facts: dict[str, Any] = {"task": session.task.name, "source": manifest["source"]}
    if isinstance(session, SignalSession):
        return facts | {"labels": list(session.labels)}
    if isinstance(session, TranscribeSession):
        target = session.codecs.target
        symbols = list(target.pieces)
        return facts | {"symbols": symbols, "blank": 0, "audio": session.config.to_dict()["audio"]}
    return facts | {
        "levels": list(session.levels),
        "coverage": session.coverage,
        "margins": session.margins.tolist(),
    }


def _texts_described(session: TranslateSession | LanguageSession) -> dict[str, Any]:
    """Return the symbols of models that write."""
    facts: dict[str, Any] = {"task": session.task.name, "config": session.config.to_dict()["text"]}
    source: Any = session.codecs.source
    facts["source"] = [source.symbol(index) for index in range(source.size)]
    if isinstance(session, TranslateSession):
        target = session.codecs.target
        facts["target"] = [target.symbol(index) for index in range(target.size)]
        facts["boundary"] = BOUNDARY
        facts["search"] = asdict(session.options)
    return facts
