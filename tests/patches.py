"""A picture of four colours, which tells every turn and mirroring from every other."""

from __future__ import annotations

import numpy as np

RED, GREEN, BLUE, GREY, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (120, 120, 120), (255, 255, 255)


def four_patches(size_wh: tuple[int, int] = (48, 32)) -> np.ndarray:
    """Red and green over blue and grey."""
    picture = np.zeros((size_wh[1], size_wh[0], 3), dtype=np.uint8)
    half_w, half_h = size_wh[0] // 2, size_wh[1] // 2
    picture[:half_h, :half_w], picture[:half_h, half_w:] = RED, GREEN
    picture[half_h:, :half_w], picture[half_h:, half_w:] = BLUE, GREY
    return picture


def assert_shows(picture: np.ndarray, expected: np.ndarray, within: int = 0) -> None:
    """Equal to `within` grey levels in the middle of each patch, where JPEG doesn't mix neighbours."""
    assert picture.dtype == np.uint8
    assert picture.shape == expected.shape
    for row in (picture.shape[0] // 4, picture.shape[0] * 3 // 4):
        for column in (picture.shape[1] // 4, picture.shape[1] * 3 // 4):
            np.testing.assert_allclose(picture[row, column].astype(int), expected[row, column], atol=within)
