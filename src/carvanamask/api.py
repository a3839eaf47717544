"""Prediction from Python: masks, probabilities and cut-outs of pictures in any form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from carvanamask.batch.pipeline import map_in_order, threads_for_pictures
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.cutout import compose
from carvanamask.cutout.scene import Scene
from carvanamask.errors import MaskError, PictureError
from carvanamask.io.read import convert_image, decode_picture, load_picture
from carvanamask.io.storage import to_path
from carvanamask.mask_quality.postprocess import CUTOUT_CLEAN_UP, make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import Predictor
from carvanamask.model.preprocess import require_rgb
from carvanamask.model.registry import DEFAULT_MODEL, find_model

Picture: TypeAlias = str | Path | bytes | Image.Image | np.ndarray
"""A picture's path, the bytes of its file, a Pillow image, or RGB uint8 pixels of shape (height, width, 3)."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model that is ready to predict. Any number of threads may share one; the same picture gives the same bytes.

    Every method takes a picture as a path, the bytes of a file, a Pillow image, or RGB uint8 pixels of shape
    (height, width, 3). All but pixels are turned upright and converted to sRGB. A picture that can't be read, and any
    other kind of array or object, raises PictureError.

    >>> from carvanamask.studio import SHOWROOM
    >>> model = load_model("studio-s")
    >>> model.card.name
    'studio-s'
    """

    file: ModelFile
    predictor: Predictor

    @property
    def card(self) -> ModelCard:
        """The card: everything that is known about the model."""
        return self.file.card

    @property
    def engine(self) -> str:
        """The engine and the device that compute."""
        return self.predictor.engine

    def predict(self, picture: Picture) -> Mask:
        """Return the mask of the car.

        >>> from carvanamask.studio import SHOWROOM
        >>> mask = load_model("studio-s").predict(SHOWROOM / "test" / "0417da394980_01.jpg")
        >>> mask.size_wh
        (480, 320)
        >>> mask.pixels[200, 240]
        np.True_
        """
        return make_mask(self.probabilities(picture), self.card)

    def probabilities(self, picture: Picture) -> ProbabilityMap:
        """Return how likely each pixel belongs to the car.

        >>> from carvanamask.studio import SHOWROOM
        >>> found = load_model("studio-s").probabilities(SHOWROOM / "test" / "0417da394980_01.jpg")
        >>> bool(found.values[200, 240] > 0.99), bool(found.values[0, 0] < 0.01)
        (True, True)
        """
        return self.predictor.predict(_to_pixels(picture))

    def cutout(self, picture: Picture, background: Picture | None = None) -> np.ndarray:
        """Return the car with transparency, RGBA uint8 (height, width, 4), or composited onto a background, RGB uint8.

        A background is a picture, which is scaled to cover, "room", or a colour like "#e0e0e0"; the car casts a shadow
        on it. Raises ConfigError for any other name. The mask is cleaned by every step, as the command `cutout` does;
        `cut_out` takes a mask of your own.

        >>> from carvanamask.studio import SHOWROOM
        >>> model, picture = load_model("studio-s"), SHOWROOM / "test" / "0417da394980_01.jpg"
        >>> model.cutout(picture).shape
        (320, 480, 4)
        >>> model.cutout(picture, "#e0e0e0")[0, 0].tolist()
        [224, 224, 224]
        """
        pixels = _to_pixels(picture)
        card = self.card.model_copy(update={"clean_up": CUTOUT_CLEAN_UP})
        mask = make_mask(self.predictor.predict(pixels), card)
        if background is None:
            return compose.cut_out(pixels, mask)
        if isinstance(background, str):
            return compose.composite(pixels, mask, Scene.named(background).picture(mask.size_wh))
        return compose.composite(pixels, mask, compose.cover(_to_pixels(background), mask.size_wh))

    def predict_many(self, pictures: Iterable[Picture]) -> Iterator[Mask]:
        """Yield the mask of each picture, in their order; several pictures are in progress at a time.

        The first picture that fails raises its PictureError when it is its turn, and ends the iteration.
        Use `load_model(..., concurrency=0)` for many pictures.

        >>> from carvanamask.studio import SHOWROOM
        >>> pictures = sorted((SHOWROOM / "test").glob("*.jpg"))[:3]
        >>> [mask.size_wh for mask in load_model("studio-s").predict_many(pictures)]
        [(480, 320), (480, 320), (480, 320)]
        """
        threads = threads_for_pictures()
        yield from map_in_order(self.predict, pictures, threads, ahead=threads)


def load_model(name: str | Path = DEFAULT_MODEL, device: str = Device.AUTO, concurrency: int = 1) -> Model:
    """Load a built-in model, a run's model, or a model folder by its path.

    `device` is auto, cpu, cuda, tensorrt, mps or directml. `concurrency`: pictures processed in parallel; 1 gives the
    lowest latency, 0 the highest throughput. Raises ModelError for a model that is missing or damaged, and ConfigError
    for a device that can't be used.

    >>> load_model("studio-s", device="cpu").card.input_size_wh
    (480, 320)
    """
    file = find_model(str(name))
    return Model(file, build_predictor(file, device, concurrency=concurrency))


def cut_out(picture: Picture, mask: Mask) -> np.ndarray:
    """Return the car of a picture with transparency, RGBA uint8 (height, width, 4); outside it all four are 0.

    Its edge is soft, and without the colour of the old background. Raises PictureError for a picture that can't be
    read and MaskError for a mask of another size.

    >>> pixels = np.full((2, 2, 3), 200, np.uint8)
    >>> cut_out(pixels, Mask(np.zeros((2, 2), bool))).max()
    np.uint8(0)
    """
    pixels = _to_pixels(picture)
    if mask.pixels.shape != pixels.shape[:2]:
        width, height = mask.size_wh
        raise MaskError(f"the mask is {width}x{height}, its picture {pixels.shape[1]}x{pixels.shape[0]}")
    return compose.cut_out(pixels, mask)


def _to_pixels(picture: Picture) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return require_rgb(picture)
    if isinstance(picture, Image.Image):
        return convert_image(picture)
    if isinstance(picture, bytes):
        return decode_picture(picture, "the picture")
    if isinstance(picture, str | Path):
        return load_picture(to_path(picture))
    kinds = "a path, the bytes of a file, a Pillow image or an RGB uint8 array"
    raise PictureError(f"a picture is {kinds}, not {type(picture).__name__}")
