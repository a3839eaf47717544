import math
from typing import get_args

import pytest
import torch

from carvanamask.training.config import LossConfig
from carvanamask.training.losses import boundary, build_loss, window_px

# the left column of a 4x4 picture is car, so a 3x3 window finds the boundary in columns 0 and 1; there the weight
# is 3, elsewhere 1, and after division by their mean, 2, it is 1.5 and 0.5
LEFT_COLUMN = torch.zeros(1, 1, 4, 4).index_fill_(3, torch.tensor([0]), 1.0)
LOGIT_OF_THREE_QUARTERS = math.log(3)


def test_boundary_by_hand() -> None:
    expected = torch.tensor([1.0, 1.0, 0.0, 0.0]).expand(1, 1, 4, 4)
    assert torch.equal(boundary(LEFT_COLUMN, 3), expected)


def test_full_mask_has_boundary_at_frame() -> None:
    found = boundary(torch.ones(1, 1, 4, 4), 3)[0, 0]
    assert found[0].all()
    assert not found[1:3, 1:3].any()


def test_boundary_loss_by_hand() -> None:
    # BCE = ln 2 whatever the weights; D = (2·4·2.25·½ + 1) / (½·(8·2.25 + 8·0.25) + 4·2.25 + 1) = 10 / 20
    loss = build_loss(LossConfig(name="boundary", border_weight=2))(torch.zeros(1, 1, 4, 4), LEFT_COLUMN)
    assert loss.item() == pytest.approx(math.log(2) + 1 - 0.5, abs=1e-6)


def test_boundary_loss_squares_dice_weights() -> None:
    # p = ¾ on the car, ½ elsewhere:
    # BCE = (4·1.5·ln(4/3) + 4·1.5·ln 2 + 8·0.5·ln 2) / 16
    # D = (2·4·2.25·¾ + 1) / (4·2.25·¾ + 4·2.25·½ + 8·0.25·½ + 4·2.25 + 1) = 14.5 / 22.25
    bce = (6 * math.log(4 / 3) + 10 * math.log(2)) / 16
    loss = build_loss(LossConfig(name="boundary"))(LOGIT_OF_THREE_QUARTERS * LEFT_COLUMN, LEFT_COLUMN)
    assert loss.item() == pytest.approx(bce + 1 - 14.5 / 22.25, abs=1e-6)


def test_weights_per_batch_dice_per_picture() -> None:
    # the second picture has no boundary: mean weight (2 + 1) / 2, so weights are 2, ⅔ there and ⅔ here
    pictures = torch.cat([LEFT_COLUMN, torch.zeros(1, 1, 4, 4)])
    first = (2 * 4 * 4 * 0.5 + 1) / (0.5 * (8 * 4 + 8 * 4 / 9) + 4 * 4 + 1)
    second = 1 / (0.5 * 16 * 4 / 9 + 1)
    loss = build_loss(LossConfig(name="boundary"))(torch.zeros(2, 1, 4, 4), pictures)
    assert loss.item() == pytest.approx(math.log(2) + 1 - (first + second) / 2, abs=1e-6)


def test_plain_losses_are_what_a_hand_works_out() -> None:
    # D = (2·4·½ + 1) / (16·½ + 4 + 1) = 5 / 13
    logits = torch.zeros(1, 1, 4, 4)
    assert build_loss(LossConfig(name="bce-dice"))(logits, LEFT_COLUMN).item() == pytest.approx(
        math.log(2) + 1 - 5 / 13, abs=1e-6
    )
    assert build_loss(LossConfig(name="bce-log-dice"))(logits, LEFT_COLUMN).item() == pytest.approx(
        math.log(2) - math.log(5 / 13), abs=1e-6
    )


def test_border_weight_zero_is_bce_dice() -> None:
    logits = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    target = (logits > 0.3).float()
    weighted, plain = build_loss(LossConfig(border_weight=0)), build_loss(LossConfig(name="bce-dice"))
    assert weighted(logits, target).item() == pytest.approx(plain(logits, target).item(), abs=1e-6)


def test_window_sizes() -> None:
    assert [window_px(height) for height in (128, 256, 512, 1024, 1280)] == [11, 21, 21, 41, 51]
    assert [window_px(height) for height in (224, 640, 896)] == [9, 27, 37]


@pytest.mark.parametrize("name", get_args(LossConfig.model_fields["name"].annotation))
class TestEveryLoss:
    def test_no_car_and_certain_logits(self, name: str) -> None:
        logits = torch.full((2, 1, 8, 8), 50.0, requires_grad=True)
        loss = build_loss(LossConfig.model_validate({"name": name}))(logits, torch.zeros(2, 1, 8, 8))
        torch.autograd.backward(loss)
        assert loss.isfinite()
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
        assert logits.grad.abs().sum() > 0

    def test_is_smaller_for_a_better_prediction(self, name: str) -> None:
        loss = build_loss(LossConfig.model_validate({"name": name}))
        good, bad = 4 * (2 * LEFT_COLUMN - 1), torch.zeros(1, 1, 4, 4)
        assert loss(good, LEFT_COLUMN) < loss(bad, LEFT_COLUMN) < loss(-good, LEFT_COLUMN)
