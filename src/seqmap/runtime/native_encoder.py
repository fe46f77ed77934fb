"""What `native/include/seqmap_infer.h` declares of encoders, and arrays as it takes them."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, c_int32, c_int64, c_void_p
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqmap.errors import ConfigError
from seqmap.runtime import native
from seqmap.runtime.container import BF16
from seqmap.runtime.ops.weights import scales_of, widened

PRECISIONS = {"fp32": 0, "bf16": 1, "int8": 2}
POOLINGS = {"none": 0, "last": 1, "mean": 2, "max": 3, "mean-max": 4, "attention": 5}
TABLES = {"auto": 0, "none": 1, "fp32": 2, "bf16": 3}


class EncoderConfig(ctypes.Structure):
    """The C struct seqmap_encoder_config."""

    _fields_ = [
        (name, c_int32)
        for name in (
            "bytes",
            "vocabulary",
            "input_size",
            "hidden",
            "layers",
            "directions",
            "pooling",
            "attention",
            "classes",
            "precision",
            "table",
            "embedding",
        )
    ] + [("table_bytes", c_int64)]


class EncoderWeights(ctypes.Structure):
    """The C struct seqmap_encoder_weights."""

    _fields_ = [
        ("embedding", c_void_p),
        ("embedding_scale", c_void_p),
        ("w_ih", POINTER(c_void_p)),
        ("w_hh", POINTER(c_void_p)),
        ("bias", POINTER(c_void_p)),
        ("attention_weight", c_void_p),
        ("attention_bias", c_void_p),
        ("attention_context", c_void_p),
        ("head_weight", c_void_p),
        ("head_bias", c_void_p),
    ]


def core() -> ctypes.CDLL:
    """Return the core, its functions declared."""
    found = native.require()
    pointer, number, big = c_void_p, c_int32, c_int64
    native.declare(
        found,
        {
            "seqmap_encoder_create": (
                [POINTER(EncoderConfig), POINTER(EncoderWeights), POINTER(c_void_p)],
                number,
            ),
            "seqmap_encoder_destroy": ([pointer], None),
            "seqmap_encoder_warm": ([pointer], number),
            "seqmap_encoder_bytes": ([pointer, number], big),
            "seqmap_encoder_run": (
                [pointer, pointer, pointer, pointer, big, pointer, pointer, pointer],
                number,
            ),
            "seqmap_encoder_document": ([pointer, ctypes.c_char_p, big, pointer], number),
            "seqmap_encoder_state_bytes": ([pointer], big),
            "seqmap_encoder_state_init": ([pointer, pointer], number),
            "seqmap_encoder_feed": ([pointer, pointer, pointer, pointer, big, pointer], number),
            "seqmap_encoder_step": ([pointer, pointer, number, pointer], number),
            "seqmap_encoder_result": ([pointer, pointer, pointer, pointer], number),
        },
    )
    return found


def choice(name: str, given: str, allowed: Mapping[str, int]) -> int:
    """Return the number that the core knows a choice by.

    Raises:
        ConfigError: There is no such choice.
    """
    if given not in allowed:
        raise ConfigError(f"unknown {name} of a native encoder", given=given, allowed=allowed)
    return allowed[given]


def collect(
    arrays: Mapping[str, NDArray[Any]], prefix: str, config: EncoderConfig
) -> tuple[dict[str, NDArray[Any]], EncoderWeights]:
    """Fill in `config` from the shapes; the arrays returned keep the weights' pointers valid."""
    kept: dict[str, NDArray[Any]] = {}

    def pointer(name: str, *shape: int) -> int:
        array = np.ascontiguousarray(widened(arrays, name), np.float32)
        if array.shape != shape:
            raise native.NativeError(f"{name} has the shape {array.shape}, not {shape}")
        kept[name] = array
        return int(array.ctypes.data)

    layers = 0
    while f"{prefix}.layers.{layers}.forward.w_hh" in arrays:
        layers += 1
    if layers == 0:
        raise native.NativeError(f"there is no {prefix}.layers.0.forward.w_hh")
    sides = ["forward", "backward"]
    sides = [side for side in sides if f"{prefix}.layers.0.{side}.w_hh" in arrays]
    hidden = arrays[f"{prefix}.layers.0.forward.w_hh"].shape[-1]
    size = len(sides) * hidden
    config.hidden, config.layers, config.directions = hidden, layers, len(sides)
    config.input_size = arrays[f"{prefix}.layers.0.forward.w_ih"].shape[-1]
    weights = EncoderWeights()
    shapes = {"w_ih": (4 * hidden, 0), "w_hh": (4 * hidden, hidden), "bias": (4 * hidden,)}
    for field, shape in shapes.items():
        table = (c_void_p * (layers * len(sides)))()
        for layer in range(layers):
            for d, side in enumerate(sides):
                if field == "w_ih":
                    shape = (4 * hidden, size if layer else config.input_size)
                table[layer * len(sides) + d] = pointer(
                    f"{prefix}.layers.{layer}.{side}.{field}", *shape
                )
        setattr(weights, field, table)
    if "embedding.weight" in arrays:
        config.vocabulary = len(arrays["embedding.weight"])
        kept |= _embedding(arrays, config, weights)
    if config.pooling == POOLINGS["attention"]:
        config.attention = len(arrays["pooling.context"])
        weights.attention_weight = pointer("pooling.project.weight", config.attention, size)
        weights.attention_bias = pointer("pooling.project.bias", config.attention)
        weights.attention_context = pointer("pooling.context", config.attention)
    if "head.weight" in arrays and config.pooling != POOLINGS["none"]:
        config.classes = len(arrays["head.weight"])
        pooled = size * (1 + (config.pooling == POOLINGS["mean-max"]))
        weights.head_weight = pointer("head.weight", config.classes, pooled)
        weights.head_bias = pointer("head.bias", config.classes)
    return kept, weights


def _embedding(
    arrays: Mapping[str, NDArray[Any]], config: EncoderConfig, weights: EncoderWeights
) -> dict[str, NDArray[Any]]:
    """Point to the embedding as it is stored; returns what must be kept."""
    table = arrays["embedding.weight"]
    if table.shape != (config.vocabulary, config.input_size):
        raise native.NativeError(f"embedding.weight has the shape {table.shape}")
    kept: dict[str, NDArray[Any]] = {}
    if table.dtype == BF16:
        config.embedding = PRECISIONS["bf16"]
    elif table.dtype == np.int8:
        config.embedding = PRECISIONS["int8"]
        scales = np.ascontiguousarray(scales_of(arrays, "embedding.weight"))
        kept["embedding.scale"] = scales
        weights.embedding_scale = scales.ctypes.data
    else:
        table = table.astype(np.float32, copy=False)
    table = np.ascontiguousarray(table)
    kept["embedding.weight"] = table
    weights.embedding = table.ctypes.data
    return kept
