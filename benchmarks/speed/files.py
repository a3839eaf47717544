"""Measure reading, run-length coding and writing, and compare with the plain way of each.

python benchmarks/speed/files.py
"""

import io
import tempfile
from pathlib import Path

import numpy as np
from clock import milliseconds
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.write import save_mask, save_picture

SIZE_WH = (1918, 1280)


def plain_rle(pixels: np.ndarray) -> str:
    """Encode run lengths as most published scripts do: by a loop over the car's pixels."""
    runs: list[int] = []
    last = -2
    for index in np.flatnonzero(pixels).tolist():
        if index > last + 1:
            runs += [index + 1, 0]
        runs[-1] += 1
        last = index
    return " ".join(map(str, runs))


def main() -> None:
    width, height = SIZE_WH
    y, x = np.mgrid[:height, :width]
    pixels = ((x - width / 2) / 700) ** 2 + ((y - height / 2) / 350) ** 2 < 1
    rng = np.random.default_rng(0)
    picture = np.where(pixels[..., None], (90, 30, 40), (200, 200, 205)) + rng.integers(-12, 12, (height, width, 3))
    picture = picture.clip(0, 255).astype(np.uint8)
    mask = Mask(pixels)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        jpeg, gif, png = folder / "car.jpg", folder / "car_mask.gif", folder / "car_mask.png"
        save_picture(jpeg, picture)
        save_mask(gif, mask)
        rle = mask.to_rle()
        assert plain_rle(pixels) == rle
        grey = Image.fromarray(pixels.astype(np.uint8) * 255)
        rows = [
            ("read a JPEG", lambda: load_picture(jpeg), lambda: np.asarray(Image.open(jpeg).convert("RGB"))),
            ("read a GIF mask", lambda: load_mask(gif), lambda: np.asarray(Image.open(gif)) > 0),
            ("encode run lengths", mask.to_rle, lambda: plain_rle(pixels)),
            ("decode run lengths", lambda: Mask.from_rle(rle, SIZE_WH), None),
            ("write a mask PNG", lambda: save_mask(png, mask), lambda: grey.save(io.BytesIO(), "PNG")),
        ]
        print(f"{width}x{height}, milliseconds, fastest of 15 (plain: Pillow, or a loop)")
        for title, ours, plain in rows:
            own = milliseconds(ours)
            other = milliseconds(plain, 3) if plain else None
            print(f"{title:20} {own:8.2f}" + (f"   plain {other:8.2f}   {other / own:6.1f}x" if other else ""))


if __name__ == "__main__":
    main()
