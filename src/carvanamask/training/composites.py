"""Cars in front of other backgrounds, so that a network doesn't depend on one studio's wall."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from carvanamask.errors import ConfigError
from carvanamask.io.read import load_picture

PHOTOGRAPHS = (".jpg", ".jpeg", ".png", ".webp")

Shape = tuple[int, int]
"""Height and width."""


def replace_background(pair: np.ndarray, background: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the car in front of `background`, uint8 (H, W, 3), half of the times with a soft shadow under it.

    `pair` is uint8 (H, W, 4): RGB and the car's share of the pixel of 255, which stays the same.
    """
    share = pair[..., 3:].astype(np.float32) / 255
    new = background.astype(np.float32)
    if rng.random() < 0.5:
        new *= 1 - rng.uniform(0.2, 0.8) * _shadow(share[..., 0])[..., None]
    rgb = _car_colour(pair) * share + new * (1 - share)
    return np.dstack([np.clip(rgb + 0.5, 0, 255).astype(np.uint8), pair[..., 3]])


def _car_colour(pair: np.ndarray) -> np.ndarray:
    """Return colours without the old wall: an edge pixel takes the mean of the car pixels around it."""
    rgb = pair[..., :3].astype(np.float32)
    is_car = (pair[..., 3] == 255).astype(np.float32)
    weight = cv2.blur(is_car, (5, 5))
    around = cv2.blur(rgb * is_car[..., None], (5, 5)) / np.maximum(weight, 1e-3)[..., None]
    is_mixed = (is_car == 0) & (weight > 1e-3)
    return np.where(is_mixed[..., None], around, rgb)


def _shadow(share: np.ndarray) -> np.ndarray:
    """Return the darkness of the floor, 0 to 1: the car, flattened onto its lowest row and blurred."""
    height = len(share)
    rows = np.flatnonzero(share.any(axis=1))
    if not rows.size:
        return np.zeros_like(share)
    flat = np.zeros_like(share)
    floor, thick = int(rows[-1]), max(2, height // 20)
    flat[max(0, floor - thick) : floor + thick // 2] = share.max(axis=0)
    return np.asarray(cv2.GaussianBlur(flat, (0, 0), sigmaX=height / 40))


class Backgrounds:
    """Random backgrounds: drawn ones, and photographs if there is a folder of them."""

    def __init__(self, folder: str) -> None:
        """Raises ConfigError for a folder without photographs, also in its subfolders; '' is no folder."""
        self.photographs: list[Path] = []
        if folder:
            files = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
            self.photographs = [path for path in files if path.suffix.lower() in PHOTOGRAPHS]
            if not self.photographs:
                raise ConfigError(f"augment.background_folder {folder}: no photographs ({' '.join(PHOTOGRAPHS)}) in it")

    def draw(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        """Return one as uint8 RGB (*shape, 3)."""
        kinds: list[Callable[[Shape, np.random.Generator], np.ndarray]] = [_plain, _gradient, _texture, _studio]
        if self.photographs:
            kinds += [self.photograph] * 2
        picture = kinds[rng.integers(len(kinds))](shape, rng)
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8)

    def photograph(self, shape: Shape, rng: np.random.Generator) -> np.ndarray:
        """Return a random crop of a random photograph, at least a third of its side, mirrored half of the times."""
        photograph = load_picture(self.photographs[rng.integers(len(self.photographs))])
        height, width = shape
        scale = rng.uniform(0.33, 1) * min(photograph.shape[0] / height, photograph.shape[1] / width)
        size = max(1, int(scale * height)), max(1, int(scale * width))
        top, left = (int(rng.integers(full - side + 1)) for full, side in zip(photograph.shape[:2], size, strict=True))
        crop = photograph[top : top + size[0], left : left + size[1]]
        picture = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR)
        return np.asarray(picture[:, ::-1] if rng.random() < 0.5 else picture, dtype=np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """Return a random colour: any brightness, mostly pale, as walls are."""
    grey = rng.uniform(0, 255)
    return np.asarray(np.clip(grey + rng.normal(0, 30, 3) * rng.random(), 0, 255), dtype=np.float32)


def _plain(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(_colour(rng), (*shape, 3)).copy()


def _gradient(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return a gradient between two colours in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    position = (np.cos(angle) * x + np.sin(angle) * y).astype(np.float32)
    share = ((position - position.min()) / (position.max() - position.min() + 1e-6))[..., None]
    return np.asarray(_colour(rng) * (1 - share) + _colour(rng) * share)


def _texture(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return fractal noise between two colours, which looks like plaster, gravel, leaves or clouds."""
    height, width = shape
    noise = np.zeros(shape, np.float32)
    roughness = rng.uniform(0.4, 1.0)
    for octave in range(1, 8):
        grid = rng.random((min(height, 2**octave), min(width, 2**octave * 3 // 2)), dtype=np.float32)
        noise += roughness**octave * cv2.resize(grid, (width, height), interpolation=cv2.INTER_LINEAR)
    low, high = np.percentile(noise, (2, 98))
    share = np.clip((noise - low) / (high - low + 1e-6), 0, 1)[..., None]
    return np.asarray(_colour(rng) * (1 - share) + _colour(rng) * share)


def _studio(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    """Return another studio: a lit wall above a floor, with a soft or a hard line between them."""
    height, width = shape
    horizon, softness = rng.uniform(0.35, 0.85), rng.choice([0.003, 0.03, 0.12])
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    floor = (1 / (1 + np.exp(np.clip((horizon - y) / softness, -50, 50))))[..., None]
    distance = np.hypot(x - rng.uniform(0, 1), y - rng.uniform(0, 0.8))
    light = 1 + rng.uniform(0, 0.5) * (0.5 - distance)[..., None]
    picture = (_colour(rng) * (1 - floor) + _colour(rng) * floor) * light
    return np.asarray(picture + rng.normal(0, rng.uniform(0, 3), (*shape, 1)), dtype=np.float32)
