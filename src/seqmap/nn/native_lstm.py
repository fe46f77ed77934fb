"""LSTM layers on the native core, as differentiable torch functions.

The core works on valid tokens only, so that batches need no bucketing, and it fuses the gates into
its products; see native/include/seqmap_lstm.h. `usable` says when these functions can take the
place of `nn.LSTM`; `lstm_layer` runs one direction, `bilstm_layer` both at the same time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqmap.nn.native_lstm_calls import Direction, Gradient, Input, Saved, core
from seqmap.runtime import native

Precision = Literal["fp32", "bf16"]
State = tuple[Tensor, Tensor]

_PRECISIONS = {"fp32": 0, "bf16": 1}
_GATES = 4


class Weights(NamedTuple):
    """One direction's weights in torch's layout, gate rows i | f | g | o."""

    w_ih: Tensor
    """(4·hidden, input)."""
    w_hh: Tensor
    """(4·hidden, hidden)."""
    bias: Tensor
    """(4·hidden,)."""


@dataclass(frozen=True)
class _Call:
    """What does not change between forward and backward, beside the tensors."""

    reverse: tuple[bool, ...]
    precision: int
    keep: bool


def usable(x: Tensor) -> bool:
    """Whether the core can run on this input: present, on the CPU, in fp32."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and native.available()


def lstm_layer(
    x: Tensor,
    lengths: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    bias: Tensor,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    *,
    reverse: bool = False,
    precision: Precision = "fp32",
) -> tuple[Tensor, State]:
    """Run one layer in one direction over padded rows.

    Args:
        x: (batch, time, input).
        lengths: (batch,), each in [0, time]; what lies beyond is not read, and zero in the result.
        w_ih: (4·hidden, input), gate rows i | f | g | o as in `nn.LSTM`.
        w_hh: (4·hidden, hidden).
        bias: (4·hidden,): the sum of the two that `nn.LSTM` has.
        h0: (batch, hidden); zeros by default.
        c0: (batch, hidden); zeros by default.
        reverse: Read each row from its last valid token to its first.
        precision: How products are computed; sums and the cell state are fp32 in both.

    Returns:
        y (batch, time, hidden), and (h_n, c_n), each (batch, hidden), after each row's last step.
    """
    weights = Weights(w_ih, w_hh, bias)
    y, h_n, c_n = _run(x, lengths, [weights], [(h0, c0)], (reverse,), precision)
    return y, (h_n, c_n)


def bilstm_layer(
    x: Tensor,
    lengths: Tensor,
    ahead: Weights,
    back: Weights,
    ahead_state: State | None = None,
    back_state: State | None = None,
    *,
    precision: Precision = "fp32",
) -> tuple[Tensor, State, State]:
    """Run one layer in both directions at the same time; see `lstm_layer`.

    Args:
        x: (batch, time, input).
        lengths: (batch,).
        ahead: The weights of the direction from left to right.
        back: The weights of the direction from right to left.
        ahead_state: (h0, c0) of the first direction, each (batch, hidden).
        back_state: (h0, c0) of the second direction.
        precision: How products are computed.

    Returns:
        y (batch, time, 2·hidden), left to right first, and (h_n, c_n) of either direction.
    """
    states = [state or (None, None) for state in (ahead_state, back_state)]
    y, h_a, c_a, h_b, c_b = _run(x, lengths, [ahead, back], states, (False, True), precision)
    return y, (h_a, c_a), (h_b, c_b)


def _run(
    x: Tensor,
    lengths: Tensor,
    weights: list[Weights],
    states: Sequence[tuple[Tensor | None, Tensor | None]],
    reverse: tuple[bool, ...],
    precision: Precision,
) -> tuple[Tensor, ...]:
    """Check the arguments and apply the function."""
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be fp32 or bf16, not {precision!r}")
    flat: list[Tensor | None] = []
    for one, (h0, c0) in zip(weights, states, strict=True):
        _check(x, one, h0, c0)
        flat += [one.w_ih, one.w_hh, one.bias, h0, c0]
    if lengths.shape != x.shape[:1]:
        raise ValueError(f"lengths must be {tuple(x.shape[:1])}, not {tuple(lengths.shape)}")
    tensors = [x, *(tensor for tensor in flat if tensor is not None)]
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    lengths = lengths.detach().to(device="cpu", dtype=torch.int64).contiguous()
    result: tuple[Tensor, ...] = _LSTM.apply(
        _Call(reverse, _PRECISIONS[precision], keep), x, lengths, *flat
    )  # type: ignore[no-untyped-call]
    return result


def _check(x: Tensor, weights: Weights, h0: Tensor | None, c0: Tensor | None) -> None:
    """Refuse what the core would read wrongly."""
    if x.dim() != 3:
        raise ValueError(f"x must be (batch, time, input), not {tuple(x.shape)}")
    hidden = weights.w_hh.shape[-1]
    state = (x.shape[0], hidden)
    expected = {
        "w_ih": (weights.w_ih, (_GATES * hidden, x.shape[2])),
        "w_hh": (weights.w_hh, (_GATES * hidden, hidden)),
        "bias": (weights.bias, (_GATES * hidden,)),
        "h0": (h0, state),
        "c0": (c0, state),
    }
    for name, (tensor, shape) in expected.items():
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ValueError(f"{name} must be {shape}, not {tuple(tensor.shape)}")
    for name, tensor in {"x": x, **{name: value[0] for name, value in expected.items()}}.items():
        if tensor is not None and (tensor.dtype != torch.float32 or tensor.device.type != "cpu"):
            raise TypeError(
                f"the native LSTM computes in float32 on the CPU; {name} is {tensor.dtype} on"
                f" {tensor.device}. Use nn.LSTM for it."
            )


def _rows(tensor: Tensor) -> Tensor:
    """The tensor itself where its innermost dimension is contiguous, else a copy."""
    return tensor if tensor.stride(-1) == 1 or tensor.shape[-1] == 1 else tensor.contiguous()


def _address(tensor: Tensor | None) -> int | None:
    return None if tensor is None else tensor.data_ptr()


def _describe(call: _Call, x: Tensor, lengths: Tensor, hidden: int) -> Input:
    batch, time, size = x.shape
    return Input(
        call.precision,
        len(call.reverse),
        batch,
        time,
        size,
        hidden,
        lengths.data_ptr(),
        x.data_ptr(),
        x.stride(0),
        x.stride(1),
    )


class _LSTM(torch.autograd.Function):
    """One layer, one or two directions. Inputs of a direction: w_ih, w_hh, bias, h0, c0."""

    @staticmethod
    def forward(
        ctx: Any, call: _Call, x: Tensor, lengths: Tensor, *flat: Tensor | None
    ) -> tuple[Tensor, ...]:
        x = _rows(x)
        flat = tuple(None if tensor is None else tensor.contiguous() for tensor in flat)
        count = len(call.reverse)
        first = flat[1]
        assert first is not None
        hidden = first.shape[1]
        y = x.new_empty(x.shape[0], x.shape[1], count * hidden)
        finals = [x.new_empty(x.shape[0], hidden) for _ in range(2 * count)]
        directions = (Direction * count)()
        for d, direction in enumerate(directions):
            direction.reverse = call.reverse[d]
            direction.y = y.data_ptr() + d * hidden * y.element_size()
            direction.y_batch_stride, direction.y_time_stride = y.stride(0), y.stride(1)
            for name, tensor in zip(
                ("w_ih", "w_hh", "bias", "h0", "c0"), flat[5 * d : 5 * d + 5], strict=True
            ):
                setattr(direction, name, _address(tensor))
            direction.h_n, direction.c_n = (final.data_ptr() for final in finals[2 * d : 2 * d + 2])
        handle = ctypes.c_void_p()
        described = _describe(call, x, lengths, hidden)
        native.check(
            core().seqmap_lstm_forward(
                ctypes.byref(described), directions, ctypes.byref(handle) if call.keep else None
            )
        )
        if handle.value is not None:
            ctx.kept = Saved(handle.value)
            ctx.call, ctx.hidden = call, hidden
            ctx.save_for_backward(x, lengths, *flat)
            ctx.set_materialize_grads(False)
        return (y, *finals)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Tensor | None, ...]:
        x, lengths, *flat = ctx.saved_tensors
        call: _Call = ctx.call
        count, needed = len(call.reverse), ctx.needs_input_grad
        dx = torch.empty_like(x, memory_format=torch.contiguous_format) if needed[1] else None
        results = [
            torch.empty_like(tensor) if tensor is not None and wanted else None
            for tensor, wanted in zip(flat, needed[3:], strict=True)
        ]
        held = [None if upstream[0] is None else _rows(upstream[0])]
        held += [None if tensor is None else tensor.contiguous() for tensor in upstream[1:]]
        dy = held[0]
        gradients = (Gradient * count)()
        for d, gradient in enumerate(gradients):
            gradient.w_ih, gradient.w_hh = (_address(w) for w in flat[5 * d : 5 * d + 2])
            if dy is not None:
                gradient.dy = dy.data_ptr() + d * ctx.hidden * dy.element_size() * dy.stride(2)
                gradient.dy_batch_stride, gradient.dy_time_stride = dy.stride(0), dy.stride(1)
            gradient.dh_n, gradient.dc_n = (_address(t) for t in held[1 + 2 * d : 3 + 2 * d])
            names = ("dw_ih", "dw_hh", "dbias", "dh0", "dc0")
            for name, tensor in zip(names, results[5 * d : 5 * d + 5], strict=True):
                setattr(gradient, name, _address(tensor))
        described = _describe(call, x, lengths, ctx.hidden)
        native.check(
            core().seqmap_lstm_backward(
                ctx.kept.handle, ctypes.byref(described), gradients, _address(dx)
            )
        )
        return (None, dx, None, *results)
