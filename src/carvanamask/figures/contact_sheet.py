"""Many small pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.figures.canvas import new_figure, save_sheet

OUTLINE = (255, 40, 140)
TILE_PX_WH = (400, 290)


def save_contact_sheet(path: Path, tiles: Sequence[tuple[str, np.ndarray]], columns: int = 4) -> None:
    """Draw (caption, RGB uint8) tiles row by row, as one PNG."""
    rows = -(-len(tiles) // columns)
    figure = new_figure((columns * TILE_PX_WH[0], rows * TILE_PX_WH[1]))
    cells = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in cells:
        axes.set_axis_off()
    for axes, (caption, picture) in zip(cells, tiles, strict=False):
        axes.imshow(picture, interpolation="antialiased")
        axes.set_title(caption, fontsize=12)
    save_sheet(path, figure)


def outlined(picture: np.ndarray, mask: Mask) -> np.ndarray:
    """The picture with the mask's edge drawn on it: RGB uint8."""
    contours, _ = cv2.findContours(mask.pixels.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness_px = max(1, round(picture.shape[1] / 320))
    return np.asarray(cv2.drawContours(picture.copy(), contours, -1, OUTLINE, thickness_px))
