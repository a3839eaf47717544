"""Pictures with masks: one prediction against the true mask, and a contact sheet of many pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.figures.plots import new_figure, save_figure

MISSED = (30, 110, 255)
EXCESS = (255, 45, 45)
CUT_OUT_BACKGROUND = (46, 139, 87)
"""Sea green: no car in the data has it, so a halo shows."""
OUTLINE = (255, 40, 140)
TILE_PX_WH = (400, 290)


def save_comparison(path: Path, picture: np.ndarray, truth: Mask, prediction: Mask, name: str, dice: float) -> None:
    """Write a PNG of the picture (RGB uint8), the true mask, the predicted cut-out, and the errors."""
    figure = new_figure((1600, 1170))
    ((top_left, top_right), (bottom_left, bottom_right)) = figure.subplots(2, 2)
    wrong = np.count_nonzero(truth.pixels != prediction.pixels)
    panels = [
        (top_left, picture, name),
        (top_right, truth.pixels, "true mask"),
        (bottom_left, _cut_out(picture, prediction), f"prediction: Dice {dice:.5f}"),
        (bottom_right, draw_errors(picture, truth, prediction), f"{wrong} wrong pixels: red excess, blue missed"),
    ]
    for axes, image, title in panels:
        axes.imshow(image, cmap="gray", interpolation="antialiased")
        axes.set_title(title)
        axes.set_axis_off()
    save_figure(path, figure)


def draw_errors(picture: np.ndarray, truth: Mask, prediction: Mask) -> np.ndarray:
    """Return the picture in pale grey, RGB uint8, with wrong pixels in colour, dilated so that thin errors show."""
    pale = 128 + cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 2
    drawn = np.repeat(pale[..., None], 3, axis=2)
    side_px = 2 * round(picture.shape[1] / 1000) + 1
    for colour, wrong in ((EXCESS, prediction.pixels & ~truth.pixels), (MISSED, truth.pixels & ~prediction.pixels)):
        drawn[cv2.dilate(wrong.astype(np.uint8), np.ones((side_px, side_px), np.uint8)) > 0] = colour
    return drawn


def _cut_out(picture: np.ndarray, mask: Mask) -> np.ndarray:
    return np.where(mask.pixels[..., None], picture, np.array(CUT_OUT_BACKGROUND, np.uint8))


def save_contact_sheet(path: Path, tiles: Sequence[tuple[str, np.ndarray]], columns: int = 4) -> None:
    """Write a PNG of (caption, RGB uint8) tiles, row by row."""
    rows = -(-len(tiles) // columns)
    figure = new_figure((columns * TILE_PX_WH[0], rows * TILE_PX_WH[1]))
    cells = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axes in cells:
        axes.set_axis_off()
    for axes, (caption, picture) in zip(cells, tiles, strict=False):
        axes.imshow(picture, interpolation="antialiased")
        axes.set_title(caption, fontsize=12)
    save_figure(path, figure)


def outlined(picture: np.ndarray, mask: Mask) -> np.ndarray:
    """Return the picture with the mask's edge drawn on it, RGB uint8."""
    contours, _ = cv2.findContours(mask.pixels.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    thickness_px = max(1, round(picture.shape[1] / 320))
    return np.asarray(cv2.drawContours(picture.copy(), contours, -1, OUTLINE, thickness_px))
