"""The tests' own studio: draws cars before a wall, with exact masks, into Kaggle's folder layout.

Learnable in seconds (a car differs from wall and floor) but no threshold solves it: colours vary, shadows aren't car.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.io.write import save_mask, save_picture

MAKES = (
    ("Acura", "TL", "w/SE"),
    ("Mazda", "MAZDA6", "i Sport"),
    ("Honda", "Odyssey", "EX-L"),
    ("Ford", "F-150", "XLT"),
)


def draw_kaggle_folder(
    root: Path,
    cars: int = 4,
    views: int = 4,
    size_wh: tuple[int, int] = (96, 64),
    test_cars: int = 1,
    seed: int = 0,
) -> Path:
    """Fill `root` with train/, train_masks/, test/, metadata.csv and sample_submission.csv; returns `root`."""
    ids = [
        hashlib.blake2b(f"{seed} {number}".encode(), digest_size=6).hexdigest() for number in range(cars + test_cars)
    ]
    submission = [["img", "rle_mask"]]
    for folder in ("train", "train_masks", "test"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number, car in enumerate(ids):
        for view in range(1, views + 1):
            picture, mask = draw_car(seed=seed * 1000 + number, turn=(view - 1) / views, size_wh=size_wh)
            name = f"{car}_{view:02d}"
            if number < cars:
                save_picture(root / "train" / f"{name}.jpg", picture)
                save_mask(root / "train_masks" / f"{name}_mask.gif", mask)
            else:
                save_picture(root / "test" / f"{name}.jpg", picture)
                submission.append([f"{name}.jpg", "1 1"])
    _write_rows(root / "sample_submission.csv", submission)
    metadata = [["id", "year", "make", "model", "trim1", "trim2"]]
    for number, car in enumerate(ids):
        make, model, trim = MAKES[number % len(MAKES)]
        metadata.append([car, str(2010 + number % 7), make, model, model, trim])
    _write_rows(root / "metadata.csv", metadata)
    return root


def draw_car(seed: int, turn: float, size_wh: tuple[int, int]) -> tuple[np.ndarray, Mask]:
    """One view of the car that `seed` names, on a turntable turned by `turn` (0 to 1), as uint8 RGB with its mask."""
    car = np.random.default_rng(seed)
    paint, glass = car.integers(0, 256, 3), car.integers(20, 90, 3)
    length, height, cabin = car.uniform(0.5, 0.7), car.uniform(0.14, 0.2), car.uniform(0.1, 0.16)
    nose, tail = car.uniform(0.15, 0.3), car.uniform(0.05, 0.2)

    # as in the real studio: view 1 is the front, a quarter turn on the side; turn and 1 - turn mirror each other
    sideways = abs(np.sin(2 * np.pi * turn))
    facing = 1 if np.sin(2 * np.pi * turn) >= 0 else -1
    half = length * (0.45 + 0.55 * sideways) / 2
    ground = 0.75 - 0.03 * np.cos(2 * np.pi * turn)

    def ends(front: float, rear: float) -> tuple[float, float]:
        """Seen from the front or the rear a car is its own mirror image."""
        middle = (front + rear) / 2
        return middle + sideways * (front - middle), middle + sideways * (rear - middle)

    def polygon(points: list[tuple[float, float]]) -> np.ndarray:
        """From fractions of the picture, counted from its middle and the ground, to 1/16 pixels."""
        corners = [((0.5 + facing * x) * size_wh[0] - 0.5, (ground - y) * size_wh[1]) for x, y in points]
        return np.rint(np.array(corners, np.float64) * 16).astype(np.int32)

    top = height + cabin
    hood, boot = ends(0.8 * height, height)
    front, rear = ends(1 - 2 * nose, 1.0)
    roof_front, roof_rear = ends(0.3, 1 - 2 * tail)
    pane_front, pane_rear = ends(0.3, 0.6)
    body = polygon(
        [(-half, 0.03), (half, 0.03), (half, hood), (half * 0.6, height), (-half * 0.6, height), (-half, boot)]
    )
    roof = polygon([(half * front, height), (half * roof_front, top), (-half * roof_rear, top), (-half * rear, height)])
    pane = polygon(
        [
            (half * pane_front, height + 0.01),
            (half * pane_front * 0.7, top - 0.02),
            (-half * pane_rear * 0.8, top - 0.02),
            (-half * pane_rear, height + 0.01),
        ]
    )

    picture = _studio(size_wh, np.random.default_rng([seed, round(turn * 1e6)]))
    shadow = polygon([(-half * 1.1, 0.03), (half * 1.1, 0.03), (half, -0.05), (-half, -0.05)])
    cv2.fillPoly(picture, [shadow], (70, 70, 72), cv2.LINE_AA, shift=4)
    outline = np.zeros(size_wh[::-1], dtype=np.uint8)
    for shape, colour in ((body, paint), (roof, paint), (pane, glass)):
        cv2.fillPoly(picture, [shape], colour.tolist(), cv2.LINE_8, shift=4)
        cv2.fillPoly(outline, [shape], 1, cv2.LINE_8, shift=4)
    for x in (-half * 0.62, half * 0.62):
        middle = polygon([(x, 0.045)])[0].tolist()
        radius = round(0.055 * size_wh[1] * 16)
        cv2.circle(picture, middle, radius, (25, 25, 28), -1, cv2.LINE_8, shift=4)
        cv2.circle(outline, middle, radius, 1, -1, cv2.LINE_8, shift=4)
    return picture, Mask(outline.astype(bool))


def _studio(size_wh: tuple[int, int], noise: np.random.Generator) -> np.ndarray:
    """A light wall that fades upwards over a grey floor, with a sensor's noise."""
    width, height = size_wh
    rows = np.linspace(0, 1, height)
    grey = np.where(rows < 0.6, 190 + 50 * rows, 170 - 40 * rows)
    tint = np.array([1.0, 1.0, 0.98])
    wall = grey[:, None, None] * tint + noise.normal(0, 2, (height, width, 3))
    return np.ascontiguousarray(wall.clip(0, 255).astype(np.uint8))


def _write_rows(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
