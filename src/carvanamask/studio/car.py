"""One complete car: its surfaces, the drawings that colour them, its livery."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from carvanamask.studio.body import body_surfaces
from carvanamask.studio.body_types import BODY_TYPES, BodyType, body_type, vary
from carvanamask.studio.details import cabin, details, windscreen_frame
from carvanamask.studio.faces import front_sheet, rear_sheet
from carvanamask.studio.flank import side_sheet, top_sheet
from carvanamask.studio.mesh import Surface
from carvanamask.studio.paint import Livery, choose_livery
from carvanamask.studio.wheels import wheel


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
