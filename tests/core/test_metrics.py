from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import boundary_iou, dice, dice_curve, iou, uncertain_ratio
from carvanamask.errors import MaskError

masks = arrays(bool, (4, 5)).map(Mask)


def mask(*rows: str) -> Mask:
    return Mask(np.array([[pixel == "#" for pixel in row] for row in rows]))


def test_dice_and_iou_by_hand() -> None:
    prediction, truth = mask("##.", "#.."), mask("##.", ".#.")  # 3 and 3 pixels, 2 shared, 4 together
    assert dice(prediction, truth) == pytest.approx(2 * 2 / 6)
    assert iou(prediction, truth) == pytest.approx(2 / 4)


@pytest.mark.parametrize("metric", [dice, iou, boundary_iou])
def test_two_empty_masks_agree_and_an_empty_one_with_a_full_one_does_not(metric: object) -> None:
    assert metric(mask("..", ".."), mask("..", "..")) == 1  # type: ignore[operator]
    assert metric(mask("..", ".."), mask("##", "##")) == 0  # type: ignore[operator]


@given(masks, masks)
def test_metrics_are_symmetric_and_iou_counts_what_it_says(one: Mask, other: Mask) -> None:
    assert dice(one, other) == dice(other, one)
    together = np.count_nonzero(one.pixels | other.pixels)
    shared = np.count_nonzero(one.pixels & other.pixels)
    assert iou(one, other) == pytest.approx(shared / together if together else 1)


def test_masks_of_different_size_are_not_compared() -> None:
    with pytest.raises(MaskError, match="differ in size"):
        dice(mask("##"), mask("#", "#"))


def test_boundary_iou_sees_the_band_alone() -> None:
    # 7x7 squares; 0.1 of the diagonal is 1 pixel: the band is the ring of 24 pixels, and the frame counts as outside
    truth = Mask(np.ones((7, 7), dtype=bool))
    prediction = Mask(np.ones((7, 7), dtype=bool))
    prediction.pixels[:, 6] = False
    # its ring: 7x6 without the inner 5x4 = 22; shared with the truth's: all but the 5 of column 5 that lie inside = 17
    assert boundary_iou(prediction, truth, share=0.1) == pytest.approx(17 / (24 + 22 - 17))
    assert boundary_iou(prediction, truth, share=0.1) < iou(prediction, truth)


def test_a_hole_deep_inside_is_part_of_the_band() -> None:
    truth = Mask(np.ones((9, 9), dtype=bool))
    prediction = Mask(np.ones((9, 9), dtype=bool))
    prediction.pixels[4, 4] = False
    # rings of 32; around the hole 8 more
    assert boundary_iou(prediction, truth, share=0.08) == pytest.approx(32 / 40)


def test_the_dice_curve_by_hand() -> None:
    probabilities = ProbabilityMap(np.array([[0.1, 0.3, 0.6, 0.9]], dtype=np.float32))
    truth = mask("..##")
    # thresholds 0, 1/4, 2/4, 3/4 leave 4, 3, 2, 1 pixels, of which 2, 2, 2, 1 are car
    assert dice_curve(probabilities, truth, steps=4).tolist() == pytest.approx([4 / 6, 4 / 5, 1, 2 / 3])


def test_the_dice_curve_agrees_with_cutting_at_each_threshold() -> None:
    values = np.random.default_rng(0).random((8, 9)).astype(np.float32)
    truth = Mask(np.random.default_rng(1).random((8, 9)) < values)
    curve = dice_curve(ProbabilityMap(values), truth, steps=16)
    cuts = [dice(ProbabilityMap(values).to_mask(step / 16), truth) for step in range(16)]
    assert curve.tolist() == pytest.approx(cuts)


def test_an_empty_truth_has_a_perfect_dice_where_nothing_passes() -> None:
    curve = dice_curve(ProbabilityMap(np.full((2, 2), 0.3, dtype=np.float32)), mask("..", ".."), steps=4)
    assert curve.tolist() == [0, 0, 1, 1]


def test_what_is_neither_car_nor_background_is_counted_against_the_mask() -> None:
    levels = np.array([[0, 29, 30, 127, 128, 210, 211, 255]], dtype=np.float32) / 255
    probabilities = ProbabilityMap(levels)
    mask = probabilities.to_mask(0.5)
    assert mask.pixels.sum() == 4
    assert uncertain_ratio(probabilities, mask) == 4 / 4  # 30, 127, 128 and 210


def test_of_an_empty_mask_nothing_is_undecided() -> None:
    assert uncertain_ratio(ProbabilityMap(np.full((2, 3), 0.4, np.float32)), Mask(np.zeros((2, 3), dtype=bool))) == 0
