"""A tagger as two ONNX graphs: the scores of all tags, and the best sequence of tags.

    words           (batch, time) int64           words by their place in the vocabulary; 0 fills up
    lengths         (batch,) int64                tokens of each text, at least one
    letters         (batch, time, letters) int64  letters of each token; 0 fills up
    letter_counts   (batch, time) int64           letters of each token, 1 where there is no token
    shapes          (batch, time) int64           shape classes (`seqmap.features.forms`)
    pairs           (batch, time) int64           vectors of neighbouring tokens
    features        (batch, time, features) int64 lexical features of each token; -1 fills up
    emissions       (batch, time, tags) float     the score of every tag at every token
    intents         (batch, intents) float        how probable each intent of the whole text is

and the second graph, from `emissions` and `lengths` to

    tags            (batch, time) int64           the best sequence; -1 behind a text's end

Inputs of parts that the model does not have are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from seqmap.export.onnx.classify import Feeds, padded
from seqmap.export.onnx.encoders import encoded, width_of
from seqmap.export.onnx.graph import Graph
from seqmap.export.onnx.network import added, inside, looked_up, pooled
from seqmap.features.forms import SHAPES
from seqmap.features.window import REACH, WIDTH
from seqmap.runtime.members import member_arrays, member_prefix
from seqmap.runtime.ops import Arrays
from seqmap.runtime.ops.weights import scales_of, take
from seqmap.runtime.tag import TagSession


def emissions_graph(session: TagSession) -> onnx.ModelProto:
    """Return the graph from tokens to the scores of all tags."""
    config, tags = session.config, len(session.codecs.target)
    graph = Graph("emissions")
    words = graph.input("words", "int64", "batch", "time")
    lengths = graph.input("lengths", "int64", "batch")
    short = graph.add("Cast", lengths, to=6)
    given = _declared(graph, session, words)
    found = [
        _member(graph, session, place, given, lengths, short) for place in range(config.tag.members)
    ]
    scores = graph.add("Sum", *(emissions for emissions, _ in found))
    if len(session.codecs.source.features):
        scores = graph.add("Add", scores, _window(graph, session, tags))
    graph.output("emissions", scores, "float", "batch", "time", tags)
    if session.codecs.intents is not None:
        logits = graph.add("Sum", *(own for _, own in found))
        warm = graph.add("Div", logits, graph.constant(session.intent_temperature, np.float32))
        count = len(session.codecs.intents)
        graph.output("intents", graph.add("Softmax", warm, axis=1), "float", "batch", count)
    return graph.model(str(__doc__))


@dataclass(frozen=True)
class _Given:
    """The names of a graph's inputs; empty where the model has no such part."""

    words: str
    letters: str = ""
    counts: str = ""
    shapes: str = ""
    pairs: str = ""


def _declared(graph: Graph, session: TagSession, words: str) -> _Given:
    tag = session.config.tag
    letters = counts = shapes = pairs = ""
    if tag.characters == "lstm":
        letters = graph.input("letters", "int64", "batch", "time", "letters")
        counts = graph.input("letter_counts", "int64", "batch", "time")
    if tag.shape_size:
        shapes = graph.input("shapes", "int64", "batch", "time")
    if len(session.codecs.source.pairs):
        pairs = graph.input("pairs", "int64", "batch", "time")
    return _Given(words, letters, counts, shapes, pairs)


def _member(
    graph: Graph, session: TagSession, place: int, given: _Given, lengths: str, short: str
) -> tuple[str, str]:
    """Return the scores of one network, (batch, time, tags), and its logits of intents or ''."""
    config, tags = session.config, len(session.codecs.target)
    arrays = member_arrays(session.archive.arrays, place)
    graph.scope = member_prefix(place)
    joined, size = _inputs(graph, session, arrays, given)
    turned = graph.add("Transpose", joined, perm=[1, 0, 2])
    states, last = encoded(graph, arrays, turned, short, size, config.encoder, "encoder.")
    width = width_of(config.encoder)
    scores = added(graph, arrays, "output", (tags, width), states)
    logits = ""
    if session.codecs.intents is not None:
        vector, features = pooled(graph, arrays, config, states, last, lengths, width)
        logits = added(graph, arrays, "intent", (len(session.codecs.intents), features), vector)
    graph.scope = ""
    return graph.add("Transpose", scores, perm=[1, 0, 2]), logits


def _inputs(graph: Graph, session: TagSession, arrays: Arrays, given: _Given) -> tuple[str, int]:
    """Return what an encoder reads, (batch, time, size)."""
    config, codec = session.config, session.codecs.source
    tag, size = config.tag, config.embedding.size
    parts = [looked_up(graph, arrays, "words.weight", (codec.size, size), given.words)]
    if given.letters:
        parts.append(_spelled(graph, session, arrays, given))
        size += 2 * tag.character_hidden
    if given.shapes:
        shape = (len(SHAPES), tag.shape_size)
        parts.append(looked_up(graph, arrays, "shapes.weight", shape, given.shapes))
        size += tag.shape_size
    if given.pairs:
        shape = (len(codec.pairs) + 2, tag.pair_size)
        parts.append(looked_up(graph, arrays, "pairs.weight", shape, given.pairs))
        size += tag.pair_size
    return graph.add("Concat", *parts, axis=2), size


def _spelled(graph: Graph, session: TagSession, arrays: Arrays, given: _Given) -> str:
    """Read the letters of every token, (batch, time, 2 hidden)."""
    config, tag = session.config, session.config.tag
    letters, counts = given.letters, given.counts
    shape = graph.add("Shape", letters)
    longest = graph.add("Slice", shape, graph.ints(2), graph.ints(3))
    rows = graph.add("Reshape", letters, graph.add("Concat", graph.ints(-1), longest, axis=0))
    turned = graph.add("Transpose", rows, perm=[1, 0])
    flat = graph.add("Cast", graph.add("Reshape", counts, graph.ints(-1)), to=6)
    size = (len(session.codecs.source.letters), tag.character_size)
    x = looked_up(graph, arrays, "letters.embedding.weight", size, turned)
    spelling = config.replace(
        encoder__name="lstm",
        encoder__hidden=tag.character_hidden,
        encoder__direction="both",
        encoder__layers=1,
    ).encoder
    _, last = encoded(graph, arrays, x, flat, tag.character_size, spelling, "letters.encoder.")
    width = graph.ints(2 * tag.character_hidden)
    texts = graph.add("Slice", shape, graph.ints(0), graph.ints(2))
    return graph.add("Reshape", last, graph.add("Concat", texts, width, axis=0))


def _window(graph: Graph, session: TagSession, tags: int) -> str:
    """Return what lexical features say, (batch, time, tags); see `seqmap.features.window`."""
    arrays, name = session.archive.arrays, "features.weight"
    count = len(session.codecs.source.features)
    weights = take(arrays, name, count, WIDTH * tags)
    features = graph.input("features", "int64", "batch", "time", "features")
    nothing = np.zeros((1, weights.shape[1]))
    if arrays[name].dtype == np.int8:
        table = np.concatenate([arrays[name], nothing.astype(np.int8)])
        scales = np.concatenate([scales_of(arrays, name), np.ones(1, np.float32)])[:, None]
        steps = graph.add("Gather", graph.constant(table, name=name), features)
        scale = graph.add("Gather", graph.constant(scales), features)
        brought = graph.add("Mul", graph.add("Cast", steps, to=1), scale)
    else:
        table = np.concatenate([weights, nothing.astype(np.float32)])
        brought = graph.add("Gather", graph.constant(table, name=name), features)
    brought = graph.add("ReduceSum", brought, graph.ints(2), keepdims=0)
    brought = graph.add("Reshape", brought, graph.ints(0, 0, WIDTH, tags))
    # What the token at t + shift says about the one at t: moved, with zeros from beyond the ends.
    around = graph.add("Pad", brought, graph.ints(0, REACH, 0, 0, 0, REACH, 0, 0))
    parts = []
    for place in range(WIDTH):
        end = place - 2 * REACH or np.iinfo(np.int64).max
        part = graph.add(
            "Slice",
            around,
            graph.ints(place, place),
            graph.ints(end, place + 1),
            graph.ints(1, 2),
        )
        parts.append(graph.add("Squeeze", part, graph.ints(2)))
    return graph.add("Sum", *parts)


def viterbi_graph(session: TagSession) -> onnx.ModelProto:
    """Return the graph from scores to the best sequence of tags (the search of a CRF)."""
    chain, tags = session.search.chain, len(session.codecs.target)
    graph = Graph("viterbi")
    emissions = graph.input("emissions", "float", "batch", "time", tags)
    lengths = graph.input("lengths", "int64", "batch")
    steps = graph.add("Transpose", emissions, perm=[1, 0, 2])
    first = graph.add("Gather", steps, graph.constant(0, np.int64))
    begun = graph.add("Add", first, graph.constant(chain.start, np.float32))
    rest = graph.add("Slice", steps, graph.ints(1), graph.ints(np.iinfo(np.int64).max))
    # A step more, at which every text has ended: a loop needs one step at least.
    rest = graph.add("Concat", rest, graph.add("Unsqueeze", first, graph.ints(0)), axis=0)
    transitions = graph.constant(chain.transitions, np.float32)
    _, score, pointers = graph.add_many(
        "Scan",
        [graph.constant(np.int64(1)), begun, rest],
        3,
        num_scan_inputs=1,
        body=_forwards(tags, transitions, lengths),
    )
    final = graph.add("Add", score, graph.constant(chain.end, np.float32))
    best = graph.add("ArgMax", final, axis=1, keepdims=0)
    _, path = graph.add_many(
        "Scan",
        [best, pointers],
        2,
        num_scan_inputs=1,
        scan_input_directions=[1],
        scan_output_directions=[1],
        body=_backwards(tags),
    )
    wide = graph.add("Unsqueeze", path, graph.ints(2))  # (time, batch, 1)
    mask = inside(graph, wide, lengths)
    shown = graph.add("Where", mask, wide, graph.constant(-1, np.int64))
    flat = graph.add("Squeeze", shown, graph.ints(2))
    graph.output("tags", graph.add("Transpose", flat, perm=[1, 0]), "int64", "batch", "time")
    return graph.model(str(__doc__))


def _forwards(tags: int, transitions: str, lengths: str) -> onnx.GraphProto:
    """One step of the search: the best way into every tag, and where it comes from."""
    body = Graph("forwards")
    step = body.input("step", "int64")
    score = body.input("score", "float", "batch", tags)
    emission = body.input("emission", "float", "batch", tags)
    ways = body.add("Add", body.add("Unsqueeze", score, body.ints(2)), transitions)
    came_from = body.add("ArgMax", ways, axis=1, keepdims=0)
    reached = body.add("Add", body.add("ReduceMax", ways, axes=[1], keepdims=0), emission)
    goes_on = body.add("Unsqueeze", body.add("Less", step, lengths), body.ints(1))
    same = body.constant(np.arange(tags, dtype=np.int64)[None])
    after = body.add("Add", step, body.constant(1, np.int64))
    body.output("step_after", after, "int64")
    body.output("score_after", body.add("Where", goes_on, reached, score), "float", "batch", tags)
    body.output("pointers", body.add("Where", goes_on, came_from, same), "int64", "batch", tags)
    return body.proto()


def _backwards(tags: int) -> onnx.GraphProto:
    """One step back along the best way."""
    body = Graph("backwards")
    tag = body.input("tag", "int64", "batch")
    pointers = body.input("pointers_here", "int64", "batch", tags)
    place = body.add("Unsqueeze", tag, body.ints(1))
    before = body.add("Squeeze", body.add("GatherElements", pointers, place, axis=1), body.ints(1))
    body.output("tag_before", before, "int64", "batch")
    body.output("tag_here", before, "int64", "batch")
    return body.proto()


def tag_feeds(session: TagSession, sentences: Sequence[Sequence[str]]) -> Feeds:
    """Return what the first graph is given for some sentences of tokens, each with one at least."""
    codec, tag = session.codecs.source, session.config.tag
    forms = [[codec.forms[token] for token in tokens] for tokens in sentences]
    time = max(map(len, forms))
    lengths = np.array([len(own) for own in forms], np.int64)
    words = padded([np.array([f.word for f in own]) for own in forms], 0, np.int64)
    feeds: Feeds = {"words": words, "lengths": lengths}
    if tag.characters == "lstm":
        longest = max(len(f.letters) for own in forms for f in own)
        letters = np.zeros((len(forms), time, longest), np.int64)
        counts = np.ones((len(forms), time), np.int64)
        for row, own in enumerate(forms):
            for place, form in enumerate(own):
                letters[row, place, : len(form.letters)] = form.letters
                counts[row, place] = len(form.letters)
        feeds |= {"letters": letters, "letter_counts": counts}
    if tag.shape_size:
        feeds["shapes"] = padded([np.array([f.shape for f in o]) for o in forms], 0, np.int64)
    if not len(codec.pairs) and not len(codec.features):
        return feeds
    neighbours = [codec.encode_pairs(own) for own in forms]
    if len(codec.pairs):
        feeds["pairs"] = padded([vectors for vectors, _ in neighbours], 0, np.int64)
    if len(codec.features):
        most = max(len(f.keys) for own in forms for f in own) + 3
        features = np.full((len(forms), time, most), -1, np.int64)
        for row, own in enumerate(forms):
            for place, form in enumerate(own):
                features[row, place, : len(form.keys)] = form.keys
                features[row, place, most - 3 :] = neighbours[row][1][place]
        feeds["features"] = features
    return feeds
