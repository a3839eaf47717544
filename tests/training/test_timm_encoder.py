"""The encoders of timm: what is said of them by a stand-in everywhere, by the real ones where timm is installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from carvanamask.errors import MissingPackageError, ModelError
from carvanamask.training.config import TimmUNetConfig
from carvanamask.training.networks import EncoderUNet, build_network
from carvanamask.training.timm_encoder import TimmEncoder

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)


class Pyramid(nn.Module):
    """A stand-in for a timm model: the picture itself, pooled to the asked sizes, of as many channels as the size."""

    def __init__(self, strides: tuple[int, ...]) -> None:
        super().__init__()
        self.strides = strides
        self.pretrained_cfg = {"mean": MEAN, "std": STD}
        self.convolutions = nn.ModuleList(nn.Conv2d(3, stride, kernel_size=1) for stride in strides)

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen = x
        layers = zip(self.convolutions, self.strides, strict=True)
        return [convolution(functional.avg_pool2d(x, stride)) for convolution, stride in layers]


class OneSize(Pyramid):
    def forward(self, x: Tensor) -> list[Tensor]:
        raise AssertionError("Input height (64) doesn't match model (224).")


MODELS: dict[str, object] = {
    "plain": Pyramid((2, 4, 8, 16, 32)),
    "full_size_first": Pyramid((1, 2, 4, 8, 16, 32)),
    "late": Pyramid((4, 8, 16, 32)),
    "flat": Pyramid((16, 16, 16)),
    "failing": RuntimeError("features_only not implemented.\nSorry"),
    "offline": OSError("no connection."),
    "one_size": OneSize((2,)),
}


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, features_only: bool, pretrained: bool) -> object:
        model = MODELS[name]
        if isinstance(model, Exception):
            raise model
        return model

    timm = ModuleType("timm")
    vars(timm).update(create_model=create_model, is_model=MODELS.__contains__, list_models=lambda: list(MODELS))
    monkeypatch.setitem(sys.modules, "timm", timm)


def named(name: str) -> TimmUNetConfig:
    return TimmUNetConfig(encoder=name, decoder_filters=(16, 12, 8, 8), convolutions_up=1)


def test_missing_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingPackageError) as refusal:
        build_network(named("resnet34"))
    assert str(refusal.value) == "network.name timm needs timm: pip install timm"


def test_incompatible_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "timm", raising=False)
    with pytest.raises(
        MissingPackageError, match=r"can't be imported \(operator torchvision::nms .*\): pip install torch and"
    ):
        build_network(named("resnet34"))


@pytest.mark.usefixtures("stand_in")
class TestByAStandIn:
    @pytest.mark.parametrize(
        ("name", "channels"),
        [("plain", [2, 4, 8, 16, 32]), ("full_size_first", [2, 4, 8, 16, 32]), ("late", [4, 8, 16, 32])],
    )
    def test_decoder_takes_maps_from_half_size(self, name: str, channels: list[int]) -> None:
        network = build_network(named(name))
        assert isinstance(network, EncoderUNet)
        x = torch.zeros(2, 3, 32, 96)
        assert network.encoder.channels == [each.shape[1] for each in network.encoder(x)] == channels
        assert network(x).shape == (2, 1, 32, 96)
        assert network.encoder.training

    def test_the_model_sees_what_it_learned_on(self) -> None:
        encoder = TimmEncoder("plain", is_pretrained=False)
        picture = torch.rand(1, 3, 64, 64)
        encoder((picture - 0.5) / 0.5)
        by_channel = (picture - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
        torch.testing.assert_close(encoder.body.seen, by_channel)

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("plian", "timm has no model 'plian' for network.encoder; did you mean 'plain'?"),
            (
                "flat",
                "network.encoder flat downsamples a 96x64 picture to 6x4, 6x4, 6x4: choose another, such as resnet34",
            ),
            ("failing", "network.encoder failing can't be built (features_only not implemented): choose another"),
            ("offline", "network.pretrained: no weights of offline (no connection): connect to the internet once"),
            (
                "one_size",
                "network.encoder one_size doesn't accept a 96x64 picture (Input height (64) doesn't match model (224))",
            ),
        ],
    )
    def test_unusable_encoder_is_refused(self, name: str, message: str) -> None:
        with pytest.raises(ModelError) as refusal:
            build_network(named(name))
        assert str(refusal.value).startswith(message)
        assert "\n" not in str(refusal.value)


class TestByTimmItself:
    """Beside what it keeps of the contract of all networks in test_unet.py."""

    @pytest.fixture(autouse=True)
    def needs_timm(self) -> None:
        pytest.importorskip("timm")

    @pytest.mark.parametrize(
        ("name", "channels"),
        [
            ("resnet34", [64, 64, 128, 256, 512]),
            ("vgg11_bn", [128, 256, 512, 512, 512]),
            ("convnext_atto", [40, 80, 160, 320]),
            ("mobilenetv3_small_050", [16, 8, 16, 24, 288]),
        ],
    )
    def test_real_encoder(self, name: str, channels: list[int]) -> None:
        network = build_network(named(name))
        assert isinstance(network, EncoderUNet)
        assert network.encoder.channels == channels
        assert network(torch.zeros(2, 3, 64, 32)).shape == (2, 1, 64, 32)

    @pytest.mark.parametrize("name", ["swin_tiny_patch4_window7_224", "vit_tiny_patch16_224", "inception_v3"])
    def test_fixed_size_model_is_refused(self, name: str) -> None:
        with pytest.raises(ModelError, match=f"network.encoder {name} doesn't accept a 96x64 picture"):
            build_network(named(name))

    def test_wrong_name_names_nearest(self) -> None:
        with pytest.raises(
            ModelError, match=r"timm has no model 'resnet43' for network.encoder; did you mean 'resnet34'\?"
        ):
            build_network(named("resnet43"))

    def test_renorm_refuses_activation_layers(self) -> None:
        config = named("mobilenetv3_small_050").model_copy(update={"normalisation": "renorm"})
        with pytest.raises(ModelError, match="renorm has no BatchNormAct2d"):
            build_network(config)
