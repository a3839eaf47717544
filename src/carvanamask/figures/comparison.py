"""One picture, its truth, a prediction, and where the two differ."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.figures.canvas import new_figure, save_sheet

MISSED = (30, 110, 255)
INVENTED = (255, 45, 45)
CUT_OUT_BACKGROUND = (46, 139, 87)
"""Sea green: no car in the data has it, so a halo shows."""


def save_comparison(path: Path, picture: np.ndarray, truth: Mask, prediction: Mask, name: str, dice: float) -> None:
    """Draw picture (RGB uint8), truth, what the prediction cuts out, and the errors, as one PNG."""
    figure = new_figure((1600, 1170))
    ((top_left, top_right), (bottom_left, bottom_right)) = figure.subplots(2, 2)
    wrong = np.count_nonzero(truth.pixels != prediction.pixels)
    panels = [
        (top_left, picture, name),
        (top_right, truth.pixels, "truth"),
        (bottom_left, _cut_out(picture, prediction), f"prediction: Dice {dice:.5f}"),
        (bottom_right, draw_errors(picture, truth, prediction), f"{wrong} pixels wrong: red too much, blue missed"),
    ]
    for axes, image, title in panels:
        axes.imshow(image, cmap="gray", interpolation="antialiased")
        axes.set_title(title)
        axes.set_axis_off()
    save_sheet(path, figure)


def draw_errors(picture: np.ndarray, truth: Mask, prediction: Mask) -> np.ndarray:
    """The picture in pale grey, with wrong pixels in colour, thickened so that a thin error shows: RGB uint8."""
    pale = 128 + cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) // 2
    drawn = np.repeat(pale[..., None], 3, axis=2)
    side_px = 2 * round(picture.shape[1] / 1000) + 1
    for colour, wrong in ((INVENTED, prediction.pixels & ~truth.pixels), (MISSED, truth.pixels & ~prediction.pixels)):
        drawn[cv2.dilate(wrong.astype(np.uint8), np.ones((side_px, side_px), np.uint8)) > 0] = colour
    return drawn


def _cut_out(picture: np.ndarray, mask: Mask) -> np.ndarray:
    return np.where(mask.pixels[..., None], picture, np.array(CUT_OUT_BACKGROUND, np.uint8))
