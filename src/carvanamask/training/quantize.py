"""Store the weights of an ONNX network in fewer bits, by standard operations that every engine reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

MIN_VALUES = 1024
"""Smaller tensors stay in 32 bits: biases and the first and last filters save nothing and matter most."""

CLIPPING = np.linspace(1, 0.6, 41)
"""Candidates for a channel's largest representable weight, as shares of its largest weight."""


def to_float16_weights(network: bytes) -> bytes:
    """Return the ONNX network with float16 weights, each followed by a Cast to float32: half of the bytes.

    A tensor that exceeds float16's range stays in float32.
    """
    model = onnx.load_from_string(network)
    largest_half = np.finfo(np.float16).max
    decoders = []
    for tensor, weights in _weights(model, {tensor.name for tensor in model.graph.initializer}):
        if np.abs(weights).max() <= largest_half:
            decoders.append(helper.make_node("Cast", [f"{tensor.name}:half"], [tensor.name], to=TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(weights.astype(np.float16), f"{tensor.name}:half"))
    return _encoded(model, decoders)


def to_int8_weights(network: bytes) -> bytes:
    """Return the ONNX network with int8 weights of convolutions, each followed by a DequantizeLinear.

    That is a quarter of the bytes. Symmetric, with one scale per output channel (axis 0). Everything else, also the
    arithmetic, stays in float32.
    """
    model = onnx.load_from_string(network)
    filters = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    scales, decoders = [], []
    for tensor, weights in _weights(model, filters):
        steps, scale = quantize_per_channel(weights)
        stored = [f"{tensor.name}:steps", f"{tensor.name}:scale"]
        decoders.append(helper.make_node("DequantizeLinear", stored, [tensor.name], axis=0))
        tensor.CopyFrom(numpy_helper.from_array(steps, stored[0]))
        scales.append(numpy_helper.from_array(scale, stored[1]))
    model.graph.initializer.extend(scales)
    return _encoded(model, decoders)


def quantize_per_channel(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 (channels, …) as int8 of that shape in −127 … 127 and float32 (channels,), the size of a step.

    Clipping a few weights can cost less than coarse steps for all: each channel gets the scale of those in CLIPPING
    with the least squared error.
    """
    rows = weights.reshape(len(weights), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True)
    unclipped = np.where(largest > 0, largest, 1) / 127
    candidates = [(unclipped * share).astype(np.float32) for share in CLIPPING]
    errors = [((_steps(rows, scale) * scale - rows) ** 2).sum(axis=1) for scale in candidates]
    best = np.argmin(errors, axis=0)
    scale = np.stack(candidates)[best, np.arange(len(rows))]
    return _steps(rows, scale).astype(np.int8).reshape(weights.shape), scale[:, 0]


def _weights(model: ModelProto, names: set[str]) -> Iterator[tuple[TensorProto, np.ndarray]]:
    """Yield the named initializers that are float32 and have at least MIN_VALUES values, with these."""
    for tensor in model.graph.initializer:
        if tensor.name in names and tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= MIN_VALUES:
            yield tensor, numpy_helper.to_array(tensor)


def _steps(rows: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.asarray((rows / scale).round().clip(-127, 127))


def _encoded(model: ModelProto, decoders: Sequence[NodeProto]) -> bytes:
    """Return the encoded model with these nodes before all others."""
    nodes = [*decoders, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())
