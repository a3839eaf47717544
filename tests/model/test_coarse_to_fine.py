"""A bright rectangle is the car; the coarse pass gets a small picture, the refinement pass the crop of the car."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.build import build_predictor
from carvanamask.model.coarse_to_fine import (
    MAX_EDGE_SHIFT_PX,
    CoarseToFinePredictor,
    probability_bounds,
    without_specks,
)
from carvanamask.model.ensemble import FlipAverage
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor, Predictor


def picture(left: int = 80, right: int = 120) -> np.ndarray:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[40:60, left:right] = 255
    return pixels


class Coarse(Predictor):
    """Correct, and it records the size of its picture."""

    engine = "coarse"
    size_wh = (0, 0)

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        self.size_wh = (picture.shape[1], picture.shape[0])
        return ProbabilityMap(picture[..., 0].astype(np.float32) / 255)


class Refinement(NetworkPredictor):
    """Correct, and it records its crops."""

    engine = arithmetic = "refinement"

    def __init__(self, input_size_wh: tuple[int, int] = (64, 32)) -> None:
        self.card = ModelCard(name="n", network="", input_size_wh=input_size_wh)
        self.crops: list[np.ndarray] = []

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        self.crops.append(pixels)
        return pixels[..., 0].astype(np.float32) / 255


def test_refinement_pass_gets_the_car_enlarged() -> None:
    coarse, refinement = Coarse(), Refinement()
    found = CoarseToFinePredictor(coarse, refinement, (50, 25)).predict(picture())
    assert coarse.size_wh == (50, 25)
    assert refinement.crops[0].shape == (32, 64, 3)
    assert (refinement.crops[0][..., 0] > 127).mean() > 0.6  # the car is 4 % of the picture
    assert found.size_wh == (200, 100)
    assert np.abs(found.to_mask(0.5).pixels.astype(int) - (picture()[..., 0] > 0)).sum() <= 4


@pytest.mark.parametrize(("grey", "has_car"), [(64, False), (115, False), (140, True)])
def test_no_car_in_the_coarse_pass_ends_it(grey: int, has_car: bool) -> None:
    refinement = Refinement()
    found = CoarseToFinePredictor(Coarse(), refinement, (50, 25)).predict(np.full((100, 200, 3), grey, np.uint8))
    assert found.size_wh == (200, 100)
    np.testing.assert_allclose(found.values, grey / 255, atol=1e-6)
    assert len(refinement.crops) == has_car


@pytest.mark.parametrize(("speck_area", "is_kept"), [(19, False), (20, True), (21, True)])
def test_speck_below_2_percent_does_not_widen_the_crop(speck_area: int, is_kept: bool) -> None:
    is_car = np.zeros((50, 100), bool)
    is_car[20:40, 10:60] = True  # 1000 pixels
    is_car[0, 70 : 70 + speck_area] = True
    kept = without_specks(is_car)
    assert kept[0].any() == is_kept
    assert kept[20:40, 10:60].all()
    assert kept.sum() == 1000 + is_kept * speck_area


def test_refinement_moves_the_edge_by_4_pixels_at_most() -> None:
    coarse = np.full((3, 40), 0.45, np.float32)
    coarse[:, 20:] = 0.55
    lower, upper = probability_bounds(coarse, MAX_EDGE_SHIFT_PX)
    assert lower[1].tolist() == [0] * 24 + [np.float32(0.55)] * 16
    assert upper[1].tolist() == [np.float32(0.45)] * 16 + [1] * 24


LARGE_CAR_AREA = 90 * 190


def large_car(background: int = 0, car: int = 255) -> np.ndarray:
    """Return a picture that is its own crop, as large as the passes' inputs: nothing is resized."""
    pixels = np.full((100, 200, 3), background, np.uint8)
    pixels[5:95, 5:195] = car  # with its margins more than the picture
    return pixels


class WithHole(Refinement):
    """Correct except for a hole of some pixels deep inside the car."""

    def __init__(self, hole_px: int) -> None:
        super().__init__((200, 100))
        self.hole_px = hole_px

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        values = super().infer(pixels)
        values[20:80, 20:180].flat[: self.hole_px] = 0
        return values


def test_hole_that_only_the_refinement_pass_sees_is_closed() -> None:
    found = CoarseToFinePredictor(Coarse(), WithHole(200), (200, 100)).predict(large_car())
    assert found.values[20:80, 20:180].all()
    assert found.disagreement == pytest.approx(200 / LARGE_CAR_AREA)


def test_disagreement_is_a_share_of_the_pixels_above_0_5() -> None:
    found = CoarseToFinePredictor(Coarse(), WithHole(200), (200, 100)).predict(large_car(background=115, car=140))
    assert found.disagreement == pytest.approx(200 * 140 / 255 / LARGE_CAR_AREA)


@pytest.mark.parametrize(("share", "has_failed"), [(0.028, False), (0.032, True)])
def test_refinement_fails_at_3_percent_of_the_car(share: float, has_failed: bool) -> None:
    class Outgrown(WithHole):
        """Adds a grey column beside the car, which the edge's bounds allow: it shows whose map is the result."""

        def infer(self, pixels: np.ndarray) -> np.ndarray:
            values = super().infer(pixels)
            values[5:95, 4] = 0.25
            return values

    found = CoarseToFinePredictor(Coarse(), Outgrown(round(share * LARGE_CAR_AREA)), (200, 100)).predict(large_car())
    assert found.disagreement == pytest.approx(share, rel=0.01)
    assert found.values[50, 4] == (0 if has_failed else 0.25)


class Constant(Refinement):
    """Gives one probability everywhere."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        return np.full(pixels.shape[:2], self.probability, np.float32)


def middle_car() -> np.ndarray:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[30:70, 60:140] = 255
    return pixels


@pytest.mark.parametrize("probability", [0, 1])
def test_coarse_map_is_the_result_where_refinement_fails(probability: float) -> None:
    found = CoarseToFinePredictor(Coarse(), Constant(probability), (200, 100)).predict(middle_car())
    np.testing.assert_array_equal(found.values, middle_car()[..., 0] / 255)
    assert found.disagreement > 0.05


def test_passes_that_agree_have_no_disagreement() -> None:
    predictor = CoarseToFinePredictor(Coarse(), Refinement(), (200, 100))
    assert predictor.predict(middle_car()).disagreement < 0.001
    assert FlipAverage(predictor).predict(middle_car()).disagreement < 0.001
    assert (
        FlipAverage(CoarseToFinePredictor(Coarse(), Constant(0), (200, 100))).predict(middle_car()).disagreement > 0.2
    )


def test_crop_model_survives_the_disk(tmp_path: Path) -> None:
    coarse = save_brightness_model(tmp_path / "coarse", (40, 20))
    network = save_brightness_model(tmp_path / "network", (64, 32))
    model = ModelFile.save(
        tmp_path / "both", network.onnx.read_bytes(), network.card.model_copy(update={"sees_crop": True}), [coarse]
    )
    predictor = build_predictor(ModelFile.load(model.folder), "cpu")
    assert isinstance(predictor, CoarseToFinePredictor)
    found = predictor.predict(picture())
    assert np.abs(found.to_mask(0.5).pixels.astype(int) - (picture()[..., 0] > 0)).sum() <= 60
