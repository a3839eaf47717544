"""The pixels of a JPEG, or an error: Pillow would take damaged ones for good."""

from __future__ import annotations

import numpy as np
import simplejpeg

JPEG_MODES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""What simplejpeg calls a mode of Pillow's."""

_END = b"\xff\xd9"
_FILLED = "extraneous bytes before marker 0xd9"
_UNKNOWN_CMYK = "subsampling level", "color transform"


def decode_jpeg(data: bytes, mode: str) -> np.ndarray | None:
    """uint8 (height, width) for mode L, with 3 channels for RGB; None for CMYK, which is only looked through.

    Of CMYK there are two kinds, which Pillow tells apart, and some that only Pillow reads. Raises ValueError for
    damaged data.
    """
    try:
        pixels: np.ndarray = simplejpeg.decode_jpeg(data, JPEG_MODES[mode])
    except ValueError as error:
        if mode == "CMYK" and any(word in str(error) for word in _UNKNOWN_CMYK):
            return None
        if _FILLED not in str(error):
            raise
        # zeros before its end, with which some cameras fill a file up; anything else there is damage
        end = data.rfind(_END)
        pixels = simplejpeg.decode_jpeg(data[:end].rstrip(b"\0") + b"\0" + data[end:], JPEG_MODES[mode])
    if mode == "CMYK":
        return None
    return pixels[..., 0] if mode == "L" else pixels
