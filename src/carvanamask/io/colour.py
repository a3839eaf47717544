"""Convert colours to sRGB. Curves and primaries decide whether and how, never a profile's name.

Sources: ICC.1:2022 (profiles), W3C PNG third edition (gAMA, cHRM, cICP), ITU-T H.273 (code points) and IEC 61966-2-1
(sRGB).
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from carvanamask.errors import PictureError

TOLERANCE = 2
"""Levels of 255: a colour space whose colours all lie this near those of sRGB is sRGB, rounded by a camera."""

_ROWS_BYTES = 32 << 20
_D65 = (0.3127, 0.3290)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

Primaries = tuple[tuple[float, float], ...]
"""(x, y) of red, green, blue and white."""
SRGB: Primaries = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
ADOBE_RGB: Primaries = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65)
_H273_PRIMARIES: dict[int, Primaries] = {
    1: SRGB,
    2: SRGB,  # unspecified
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07), _D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65),
}
_HDR = {16: "PQ", 18: "HLG"}
_STEPS = np.linspace(0, 1, 4096)


def _srgb_to_light(values: np.ndarray) -> np.ndarray:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _bt709_to_light(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45))


_H273_CURVES = {
    1: _bt709_to_light(_STEPS),
    2: _srgb_to_light(_STEPS),
    4: _STEPS**2.2,
    5: _STEPS**2.8,
    6: _bt709_to_light(_STEPS),
    8: _STEPS,
    13: _srgb_to_light(_STEPS),
    14: _bt709_to_light(_STEPS),
    15: _bt709_to_light(_STEPS),
}


@dataclass(frozen=True, eq=False)
class ColourSpace:
    """An RGB colour space of three curves and three primaries."""

    curves: tuple[np.ndarray, ...]
    """For each channel, the light from 0 to 1 at evenly spaced values from 0 to 1."""
    to_xyz: np.ndarray
    """3x3: light of the three channels to XYZ under D50."""

    @classmethod
    def of(cls, primaries: Primaries, curve: np.ndarray) -> ColourSpace:
        return cls((curve,) * 3, _matrix(primaries))

    def to_srgb(self, rgb: np.ndarray) -> np.ndarray:
        """Return uint8 sRGB of uint8 or uint16 (height, width, 3)."""
        levels = 256 if rgb.dtype == np.uint8 else 65_536
        tables = [
            np.interp(np.linspace(0, 1, levels), np.linspace(0, 1, len(curve)), curve).astype(np.float32)
            for curve in self.curves
        ]
        to_srgb_light = (np.linalg.inv(_matrix(SRGB)) @ self.to_xyz).T.astype(np.float32)
        encode = _srgb_levels()
        result = np.empty(rgb.shape, np.uint8)
        rows = max(1, _ROWS_BYTES // (12 * rgb.shape[1]))
        for top in range(0, len(rgb), rows):
            part = rgb[top : top + rows]
            light = np.stack([table[part[..., channel]] for channel, table in enumerate(tables)], axis=-1)
            scaled = np.clip(light @ to_srgb_light, 0, 1) * 65_535 + 0.5
            result[top : top + rows] = encode[scaled.astype(np.uint16)]
        return result


def adobe_rgb() -> ColourSpace:
    """Return Adobe RGB (1998), which cameras mark in EXIF only."""
    return ColourSpace.of(ADOBE_RGB, _STEPS ** (563 / 256))


def of_code_points(primaries: int, curve: int) -> ColourSpace:
    """Return the colour space of H.273's numbers. Raises PictureError for HDR and for unknown ones."""
    if curve in _HDR:
        raise PictureError(f"is an HDR picture ({_HDR[curve]})", "export it as sRGB")
    if primaries not in _H273_PRIMARIES or curve not in _H273_CURVES:
        reason = f"has unusual colours (cICP primaries {primaries}, transfer function {curve})"
        raise PictureError(reason, "export it as sRGB")
    return ColourSpace.of(_H273_PRIMARIES[primaries], _H273_CURVES[curve])


def of_png_chunks(gamma: bytes, chromaticities: bytes) -> ColourSpace | None:
    """Return the colour space of the chunks gAMA and cHRM, b'' for none; None for sRGB.

    A gamma within 5% of 1/2.2 with sRGB's primaries is sRGB: programs write it for that.
    """
    exponent = int.from_bytes(gamma, "big") / 100_000 if len(gamma) == 4 else 0
    primaries = SRGB
    if len(chromaticities) == 32:
        x_y = [value / 100_000 for value in struct.unpack(">8I", chromaticities)]
        white, *colours = zip(x_y[::2], x_y[1::2], strict=True)
        if all(0 < y < 1 and 0 <= x < 1 for x, y in (white, *colours)):
            primaries = (*colours, white)
    is_near_srgb = not exponent or abs(exponent * 2.2 - 1) < 0.05
    if is_near_srgb and np.allclose(primaries, SRGB, atol=0.002):
        return None
    curve = _STEPS ** (1 / exponent) if exponent > 0.05 else _srgb_to_light(_STEPS)
    try:
        return ColourSpace.of(primaries, curve)
    except np.linalg.LinAlgError:  # primaries on one line
        return None


@functools.lru_cache(maxsize=16)
def of_matrix_profile(profile: bytes) -> ColourSpace | None:
    """Return the colour space of an ICC profile of curves and primaries; None for another kind, or a broken one."""
    try:
        if profile[16:20] != b"RGB " or b"A2B0" in (tags := _profile_tags(profile)):
            return None
        columns = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_profile_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
    except (KeyError, ValueError, struct.error):
        return None
    return ColourSpace(curves, np.array(columns).T / 65_536)


@functools.lru_cache(maxsize=16)
def profile_to_srgb(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform of an ICC profile for images of a mode (RGB, L, CMYK).

    None for one that counts as sRGB, that is broken or that is made for another mode.
    """
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "CMYK":
            return transform
        colours = _test_colours() if mode == "RGB" else np.arange(256, dtype=np.uint8)[None]
        converted = np.asarray(ImageCms.applyTransform(Image.fromarray(colours), transform))
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    return None if _is_near(converted, colours if mode == "RGB" else colours[..., None]) else transform


def _is_near(colours: np.ndarray, others: np.ndarray) -> bool:
    return bool(np.abs(colours.astype(int) - others).max() <= TOLERANCE)


@functools.cache
def _test_colours() -> np.ndarray:
    """Return all mixtures of 16 levels, and all greys, as (1, colours, 3)."""
    levels = np.arange(0, 256, 17)
    mixtures = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(-1, 3)
    greys = np.repeat(np.arange(256)[:, None], 3, axis=1)
    return np.vstack([mixtures, greys]).astype(np.uint8)[None]


@functools.cache
def _srgb_levels() -> np.ndarray:
    """Return the uint8 sRGB level for each of 65,536 evenly spaced amounts of light."""
    light = np.linspace(0, 1, 65_536)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    levels: np.ndarray = np.rint(values * 255).astype(np.uint8)
    return levels


def _matrix(primaries: Primaries) -> np.ndarray:
    """Return the 3x3 matrix from light of the channels to XYZ, adapted from their white to D50 after Bradford."""
    red, green, blue, white = (np.array([x / y, 1, (1 - x - y) / y]) for x, y in primaries)
    columns = np.array([red, green, blue]).T
    to_xyz = columns * np.linalg.solve(columns, white)
    gains = (_BRADFORD @ _D50_XYZ) / (_BRADFORD @ white)
    adapted: np.ndarray = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ to_xyz
    return adapted


def _profile_tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack(">I", profile[128:132])
    entries = [
        struct.unpack(">4sII", profile[start : start + 12]) for start in range(132, 132 + 12 * min(count, 100), 12)
    ]
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _profile_curve(tag: bytes) -> np.ndarray:
    """Return the light at evenly spaced values of a curve: a table, an exponent or a formula."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack(">I", tag[8:12])
        if count > 1:
            return np.frombuffer(tag, ">u2", count, 12).astype(float) / 65_535
        return _STEPS ** (struct.unpack(">H", tag[12:14])[0] / 256 if count else 1.0)
    if tag[:4] != b"para":
        raise ValueError("unknown kind of curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    return _formula(kind, struct.unpack_from(f">{(1, 3, 4, 5, 7)[min(kind, 4)]}i", tag, 12))


def _formula(kind: int, fixed_point: tuple[int, ...]) -> np.ndarray:
    """Return ICC's parametric curve: (a x + b)^g + e from d on, c x + f below."""
    numbers = [number / 65_536 for number in fixed_point]
    g, a, b, c, d, e, f = (*numbers, *(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0)[len(numbers) :])
    if kind in (1, 2):  # these name no d: the power begins where it is 0, and c is added everywhere
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c
    power = np.maximum(a * _STEPS + b, 0) ** g + e
    return np.clip(np.where(d <= _STEPS, power, c * _STEPS + f), 0, 1)
