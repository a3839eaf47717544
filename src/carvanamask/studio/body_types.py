"""The dimensions of nine body types, and a car's own variation of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from carvanamask.errors import ConfigError


@dataclass(frozen=True)
class BodyType:
    """A body in metres; `cowl`, `header`, `roof_end` and `tail` are fractions of the length from the nose.

    cowl and header are the foot and the top of the windscreen, roof_end and tail those of the rear window.
    """

    name: str
    length: float
    width: float
    height: float
    wheelbase: float
    front_overhang: float
    clearance: float
    wheel: float  # outer diameter of the tyre
    nose_z: float  # leading edge of the bonnet
    cowl_z: float
    deck_z: float  # boot lid, tailgate sill or edge of the bed
    cowl: float
    header: float
    roof_end: float
    tail: float
    doors: int = 4
    has_rails: bool = False
    has_cladding: bool = False
    side_glass_end: float = 0.3  # metres of painted pillar behind the side glass, at the belt
    is_open: bool = False
    has_bed: bool = False

    def x(self, fraction: float) -> float:
        """Return x of a fraction of the length, counted from the nose."""
        return self.length * (0.5 - fraction)

    @property
    def axles_x(self) -> tuple[float, float]:
        front = self.length / 2 - self.front_overhang
        return front, front - self.wheelbase


# fmt: off
_TYPES = (  # length, width, height, wheelbase, overhang, clearance, wheel, nose, cowl, deck; four fractions
    BodyType("saloon", 4.82, 1.84, 1.45, 2.81, 0.93, 0.16, 0.66, 0.70, 0.97, 1.07, 0.275, 0.435, 0.700, 0.865),
    BodyType("hatchback", 4.28, 1.79, 1.47, 2.64, 0.86, 0.15, 0.64, 0.72, 0.98, 1.02, 0.250, 0.425, 0.890, 0.978,
             side_glass_end=0.42),
    BodyType("estate", 4.80, 1.83, 1.48, 2.82, 0.91, 0.15, 0.66, 0.71, 0.97, 1.02, 0.262, 0.415, 0.895, 0.978,
             has_rails=True, side_glass_end=0.20),
    BodyType("suv", 4.70, 1.91, 1.70, 2.76, 0.89, 0.22, 0.74, 0.94, 1.13, 1.16, 0.255, 0.395, 0.905, 0.975,
             has_rails=True, has_cladding=True, side_glass_end=0.26),
    BodyType("pickup", 5.50, 1.98, 1.90, 3.42, 0.95, 0.28, 0.80, 1.08, 1.24, 1.26, 0.245, 0.345, 0.575, 0.605,
             side_glass_end=0.20, has_bed=True),
    BodyType("coupe", 4.62, 1.86, 1.36, 2.70, 0.90, 0.13, 0.67, 0.66, 0.92, 1.00, 0.295, 0.455, 0.640, 0.880,
             doors=2, side_glass_end=0.48),
    BodyType("convertible", 4.52, 1.84, 1.36, 2.68, 0.88, 0.13, 0.66, 0.67, 0.93, 0.99, 0.300, 0.430, 0.640, 0.860,
             doors=2, is_open=True),
    BodyType("minivan", 5.12, 1.99, 1.77, 3.05, 0.96, 0.17, 0.70, 0.83, 1.08, 1.08, 0.195, 0.375, 0.925, 0.982,
             has_rails=True, side_glass_end=0.16),
    BodyType("city car", 3.60, 1.64, 1.52, 2.36, 0.68, 0.15, 0.58, 0.76, 1.00, 1.03, 0.205, 0.395, 0.895, 0.972,
             doors=2, side_glass_end=0.36),
)
# fmt: on
BODY_TYPES = {each.name: each for each in _TYPES}


def body_type(name: str) -> BodyType:
    """Return the body type of a name, such as "city car", "City-Car" or "coupé". Raises ConfigError."""
    plain = name.lower().replace("é", "e").replace("-", " ").replace("_", " ").strip()
    if plain not in BODY_TYPES:
        raise ConfigError(f"no body type called '{name}'", f"choose one of {', '.join(BODY_TYPES)}")
    return BODY_TYPES[plain]


def vary(body: BodyType, rng: np.random.Generator) -> BodyType:
    """Return one maker's version of a body: dimensions differ by a few per cent, roof and bonnet move together."""
    stretch, widen, heighten = rng.uniform(0.97, 1.03), rng.uniform(0.98, 1.02), rng.uniform(0.97, 1.03)
    rake, tail = rng.uniform(-0.015, 0.015, 2)
    return replace(
        body,
        length=body.length * stretch,
        width=body.width * widen,
        height=body.height * heighten,
        wheelbase=body.wheelbase * stretch * rng.uniform(0.99, 1.015),
        clearance=body.clearance * rng.uniform(0.9, 1.1),
        wheel=body.wheel * rng.uniform(0.98, 1.04),
        nose_z=body.nose_z * heighten * rng.uniform(0.96, 1.04),
        cowl_z=body.cowl_z * heighten,
        deck_z=body.deck_z * heighten * rng.uniform(0.98, 1.03),
        cowl=body.cowl + rake * 0.5,
        header=body.header + rake,
        roof_end=body.roof_end + (tail if body.name in ("saloon", "coupe") else tail * 0.4),
    )
