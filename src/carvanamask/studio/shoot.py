"""A car's session in the studio: which car, which stage, where it stands, and one picture with its mask a view."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carvanamask.studio.camera import Camera, turntable_angle
from carvanamask.studio.car import Car, body_of, build_car
from carvanamask.studio.develop import develop
from carvanamask.studio.mesh import Surface
from carvanamask.studio.renderer import PhotoSet
from carvanamask.studio.silhouette import silhouette
from carvanamask.studio.stage import STAGES, Stage


class Session:
    """One car before the camera.

    The car and the stage depend on (seed, number, body) alone, and a picture's chances on (seed, number, view):
    the order in which pictures are taken doesn't matter.
    """

    def __init__(self, seed: int, number: int, body: str | None = None, variant: str | None = None) -> None:
        self.seed, self.number, self.variant = seed, number, variant
        rng = np.random.default_rng([seed, number])
        stage = int(rng.integers(len(STAGES)))
        self.year = int(rng.integers(2005, 2018))
        # nobody parks exactly in the middle
        self.place = (float(rng.normal(0.07, 0.06)), float(rng.normal(0, 0.025)), 0.0)
        self.car: Car = build_car(rng, body or body_of(number, seed))
        # the longest cars fit only before the widest lens
        self.stage: Stage = STAGES[0 if self.car.body.length > 5.3 else stage]

    @property
    def description(self) -> tuple[str, str, str, str, str]:
        """Year, make, model, trim1 and trim2, as in Kaggle's metadata.csv; the model is the body type."""
        return str(self.year), "Studio", self.car.body.name, self.car.livery.colour, f"stage {self.stage.name}"

    def camera(self, size_wh: tuple[int, int]) -> Camera:
        return Camera(size_wh, focal=self.stage.focal, shift=self.stage.shift)

    def placed(self, view: int) -> list[Surface]:
        """The car's surfaces as the turntable has turned them for `view`."""
        return [each.moved(self.place).turned(turntable_angle(view)) for each in self.car.surfaces]

    def mask(self, view: int, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
        """(height, width), exact at pixel centres; the same whatever renders the picture."""
        return silhouette(self.placed(view), self.camera(size_wh))

    def picture(self, view: int, size_wh: tuple[int, int], samples: int) -> NDArray[np.uint8]:
        """sRGB uint8 (height, width, 3), from `samples` light paths a pixel. Raises ConfigError without Mitsuba."""
        seed = int(np.random.SeedSequence([self.seed, self.number, view]).generate_state(1)[0])
        light = self.photo_set.photograph(self.camera(size_wh), self.placed(view), turntable_angle(view), samples, seed)
        return develop(light, np.random.default_rng([self.seed, self.number, view]))

    @cached_property
    def photo_set(self) -> PhotoSet:
        """The scene's parts, loaded when the first picture is taken."""
        return PhotoSet(self.car, self.stage, np.random.default_rng([self.seed, self.number]), self.variant)
