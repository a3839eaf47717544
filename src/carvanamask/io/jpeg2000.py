"""Read JPEG 2000 pictures of over 8 bits per channel: Pillow 13 rounds 65535 up to 0, so white becomes black."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

import cv2
import numpy as np

from carvanamask.errors import PictureError

_HEADER_BYTES = 1 << 16
_START = b"\xff\x4f\xff\x51"
"""Begin of a code stream, and its marker SIZ (ISO/IEC 15444-1, annex A)."""
_FIXED = struct.Struct(">HH8IH")


@dataclass(frozen=True)
class DeepJpeg2000:
    """The header of a JPEG 2000 picture of over 8 bits per channel."""

    file: BinaryIO
    size_wh: tuple[int, int]
    bits: int

    @classmethod
    def open(cls, file: BinaryIO) -> DeepJpeg2000 | None:
        """Return the header; None for another file, and for up to 8 bits, which Pillow reads correctly."""
        file.seek(0)
        head = file.read(12)
        if not (head.startswith(_START) or head[4:8] == b"jP  "):
            return None
        head += file.read(_HEADER_BYTES)
        place = head.find(_START) + len(_START)
        if place < len(_START) or len(head) < place + _FIXED.size + 1:
            return None
        _, _, right, bottom, left, top, *_ = _FIXED.unpack_from(head, place)
        bits = (head[place + _FIXED.size] & 0x7F) + 1
        return cls(file, (right - left, bottom - top), bits) if bits > 8 else None

    def read(self) -> np.ndarray:
        """Return uint16 (height, width, channels): 1 for grey, 3 for RGB. Raises PictureError."""
        self.file.seek(0)
        try:
            pixels = cv2.imdecode(np.frombuffer(self.file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error as error:
            raise PictureError(f"is truncated or damaged ({error.err})", "copy or export it again") from None
        if pixels is None or pixels.dtype != np.uint16 or (pixels.ndim == 3 and pixels.shape[2] != 3):
            repair = "export it with 8 bits and without transparency"
            raise PictureError(f"is a JPEG 2000 picture of {self.bits} bits that can't be decoded", repair)
        whole = (1 << self.bits) - 1
        scaled: np.ndarray = ((pixels.astype(np.uint32) * 65_535 + whole // 2) // whole).astype(np.uint16)
        return scaled[..., None] if scaled.ndim == 2 else scaled[..., ::-1]


def jpeg2000_profile(file: BinaryIO) -> bytes:
    """Return the ICC profile of the box `colr` of a JP2 file, b'' without one."""
    file.seek(0)
    head = file.read(1 << 22)
    place = head.find(b"colr\2")
    if head[4:8] != b"jP  " or place < 4:
        return b""
    size = int.from_bytes(head[place - 4 : place], "big")
    return head[place + 7 : place - 4 + size]
