"""The pixels of a JPEG, or an error: Pillow would take damaged ones for good."""

from __future__ import annotations

import numpy as np
import simplejpeg

JPEG_MODES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""What simplejpeg calls a mode of Pillow's."""

_FILLED = "extraneous bytes before marker 0xd9"
"""Of a file that is filled up before its end, as some cameras do: all of its pixels are there."""


def decode_jpeg(data: bytes, mode: str) -> np.ndarray:
    """uint8 (height, width) for mode L, with 3 or 4 channels for RGB and CMYK. Raises ValueError for damaged data."""
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, JPEG_MODES[mode])
    except ValueError as error:
        if _FILLED not in str(error):
            raise
        pixels = simplejpeg.decode_jpeg(data, JPEG_MODES[mode], strict=False)
    return pixels[..., 0] if mode == "L" else pixels
