"""A bright rectangle is the car; the first pass sees a small picture, the second one the part around the car."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from brightness_model import save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import ProbabilityMap
from carvanamask.model.build import build_predictor
from carvanamask.model.coarse_to_fine import LOST, REACH_PX, CoarseToFinePredictor, limits, without_specks
from carvanamask.model.flip import FlipAverage
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor


def picture(left: int = 80, right: int = 120) -> np.ndarray:
    levels = np.zeros((100, 200, 3), np.uint8)
    levels[40:60, left:right] = 255
    return levels


class First:
    """Right, and it remembers how large a picture it got."""

    engine = arithmetic = "first"
    sees_views = False
    size_wh = (0, 0)

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        self.size_wh = (picture.shape[1], picture.shape[0])
        return ProbabilityMap(picture[..., 0].astype(np.float32) / 255)


class Second(NetworkPredictor):
    engine = arithmetic = "second"

    def __init__(self) -> None:
        self.card = ModelCard(name="n", network="", input_size_wh=(64, 32))
        self.seen: list[np.ndarray] = []

    def infer(self, levels: np.ndarray) -> np.ndarray:
        self.seen.append(levels)
        return levels[..., 0].astype(np.float32) / 255


def test_the_second_pass_sees_the_car_large() -> None:
    first, second = First(), Second()
    found = CoarseToFinePredictor(first, second, (50, 25)).predict(picture())
    assert first.size_wh == (50, 25)
    assert second.seen[0].shape == (32, 64, 3)
    assert (second.seen[0][..., 0] > 127).mean() > 0.6  # of the whole picture the car is 4 %
    assert found.size_wh == (200, 100)
    assert np.abs(found.to_mask(0.5).pixels.astype(int) - (picture()[..., 0] > 0)).sum() <= 4


def test_where_the_first_pass_finds_no_car_its_word_stands() -> None:
    second = Second()
    found = CoarseToFinePredictor(First(), second, (50, 25)).predict(np.full((100, 200, 3), 64, np.uint8))
    assert found.size_wh == (200, 100)
    np.testing.assert_allclose(found.values, 64 / 255, atol=1e-6)
    assert second.seen == []


def test_a_speck_does_not_widen_the_part_that_is_seen() -> None:
    is_car = np.zeros((50, 100), bool)
    is_car[20:40, 20:60] = True
    is_car[0:3, 95:98] = True
    assert np.flatnonzero(without_specks(is_car).any(axis=0)).tolist() == list(range(20, 60))
    is_car[0:10, 95:98] = True  # as large a part of the whole as a second car would be
    assert without_specks(is_car)[:10].any()


def test_near_the_edge_of_the_first_pass_the_second_one_is_free_and_beyond_it_is_not() -> None:
    first = np.full((3, 40), 0.1, np.float32)
    first[:, 20:] = 0.9
    least, most = limits(first, REACH_PX)
    assert least[1].tolist() == [0] * (20 + REACH_PX) + [np.float32(0.9)] * (20 - REACH_PX)
    assert most[1].tolist() == [np.float32(0.1)] * (20 - REACH_PX) + [1] * (20 + REACH_PX)


class Torn(Second):
    """Right, but for a hole."""

    def infer(self, levels: np.ndarray) -> np.ndarray:
        values = super().infer(levels)
        values[15:17, 30:40] = 0
        return values


def test_a_hole_that_only_the_second_pass_sees_is_not_torn() -> None:
    large = np.zeros((100, 200, 3), np.uint8)
    large[10:90, 10:190] = 255
    found = CoarseToFinePredictor(First(), Torn(), (200, 100)).predict(large)
    assert found.values[20:80, 20:180].all()
    assert 0 < found.disagreement < LOST


class Wrong(Second):
    """Sees no car, or nothing else."""

    def __init__(self, word: float) -> None:
        super().__init__()
        self.word = word

    def infer(self, levels: np.ndarray) -> np.ndarray:
        return np.full(levels.shape[:2], self.word, np.float32)


def test_where_the_second_pass_is_lost_the_first_one_s_word_stands() -> None:
    large = np.zeros((100, 200, 3), np.uint8)
    large[30:70, 60:140] = 255
    for word in (0, 1):
        found = CoarseToFinePredictor(First(), Wrong(word), (200, 100)).predict(large)
        np.testing.assert_array_equal(found.values, large[..., 0] / 255)
        assert found.disagreement > 0.05


def test_looks_that_agree_dispute_nothing() -> None:
    large = np.zeros((100, 200, 3), np.uint8)
    large[30:70, 60:140] = 255
    predictor = CoarseToFinePredictor(First(), Second(), (200, 100))
    assert predictor.predict(large).disagreement < 0.001
    assert FlipAverage(predictor).predict(large).disagreement < 0.001
    assert FlipAverage(CoarseToFinePredictor(First(), Wrong(0), (200, 100))).predict(large).disagreement > 0.2


def test_a_card_that_zooms_is_carried_out_and_survives_the_disk(tmp_path: Path) -> None:
    first = save_brightness_model(tmp_path / "first", (40, 20))
    network = save_brightness_model(tmp_path / "network", (64, 32))
    model = ModelFile.save(
        tmp_path / "both", network.onnx.read_bytes(), network.card.model_copy(update={"sees_crop": True}), [first]
    )
    predictor = build_predictor(ModelFile.load(model.folder), "cpu")
    assert isinstance(predictor, CoarseToFinePredictor)
    found = predictor.predict(picture())
    assert np.abs(found.to_mask(0.5).pixels.astype(int) - (picture()[..., 0] > 0)).sum() <= 60
