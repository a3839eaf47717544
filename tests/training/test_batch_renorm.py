import math

import pytest
import torch
from torch import nn

from carvanamask.errors import ModelError
from carvanamask.training.batch_renorm import BatchRenorm2d, renormalise
from carvanamask.training.config import UNetConfig
from carvanamask.training.networks import build_network


def layer_with(step: int, warm_up: int = 10, channels: int = 3) -> BatchRenorm2d:
    """A layer that has taken `step` steps, with weights and running statistics that are not those of a new one."""
    torch.manual_seed(0)
    layer = BatchRenorm2d(channels, warm_up)
    layer.load_state_dict(
        {
            "weight": torch.rand(channels) + 0.5,
            "bias": torch.randn(channels),
            "running_mean": torch.randn(channels),
            "running_var": torch.rand(channels) + 0.5,
            "num_batches_tracked": torch.tensor(step),
        }
    )
    return layer


def pictures() -> torch.Tensor:
    return 1.5 * torch.randn(4, 3, 5, 7, generator=torch.Generator().manual_seed(1)) + 1


def test_limits_widen_as_in_the_paper() -> None:
    reached = {step: tuple(map(float, layer_with(step, 5000).limits())) for step in (0, 5000, 15_000, 25_000, 40_000)}
    assert reached == {
        0: (1, 0),
        5000: (1, 0),
        15_000: (pytest.approx(1 + 4 / 7), 2.5),
        25_000: (pytest.approx(1 + 8 / 7), 5),
        40_000: (3, 5),
    }
    assert tuple(map(float, layer_with(10**6, 5000).limits())) == (3, 5)


def test_warm_up_is_batch_normalisation() -> None:
    renorm, x, ours = layer_with(step=9), pictures(), pictures().requires_grad_()
    batch = nn.BatchNorm2d(3)
    batch.load_state_dict(renorm.state_dict())
    theirs = x.clone().requires_grad_()
    weights = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    (batch(theirs) * weights).sum().backward()
    y = renorm(ours)
    (y * weights).sum().backward()
    with torch.no_grad():
        torch.testing.assert_close(y, batch(x), atol=1e-6, rtol=1e-6)
    for mine, known in [(ours, theirs), (renorm.weight, batch.weight), (renorm.bias, batch.bias)]:
        torch.testing.assert_close(mine.grad, known.grad, atol=1e-6, rtol=1e-6)


def test_wide_limits_match_prediction() -> None:
    renorm, x = layer_with(step=1000), pictures()
    predicted = renorm.eval()(x)  # before the step moves the running statistics
    torch.testing.assert_close(renorm.train()(x), predicted, atol=1e-5, rtol=1e-5)


def test_a_tiny_example_by_hand() -> None:
    # mean 2 and spread 2 in the batch, mean 0 and spread 1 so far: r = 2 and d = 2 where the limits let them
    layer = BatchRenorm2d(1, warm_up=10, eps=1e-12)
    layer.num_batches_tracked.fill_(27)  # r_max = 1 + 2 · 1.7/7, d_max = 5 · 1.7/4
    x = torch.tensor([0.0, 4.0]).view(2, 1, 1, 1)
    assert layer(x).flatten().tolist() == pytest.approx([-(1 + 3.4 / 7) + 2, 1 + 3.4 / 7 + 2])
    # 0.01 of the way from 0 to 2, and from 1 to 2
    assert layer.running_mean.item() == pytest.approx(0.02)
    assert layer.running_var.item() == pytest.approx(1.01**2)
    assert layer.num_batches_tracked.item() == 28


def test_no_gradient_through_correction() -> None:
    # by hand: dL/dx is r times what batch normalisation gives, as r and d are constants
    x, weights = pictures(), torch.randn(4, 3, 5, 7, generator=torch.Generator().manual_seed(2))
    renorm = layer_with(step=1000)
    spread = x.var(dim=(0, 2, 3), correction=0).add(renorm.eps).sqrt()
    r = (spread / renorm.running_var.add(renorm.eps).sqrt()).clamp(1 / 3, 3).view(1, 3, 1, 1)
    batch = nn.BatchNorm2d(3)
    batch.load_state_dict(renorm.state_dict())
    gradients = []
    for layer in (batch, renorm):
        leaf = x.clone().requires_grad_()
        (layer(leaf) * weights).sum().backward()
        assert leaf.grad is not None
        gradients.append(leaf.grad)
    torch.testing.assert_close(gradients[1], r * gradients[0], atol=1e-6, rtol=1e-5)


def test_an_interrupted_layer_goes_on_exactly() -> None:
    whole, first = layer_with(step=18), layer_with(step=18)
    for step in range(4):
        whole(pictures() + step)
    for step in range(2):
        first(pictures() + step)
    second = BatchRenorm2d(3, warm_up=10)
    second.load_state_dict(first.state_dict())
    for step in range(2, 4):
        second(pictures() + step)
    assert all(torch.equal(value, second.state_dict()[name]) for name, value in whole.state_dict().items())


def test_constant_channel_stays_finite() -> None:
    layer = BatchRenorm2d(1, warm_up=1)
    for _ in range(500):
        y = layer(torch.ones(2, 1, 2, 2))
    assert y.isfinite().all()
    assert layer.eval()(torch.ones(2, 1, 2, 2)).isfinite().all()
    assert math.isclose(layer.running_mean.item(), 1, abs_tol=0.01)


def test_renormalise_replaces_all_layers() -> None:
    torch.manual_seed(0)
    network = build_network(UNetConfig(levels=2, filters=4))
    network(torch.rand(2, 3, 16, 16))
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    renormalise(network, warm_up=7)
    kinds = [type(module) for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert kinds == [BatchRenorm2d] * len(kinds) != []
    for name, value in network.state_dict().items():
        assert torch.equal(value, torch.zeros_like(value) if "tracked" in name else weights[name])


def test_unknown_normalisation_is_refused() -> None:
    class BatchNormAct2d(nn.BatchNorm2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x).relu()

    with pytest.raises(ModelError, match=r"renorm has no BatchNormAct2d, .*: use batch"):
        renormalise(nn.Sequential(nn.Conv2d(3, 4, 1), BatchNormAct2d(4)), warm_up=7)
