"""Finishes of paint, glass, chrome and rubber, and the choice that a buyer makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Finish:
    """Linear RGB and the rest of a principled material, all in [0, 1]; opacity below 1 lets light straight through."""

    rgb: tuple[float, float, float]
    roughness: float = 0.4
    metallic: float = 0.0
    clearcoat: float = 0.0
    opacity: float = 1.0


FINISHES = {
    "black plastic": Finish((0.018, 0.018, 0.019), 0.5),
    "gap": Finish((0.004, 0.004, 0.004), 0.9),
    "rubber": Finish((0.018, 0.018, 0.018), 0.7),
    "well": Finish((0.006, 0.006, 0.006), 0.9),
    "liner": Finish((0.03, 0.03, 0.03), 0.7),
    "chrome": Finish((0.80, 0.80, 0.80), 0.08, 1.0),
    "alloy": Finish((0.58, 0.58, 0.59), 0.28, 0.75, 0.5),
    "dark alloy": Finish((0.11, 0.11, 0.115), 0.3, 0.5, 0.5),
    "disc": Finish((0.25, 0.25, 0.25), 0.35, 0.9),
    "lamp": Finish((0.42, 0.43, 0.45), 0.15, 0.6, 1.0),
    "bright lamp": Finish((0.9, 0.9, 0.9), 0.08, 0.5, 1.0),
    "dark lamp": Finish((0.05, 0.05, 0.055), 0.1, 0.2, 1.0),
    "red lamp": Finish((0.42, 0.008, 0.012), 0.15, 0.0, 1.0),
    "dark red lamp": Finish((0.16, 0.004, 0.006), 0.1, 0.0, 1.0),
    "amber": Finish((0.7, 0.2, 0.02), 0.2, 0.0, 1.0),
    "plate": Finish((0.75, 0.77, 0.8), 0.5),
    "plate blue": Finish((0.03, 0.25, 0.6), 0.5),
    "windscreen": Finish((0.012, 0.014, 0.014), 0.02, 0.0, 1.0, 0.45),
    "mirror glass": Finish((0.5, 0.52, 0.55), 0.03, 1.0),
    "charcoal": Finish((0.035, 0.035, 0.037), 0.7),
    "beige": Finish((0.38, 0.31, 0.22), 0.7),
    "grey cloth": Finish((0.16, 0.16, 0.165), 0.8),
}

# linear RGB, whether it is metallic, and its share: about as often as on American roads
_COLOURS = {
    "white": ((0.80, 0.80, 0.78), False, 12),
    "black": ((0.008, 0.008, 0.009), False, 8),
    "red": ((0.36, 0.012, 0.014), False, 6),
    "yellow": ((0.75, 0.42, 0.02), False, 1),
    "orange": ((0.62, 0.13, 0.012), False, 1.5),
    "silver": ((0.52, 0.53, 0.54), True, 14),
    "grey": ((0.145, 0.148, 0.155), True, 13),
    "dark grey": ((0.05, 0.052, 0.056), True, 9),
    "pearl white": ((0.76, 0.75, 0.72), True, 8),
    "black metallic": ((0.012, 0.012, 0.014), True, 11),
    "blue": ((0.02, 0.07, 0.26), True, 6),
    "dark blue": ((0.010, 0.022, 0.075), True, 5),
    "light blue": ((0.16, 0.29, 0.42), True, 2),
    "ruby": ((0.19, 0.008, 0.014), True, 4),
    "brown": ((0.075, 0.045, 0.03), True, 3),
    "champagne": ((0.42, 0.36, 0.28), True, 3),
    "green": ((0.03, 0.085, 0.05), True, 2),
}


@dataclass(frozen=True)
class Livery:
    """A buyer's choice: names of colours and styles, and the finishes that follow from them."""

    colour: str
    paint: Finish
    glass: Finish
    privacy_glass: Finish  # behind the B-pillar
    rims: str
    trim: str  # finish of the window surround and the roof rails
    seats: str
    spokes: int
    grille: str
    has_sunroof: bool

    def finish(self, name: str) -> Finish:
        """Return the finish of a name, the buyer's own before the common ones."""
        own = {"paint": self.paint, "glass": self.glass, "privacy glass": self.privacy_glass}
        return (FINISHES | own | {"trim": FINISHES[self.trim]})[name]


def choose_livery(rng: np.random.Generator) -> Livery:
    """Return a random choice, with the colours in their shares."""
    shares = np.array([share for _, _, share in _COLOURS.values()])
    colour = str(rng.choice(list(_COLOURS), p=shares / shares.sum()))
    rgb, is_metallic, _ = _COLOURS[colour]
    base = np.array(rgb) * rng.uniform(0.88, 1.08)
    r, g, b = (float(value) for value in np.minimum(base, 0.85))
    paint = Finish((r, g, b), 0.11 if is_metallic else 0.06, 0.3 if is_metallic else 0.0, 1.0)
    clear = float(rng.uniform(0.45, 0.65))
    return Livery(
        colour=colour,
        paint=paint,
        glass=Finish((0.012, 0.015, 0.015), 0.02, 0.0, 1.0, clear),
        privacy_glass=Finish((0.008, 0.009, 0.010), 0.02, 0.0, 1.0, float(rng.uniform(clear, 0.94))),
        rims=str(rng.choice(["alloy", "dark alloy"], p=[0.8, 0.2])),
        trim=str(rng.choice(["black plastic", "chrome"], p=[0.65, 0.35])),
        seats=str(rng.choice(["charcoal", "grey cloth", "beige"])),
        spokes=int(rng.integers(5, 11)),
        grille=str(rng.choice(["bars", "mesh", "slats"])),
        has_sunroof=bool(rng.random() < 0.35),
    )
