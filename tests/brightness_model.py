"""The smallest real model: a pixel is car when it is bright. Made without training, run by every engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from carvanamask.core.card import ModelCard
from carvanamask.model.model_file import ModelFile


def save_brightness_model(
    folder: Path, input_size_wh: tuple[int, int] = (8, 8), level: float = 127.5, **card: object
) -> ModelFile:
    """probability = sigmoid(20 · (grey − level) / 127.5), of the picture shrunk to `input_size_wh`."""
    width, height = input_size_wh
    weights = np.full((1, 3, 1, 1), 20 / 3, dtype=np.float32)
    bias = np.array([-20 * (level / 127.5 - 1)], dtype=np.float32)
    onnx = encode_graph(
        [
            helper.make_node("Conv", ["picture", "weights", "bias"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probability"]),
        ],
        {"weights": weights, "bias": bias},
        ["n", 3, height, width],
        ["n", 1, height, width],
    )
    fields: dict[str, object] = {"name": "bright", "network": "1x1 convolution", "mean": 0.5, "std": 0.5, "sha256": ""}
    return ModelFile.save(folder, onnx, ModelCard.model_validate(fields | {"input_size_wh": input_size_wh} | card))


def encode_graph(
    nodes: Sequence[NodeProto],
    weights: dict[str, np.ndarray],
    input_shape: list[str | int],
    output_shape: list[str | int],
) -> bytes:
    """Return the ONNX bytes of a graph from "picture" to "probability"."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())
