"""A tagger in C."""

from __future__ import annotations

import numpy as np

from seqmap.data.tagging.schemes import OUTSIDE, split_tag
from seqmap.data.tagging.tokens import Tokeniser
from seqmap.errors import UserError
from seqmap.export.c.characters import add_folding, add_kinds
from seqmap.export.c.network import (
    SCRATCH,
    add_dense,
    add_encoder,
    add_pooling,
    refuse_encoder,
)
from seqmap.export.c.numbers import vectors
from seqmap.export.c.program import Program
from seqmap.export.c.symbols import add_vocabulary, alphabet_of, longest_of
from seqmap.features.forms import SHAPES
from seqmap.features.window import WIDTH
from seqmap.runtime.ops.weights import scales_of, take
from seqmap.runtime.tag import TagSession

_SHORT = 72


def tag_program(session: TagSession, prefix: str) -> Program:
    """Return a tagger as C.

    Raises:
        UserError: It has a part that the C runtime does not have.
    """
    config, codec, target = session.config, session.codecs.source, session.codecs.target
    refuse_encoder(config)
    if config.tag.members > 1:
        raise UserError(
            "a tagger of several networks cannot be exported to C",
            given=f"tag.members={config.tag.members}",
            remedy="Train with --set tag.members=1, or export to ONNX",
        )
    program = Program(
        prefix, parts=["base.c", "text.c", "tokens.c", "forms.c"], labels=session.labels
    )
    program.public |= {
        "TYPES": len(session.labels),
        "TAGS": len(target),
        "WINDOW": config.tag.window,
        "INTENTS": 0 if session.codecs.intents is None else len(session.codecs.intents),
    }
    lexical = len(codec.features) + len(codec.pairs) > 0
    rows = add_vocabulary(program, codec.words, "sm_words")
    alphabet = None if lexical else alphabet_of(codec.words, codec.letters)
    add_kinds(program, tagger=True)
    add_folding(program, "sm_folding_lower", lowercase=True, alphabet=alphabet)
    add_folding(program, "sm_folding_keep", lowercase=False, alphabet=alphabet, letters=True)
    longest = max(_SHORT, longest_of(codec.words) + 8)
    program.own |= {
        "UNIT_WORD": int(session.codecs.tokeniser.unit == "word"),
        "SPANS": int(target.spans),
        "LONGEST": longest,
        "LONGEST_WORD": codec.longest,
        "TEMPERATURE": repr(float(session.search.temperature)),
        "FEATURES": len(codec.features),
        "PAIRS": len(codec.pairs),
        "SHAPES": int(config.tag.shape_size > 0),
        "LETTERS": int(config.tag.characters == "lstm"),
    }
    _add_tokens(program, session.codecs.tokeniser)
    size = _add_inputs(program, session, rows)
    _add_network(program, session, size)
    _add_chain(program, session)
    _add_intents(program, session)
    program.parts += ["tagger.c", "crf.c", "tag.c"]
    program.fields += [
        ("uint16_t", "letters", (codec.longest,)),
        ("uint8_t", "symbol", (longest,)),
    ]
    return program


def _add_tokens(program: Program, tokeniser: Tokeniser) -> None:
    """Add how raw text is cut."""
    marks = {
        "sm_letter_marks": tokeniser.letters,
        "sm_digit_marks": tokeniser.digits,
        "sm_marks_before": tokeniser.before,
    }
    for name, found in marks.items():
        program.table("uint32_t", name, np.array([*map(ord, found)], np.uint32))
        program.own[name.removeprefix("sm_").upper()] = len(found)
    words = [word.encode() for word in tokeniser.abbreviations]
    packed = b"".join(bytes([len(word)]) + word for word in words) + b"\0"
    program.table("unsigned char", "sm_abbreviations", np.frombuffer(packed, np.uint8))
    program.own["STOPS"] = int(tokeniser.stops)


def _add_inputs(program: Program, session: TagSession, rows: list[int]) -> int:
    """Add all that a token brings; returns how many numbers the network reads."""
    arrays, config, codec = session.archive.arrays, session.config, session.codecs.source
    tag, size = config.tag, config.embedding.size
    vectors(program, arrays, "words.weight", (codec.size, size), "sm_word_vectors", rows)
    program.own["WORD_SIZE"] = size
    if tag.characters == "lstm":
        order = add_vocabulary(program, codec.letters, "sm_letter_symbols")
        shape = (len(codec.letters), tag.character_size)
        name = "letters.embedding.weight"
        vectors(program, arrays, name, shape, "sm_letter_vectors", order)
        spelling = config.replace(
            encoder__name="lstm",
            encoder__hidden=tag.character_hidden,
            encoder__direction="both",
            encoder__layers=1,
        ).encoder
        before = program.operations
        add_encoder(program, arrays, tag.character_size, spelling, "letters.encoder.", "sm_speller")
        # A word has some five letters.
        program.operations = before + 5 * (program.operations - before)
        program.own["LETTER_HIDDEN"] = tag.character_hidden
        program.fields.append(("float", "letter", (tag.character_size,)))
        size += 2 * tag.character_hidden
    if tag.shape_size:
        shape = (len(SHAPES), tag.shape_size)
        vectors(program, arrays, "shapes.weight", shape, "sm_shape_vectors")
        size += tag.shape_size
    pairs = len(codec.pairs)
    if pairs:
        program.table("uint32_t", "sm_pair_keys", codec.pairs)
        shape, known = (pairs + 2, tag.pair_size), range(1, pairs + 2)
        vectors(program, arrays, "pairs.weight", shape, "sm_pair_vectors", known)
        program.own["PAIR_SIZE"] = tag.pair_size
        size += tag.pair_size
    _add_features(program, session)
    program.own["INPUT"] = size
    return size


def _add_features(program: Program, session: TagSession) -> None:
    arrays, codec = session.archive.arrays, session.codecs.source
    count, columns, name = (
        len(codec.features),
        WIDTH * len(session.codecs.target),
        "features.weight",
    )
    program.own["FEATURES_INT8"] = 0
    if not count:
        return
    program.table("uint32_t", "sm_feature_keys", codec.features)
    weights = take(arrays, name, count, columns)
    if arrays[name].dtype == np.int8:
        program.own["FEATURES_INT8"] = 1
        program.table("int8_t", "sm_feature_weights", arrays[name])
        program.table("float", "sm_feature_scales", scales_of(arrays, name))
    else:
        program.table("float", "sm_feature_weights", weights)


def _add_network(program: Program, session: TagSession, size: int) -> None:
    arrays, config, tags = session.archive.arrays, session.config, len(session.codecs.target)
    encoder, window = config.encoder, config.tag.window
    width = add_encoder(program, arrays, size, encoder, "encoder.", "sm_encoder")
    add_dense(program, arrays, "output", (tags, width), "sm_output")
    buffers = min(2, encoder.layers)
    spelled = config.tag.character_hidden if config.tag.characters == "lstm" else 0
    program.own |= {
        "LAYERS": encoder.layers,
        "SIDES": 2 if encoder.direction == "both" else 1,
        "HIDDEN": encoder.hidden,
        "BUFFERS": buffers,
    }
    program.fields += [
        (f"{program.prefix}_token", "tokens", (window + 1,)),
        ("uint64_t", "hashes", (window, 2)),
        ("double", "row", (2, tags)),
        ("double", "beta", (window, tags)),
        ("double", "marginal", (window,)),
        ("double", "conditional", (window,)),
        ("float", "inputs", (window, size)),
        ("float", "states", (buffers, window, width)),
        ("float", "emissions", (window, tags)),
        ("float", "h", (encoder.hidden,)),
        ("float", "c", (max(encoder.hidden, spelled),)),
        ("float", "scratch", (max(SCRATCH[encoder.name] * encoder.hidden, 4 * spelled),)),
    ]


def _add_chain(program: Program, session: TagSession) -> None:
    """Add the scores between tags, and what tags mark."""
    target, chain = session.codecs.target, session.search.chain
    tags = len(target)
    kind = f"uint{8 if tags <= 256 else 16}_t"
    program.types.append(f"typedef {kind} @p@_tag_id;\n")
    program.fields += [
        (kind, "pointers", (session.config.tag.window, tags)),
        (kind, "tags", (session.config.tag.window,)),
    ]
    program.table("float", "sm_transitions", chain.transitions)
    program.table("float", "sm_start", chain.start)
    program.table("float", "sm_end", chain.end)
    if target.spans:
        parts = [split_tag(name) for name in target.names]
        types = {name: number for number, name in enumerate(session.labels)}
        marks = [ord(mark) for mark, _ in parts]
        program.table("char", "sm_tag_marks", np.array(marks, np.int64))
        numbers = [0 if mark == OUTSIDE else types[name] for mark, name in parts]
        program.table("int16_t", "sm_tag_types", np.array(numbers, np.int64))


def _add_intents(program: Program, session: TagSession) -> None:
    """Add what tells the intent of a whole text."""
    intents, encoder = session.codecs.intents, session.config.encoder
    program.own["INTENTS"] = 0 if intents is None else len(intents)
    if intents is None:
        return
    arrays = session.archive.arrays
    width = encoder.hidden * (2 if encoder.direction == "both" else 1)
    pooled = add_pooling(program, arrays, session.config, width)
    add_dense(program, arrays, "intent", (len(intents), pooled), "sm_intent")
    program.own["INTENT_TEMPERATURE"] = repr(float(session.intent_temperature))
    program.intents = intents.names
    program.fields.append(("float", "intents", (len(intents),)))
    program.parts.append("pooling.c")
