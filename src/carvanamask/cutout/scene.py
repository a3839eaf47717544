"""What a car is shown in front of: the room that comes with the package, one colour, or a picture."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carvanamask.cutout.compose import cover, dusk_room, plain_room
from carvanamask.errors import ConfigError
from carvanamask.io.read import file_digest, load_picture

ROOM = "room"
"""The background that comes with the package."""


@dataclass(frozen=True)
class Scene:
    """The background of cut-outs."""

    background: str
    """`room`, a colour like #e0e0e0, or a picture's path."""
    content: str = ""
    """Hash of the picture's bytes, '' for the others."""

    @classmethod
    def named(cls, background: str) -> Scene:
        """Return the scene of that name. Raises ConfigError for no name of one, PictureError for a damaged picture."""
        if background == ROOM:
            return cls(background)
        if background.startswith("#"):
            _colour(background)
            return cls(background)
        if not os.path.lexists(background):
            raise ConfigError(f"no background '{background}'", f"name {ROOM}, a colour like #e0e0e0, or a picture")
        load_picture(Path(background))
        return cls(background, file_digest(Path(background)))

    def fingerprint(self) -> dict[str, str]:
        """Return what decides about the background; of a picture its bytes, whatever path leads to it."""
        return {"background": self.content or self.background.lower()}

    def picture(self, size_wh: tuple[int, int]) -> np.ndarray:
        """Return the background as RGB uint8 of that size."""
        if self.background == ROOM:
            return dusk_room(size_wh)
        if self.background.startswith("#"):
            return plain_room(size_wh, _colour(self.background))
        return cover(load_picture(Path(self.background)), size_wh)


def _colour(text: str) -> tuple[int, int, int]:
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ConfigError(f"'{text}' is no colour", "write it as #rrggbb, like #e0e0e0")
    number = int(text[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255
