"""TIFF pictures of over 8 bits per channel, written here byte by byte."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from carvanamask.errors import PictureError
from carvanamask.io import decode
from carvanamask.io.read import decode_picture, picture_size_wh
from colour_profiles import SRGB, in_colours, rgb_profile
from patches import four_patches

DEEP = four_patches().astype(np.uint16) * 257
OPAQUE = np.full((*DEEP.shape[:2], 1), 65_535, np.uint16)
HALF = OPAQUE // 2
LONG, SHORT, BYTES = 4, 3, 7
ByteOrder = Literal["<", ">"]


def tiff(
    samples: np.ndarray, *, order: ByteOrder = "<", colours: int = 2, is_planar: bool = False, **options: Any
) -> bytes:
    """Return a TIFF of (height, width, channels); options: deflate, predictor, tile, extras, orientation, profile."""
    height, width, channels = samples.shape
    tile = options.get("tile", 0)
    planes = [samples[..., [channel]] for channel in range(channels)] if is_planar else [samples]
    blocks = [block for plane in planes for block in (_tiles(plane, tile) if tile else [plane])]
    parts = [_packed(block, order, options.get("predictor", 1)) for block in blocks]
    if options.get("deflate"):
        parts = [zlib.compress(part) for part in parts]
    starts = [8 + sum(map(len, parts[:index])) for index in range(len(parts))]
    tags: dict[int, tuple[int, list[int] | bytes]] = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * samples.dtype.itemsize] * channels),
        259: (SHORT, [8 if options.get("deflate") else 1]),
        262: (SHORT, [colours]),
        274: (SHORT, [options.get("orientation", 1)]),
        277: (SHORT, [channels]),
        284: (SHORT, [2 if is_planar else 1]),
        317: (SHORT, [options.get("predictor", 1)]),
        339: (SHORT, [{"u": 1, "i": 2, "f": 3}[samples.dtype.kind]] * channels),
    }
    if tile:
        tags |= {322: (LONG, [tile]), 323: (LONG, [tile]), 324: (LONG, starts), 325: (LONG, list(map(len, parts)))}
    else:
        tags |= {273: (LONG, starts), 278: (LONG, [height]), 279: (LONG, list(map(len, parts)))}
    if options.get("extras"):
        tags[338] = (SHORT, options["extras"])
    if options.get("profile"):
        tags[34675] = (BYTES, options["profile"])
    return _file(b"".join(parts), tags, order)


def _file(pixels: bytes, tags: dict[int, tuple[int, list[int] | bytes]], order: ByteOrder) -> bytes:
    begin = 8 + len(pixels)
    table, values = struct.pack(order + "H", len(tags)), b""
    for tag, (kind, value) in sorted(tags.items()):
        data = value if isinstance(value, bytes) else struct.pack(order + "IH"[kind == SHORT] * len(value), *value)
        field = data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack(order + "I", begin + 2 + 12 * len(tags) + 4 + len(values))
            values += data
        table += struct.pack(order + "HHI", tag, kind, len(value)) + field
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "I", begin)
    return head + pixels + table + bytes(4) + values


def _tiles(plane: np.ndarray, tile: int) -> list[np.ndarray]:
    height, width, _ = plane.shape
    padded = np.pad(plane, ((0, -height % tile), (0, -width % tile), (0, 0)))
    return [
        padded[top : top + tile, left : left + tile] for top in range(0, height, tile) for left in range(0, width, tile)
    ]


def _packed(block: np.ndarray, order: ByteOrder, predictor: int) -> bytes:
    if predictor == 2:
        block = np.diff(block, axis=1, prepend=block.dtype.type(0))
    ordered = block.astype(block.dtype.newbyteorder(order))
    if predictor != 3:
        return ordered.tobytes()
    height, width, channels = block.shape
    planes = block.astype(block.dtype.newbyteorder(">")).view(np.uint8).reshape(height, width * channels, -1)
    rows = np.ascontiguousarray(planes.swapaxes(1, 2)).reshape(height, -1, channels)
    return np.diff(rows, axis=1, prepend=np.uint8(0)).tobytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_planar", [False, True])
@pytest.mark.parametrize("options", [{}, {"deflate": True}, {"deflate": True, "predictor": 2}, {"tile": 32}])
def test_sixteen_bits(order: ByteOrder, is_planar: bool, options: dict[str, Any]) -> None:
    data = tiff(DEEP, order=order, is_planar=is_planar, **options)
    assert np.array_equal(decode_picture(data, "upload"), four_patches())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"deflate": True, "predictor": 3}, {"tile": 32, "predictor": 3}])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floating_point(dtype: type, options: dict[str, Any], order: ByteOrder) -> None:
    data = tiff((four_patches() / 255).astype(dtype), order=order, **options)
    assert np.array_equal(decode_picture(data, "upload"), four_patches())


def test_thirty_two_bit_integers() -> None:
    data = tiff(four_patches().astype(np.uint32) * 16_843_009)
    assert np.array_equal(decode_picture(data, "upload"), four_patches())


def test_extra_channels() -> None:
    with_selections = np.dstack([DEEP, DEEP[..., ::-1]])
    for is_planar in (False, True):
        data = tiff(with_selections, is_planar=is_planar, extras=[0, 0, 0])
        assert np.array_equal(decode_picture(data, "upload"), four_patches())


@pytest.mark.parametrize(("kind", "shown"), [(1, DEEP // 2), (2, DEEP)], ids=["associated", "unassociated"])
def test_transparency_becomes_white(kind: int, shown: np.ndarray) -> None:
    expected = four_patches() / 2 + 127.5
    pixels = decode_picture(tiff(np.dstack([shown, HALF]), extras=[kind]), "upload")
    assert np.abs(pixels - expected).max() <= 1
    opaque = decode_picture(tiff(np.dstack([DEEP, OPAQUE]), extras=[kind]), "upload")
    assert np.array_equal(opaque, four_patches())


def test_grey() -> None:
    expected = four_patches()[..., :1].repeat(3, axis=2)
    assert np.array_equal(decode_picture(tiff(DEEP[..., :1], colours=1), "upload"), expected)
    assert np.array_equal(decode_picture(tiff(65_535 - DEEP[..., :1], colours=0), "upload"), expected)
    with_alpha = tiff(np.dstack([DEEP[..., :1], OPAQUE]), colours=1, extras=[2])
    assert np.array_equal(decode_picture(with_alpha, "upload"), expected)


def test_cmyk() -> None:
    cmyk = np.asarray(Image.fromarray(four_patches()).convert("CMYK"))
    assert np.array_equal(decode_picture(tiff(cmyk.astype(np.uint16) * 257, colours=5), "upload"), four_patches())


def test_orientation(tmp_path: Path) -> None:
    data = tiff(np.rot90(DEEP, 1), is_planar=True, orientation=6)
    (tmp_path / "car.tif").write_bytes(data)
    assert np.array_equal(decode_picture(data, "upload"), four_patches())
    assert picture_size_wh(tmp_path / "car.tif") == (48, 32)


def test_linear_colours_keep_their_shadows() -> None:
    """Reduced to 8 bits before the conversion, they would be off by up to 12 levels."""
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    linear, profile = in_colours(ramp, SRGB, 1.0, bits=16), rgb_profile(SRGB, 1.0, "sRGB")
    assert np.abs(decode_picture(tiff(linear, profile=profile), "upload").astype(int) - ramp).max() <= 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (tiff(DEEP.astype(np.int16)), "has signed or mixed numbers as pixels"),
        (tiff(DEEP, colours=8), "is a TIFF of Lab in over 8 bits"),
        (tiff(DEEP[..., :2]), "is a TIFF of RGB with 2 channels"),
        (tiff(four_patches().astype(np.float32)), "has floating-point pixels from 0 to 200, not from 0 to 1"),
        (tiff(np.full((4, 4, 3), np.nan, np.float32)), "has floating-point pixels from nan to nan"),
        (tiff(np.zeros((2, 2, 17), np.uint16)), "has 17 channels"),
    ],
    ids=["signed", "Lab", "channels", "range", "no number", "17"],
)
def test_true_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PictureError, match=f"upload {reason}.*: export it with 8 or 16 bits, as RGB"):
        decode_picture(data, "upload")


def test_too_large_or_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiff(DEEP, is_planar=True, deflate=True)
    with monkeypatch.context() as patch:
        patch.setattr(decode, "MAX_PIXELS", 1000)
        with pytest.raises(PictureError, match=r"is too large \(48x32\): shrink it"):
            decode_picture(data, "upload")
    raw = io.BytesIO(tiff(np.random.default_rng(0).integers(0, 65_536, (64, 64, 3), np.uint16)))
    table = struct.unpack("<I", raw.getvalue()[4:8])[0]
    moved = (
        raw.getvalue()[:4] + struct.pack("<I", table - 9000) + raw.getvalue()[8 : table - 9000] + raw.getvalue()[table:]
    )
    with pytest.raises(PictureError):
        decode_picture(moved, "upload")


def test_flipped_bytes_give_a_picture_or_a_picture_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PIXELS", 1_000_000)
    random = np.random.default_rng(0)
    for whole in (tiff(DEEP, deflate=True, predictor=2), tiff(DEEP / np.float32(65_535), tile=16, predictor=3)):
        for _ in range(150):
            data = np.frombuffer(whole, np.uint8).copy()
            data[random.integers(len(data) - 300, len(data), 2)] = random.integers(0, 256, 2)
            with contextlib.suppress(PictureError):
                assert decode_picture(data.tobytes(), "upload").ndim == 3
