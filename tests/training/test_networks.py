from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from carvanamask.core.card import ModelCard
from carvanamask.model.model_file import ModelFile
from carvanamask.model.onnxruntime_engine import CPU_PROVIDER, OnnxRuntimePredictor
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.training.config import NETWORKS, LiteUNetConfig, NetworkConfig, TimmUNetConfig, UNetConfig
from carvanamask.training.export import encode_onnx
from carvanamask.training.networks import build_network

SMALL: dict[str, NetworkConfig] = {
    "unet": UNetConfig(levels=3, filters=4),
    "renormalised unet": UNetConfig(levels=3, filters=4, normalisation="renorm", renorm_warm_up=5),
    "lite0-unet": LiteUNetConfig(decoder_filters=(16, 12, 8, 8), convolutions_up=1),
    "mobilenet": TimmUNetConfig(encoder="mobilenetv3_small_050", decoder_filters=(16, 12, 8, 8), convolutions_up=1),
    "convnext": TimmUNetConfig(encoder="convnext_atto", decoder_filters=(16, 12, 8, 8), convolutions_up=1),
}
"""Small configurations of every network; a new one costs one line here and inherits the contract below."""


def test_every_network_is_tested() -> None:
    assert {type(config) for config in SMALL.values()} == set(NETWORKS.values())


def test_original_has_34_6_million_parameters() -> None:
    assert sum(p.numel() for p in build_network(UNetConfig()).parameters()) == 34_611_489


def test_the_original_takes_97_gmac_at_1024() -> None:
    # counted at an eighth of the side, where everything costs a sixty-fourth
    macs = 0

    def count(layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
        nonlocal macs
        assert isinstance(layer, nn.Conv2d)
        macs += output.numel() * layer.in_channels * layer.kernel_size[0] * layer.kernel_size[1]

    network = build_network(UNetConfig()).eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        network(torch.zeros(1, 3, 128, 128))
    assert 64 * macs / 1e9 == pytest.approx(97, abs=0.5)


def sharpen(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        layer.weight.data *= 30


@pytest.mark.parametrize("name", SMALL)
class TestEveryNetwork:
    """What training, export and prediction ask of a network."""

    def build(self, name: str) -> nn.Module:
        if isinstance(SMALL[name], TimmUNetConfig):
            pytest.importorskip("timm")
        torch.manual_seed(0)
        return build_network(SMALL[name])

    def test_gives_one_logit_a_pixel(self, name: str) -> None:
        assert self.build(name)(torch.zeros(2, 3, 32, 64)).shape == (2, 1, 32, 64)

    def test_every_weight_gets_a_gradient(self, name: str) -> None:
        network = self.build(name)
        network(torch.rand(2, 3, 32, 64)).square().mean().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())

    def test_prediction_is_independent_of_batch(self, name: str) -> None:
        network, pictures = self.build(name).eval(), torch.rand(3, 3, 32, 64)
        with torch.no_grad():
            torch.testing.assert_close(network(pictures)[1:2], network(pictures[1:2]), atol=1e-5, rtol=1e-5)

    def test_channels_last_changes_only_layout(self, name: str) -> None:
        network, pictures = self.build(name).eval(), torch.rand(1, 3, 32, 64)
        with torch.no_grad():
            plain = network(pictures)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            turned = network(pictures.to(memory_format=torch.channels_last))
        torch.testing.assert_close(plain, turned, atol=1e-5, rtol=1e-5)

    def test_overfits_two_pictures(self, name: str) -> None:
        network = self.build(name)
        pictures = torch.rand(2, 3, 32, 64)
        targets = (pictures[:, :1] > 0.5).float()
        optimizer = torch.optim.AdamW(network.parameters(), 0.01)

        def train_step() -> float:
            loss = nn.functional.binary_cross_entropy_with_logits(network(pictures), targets)
            torch.autograd.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            return loss.item()

        first = train_step()
        assert any(train_step() < first / 2 for _ in range(120))

    def test_export_gives_same_probabilities(self, name: str, tmp_path: Path) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        network, pictures = self.build(name).eval(), torch.rand(2, 3, 32, 64)
        session = onnxruntime.InferenceSession(encode_onnx(network, (64, 32)))
        (exported,) = session.run(["probability"], {"picture": pictures.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(exported, network(pictures).sigmoid().numpy(), atol=1e-5)

    def test_both_engines_agree(self, name: str, tmp_path: Path) -> None:
        network = self.build(name)
        for _ in range(3):
            network(torch.rand(2, 3, 32, 64))  # moves the running means off 0
        list(network.children())[-1].apply(sharpen)  # a network without training is sure of nothing
        card = ModelCard(name="n", network=name, input_size_wh=(64, 32), mean=0.5, std=0.5, sha256="")
        model = ModelFile.save(tmp_path, encode_onnx(network.eval(), (64, 32)), card)
        picture = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)
        with torch.no_grad():
            expected = network((torch.from_numpy(picture).permute(2, 0, 1)[None] / 255 - 0.5) / 0.5).sigmoid()[0, 0]
        assert expected.max() - expected.min() > 0.01
        for predictor in (OpenVinoPredictor(model, "f32"), OnnxRuntimePredictor(model, CPU_PROVIDER)):
            assert np.abs(predictor.predict(picture).values - expected.numpy()).max() < 1e-4, predictor.engine
