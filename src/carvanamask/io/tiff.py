"""Read the TIFF pictures that Pillow refuses or misreads: over 8 bits per sample, integers or floating-point numbers.

Pillow's libtiff only decompresses: each plane is presented to it as a grey picture of bytes. What the bytes mean (byte
order, predictor, channels) is done here, after TIFF 6.0 and Adobe's Photoshop TIFF technical notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL.TiffImagePlugin import TiffImageFile

from carvanamask.errors import PictureError
from carvanamask.io.ifd import LONG, SHORT, Directory, TiffReader, entry, pack_directory

_WIDTH, _LENGTH, _BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS = 256, 257, 258, 259, 262, 273
_SAMPLES, _ROWS_PER_STRIP, _STRIP_SIZES, _PLANAR, _PREDICTOR = 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_LENGTH, _TILES, _TILE_SIZES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
_LAYOUT = (_ROWS_PER_STRIP, _TILE_LENGTH)
_ASSOCIATED, _UNASSOCIATED = 1, 2

_KINDS = {1: "u", 3: "f"}
_COLOURS = {0: "inverted grey", 1: "grey", 2: "RGB", 5: "CMYK"}
_CHANNELS = {0: 1, 1: 1, 2: 3, 5: 4}
_OTHER_COLOURS = {3: "a palette", 6: "YCbCr", 8: "Lab", 9: "ICC Lab", 10: "ITU Lab", 32803: "a sensor's raw colours"}
_COMPRESSIONS = {1, 5, 8, 32773, 32946, 34925, 50000}
"""None, LZW, deflate, PackBits, deflate's old number, LZMA, Zstandard: those that keep bytes as they are."""
MAX_CHANNELS = 16
MAX_FLOAT = 2.0
"""A floating-point picture goes from 0 to 1, a highlight a bit beyond; one from 0 to 255 isn't guessed at."""

_EXPORT = "export it with 8 or 16 bits, as RGB"


@dataclass(frozen=True)
class DeepTiff:
    """The header of a TIFF picture of over 8 bits per sample."""

    reader: TiffReader
    tags: Directory

    @classmethod
    def open(cls, file: BinaryIO) -> DeepTiff | None:
        """Return the header; None for another file, and for a TIFF that Pillow reads correctly: up to 8 bits."""
        reader = TiffReader.open(file)
        tags = reader.directory() if reader else {}
        if reader is None or _BITS not in tags:
            return None
        header = cls(reader, tags)
        return header if max(header._numbers(_BITS), default=1) > 8 else None

    @property
    def size_wh(self) -> tuple[int, int]:
        """The width and height as stored."""
        return self._number(_WIDTH, 0), self._number(_LENGTH, 0)

    def read(self) -> np.ndarray:
        """Return uint16 (height, width, channels): 1 for grey and 3 for RGB, on white, 4 for CMYK.

        Raises PictureError that says which kind of TIFF can't be read, OSError for damaged data.
        """
        colours = self._number(_PHOTOMETRIC, 1)
        if colours not in _CHANNELS:
            raise PictureError(f"is a TIFF of {_OTHER_COLOURS.get(colours, colours)} in over 8 bits", _EXPORT)
        samples = _to_16_bits(self._samples())
        if samples.shape[2] < _CHANNELS[colours]:
            raise PictureError(f"is a TIFF of {_COLOURS[colours]} with {samples.shape[2]} channels", _EXPORT)
        picture = samples[..., : _CHANNELS[colours]]
        if colours == 0:
            picture = 65_535 - picture
        extras = self._numbers(_EXTRA_SAMPLES)
        if (
            colours != 5
            and extras
            and extras[0] in (_ASSOCIATED, _UNASSOCIATED)
            and samples.shape[2] > _CHANNELS[colours]
        ):
            alpha = samples[..., _CHANNELS[colours], None]
            shown = picture if extras[0] == _ASSOCIATED else _multiply(picture, alpha)
            picture = np.minimum(shown, alpha) + (65_535 - alpha)
        return picture

    def _samples(self) -> np.ndarray:
        """Return all samples as (height, width, channels) of the type that the file has."""
        channels, dtype = self._number(_SAMPLES, 1), self._dtype()
        if not 0 < channels <= MAX_CHANNELS:
            raise PictureError(f"has {channels} channels", _EXPORT)
        planes = channels if self._number(_PLANAR, 1) == 2 else 1
        parts = [self._plane(plane, planes, channels // planes, dtype) for plane in range(planes)]
        return parts[0] if planes == 1 else np.concatenate(parts, axis=2)

    def _dtype(self) -> np.dtype:
        bits, kinds = set(self._numbers(_BITS)), set(self._numbers(_SAMPLE_FORMAT)) or {1}
        kind = _KINDS.get(min(kinds)) if len(kinds) == 1 else None
        if kind is None:
            raise PictureError("has signed or mixed numbers as pixels", _EXPORT)
        if len(bits) > 1 or min(bits) not in (16, 32, 64):
            raise PictureError(f"has {' and '.join(map(str, sorted(bits)))} bits per channel", _EXPORT)
        return np.dtype(f"{self.reader.order}{kind}{min(bits) // 8}")

    def _plane(self, plane: int, planes: int, channels: int, dtype: np.dtype) -> np.ndarray:
        """Return one of the planes, with its channels, after decompressing it as grey bytes."""
        width, height = self.size_wh
        bytes_per_pixel = channels * dtype.itemsize
        tile = self._number(_TILE_WIDTH, 0)
        stored = -(-width // tile) * tile if tile else width
        raw = np.asarray(TiffImageFile(BytesIO(self._as_grey_bytes(plane, planes, bytes_per_pixel, stored, tile))))
        blocks = raw.reshape(height, -1, (tile or width) * bytes_per_pixel)  # a predictor begins anew in each tile
        predictor = self._number(_PREDICTOR, 1)
        if predictor == 3:
            values = _undo_float_predictor(blocks, channels, dtype)
        else:
            values = blocks.view(dtype).reshape(height, -1, tile or width, channels)
            if predictor == 2:
                integers = values.view(f"{dtype.byteorder}u{dtype.itemsize}")
                values = np.cumsum(integers, axis=2, dtype=f"u{dtype.itemsize}").view(dtype.newbyteorder("="))
        return values.reshape(height, stored, channels)[:, :width]

    def _as_grey_bytes(self, plane: int, planes: int, bytes_per_pixel: int, stored_width: int, tile: int) -> bytes:
        """Return the file with a directory that calls the plane a grey picture of 8 bits per pixel."""
        compression = self._number(_COMPRESSION, 1)
        if compression not in _COMPRESSIONS:
            raise PictureError(f"is a TIFF of over 8 bits with compression {compression}", _EXPORT)
        offsets, sizes = (_TILES, _TILE_SIZES) if tile else (_STRIPS, _STRIP_SIZES)
        tags = {tag: self.tags[tag] for tag in _LAYOUT if tag in self.tags}
        shorts = {_BITS: 8, _COMPRESSION: compression, _PHOTOMETRIC: 1, _SAMPLES: 1}
        longs = {_WIDTH: stored_width * bytes_per_pixel, _LENGTH: self.size_wh[1]}
        if tile:
            longs[_TILE_WIDTH] = tile * bytes_per_pixel
        order = self.reader.order
        tags |= {tag: entry(SHORT, number, order=order) for tag, number in shorts.items()}
        tags |= {tag: entry(LONG, number, order=order) for tag, number in longs.items()}
        for tag in (offsets, sizes):
            numbers = self._numbers(tag)
            count = len(numbers) // planes
            tags[tag] = entry(LONG, *numbers[plane * count : (plane + 1) * count], order=order)
        self.reader.file.seek(0)
        data = bytearray(self.reader.file.read())
        data += bytes(len(data) % 2)
        head = (b"II*\0" if order == "<" else b"MM\0*") + entry(LONG, len(data), order=order).data
        data[:8] = head
        return bytes(data + pack_directory(tags, order, len(data)))

    def _numbers(self, tag: int) -> list[int]:
        return [int(number) for number in self.tags[tag].numbers(self.reader.order)] if tag in self.tags else []

    def _number(self, tag: int, default: int) -> int:
        return next(iter(self._numbers(tag)), default)


def _undo_float_predictor(blocks: np.ndarray, channels: int, dtype: np.dtype) -> np.ndarray:
    """Return the numbers of rows that hold differences of bytes, all first bytes before all second ones."""
    height, count, size = blocks.shape
    sums = np.cumsum(blocks.reshape(height, count, -1, channels), axis=2, dtype=np.uint8)
    by_byte = sums.reshape(height, count, dtype.itemsize, size // dtype.itemsize)
    big_endian = np.ascontiguousarray(by_byte.swapaxes(2, 3)).view(dtype.newbyteorder(">"))
    return big_endian.reshape(height, count, -1, channels)


def _to_16_bits(samples: np.ndarray) -> np.ndarray:
    if samples.dtype.kind == "u":
        return (samples >> (8 * samples.dtype.itemsize - 16)).astype(np.uint16)
    low, high = float(samples.min(initial=0)), float(samples.max(initial=0))
    if not (abs(low) < MAX_FLOAT and high < MAX_FLOAT):  # also for what is no number
        raise PictureError(f"has floating-point pixels from {low:g} to {high:g}, not from 0 to 1", _EXPORT)
    levels: np.ndarray = np.rint(np.clip(samples, 0, 1).astype(np.float32) * np.float32(65_535)).astype(np.uint16)
    return levels


def _multiply(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    product: np.ndarray = ((some.astype(np.uint32) * others + 32_767) // 65_535).astype(np.uint16)
    return product
