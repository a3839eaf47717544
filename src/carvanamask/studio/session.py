"""A car and its session in the studio: what it looks like, where it stands, and a picture with its mask per view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from carvanamask.studio.body import body_surfaces
from carvanamask.studio.body_types import BODY_TYPES, BodyType, body_type, vary
from carvanamask.studio.camera import Camera, silhouette, turntable_angle
from carvanamask.studio.details import cabin, details, wheel, windscreen_frame
from carvanamask.studio.mesh import Surface
from carvanamask.studio.paint import Livery, choose_livery
from carvanamask.studio.renderer import PhotoSet
from carvanamask.studio.sheets import front_sheet, rear_sheet, side_sheet, top_sheet
from carvanamask.studio.stage import STAGES


@dataclass(frozen=True, eq=False)
class Car:
    """Surfaces in metres, standing on z = 0, nose towards +x."""

    body: BodyType
    livery: Livery
    surfaces: list[Surface]

    @cached_property
    def sheets(self) -> dict[str, NDArray[np.float32]]:
        """The drawings that colour the materials called "skin …" by view, see Drawing.sheet."""
        draw = {"side": side_sheet, "front": front_sheet, "rear": rear_sheet, "top": top_sheet}
        return {view: sheet(self.body, self.livery).sheet for view, sheet in draw.items()}


def build_car(rng: np.random.Generator, body_name: str) -> Car:
    """Return a car of the named body type; `rng` decides everything else."""
    body = vary(body_type(body_name), rng)
    livery = choose_livery(rng)
    surfaces = body_surfaces(body) + details(body, livery, rng) + cabin(body, livery)
    if body.is_open:
        surfaces += windscreen_frame(body)
    width = 0.215 if body.height < 1.6 else 0.25
    corner = wheel(body.wheel, width, livery.spokes, livery.rims)
    side = body.width / 2 - 0.02 - width / 2
    for axle in body.axles_x:
        for part in corner:
            left = part.moved((axle, side, body.wheel / 2))
            surfaces += [left, left.mirrored()]
    return Car(body, livery, surfaces)


def body_of(number: int, seed: int) -> str:
    """Return the body type of car `number`: every nine cars have all nine types, in an order that the seed decides."""
    turn, position = divmod(number, len(BODY_TYPES))
    order = np.random.default_rng([seed, turn]).permutation(len(BODY_TYPES))
    return list(BODY_TYPES)[int(order[position])]


class Session:
    """One car before the camera.

    Car and stage depend on (seed, number, body) alone, a picture's random numbers on (seed, number, view): the order in
    which pictures are taken doesn't matter.
    """

    def __init__(self, seed: int, number: int, body: str | None = None, variant: str | None = None) -> None:
        self.seed, self.number, self.variant = seed, number, variant
        rng = np.random.default_rng([seed, number])
        stage = int(rng.integers(len(STAGES)))
        self.year = int(rng.integers(2005, 2018))
        # nobody parks exactly in the middle
        self.position = (float(rng.normal(0.07, 0.06)), float(rng.normal(0, 0.025)), 0.0)
        self.car = build_car(rng, body or body_of(number, seed))
        # the longest cars fit only before the widest lens
        self.stage = STAGES[0 if self.car.body.length > 5.3 else stage]

    @property
    def description(self) -> tuple[str, str, str, str, str]:
        """Year, make, model, trim1 and trim2, as in Kaggle's metadata.csv; the model is the body type."""
        return str(self.year), "Studio", self.car.body.name, self.car.livery.colour, f"stage {self.stage.name}"

    def camera(self, size_wh: tuple[int, int]) -> Camera:
        """Return the stage's camera for pictures of a size."""
        return Camera(size_wh, focal=self.stage.focal, shift=self.stage.shift)

    def surfaces(self, view: int) -> list[Surface]:
        """Return the car's surfaces as the turntable has turned them for `view`."""
        return [each.moved(self.position).turned(turntable_angle(view)) for each in self.car.surfaces]

    def mask(self, view: int, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the mask (height, width), exact at pixel centres."""
        return silhouette(self.surfaces(view), self.camera(size_wh))

    def picture(self, view: int, size_wh: tuple[int, int], samples: int) -> NDArray[np.uint8]:
        """Return sRGB uint8 (height, width, 3) from `samples` light paths per pixel.

        Raises MissingPackageError without Mitsuba.
        """
        key = [self.seed, self.number, view]
        seed = int(np.random.SeedSequence(key).generate_state(1)[0])
        angle = turntable_angle(view)
        light = self.photo_set.photograph(self.camera(size_wh), self.surfaces(view), angle, samples, seed)
        return develop(light, np.random.default_rng(key))

    @cached_property
    def photo_set(self) -> PhotoSet:
        """The scene's parts, loaded when the first picture is taken."""
        rng = np.random.default_rng([self.seed, self.number])
        return PhotoSet(self.car.livery, self.car.sheets, self.stage, rng, self.variant)


def develop(light: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return sRGB uint8 of linear RGB (height, width, 3), where 1 is white.

    Exposure, white balance, blur, noise and contrast vary as a camera's do.
    """
    exposure = rng.normal(1.0, 0.03)
    warmth = rng.normal(0.0, 0.008)
    light = light * np.array([exposure * (1 + warmth), exposure, exposure * (1 - warmth)], np.float32)
    light = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.35, 0.6))
    # shot noise grows with the root of the light, read noise is always there
    grain = rng.normal(0, 1, light.shape) * np.sqrt(3e-6 + 4e-5 * np.maximum(light, 0)) * rng.uniform(0.5, 1.5)
    light = light + grain.astype(np.float32)
    knee = 0.75  # highlights bend softly towards white instead of clipping
    over = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    light = np.clip(light, 0, 1)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    contrast = rng.uniform(0.2, 0.4)
    srgb = srgb - contrast / (2 * np.pi) * np.sin(2 * np.pi * srgb)
    return np.asarray(np.rint(srgb * 255), dtype=np.uint8)
