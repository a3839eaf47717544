"""A studio drawn by hand: a wall of one grey with a darker corner, and a car that is elsewhere in every view."""

from __future__ import annotations

import numpy as np

from carvanamask.core.mask import ProbabilityMap
from carvanamask.core.model_file import ModelCard
from carvanamask.inference.predictor import NetworkPredictor
from carvanamask.inference.stage import StagePredictor, estimate_stage, find_stage

HEIGHT, WIDTH = 50, 100
CAR_AT = (10, 30, 50, 70)
"""The left side of the car, 12 pixels wide, in the four views."""


def wall() -> np.ndarray:
    levels = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
    levels[:10, :20] = 90
    return levels


def view(left: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its true map."""
    picture, car = wall(), np.zeros((HEIGHT, WIDTH), np.float32)
    picture[20:40, left : left + 12] = 30
    car[20:40, left : left + 12] = 1
    return picture, car


def views() -> tuple[list[np.ndarray], list[np.ndarray]]:
    pictures, maps = zip(*(view(left) for left in CAR_AT), strict=True)
    return list(pictures), list(maps)


class Asked(NetworkPredictor):
    """A network that remembers what it was shown and says that all of it is car."""

    engine = "by hand"

    def __init__(self) -> None:
        self.card = ModelCard(name="n", network="", input_size_wh=(WIDTH, HEIGHT), sees_stage=True)
        self.shown: list[np.ndarray] = []

    def infer(self, levels: np.ndarray) -> np.ndarray:
        self.shown.append(levels)
        return np.ones((HEIGHT, WIDTH), np.float32)


class TrueMaps:
    """A first pass that is right: the dark pixels of the car's rows."""

    engine = "first"
    sees_views = False

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        dark = picture[..., 0] < 60
        return ProbabilityMap(dark.astype(np.float32))

    def predict_views(self, pictures: list[np.ndarray]) -> list[ProbabilityMap]:
        return [self.predict(picture) for picture in pictures]


def test_what_three_views_leave_free_is_the_stage() -> None:
    stage = estimate_stage(*views())
    assert stage.is_known.all()
    assert np.array_equal(stage.levels, wall())


def test_a_car_that_one_mask_misses_is_no_part_of_the_stage() -> None:
    pictures, maps = views()
    maps[1] = np.zeros_like(maps[1])
    assert np.array_equal(estimate_stage(pictures, maps).levels, wall())


def test_what_the_car_always_covers_is_not_known() -> None:
    pictures, maps = views()
    for each in maps:
        each[20:40, 45:55] = 1
    known = estimate_stage(pictures, maps).is_known
    assert not known[20:40, 45:55].any()
    assert known[:15].all()


def test_what_a_car_comes_near_to_is_not_trusted() -> None:
    pictures, maps = views()
    for each in maps:
        each[20:40, 45:55] = 1
    known = estimate_stage(pictures, maps).is_known
    assert not known[19, 50]  # nearer than 4 % of the height


def test_views_that_share_no_stage_show_none() -> None:
    maps = [np.zeros((HEIGHT, WIDTH), np.float32)] * 4
    moved = [np.full((HEIGHT, WIDTH, 3), grey, np.uint8) for grey in (40, 90, 140, 190)]
    assert not estimate_stage(moved, maps).is_known.any()


def test_too_few_views_or_views_of_several_sizes_show_no_stage() -> None:
    pictures, _ = views()
    assert not find_stage(TrueMaps(), pictures[:3], (WIDTH, HEIGHT)).is_known.any()
    assert not find_stage(TrueMaps(), [*pictures[:3], pictures[3][:40]], (WIDTH, HEIGHT)).is_known.any()


def test_the_second_pass_sees_each_picture_beside_its_difference_from_the_stage() -> None:
    pictures, _ = views()
    network = Asked()
    maps = list(StagePredictor(TrueMaps(), network).predict_views(pictures))
    assert [each.values.min() for each in maps] == [1, 1, 1, 1]
    shown = network.shown[0]
    assert shown.shape == (HEIGHT, WIDTH, 7)
    assert np.array_equal(shown[..., :3], pictures[0])
    assert shown[30, 15].tolist() == [30, 30, 30, 255, 255, 255, 255]  # car: 150 levels from the wall
    assert shown[30, 60].tolist() == [180, 180, 180, 0, 0, 0, 255]


def test_one_picture_alone_gets_the_first_pass_s_answer() -> None:
    pictures, maps = views()
    network = Asked()
    predictor = StagePredictor(TrueMaps(), network)
    assert np.array_equal(predictor.predict(pictures[0]).values, maps[0])
    assert np.array_equal(next(predictor.predict_views(pictures[:1])).values, maps[0])
    assert network.shown == []
