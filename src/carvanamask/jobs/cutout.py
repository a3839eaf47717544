"""Cars cut out of their pictures: with transparency, or standing before another background."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.pipeline import Predicted
from carvanamask.batch.runner import BatchReport, write_all
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.cutout.compose import composite, cover, cut_out, dusk_room, plain_room
from carvanamask.data.picture_list import BatchItem, PictureList
from carvanamask.errors import ConfigError
from carvanamask.io.exif import Tags, read_tags
from carvanamask.io.read import file_digest, load_pair, load_picture
from carvanamask.io.write import save_picture
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.model_file import ModelFile

ROOM = "room"
"""The background that comes with the package."""


@dataclass(frozen=True, repr=False)
class Scene:
    """What a car stands before."""

    background: str
    """`room`, a colour like #e0e0e0, or a picture's path."""
    content: str = ""
    """Of the picture: another one makes another scene."""

    @classmethod
    def named(cls, background: str) -> Scene:
        """Raises ConfigError for what names nothing, PictureError for a picture that can't be read."""
        if background == ROOM:
            return cls(background)
        if background.startswith("#"):
            _colour(background)
            return cls(background)
        if not os.path.lexists(background):
            raise ConfigError(f"no background '{background}': name {ROOM}, a colour like #e0e0e0, or a picture")
        load_picture(Path(background))
        return cls(background, file_digest(Path(background)))

    def __repr__(self) -> str:
        """What the journal of a folder knows it by: a picture by its bytes, whatever leads to it."""
        return f"Scene({self.content or self.background!r})"

    def picture(self, size_wh: tuple[int, int]) -> np.ndarray:
        """RGB uint8 of that size."""
        if self.background == ROOM:
            return dusk_room(size_wh)
        if self.background.startswith("#"):
            return plain_room(size_wh, _colour(self.background))
        return cover(load_picture(Path(self.background)), size_wh)


@dataclass(frozen=True)
class CutOut:
    """Writes the car with transparency as PNG, or before a scene as JPEG."""

    card: ModelCard = field(repr=False)
    out: Path = field(repr=False)
    scene: Scene | None

    def __call__(self, predicted: Predicted[BatchItem]) -> str:
        mask = make_mask(predicted.probabilities, self.card)
        tags = read_tags(predicted.sample.picture)
        save_cutout(self.path_of(predicted.sample), predicted.picture, mask, self.scene, tags)
        return review_reason(predicted.probabilities, mask, self.card.max_uncertain_ratio)

    def path_of(self, item: BatchItem) -> Path:
        return self.out / f"{item.output_name}{'.jpg' if self.scene else '.png'}"


def cutout(
    model: ModelFile,
    pictures: PictureList,
    out: Path,
    scene: Scene | None = None,
    options: BatchOptions | None = None,
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Write `out`/<target>.png with transparency for every picture, or .jpg before `scene`; again, only what is left.

    Raises ConfigError and DiskError as `write_all` does.
    """
    return write_all(model, CutOut(model.card, out, scene), pictures, out, options or BatchOptions(), on_progress)


def cut_by_mask(picture: Path, mask: Path, path: Path, scene: Scene | None = None) -> None:
    """The same for one picture whose mask is at hand."""
    save_cutout(path, *load_pair(picture, mask), scene, read_tags(picture))


def save_cutout(path: Path, picture: np.ndarray, mask: Mask, scene: Scene | None, tags: Tags) -> None:
    pixels = cut_out(picture, mask) if scene is None else composite(picture, mask, scene.picture(mask.size_wh))
    save_picture(path, pixels, tags=tags)


def _colour(text: str) -> tuple[int, int, int]:
    if not re.fullmatch("#[0-9a-fA-F]{6}", text):
        raise ConfigError(f"'{text}' is no colour: write it as #rrggbb, like #e0e0e0")
    number = int(text[1:], 16)
    return number >> 16, number >> 8 & 255, number & 255
