from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.errors import PictureError
from carvanamask.core.stage import Stage


def a_stage() -> Stage:
    levels = np.full((2, 3, 3), 100, np.uint8)
    levels[0, 0] = (10, 20, 30)
    return Stage(levels, np.array([[True, True, True], [True, True, False]]))


def test_the_difference_is_four_times_as_large_as_the_levels_differ_and_stops_at_255() -> None:
    picture = np.full((2, 3, 3), 100, np.uint8)
    picture[0, 1] = (103, 100, 98)
    picture[0, 2] = (200, 100, 100)
    difference = a_stage().difference(picture)
    assert difference[0, 0].tolist() == [255, 255, 255, 255]  # 90, 80 and 70 levels
    assert difference[0, 1].tolist() == [12, 0, 8, 255]
    assert difference[0, 2].tolist() == [255, 0, 0, 255]
    assert difference[1, 0].tolist() == [0, 0, 0, 255]


def test_where_the_stage_is_not_known_nothing_differs_and_the_last_channel_says_so() -> None:
    assert a_stage().difference(np.zeros((2, 3, 3), np.uint8))[1, 2].tolist() == [0, 0, 0, 0]
    assert not Stage.unknown((3, 2)).difference(np.full((2, 3, 3), 200, np.uint8)).any()


def test_a_stage_is_read_as_it_was_written(tmp_path: Path) -> None:
    a_stage().save(tmp_path / "car.png")
    again = Stage.load(tmp_path / "car.png")
    assert np.array_equal(again.levels, a_stage().levels)
    assert np.array_equal(again.is_known, a_stage().is_known)


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_stage_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "car.png").write_bytes(content)
    with pytest.raises(PictureError, match=r"car\.png is no stage: delete it"):
        Stage.load(tmp_path / "car.png")


def test_a_stage_is_a_picture_as_large_as_what_is_known_of_it() -> None:
    with pytest.raises(PictureError, match="RGB uint8"):
        Stage(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3), bool))
