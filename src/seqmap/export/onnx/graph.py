"""Builds an ONNX graph, node after node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
"""Old enough for ONNX Runtime 1.12 and all that came later."""

_KINDS = {"float": TensorProto.FLOAT, "int64": TensorProto.INT64}


class Graph:
    """A graph in the making; names of values are strings.

    Args:
        name: Of the graph.

    Attributes:
        scope: What is put before the names of constants, inputs and outputs: several networks have
            the same.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.scope = ""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    def input(self, name: str, kind: str, *shape: str | int) -> str:
        """Declare an input; sizes that are names may differ from call to call."""
        label = self.scope + name
        self._inputs.append(helper.make_tensor_value_info(label, _KINDS[kind], shape))
        return label

    def output(self, name: str, value: str, kind: str, *shape: str | int) -> None:
        """Declare an output."""
        label = self.scope + name
        self._nodes.append(helper.make_node("Identity", [value], [label]))
        self._outputs.append(helper.make_tensor_value_info(label, _KINDS[kind], shape))

    def constant(self, values: Any, kind: Any = None, name: str | None = None) -> str:
        """Add numbers that do not change; returns their name."""
        array: NDArray[Any] = np.ascontiguousarray(values, dtype=kind)
        if np.ndim(values) == 0:
            array = array.reshape(())
        label = self.scope + name if name else self.name_of("constant")
        self._constants[label] = numpy_helper.from_array(array, label)
        return label

    def ints(self, *values: int) -> str:
        """Add whole numbers, as axes and shapes are given."""
        return self.constant(np.array(values, np.int64))

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; returns the output's name."""
        return self.add_many(op, inputs, 1, **attributes)[0]

    def add_many(
        self, op: str, inputs: Sequence[str], outputs: int, **attributes: Any
    ) -> list[str]:
        """Add a node with several outputs; returns their names."""
        names = [self.name_of(op.lower()) for _ in range(outputs)]
        self._nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names

    def name_of(self, kind: str) -> str:
        """Return a new name."""
        self._count += 1
        return f"{self.name}_{kind}_{self._count}"

    def proto(self) -> onnx.GraphProto:
        """Return the graph."""
        return helper.make_graph(
            self._nodes,
            self.name,
            self._inputs,
            self._outputs,
            initializer=list(self._constants.values()),
        )

    def model(self, about: str) -> onnx.ModelProto:
        """Return the graph as a model, checked.

        Args:
            about: What it is, for its readers.
        """
        made = helper.make_model(
            self.proto(),
            producer_name="seqmap",
            doc_string=about,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        made.ir_version = IR_VERSION
        onnx.checker.check_model(made, full_check=True)
        return made
