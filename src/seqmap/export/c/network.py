"""Recurrent encoders, poolings and heads for C."""

from __future__ import annotations

import numpy as np

from seqmap.config import Config, EncoderConfig
from seqmap.errors import UserError
from seqmap.export.c.numbers import matrix
from seqmap.export.c.program import Program
from seqmap.runtime.ops.recurrent import cell_prefixes, layer_inputs
from seqmap.runtime.ops.weights import Arrays, take, take_dense

GATES = {"lstm": 4, "gru": 3, "rnn": 1}
SCRATCH = {"lstm": 4, "gru": 6, "rnn": 1}
"""Numbers a unit that a step needs, as in `base.c`."""
_POOLINGS = ("last", "mean", "max", "attention", "mean-max")


def refuse_encoder(config: Config) -> None:
    """Refuse an encoder that the C runtime does not have.

    Raises:
        UserError: It is none of LSTM, GRU and RNN.
    """
    if config.encoder.name not in GATES:
        raise UserError(
            "this encoder cannot be exported to C", given=config.encoder.name, allowed=GATES
        )


def add_encoder(
    program: Program, arrays: Arrays, size: int, config: EncoderConfig, prefix: str, to: str
) -> int:
    """Add the layers of an encoder as the object `to`; returns the width of its states.

    Args:
        program: Where they go.
        arrays: An archive's.
        size: Features of a symbol.
        config: Names and sizes.
        prefix: What stands before the arrays' names.
        to: The name in C.
    """
    rows = GATES[config.name] * config.hidden
    layers = []
    for layer in range(config.layers):
        inputs = layer_inputs(layer, size, config)
        for side, name in enumerate(cell_prefixes(prefix, layer, config)):
            own = f"{to}_{layer}_{side}"
            w_ih = matrix(program, arrays, f"{name}.w_ih", rows, inputs, f"{own}_in")
            w_hh = matrix(program, arrays, f"{name}.w_hh", rows, config.hidden, f"{own}_state")
            bias, inner = _biases(arrays, name, rows, config)
            program.table("float", f"{own}_bias", bias)
            if inner is not None:
                program.table("float", f"{own}_inner", inner)
            last = "0" if inner is None else f"{own}_inner"
            layers.append(f"{{SM_{config.name.upper()}, {w_ih}, {w_hh}, {own}_bias, {last}}}")
    program.objects.append(
        f"static const sm_layer {to}[{len(layers)}] = {{\n    " + ",\n    ".join(layers) + "};\n"
    )
    return config.hidden * (2 if config.direction == "both" else 1)


def _biases(
    arrays: Arrays, name: str, rows: int, config: EncoderConfig
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return what is added to the input's part, and inside the product of the GRU."""
    if config.name != "gru":
        return take(arrays, f"{name}.bias", rows), None
    bias, inner = take(arrays, f"{name}.bias_ih", rows), take(arrays, f"{name}.bias_hh", rows)
    summed = bias.copy()
    summed[: 2 * config.hidden] += inner[: 2 * config.hidden]
    return summed, inner[2 * config.hidden :]


def add_pooling(program: Program, arrays: Arrays, config: Config, width: int) -> int:
    """Add the pooling and its part of the state; returns the width of its result."""
    kind = config.head.pooling
    pooled = width * (2 if kind == "mean-max" else 1)
    program.own |= {"POOLING": _POOLINGS.index(kind), "WIDTH": width}
    if kind in ("mean", "mean-max", "attention"):
        program.fields.append(("double", "sum", (width,)))
    if kind == "attention":
        size = len(take(arrays, "pooling.context", None))
        project = matrix(program, arrays, "pooling.project.weight", size, width, "sm_project")
        program.objects.append(f"static const sm_matrix sm_pool_project = {project};\n")
        program.table("float", "sm_pool_bias", take(arrays, "pooling.project.bias", size))
        program.table("float", "sm_pool_context", take(arrays, "pooling.context", size))
        program.own["ATTENTION_SIZE"] = size
        program.fields += [("double", "top", ()), ("double", "total", ())]
        program.fields.append(("float", "inner", (size,)))
    program.fields += [
        ("float", "pooled", (pooled,)),
        ("uint32_t", "count", ()),
        ("int", "fresh", ()),
    ]
    return pooled


def add_dense(program: Program, arrays: Arrays, name: str, shape: tuple[int, int], to: str) -> None:
    """Add `name.weight` (outputs, inputs) as the object `to`, and `name.bias` as `to`_bias."""
    weight = matrix(program, arrays, f"{name}.weight", *shape, to)
    program.objects.append(f"static const sm_matrix {to} = {weight};\n")
    program.table("float", f"{to}_bias", take_dense(arrays, name, *shape)[1])
