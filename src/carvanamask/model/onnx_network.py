"""An ONNX graph as a PyTorch module: read and run node by node, nothing is ever unpickled."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from carvanamask.errors import ModelError


@dataclass(frozen=True)
class Node:
    """One step of the graph. `constants` holds the inputs known beforehand, in the inputs' places."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: dict[str, Any]
    constants: tuple[np.ndarray | None, ...]
    last_used: tuple[str, ...] = ()

    def constant(self, place: int) -> list[Any] | None:
        """The numbers of an input, which has to be a constant; None where the input is left out."""
        if place >= len(self.inputs) or not self.inputs[place]:
            return None
        value = self.constants[place]
        if value is None:
            raise ModelError(f"ONNX {self.op} computes its sizes while it runs; export with sizes that stand fixed")
        return value.ravel().tolist()

    def require(self, **only: object) -> None:
        """Raises ModelError when an attribute has another value than the one this engine knows."""
        for name, known in only.items():
            value = self.attributes.get(name, known)
            if value != known:
                raise ModelError(f"ONNX {self.op} with {name}={value} is none of this engine's; only {name}={known} is")


class OnnxNetwork(nn.Module):
    """An ONNX graph as a module: its one input → its one output."""

    def __init__(self, path: Path) -> None:
        """Raises ModelError for a file that isn't ONNX and, naming it, for an operation this engine doesn't know."""
        super().__init__()
        try:
            graph = onnx.load(path, load_external_data=False).graph
        except Exception as error:  # protobuf's errors share no public class
            raise ModelError(f"{path} is not an ONNX file ({type(error).__name__}): export it again") from None
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        steps = []
        for step in graph.node:
            if step.op_type == "Constant":
                constants[step.output[0]] = numpy_helper.to_array(step.attribute[0].t)
            elif step.op_type in RESTORING and all(name in constants for name in step.input):
                stored = [torch.from_numpy(constants[name].copy()) for name in step.input]
                constants[step.output[0]] = OPERATIONS[step.op_type](_node(step, constants), stored).numpy()
            elif step.op_type not in OPERATIONS:
                known = ", ".join(sorted(OPERATIONS))
                unknown = f"{path} uses ONNX {step.op_type}, which the PyTorch engine doesn't know ({known})"
                raise ModelError(f"{unknown}: use device 'cpu'")
            else:
                steps.append(step)
        takes = next(value for value in graph.input if value.name not in constants)
        self.input = takes.name
        self.input_shape = tuple(side.dim_value for side in takes.type.tensor_type.shape.dim)
        """0 where the graph leaves a side free."""
        self.output = graph.output[0].name
        self.nodes = _with_last_use([_node(step, constants) for step in steps], self.output)
        self._buffer_of = {}
        for place, name in enumerate(sorted({name for node in self.nodes for name in node.inputs} & set(constants))):
            self._buffer_of[name] = f"constant_{place}"
            constant = torch.from_numpy(constants[name].copy())
            is_filter = constant.dim() == 4  # channels last, as the pictures come
            self.register_buffer(
                self._buffer_of[name],
                constant.contiguous(memory_format=torch.channels_last) if is_filter else constant,
            )

    def forward(self, picture: Tensor) -> Tensor:
        values = {name: self.get_buffer(buffer) for name, buffer in self._buffer_of.items()}
        values[self.input] = picture
        for node in self.nodes:
            values[node.output] = OPERATIONS[node.op](node, [values[name] for name in node.inputs if name])
            for name in node.last_used:
                del values[name]
        return values[self.output]


def _node(step: onnx.NodeProto, constants: dict[str, np.ndarray]) -> Node:
    attributes = {item.name: onnx.helper.get_attribute_value(item) for item in step.attribute}
    attributes = {name: value.decode() if isinstance(value, bytes) else value for name, value in attributes.items()}
    return Node(
        step.op_type,
        tuple(step.input),
        step.output[0],
        attributes,
        tuple(constants.get(name) for name in step.input),
    )


def _with_last_use(nodes: list[Node], result: str) -> list[Node]:
    """Each node with the values nobody needs after it: what keeps the skips of a U-Net, and no more, in memory."""
    made = {node.output for node in nodes} - {result}
    kept = []
    for node in reversed(nodes):
        last_used = made & set(node.inputs)
        made -= last_used
        kept.append(replace(node, last_used=tuple(sorted(last_used))))
    return kept[::-1]


Operation = Callable[[Node, list[Tensor]], Tensor]
"""(the node, the tensors of the inputs it has) → its output"""


def _convolve(node: Node, x: list[Tensor]) -> Tensor:
    node.require(auto_pad="NOTSET")
    padded, padding = _padded(node, x[0])
    stride, dilation = node.attributes.get("strides", 1), node.attributes.get("dilations", 1)
    groups = node.attributes.get("group", 1)
    return F.conv2d(padded, x[1], x[2] if len(x) > 2 else None, stride, padding, dilation, groups)


def _convolve_transposed(node: Node, x: list[Tensor]) -> Tensor:
    node.require(auto_pad="NOTSET")
    top, left, *ends = node.attributes.get("pads", [0, 0, 0, 0])
    if [top, left] != ends:
        raise ModelError(f"ONNX ConvTranspose with pads {[top, left, *ends]}: this engine takes equal sides only")
    of = node.attributes.get
    bias = x[2] if len(x) > 2 else None
    extra, stride, dilation = of("output_padding", 0), of("strides", 1), of("dilations", 1)
    return F.conv_transpose2d(x[0], x[1], bias, stride, (top, left), extra, of("group", 1), dilation)


def _padded(node: Node, x: Tensor, value: float = 0.0) -> tuple[Tensor, tuple[int, int]]:
    """The tensor and the padding still to do: none where the sides differ, which torch's layers can't."""
    top, left, bottom, right = node.attributes.get("pads", [0, 0, 0, 0])
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom), value=value), (0, 0)


def _normalise(node: Node, x: list[Tensor]) -> Tensor:
    picture, scale, bias, mean, variance = x
    return F.batch_norm(picture, mean, variance, scale, bias, eps=node.attributes.get("epsilon", 1e-5))


def _max_pool(node: Node, x: list[Tensor]) -> Tensor:
    node.require(auto_pad="NOTSET", ceil_mode=0, dilations=[1, 1])
    padded, padding = _padded(node, x[0], -torch.inf)
    return F.max_pool2d(padded, node.attributes["kernel_shape"], node.attributes.get("strides", 1), padding)


def _average_pool(node: Node, x: list[Tensor]) -> Tensor:
    node.require(auto_pad="NOTSET", ceil_mode=0)
    padded, padding = _padded(node, x[0])
    counts_padding = bool(node.attributes.get("count_include_pad", 0))
    if padded is not x[0] and not counts_padding:
        raise ModelError("ONNX AveragePool with unequal pads that don't count is none of this engine's")
    size, stride = node.attributes["kernel_shape"], node.attributes.get("strides", 1)
    return F.avg_pool2d(padded, size, stride, padding, count_include_pad=counts_padding)


def _clip(node: Node, x: list[Tensor]) -> Tensor:
    low, high = node.constant(1), node.constant(2)
    return x[0].clamp(low[0] if low else None, high[0] if high else None)


def _pad(node: Node, x: list[Tensor]) -> Tensor:
    node.require(mode="constant")
    pads, value = node.constant(1) or [], node.constant(2) or [0.0]
    half = len(pads) // 2
    # ONNX: all beginnings, then all ends; torch: (begin, end) of the last axis first
    pairs = [side for begin, end in zip(pads[:half][::-1], pads[half:][::-1], strict=True) for side in (begin, end)]
    return F.pad(x[0], pairs, value=value[0])


def _resize(node: Node, x: list[Tensor]) -> Tensor:
    height, width = x[0].shape[2:]
    scales, sizes = node.constant(2), node.constant(3)
    if sizes:
        size = (int(sizes[2]), int(sizes[3]))
    elif scales:
        size = (int(height * scales[2]), int(width * scales[3]))
    else:
        raise ModelError("ONNX Resize has neither scales nor sizes: export it again")
    kind = (
        node.attributes.get("mode", "nearest"),
        node.attributes.get("coordinate_transformation_mode", "half_pixel"),
        node.attributes.get("nearest_mode", "round_prefer_floor"),
    )
    match kind:
        case ("linear", "half_pixel" | "pytorch_half_pixel", _):
            return F.interpolate(x[0], size, mode="bilinear", align_corners=False)
        case ("linear", "align_corners", _):
            return F.interpolate(x[0], size, mode="bilinear", align_corners=True)
        case ("nearest", "asymmetric", "floor"):
            return F.interpolate(x[0], size, mode="nearest")
        # torch rounds ties up, which only exist where the size isn't a multiple
        case ("nearest", "half_pixel", "round_prefer_floor") if size[0] % height == size[1] % width == 0:
            return F.interpolate(x[0], size, mode="nearest-exact")
    raise ModelError(f"ONNX Resize of kind {'/'.join(kind)} is none of this engine's")


def _normalise_layer(node: Node, x: list[Tensor]) -> Tensor:
    node.require(axis=-1)
    bias = x[2] if len(x) > 2 else None
    return F.layer_norm(x[0], x[1].shape, x[1], bias, node.attributes.get("epsilon", 1e-5))


def _mean(node: Node, x: list[Tensor]) -> Tensor:
    return x[0].mean(node.attributes["axes"], keepdim=bool(node.attributes.get("keepdims", 1)))


def _cast(node: Node, x: list[Tensor]) -> Tensor:
    node.require(to=onnx.TensorProto.FLOAT)
    return x[0].float()


def _quantise(node: Node, x: list[Tensor]) -> Tensor:
    """The whole numbers an 8-bit engine would count in, as float32."""
    scale, zero = _along_axis(node, x)
    kind = torch.iinfo(x[2].dtype if len(x) > 2 else torch.uint8)
    return ((x[0].float() / scale).round() + zero).clamp(kind.min, kind.max)


def _dequantise(node: Node, x: list[Tensor]) -> Tensor:
    scale, zero = _along_axis(node, x)
    return (x[0].float() - zero) * scale


def _along_axis(node: Node, x: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Scale and zero point, which the numbers come before, shaped to be each one's of the axis or of all."""
    shape = [1] * x[0].dim()
    if x[1].numel() > 1:
        shape[node.attributes.get("axis", 1)] = -1
    scale = x[1].reshape(shape)
    return scale, x[2].reshape(shape).float() if len(x) > 2 else torch.zeros_like(scale)


def _depth_to_space(node: Node, x: list[Tensor]) -> Tensor:
    node.require(mode="CRD")  # torch's own order of channels
    return F.pixel_shuffle(x[0], int(node.attributes["blocksize"]))


def _hard_sigmoid(node: Node, x: list[Tensor]) -> Tensor:
    slope, offset = float(node.attributes.get("alpha", 0.2)), float(node.attributes.get("beta", 0.5))
    return (x[0] * slope + offset).clamp(0, 1)


def _arithmetic(operation: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    return lambda node, x: operation(x[0], x[1])


OPERATIONS: dict[str, Operation] = {
    "Add": _arithmetic(operator.add),
    "AveragePool": _average_pool,
    "BatchNormalization": _normalise,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda node, x: torch.cat(x, dim=node.attributes["axis"]),
    "Conv": _convolve,
    "ConvTranspose": _convolve_transposed,
    "DepthToSpace": _depth_to_space,
    "DequantizeLinear": _dequantise,
    "Div": _arithmetic(operator.truediv),
    "Erf": lambda node, x: torch.erf(x[0]),
    "GlobalAveragePool": lambda node, x: x[0].mean((2, 3), keepdim=True),
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": lambda node, x: F.hardswish(x[0]),
    "Identity": lambda node, x: x[0],
    "LayerNormalization": _normalise_layer,
    "LeakyRelu": lambda node, x: F.leaky_relu(x[0], node.attributes.get("alpha", 0.01)),
    "MaxPool": _max_pool,
    "Mul": _arithmetic(operator.mul),
    "Pad": _pad,
    "QuantizeLinear": _quantise,
    "ReduceMean": _mean,
    "Relu": lambda node, x: F.relu(x[0]),
    "Resize": _resize,
    # in 32 bits: near 1, bf16 has steps of 1/256, which would show in the enlarged map
    "Sigmoid": lambda node, x: torch.sigmoid(x[0].float()),
    "Sub": _arithmetic(operator.sub),
    "Transpose": lambda node, x: x[0].permute(node.attributes["perm"]),
}

RESTORING = {"Cast", "DequantizeLinear", "Identity"}
"""Of constants alone these are done once, when the file is read: so it holds weights in fewer bits."""
