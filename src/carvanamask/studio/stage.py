"""Three stages: turntable, floor, round wall with letters, soft boxes. The camera looks from +x towards −x."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from carvanamask.studio.mesh import Surface, grid, revolve

WALL_RADIUS = 7.5
WALL_TOP = 5.2
_PIXELS_PER_METRE = 80

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Stage:
    """One set of lights and colours; radiances are linear, 1 is white in the picture."""

    name: str
    letters: str
    wall: Colour  # radiance
    floor: Colour  # albedo
    table: Colour  # albedo of the turntable
    seam_z: float  # where the floor's cove ends and the lit wall begins
    ring_radius: float
    focal: float  # the camera's, as is the shift: see Camera
    shift: float
    soft_boxes: tuple[tuple[float, float, float, float], ...]  # (x, y, half length, half width) under the ceiling
    box_radiance: float
    fill: float  # radiance of everything else


# fmt: off
STAGES = (
    Stage("north", "TURNTABLE", wall=(1.06, 1.06, 1.055), floor=(0.60, 0.615, 0.63), table=(0.53, 0.53, 0.515),
          seam_z=0.91, ring_radius=2.94, focal=1.005, shift=-0.008,
          soft_boxes=((0.0, 0.0, 3.2, 2.2),), box_radiance=3.6, fill=0.42),
    Stage("east", "AUTOHALL", wall=(0.84, 0.82, 0.84), floor=(0.46, 0.47, 0.49), table=(0.43, 0.425, 0.425),
          seam_z=0.45, ring_radius=2.88, focal=1.047, shift=-0.095,
          soft_boxes=((0.6, -1.5, 3.0, 0.7), (0.6, 1.5, 3.0, 0.7)), box_radiance=5.0, fill=0.34),
    Stage("south", "SHOWROOM", wall=(0.80, 0.805, 0.77), floor=(0.31, 0.325, 0.335), table=(0.31, 0.325, 0.33),
          seam_z=0.64, ring_radius=3.05, focal=1.105, shift=-0.046,
          soft_boxes=((-1.6, 0.0, 0.7, 3.0), (0.4, 0.0, 0.7, 3.0), (2.4, 0.0, 0.7, 3.0)), box_radiance=3.4, fill=0.30),
)
# fmt: on


def floor_surfaces(stage: Stage, angle: float) -> list[Surface]:
    """Return the floor with its cove, the gap around the turntable and the turntable, turned by `angle`."""
    cove = np.linspace(0, np.pi / 2, 9)
    outer = [(stage.ring_radius + 0.012, 0.0), (WALL_RADIUS - 1.4, 0.0)]
    outer += [(WALL_RADIUS - 1.4 + 1.4 * np.sin(a), stage.seam_z * (1 - np.cos(a))) for a in cove[1:]]
    rims = {"floor": outer, "ring": [(stage.ring_radius - 0.004, -0.002), (stage.ring_radius + 0.016, -0.002)]}
    surfaces = [_upright(revolve(name, profile, 128)) for name, profile in rims.items()]
    steps = np.linspace(0, 2 * np.pi, 97)[None, :]
    radius = np.array([[1e-3], [stage.ring_radius]])
    disc = grid("table", np.stack([radius * np.cos(steps), radius * np.sin(steps), 0 * radius * steps], -1))
    uv = 0.5 + 0.5 * disc.vertices[:, :2] / stage.ring_radius
    return [*surfaces, Surface("table", disc.vertices, disc.faces, disc.normals, uv).turned(angle)]


def _upright(surface: Surface) -> Surface:
    """Return the surface with its axis of revolution moved from y to z."""
    order = [2, 0, 1]
    return Surface(surface.material, surface.vertices[:, order], surface.faces, surface.normals[:, order], surface.uv)


def wall_radiance(stage: Stage, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the wall's light, (rows, columns, 3): columns once around from +x counter-clockwise, row 0 at the seam."""
    width = round(2 * np.pi * WALL_RADIUS * _PIXELS_PER_METRE)
    height = round((WALL_TOP - stage.seam_z) * _PIXELS_PER_METRE)
    around = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[None, :, None]
    up = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    light = np.array(stage.wall, np.float32) * (1.03 - 0.05 * up + 0.03 * np.cos(around - rng.uniform(2.4, 3.9)))
    # behind the camera: the dark hall
    light *= 1 - 0.55 / (1 + np.exp((np.pi - np.abs(around - np.pi) - 0.75) * 9))
    ink = _letters(stage.letters, round(1.62 * _PIXELS_PER_METRE))
    ink = cv2.resize(ink, (round(10.9 * _PIXELS_PER_METRE), ink.shape[0]), interpolation=cv2.INTER_AREA)[::-1, ::-1]
    y, x = round(0.10 * _PIXELS_PER_METRE), (width - ink.shape[1]) // 2
    part = light[y : y + ink.shape[0], x : x + ink.shape[1]]
    part *= 1 - ink[..., None].astype(np.float32) / 255 * 0.86
    return np.ascontiguousarray(light, dtype=np.float32)


def _letters(word: str, height: int) -> NDArray[np.uint8]:
    """Return the word, thin at first and bold from the middle, uint8 (height, width): 255 is ink."""
    font = ImageFont.load_default(height)
    half = (len(word) + 1) // 2
    sheet = Image.new("L", (height * len(word), 2 * height))
    pen, x = ImageDraw.Draw(sheet), height / 4
    for k, letter in enumerate(word):
        stroke = height // 70 if k < half else height // 20
        pen.text((x, height / 4), letter, fill=255, font=font, stroke_width=stroke)
        x += font.getlength(letter) + height // 5
    ink = np.array(sheet)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    size_wh = (round(ink.shape[1] * height / ink.shape[0]), height)
    return np.asarray(cv2.resize(ink, size_wh, interpolation=cv2.INTER_AREA))


def table_albedo(stage: Stage, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the turntable's surface from above, (1024, 1024, 3): joints between plates, scuffs, faint stains."""
    size = 1024
    stains = cv2.resize(rng.normal(0, 1, (12, 12)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    shade = 1 + 0.018 * stains
    middle = (size / 2, size / 2)
    for k in range(int(rng.choice([0, 8, 12]))):
        a = 2 * np.pi * k / 12
        tip = (int(middle[0] + size / 2 * np.cos(a)), int(middle[1] + size / 2 * np.sin(a)))
        cv2.line(shade, (size // 2, size // 2), tip, 0.86, 1, cv2.LINE_AA)
    for _ in range(int(rng.integers(6, 22))):
        x, y, a, reach = *rng.uniform(0.1, 0.9, 2) * size, rng.uniform(0, 2 * np.pi), rng.uniform(8, 60)
        end = (int(x + reach * np.cos(a)), int(y + reach * np.sin(a)))
        cv2.line(shade, (int(x), int(y)), end, float(rng.uniform(0.72, 1.08)), 1, cv2.LINE_AA)
    return np.asarray(shade[..., None] * np.array(stage.table, np.float32), dtype=np.float32)
