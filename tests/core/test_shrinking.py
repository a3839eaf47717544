import cv2
import numpy as np
import pytest

from carvanamask.core.shrinking import shrink_by_area


def test_each_pixel_is_the_mean_of_those_it_covers() -> None:
    levels = np.arange(32, dtype=np.uint8).reshape(4, 8) * 4
    assert shrink_by_area(levels, (2, 1)).tolist() == [[int(levels[:, :4].mean()), int(levels[:, 4:].mean())]]


@pytest.mark.parametrize("size_wh", [(480, 320), (100, 640), (2000, 1500), (333, 111)])
def test_halving_first_changes_next_to_nothing(size_wh: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    picture = cv2.resize(noise, (1918, 1280), interpolation=cv2.INTER_CUBIC)
    at_once = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
    found = shrink_by_area(picture, size_wh)
    assert found.shape == (size_wh[1], size_wh[0], 3)
    assert np.abs(found.astype(int) - at_once).mean() < 0.5
