import numpy as np

from carvanamask.core.geometry import Box


def marked(left: int, top: int, right: int, bottom: int, size_wh: tuple[int, int]) -> np.ndarray:
    is_car = np.zeros(size_wh[::-1], bool)
    is_car[top:bottom, left:right] = True
    return is_car


def test_a_box_leaves_room_around_the_car_and_takes_the_shape_it_is_seen_in() -> None:
    # 20 x 10, with 5 % of the width and 10 % of the height on each side 22 x 12; twice as wide as high: 24 x 12
    assert Box.around(marked(40, 30, 60, 40, (100, 80)), (100, 80), (64, 32)) == Box(38, 29, 24, 12)
    # a car higher than wide gets more room beside it
    assert Box.around(marked(40, 30, 50, 50, (100, 80)), (100, 80), (64, 32)) == Box(21, 28, 48, 24)


def test_a_box_stays_inside_the_picture() -> None:
    assert Box.around(marked(0, 70, 20, 80, (100, 80)), (100, 80), (64, 32)) == Box(0, 68, 24, 12)
    assert Box.around(np.ones((80, 100), bool), (100, 80), (64, 32)) == Box(0, 0, 100, 80)


def test_a_small_mask_finds_the_box_of_a_large_picture() -> None:
    small = Box.around(marked(40, 30, 60, 40, (100, 80)), (1000, 800), (64, 32))
    assert small == Box(380, 290, 240, 120)


def test_no_car_is_no_box() -> None:
    assert Box.around(np.zeros((4, 4), bool), (4, 4), (2, 2)) is None


def test_a_box_is_found_again_in_the_picture_at_another_size() -> None:
    assert Box(20, 12, 40, 8).scaled((100, 80), (50, 20)) == Box(10, 3, 20, 2)
    # never empty, never outside
    assert Box(99, 79, 1, 1).scaled((100, 80), (10, 8)) == Box(9, 7, 1, 1)


def test_what_is_pasted_fills_the_box_and_nothing_else() -> None:
    box = Box(1, 2, 3, 2)
    values = box.pasted(np.full((4, 6), 0.5, np.float32), (6, 5))
    assert values.shape == (5, 6)
    assert (box.of(values) == 0.5).all()
    assert np.count_nonzero(values) == 6
