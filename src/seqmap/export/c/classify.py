"""A classifier in C."""

from __future__ import annotations

from typing import Any

import numpy as np

from seqmap.codecs.char import CharCodec
from seqmap.codecs.word import WordCodec
from seqmap.errors import UserError
from seqmap.export.c.characters import add_folding, add_kinds
from seqmap.export.c.network import SCRATCH, add_dense, add_encoder, add_pooling, refuse_encoder
from seqmap.export.c.numbers import vectors
from seqmap.export.c.program import Program
from seqmap.export.c.symbols import add_vocabulary, alphabet_of, longest_of
from seqmap.runtime.classify import ClassifySession

HELD = 160
"""Characters of a run that wait for its end; twice `SM_REACH` of `words.c`."""
FEATURES = 16_384
"""Different n-grams of a text that the wide branch can hold, unless the compiler is told more."""
_WORD_BYTES = 64 * 33 + 8  # the longest folded form: 64 characters, each of 33 bytes at most
_SHORT = 72


def classify_program(session: ClassifySession, prefix: str) -> Program:
    """Return a classifier as C.

    Raises:
        UserError: It has a part that the C runtime does not have.
    """
    codec, config = session.codecs.source, session.config
    refuse_encoder(config)
    if not isinstance(codec, WordCodec | CharCodec):
        raise UserError(
            "this model's symbols cannot be exported to C",
            given=codec.unit,
            allowed="word, char",
            remedy="Train with --set text.unit=word or --set text.unit=char",
        )
    wide: Any = session.wide
    program = Program(prefix, parts=["base.c", "text.c", "input.c"], labels=session.labels)
    forward = config.encoder.direction == "forward"
    program.public |= {
        "CLASSES": len(session.labels),
        "MULTI": int(session.codecs.multi),
        "STREAMS": int(forward and wide is None),
        "SYMBOLS": config.text.max_length,
    }
    if wide is not None:
        add_wide(program, session, wide)
    rows = _add_symbols(program, codec, wide)
    _add_network(program, session, rows)
    program.parts.append("classify.c")
    program.fields += [
        ("uint32_t", "symbols", ()),
        ("uint32_t", "point", ()),
        ("uint32_t", "open", (8,)),
        ("int", "open_count", ()),
        ("int", "streams", ()),
        ("int", "need", ()),
        ("uint8_t", "low", ()),
        ("uint8_t", "high", ()),
    ]
    return program


def _add_symbols(program: Program, codec: WordCodec | CharCodec, wide: Any) -> list[int]:
    """Add what turns text into symbols; returns the rows of the embedding in the order of C."""
    words = isinstance(codec, WordCodec)
    wide_words = wide is not None and wide.space.spec.words > 0
    rows = add_vocabulary(program, codec.vocabulary, "sm_symbols")
    add_kinds(program, tagger=False)
    alphabet = None if wide is not None else alphabet_of(codec.vocabulary)
    add_folding(program, "sm_folding_symbols", lowercase=codec.lowercase, alphabet=alphabet)
    splits = words or wide_words
    longest = max(_SHORT, longest_of(codec.vocabulary) + 8, _WORD_BYTES if wide_words else 0)
    program.own |= {
        "UNIT_WORD": int(words),
        "UNIT_CHAR": int(not words),
        "LOWERCASE": int(codec.lowercase),
        "SPLITS": int(splits),
        "LONGEST": longest,
    }
    if splits:
        program.parts.append("words.c")
        program.own["HELD"] = HELD
        lower = "symbols" if words or codec.lowercase else "lower"
        program.own["FOLDING_WORDS"] = f"sm_folding_{lower}"
        program.fields += [("uint32_t", "held", (HELD,)), ("int", "held_count", ())]
    if wide_words and not codec.lowercase:
        add_folding(program, "sm_folding_lower", lowercase=True, alphabet=None)
    if not words:
        program.fields.append(("int", "blank", ()))
    program.fields.append(("uint8_t", "symbol", (longest,)))
    return rows


def _add_network(program: Program, session: ClassifySession, rows: list[int]) -> None:
    config, arrays = session.config, session.archive.arrays
    encoder, text, classes = config.encoder, config.text, len(session.labels)
    size, forward = config.embedding.size, encoder.direction == "forward"
    shape = (session.codecs.source.size, size)
    vectors(program, arrays, "embedding.weight", shape, "sm_embedding", rows)
    width = add_encoder(program, arrays, size, encoder, "encoder.", "sm_encoder")
    operations = program.operations
    pooled = add_pooling(program, arrays, config, width)
    if config.head.pooling == "attention":
        operations = program.operations
    add_dense(program, arrays, "head", (classes, pooled), "sm_head")
    program.operations = operations
    stores = not forward or text.truncate != "end"
    head = {"end": text.max_length, "start": 0, "middle": (text.max_length + 1) // 2}
    program.own |= {
        "FORWARD": int(forward),
        "STORES": int(stores),
        "HEAD": head[text.truncate],
        "LAYERS": encoder.layers,
        "HIDDEN": encoder.hidden,
        "WIDE": int(session.wide is not None),
        "DEEP_FACTOR": repr(session.factors[0]),
        "WIDE_FACTOR": repr(session.factors[1]),
    }
    for name in ("WIDE_WORDS", "WIDE_CHARS"):
        program.own.setdefault(name, 0)
    program.table("double", "sm_bias", session.factors[2])
    if stores:
        program.types.append(f"typedef uint{16 if len(rows) <= 1 << 16 else 32}_t @p@_id;\n")
        kind = "uint16_t" if len(rows) <= 1 << 16 else "uint32_t"
        program.fields.append((kind, "ids", (text.max_length,)))
    carried: tuple[int, ...] = (encoder.layers, encoder.hidden) if forward else (encoder.hidden,)
    program.fields += [
        ("float", "input", (size,)),
        ("float", "h", carried),
        ("float", "c", carried),
        ("float", "scratch", (SCRATCH[encoder.name] * encoder.hidden,)),
    ]
    program.parts += ["pooling.c", "network_forward.c" if forward else "network_both.c"]
    if not forward:
        kept = encoder.layers - 1 + (config.head.pooling == "attention")
        program.own["BUFFERS"] = min(2, kept)
        if kept:
            sizes = (min(2, kept), text.max_length, width)
            program.fields.append(("float", "states", sizes))


def add_wide(program: Program, session: ClassifySession, wide: Any) -> None:
    """Add the wide branch."""
    space = wide.space
    spec = space.spec
    program.parts.append("wide.c")
    program.public["TOO_LONG"] = -1
    program.types.append(
        f"#ifndef @P@_FEATURES /* different n-grams of a text; define more for longer ones */\n"
        f"#define @P@_FEATURES {min(FEATURES, max(1, space.size))}\n#endif\n"
        "typedef struct {\n    uint32_t number, count;\n} @p@_feature;\n"
    )
    for name, to in (("words", "word"), ("characters", "char")):
        keys = space.keys.get(name)
        if keys is None:
            continue
        program.table("uint32_t", f"sm_{to}_keys", keys)
        halves = space.scales[name].astype(np.float16).view(np.uint16)
        program.table("uint16_t", f"sm_{to}_scales", halves)
        program.objects.append(
            f"static const sm_features sm_{to}_features ="
            f" {{sm_{to}_keys, sm_{to}_scales, {len(keys)}}};\n"
        )
    program.own |= {
        "WIDE_WORDS": spec.words if "words" in spec.blocks else 0,
        "WIDE_CHARS": spec.characters if "characters" in spec.blocks else 0,
        "WORD_FEATURES": len(space.keys.get("words", ())),
    }
    program.table("int8_t", "sm_wide_weights", wide.weights)
    program.table("float", "sm_wide_steps", wide.steps)
    program.table("float", "sm_wide_bias", wide.bias)
    if spec.words:
        program.fields += [("uint64_t", "words", (spec.words,)), ("int", "words_count", ())]
    if "characters" in spec.blocks:
        program.fields += [("uint64_t", "chars", (spec.characters,)), ("int", "chars_count", ())]
        add_folding(program, "sm_folding_keep", lowercase=False, alphabet=None)
    program.fields += [
        ("uint32_t", "found_count", ()),
        ("int", "full", ()),
        (f"{program.prefix}_feature", "found", (min(FEATURES, max(1, space.size)),)),
    ]
