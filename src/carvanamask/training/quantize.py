"""An exported network's numbers in fewer bits: the same graph in ONNX's own terms, so every engine reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SMALL = 1024
"""Fewer values than this stay as they are: biases and the first and last filters weigh nothing and matter most."""

CLIPPING = np.linspace(1, 0.6, 41)
"""How far up a channel's weights are told apart, as shares of the largest one."""


def halved(network: bytes) -> bytes:
    """ONNX with its weights in 16 bits and a Cast after each, in half the bytes; it still computes in 32 or as asked.

    A tensor that 16 bits can't hold stays as it is.
    """
    model = onnx.load_from_string(network)
    largest_half = np.finfo(np.float16).max
    restoring = []
    for tensor, weights in _weights(model, {tensor.name for tensor in model.graph.initializer}):
        if np.abs(weights).max() <= largest_half:
            restoring.append(helper.make_node("Cast", [f"{tensor.name}:half"], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{tensor.name}:half"))
    return _encoded(model, restoring)


def quartered(network: bytes) -> bytes:
    """ONNX with its convolutions' weights in 8 bits and a DequantizeLinear after each, in a quarter of the bytes.

    Symmetric, one scale an output channel (axis 0); everything else stays in 32 bits, the arithmetic, too.
    """
    model = onnx.load_from_string(network)
    filters = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    scales, restoring = [], []
    for tensor, weights in _weights(model, filters):
        steps, scale = eight_bits(weights)
        stored = [f"{tensor.name}:steps", f"{tensor.name}:scale"]
        restoring.append(helper.make_node("DequantizeLinear", stored, [tensor.name], axis=0))
        tensor.CopyFrom(numpy_helper.from_array(steps, stored[0]))
        scales.append(numpy_helper.from_array(scale, stored[1]))
    model.graph.initializer.extend(scales)
    return _encoded(model, restoring)


def eight_bits(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float32 (channels, …) → int8 of that shape in −127 … 127, and float32 (channels,): what one step is worth.

    A few clipped weights can cost less than coarse steps for all: of the scales that CLIPPING allows, a channel gets
    the one with the least squared error.
    """
    rows = weights.reshape(len(weights), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    whole = np.where(largest > 0, largest, 1) / 127
    candidates = [(whole * share).astype(np.float32) for share in CLIPPING]
    errors = [((_steps(rows, scale) * scale - rows) ** 2).sum(axis=1) for scale in candidates]
    best = np.argmin(errors, axis=0)
    scale = np.stack(candidates)[best, np.arange(len(rows))]
    return _steps(rows, scale).astype(np.int8).reshape(weights.shape), scale[:, 0]


def _weights(model: ModelProto, names: set[str]) -> Iterator[tuple[TensorProto, np.ndarray]]:
    """The initializers of these names that are float32 and not SMALL, with their values."""
    for tensor in model.graph.initializer:
        if tensor.name in names and tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= SMALL:
            yield tensor, numpy_helper.to_array(tensor)


def _steps(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.asarray((rows / scale).round().clip(-127, 127))


def _encoded(model: ModelProto, restoring: Sequence[NodeProto]) -> bytes:
    """The model with these steps before all others."""
    steps = [*restoring, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(steps)
    return bytes(model.SerializeToString())
