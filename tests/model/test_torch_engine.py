from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from brightness_model import encode_graph, save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.errors import ModelError
from carvanamask.model.model_file import ModelFile
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.torch_engine import OnnxNetwork, TorchPredictor


class LittleUNet(nn.Module):
    """Two levels with what U-Nets and EfficientNet-Lite are made of."""

    def __init__(self, enlarge: nn.Module) -> None:
        super().__init__()
        self.top = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.narrow = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1, groups=8), nn.BatchNorm2d(8), nn.ReLU6(), nn.AvgPool2d(2))
        self.middle = nn.Sequential(nn.Conv2d(8, 8, 3, padding=2, dilation=2), nn.Hardsigmoid())
        self.pool, self.enlarge, self.head = nn.MaxPool2d(4), enlarge, nn.Conv2d(16, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        top = self.top(x)
        middle = self.middle(self.narrow(top) + self.pool(top))
        return self.head(torch.cat([top, self.enlarge(middle)], dim=1)).sigmoid()


@pytest.mark.parametrize(
    "enlarge",
    [
        nn.Upsample(scale_factor=4),
        nn.Upsample(scale_factor=4, mode="bilinear"),
        nn.ConvTranspose2d(8, 8, 4, 4),
    ],
    ids=["nearest", "bilinear", "transposed"],
)
def test_both_engines_agree_on_an_exported_network(tmp_path: Path, enlarge: nn.Module) -> None:
    torch.manual_seed(0)
    network = LittleUNet(enlarge)
    network.train()(torch.rand(4, 3, 64, 48))  # moves the running means off 0
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(), (torch.zeros(1, 3, 64, 48),), file, dynamo=False, opset_version=17,
            input_names=["picture"], output_names=["probability"], dynamic_axes={"picture": {0: "n"}},
        )  # fmt: skip
    card = ModelCard(name="u", network="", input_size_wh=(48, 64), mean=0.4, std=0.3, sha256="")
    model = ModelFile.save(tmp_path, file.getvalue(), card)
    picture = np.random.default_rng(0).integers(0, 256, (130, 90, 3), np.uint8)

    by_torch = TorchPredictor(model, "cpu").predict(picture).values
    by_openvino = OpenVinoPredictor(model, "f32").predict(picture).values

    assert np.ptp(by_torch) > 0.01
    assert np.abs(by_torch - by_openvino).max() < 1e-5


def test_the_engine_names_what_computes(tmp_path: Path) -> None:
    assert TorchPredictor(save_brightness_model(tmp_path), "cpu").engine == "PyTorch on cpu, f32"


def test_a_network_that_does_not_fit_its_card_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("MaxPool", ["picture"], ["probability"], kernel_shape=[2, 2], strides=[2, 2])]
    model = save_brightness_model(tmp_path)
    model = ModelFile.save(tmp_path, encode_graph(nodes, {}, ["n", 3, 8, 8], ["n", 3, 4, 4]), model.card)
    for engine in (OpenVinoPredictor, lambda model: TorchPredictor(model, "cpu")):
        with pytest.raises(ModelError, match="one 8x8 map"):
            engine(model)


def test_a_card_of_another_size_is_refused(tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path, input_size_wh=(8, 8))
    wider = ModelFile(model.folder, model.card.model_copy(update={"input_size_wh": (16, 8)}))
    with pytest.raises(ModelError, match="one 16x8 map"):
        TorchPredictor(wider, "cpu")


def test_an_operation_it_does_not_know_is_named(tmp_path: Path) -> None:
    graph = encode_graph([helper.make_node("Tan", ["picture"], ["probability"])], {}, [1, 3, 2, 2], [1, 3, 2, 2])
    with pytest.raises(ModelError, match=r"uses ONNX Tan, .*: use device 'cpu'"):
        _network(tmp_path, graph)


def test_what_is_no_onnx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not an ONNX file"):
        _network(tmp_path, b"\xff\xff\xff")


def step(op: str, *more_inputs: str, **attributes: object) -> NodeProto:
    """One operation from "picture" to "probability"."""
    return helper.make_node(op, ["picture", *more_inputs], ["probability"], **attributes)


ASYMMETRIC = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
KINDS = {"pads": np.int64, "sizes": np.int64, "int8": np.int8, "uint8": np.uint8}
TWICE_AS_WIDE = {"scales": [1.0, 1.0, 1.0, 2.0]}
OPERATIONS_BY_HAND = [
    (step("Clip", "low", "high"), {"low": 2.0, "high": 3.0}, [[2, 2], [3, 3]]),
    (step("Clip", "", "high"), {"high": 3.0}, [[1, 2], [3, 3]]),
    (step("Add", "two"), {"two": 2.0}, [[3, 4], [5, 6]]),
    (step("Sub", "two"), {"two": 2.0}, [[-1, 0], [1, 2]]),
    (step("Mul", "two"), {"two": 2.0}, [[2, 4], [6, 8]]),
    (step("Div", "two"), {"two": 2.0}, [[0.5, 1], [1.5, 2]]),
    (step("HardSigmoid", alpha=0.125), {}, [[0.625, 0.75], [0.875, 1]]),
    (step("GlobalAveragePool"), {}, [[2.5]]),
    (step("ReduceMean", axes=[2]), {}, [[2, 3]]),
    (step("Transpose", perm=[0, 1, 3, 2]), {}, [[1, 3], [2, 4]]),
    # each row's values less their mean of 1.5 or 3.5, by their deviation of 0.5
    (
        step("LayerNormalization", "scale", "bias", epsilon=0.0),
        {"scale": [1.0, 2.0], "bias": [0.0, 1.0]},
        [[-1, 3], [-1, 3]],
    ),
    # pads are top left bottom right; of all four axes, beginnings before ends, in Pad
    (step("Pad", "pads"), {"pads": [0, 0, 1, 0, 0, 0, 0, 2]}, [[0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]]),
    (step("AveragePool", kernel_shape=[2, 2], pads=[0, 0, 0, 1], count_include_pad=1), {}, [[2.5, 1.5]]),
    (step("AveragePool", kernel_shape=[2, 2], pads=[1, 1, 1, 1], strides=[2, 2]), {}, [[1, 2], [3, 4]]),
    (step("MaxPool", kernel_shape=[2, 2], pads=[0, 0, 0, 1]), {}, [[4, 4]]),
    (step("Conv", "filter", pads=[0, 1, 0, 0]), {"filter": [[[[10.0, 1.0]]]]}, [[1, 12], [3, 34]]),
    (step("Resize", "", "scales", mode="nearest", **ASYMMETRIC), TWICE_AS_WIDE, [[1, 1, 2, 2], [3, 3, 4, 4]]),
    (step("Resize", "", "", "sizes", mode="nearest"), {"sizes": [1, 1, 2, 4]}, [[1, 1, 2, 2], [3, 3, 4, 4]]),
    (step("Resize", "", "scales", mode="linear"), TWICE_AS_WIDE, [[1, 1.25, 1.75, 2], [3, 3.25, 3.75, 4]]),
    (
        step("BatchNormalization", "scale", "bias", "mean", "variance", epsilon=0.0),
        {"scale": [2.0], "bias": [1.0], "mean": [1.0], "variance": [4.0]},
        [[1, 2], [3, 4]],
    ),
    # 1 and 3 are 0.5 and 1.5 steps: a tie goes to the even one; above 127 int8 has nothing
    (step("QuantizeLinear", "two", "uint8"), {"two": 2.0, "uint8": 252}, [[252, 253], [254, 254]]),
    (step("QuantizeLinear", "half", "int8"), {"half": 0.5, "int8": 121}, [[123, 125], [127, 127]]),
    (step("QuantizeLinear", "half"), {"half": 0.5}, [[2, 4], [6, 8]]),
    (step("DequantizeLinear", "half", "uint8"), {"half": 0.5, "uint8": 2}, [[-0.5, 0], [0.5, 1]]),
]


@pytest.mark.parametrize(("node", "weights", "expected"), OPERATIONS_BY_HAND, ids=lambda v: getattr(v, "op_type", ""))
def test_an_operation_does_to_1_2_3_4_what_it_does_by_hand(
    tmp_path: Path, node: NodeProto, weights: dict[str, object], expected: list[list[float]]
) -> None:
    arrays = {name: np.array(value, KINDS.get(name, np.float32)) for name, value in weights.items()}
    network = _network(tmp_path, encode_graph([node], arrays, [1, 1, 2, 2], [1, 1, "h", "w"]))
    picture = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert network(picture)[0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("MaxPool", {"kernel_shape": [2, 2], "ceil_mode": 1}),
        ("Cast", {"to": TensorProto.INT64}),
        ("LayerNormalization", {"axis": 1}),
        ("Resize", {"mode": "cubic"}),
        ("Resize", {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}),
    ],
)
def test_a_variant_it_does_not_know_is_refused_rather_than_computed_otherwise(
    tmp_path: Path, op: str, attributes: dict[str, object]
) -> None:
    inputs = {"Resize": ["picture", "", "scales"], "LayerNormalization": ["picture", "scales"]}.get(op, ["picture"])
    node = helper.make_node(op, inputs, ["probability"], **attributes)
    arrays = {"scales": np.ones(4, dtype=np.float32)}
    network = _network(tmp_path, encode_graph([node], arrays, [1, 1, 2, 2], [1, 1, "h", "w"]))
    with pytest.raises(ModelError, match=f"ONNX {op}"):
        network(torch.zeros(1, 1, 2, 2))


def test_a_tie_between_two_nearest_pixels_is_not_rounded_the_other_way(tmp_path: Path) -> None:
    arrays = {"sizes": np.array([1, 1, 2, 3])}  # the middle of 3 lies between both of 2
    network = _network(tmp_path, encode_graph([step("Resize", "", "", "sizes")], arrays, [1, 1, 2, 2], [1, 1, 2, 3]))
    with pytest.raises(ModelError, match="ONNX Resize"):
        network(torch.zeros(1, 1, 2, 2))


def test_constants_may_come_as_nodes(tmp_path: Path) -> None:
    one = numpy_helper.from_array(np.array(1, dtype=np.float32))
    nodes = [
        helper.make_node("Constant", [], ["one"], value=one),
        helper.make_node("Identity", ["one"], ["uno"]),
        helper.make_node("Add", ["picture", "uno"], ["probability"]),
    ]
    network = _network(tmp_path, encode_graph(nodes, {}, [1, 1, 1, 1], [1, 1, 1, 1]))
    assert network(torch.zeros(1, 1, 1, 1)).item() == 1


def test_weights_stored_in_16_bits_are_32_again_when_the_file_is_read(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["half"], ["filter"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["picture", "filter"], ["probability"]),
    ]
    arrays = {"half": np.array([[[[10, 0.5]]]], np.float16)}
    network = _network(tmp_path, encode_graph(nodes, arrays, [1, 1, 2, 2], [1, 1, 2, 1]))
    assert [node.op for node in network.nodes] == ["Conv"]
    assert network(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])).ravel().tolist() == [11, 32]


def test_weights_stored_in_8_bits_have_a_scale_a_channel(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["steps", "scales"], ["filter"], axis=0),
        helper.make_node("Conv", ["picture", "filter"], ["probability"]),
    ]
    arrays = {"steps": np.array([[[[3]]], [[[-2]]]], np.int8), "scales": np.array([0.5, 10], np.float32)}
    network = _network(tmp_path, encode_graph(nodes, arrays, [1, 1, 1, 2], [1, 2, 1, 2]))
    assert [node.op for node in network.nodes] == ["Conv"]
    assert network(torch.tensor([[[[1.0, 4.0]]]])).ravel().tolist() == [1.5, 6, -20, -80]


def _network(tmp_path: Path, graph: bytes) -> OnnxNetwork:
    path = tmp_path / "graph.onnx"
    path.write_bytes(graph)
    return OnnxNetwork(path)
