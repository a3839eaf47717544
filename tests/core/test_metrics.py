from __future__ import annotations

from collections.abc import Callable

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
def test_empty_masks_agree_with_each_other_only(metric: Callable[[Mask, Mask], float]) -> None:
    assert metric(mask("..", ".."), mask("..", "..")) == 1
    assert metric(mask("..", ".."), mask("##", "##")) == 0


@given(masks, masks)
def test_metrics_are_symmetric_and_iou_is_its_definition(one: Mask, other: Mask) -> None:
    assert dice(one, other) == dice(other, one)
    together = np.count_nonzero(one.pixels | other.pixels)
    shared = np.count_nonzero(one.pixels & other.pixels)
    assert iou(one, other) == pytest.approx(shared / together if together else 1)


def test_masks_of_different_size_are_refused() -> None:
    with pytest.raises(MaskError, match="differ in size"):
        dice(mask("##"), mask("#", "#"))


def test_boundary_iou_is_the_iou_of_the_bands() -> None:
    # 7x7 squares; 0.1 of the diagonal is 1 pixel: the band is the ring of 24 pixels, and the border counts as outside
    truth = Mask(np.ones((7, 7), dtype=bool))
    prediction = Mask(np.ones((7, 7), dtype=bool))
    prediction.pixels[:, 6] = False
    # its ring: 7x6 without the inner 5x4 = 22; shared with the truth's: all but the 5 of column 5 that lie inside = 17
    assert boundary_iou(prediction, truth, share=0.1) == pytest.approx(17 / (24 + 22 - 17))
    assert boundary_iou(prediction, truth, share=0.1) < iou(prediction, truth)


def test_band_is_2_percent_of_the_diagonal_wide() -> None:
    # 800 x 600 has a diagonal of 1000: bands are 20 pixels wide
    truth, prediction = Mask(np.ones((600, 800), dtype=bool)), Mask(np.ones((600, 800), dtype=bool))
    prediction.pixels[:, 0] = False
    band, other_band = 800 * 600 - 760 * 560, 799 * 600 - 759 * 560
    shared = other_band - 560  # the other band has one column farther inside
    assert boundary_iou(prediction, truth) == pytest.approx(shared / (band + other_band - shared))


def test_hole_is_part_of_the_band() -> None:
    truth = Mask(np.ones((9, 9), dtype=bool))
    prediction = Mask(np.ones((9, 9), dtype=bool))
    prediction.pixels[4, 4] = False
    # rings of 32; around the hole 8 more
    assert boundary_iou(prediction, truth, share=0.08) == pytest.approx(32 / 40)


def test_dice_curve_by_hand() -> None:
    probabilities = ProbabilityMap(np.array([[0.1, 0.3, 0.6, 0.9]], dtype=np.float32))
    truth = mask("..##")
    # thresholds 0, 1/4, 2/4, 3/4 leave 4, 3, 2, 1 pixels, of which 2, 2, 2, 1 are car
    assert dice_curve(probabilities, truth, steps=4).tolist() == pytest.approx([4 / 6, 4 / 5, 1, 2 / 3])


def test_dice_curve_is_the_dice_at_each_threshold() -> None:
    values = np.random.default_rng(0).random((8, 9)).astype(np.float32)
    truth = Mask(np.random.default_rng(1).random((8, 9)) < values)
    curve = dice_curve(ProbabilityMap(values), truth, steps=16)
    scores = [dice(ProbabilityMap(values).to_mask(step / 16), truth) for step in range(16)]
    assert curve.tolist() == pytest.approx(scores)


def test_empty_truth_has_dice_1_where_nothing_passes() -> None:
    curve = dice_curve(ProbabilityMap(np.full((2, 2), 0.3, dtype=np.float32)), mask("..", ".."), steps=4)
    assert curve.tolist() == [0, 0, 1, 1]


def test_missed_pixel_has_dice_0() -> None:
    values, truth = np.zeros((1, 2), np.float32), mask("#.")
    assert dice_curve(ProbabilityMap(values), truth).tolist() == [0] * 256


def test_uncertain_ratio_counts_from_30_to_210_of_255() -> None:
    pixels = np.array([[0, 29, 30, 127, 128, 210, 211, 255]], dtype=np.float32) / 255
    probabilities = ProbabilityMap(pixels)
    mask = probabilities.to_mask(0.5)
    assert mask.pixels.sum() == 4
    assert uncertain_ratio(probabilities, mask) == 4 / 4  # 30, 127, 128 and 210


def test_empty_mask_has_no_uncertain_ratio() -> None:
    assert uncertain_ratio(ProbabilityMap(np.full((2, 3), 0.4, np.float32)), Mask(np.zeros((2, 3), dtype=bool))) == 0
