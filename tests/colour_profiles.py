"""Colour profiles of three primaries and one curve, and pictures in their colours."""

from __future__ import annotations

import struct

import numpy as np

D65 = (0.3127, 0.3290)
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
SRGB_CURVE = 0.0
"""In the place of an exponent: sRGB's curve."""

Primaries = tuple[tuple[float, float], ...]


def to_light(values: np.ndarray, exponent: float) -> np.ndarray:
    if exponent != SRGB_CURVE:
        return np.asarray(values**exponent)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def in_colours(srgb: np.ndarray, primaries: Primaries, exponent: float, bits: int = 8) -> np.ndarray:
    """Return uint8 sRGB in another colour space of the same white, as uint8 or uint16."""
    light = to_light(srgb / 255, SRGB_CURVE) @ (np.linalg.inv(_to_xyz(primaries)) @ _to_xyz(SRGB)).T
    levels = np.linspace(0, 1, 65_536)
    values = np.interp(np.clip(light, 0, 1), to_light(levels, exponent), levels)
    return np.asarray(np.rint(values * ((1 << bits) - 1)), np.uint8 if bits == 8 else np.uint16)


def rgb_profile(primaries: Primaries, exponent: float, name: str) -> bytes:
    """Return an ICC profile, version 2, with the white point D50 that all profiles have."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.9642, 1.0, 0.8249])
    gains = np.diag((bradford @ d50) / (bradford @ _xyz(D65)))
    columns = (np.linalg.inv(bradford) @ gains @ bradford @ _to_xyz(primaries)).T
    curve = _curve(exponent)
    tags = {b"desc": _description(name), b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz_tag(d50)}
    for letter, column in zip("rgb", columns, strict=True):
        tags[f"{letter}XYZ".encode()] = _xyz_tag(column)
        tags[f"{letter}TRC".encode()] = curve
    return _profile(b"RGB ", tags)


def grey_profile(exponent: float) -> bytes:
    d50 = np.array([0.9642, 1.0, 0.8249])
    return _profile(b"GRAY", {b"desc": _description("grey"), b"wtpt": _xyz_tag(d50), b"kTRC": _curve(exponent)})


def _curve(exponent: float) -> bytes:
    if exponent != SRGB_CURVE:
        return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256))
    table: np.ndarray = np.rint(to_light(np.linspace(0, 1, 1024), SRGB_CURVE) * 65_535).astype(">u2")
    return b"curv" + bytes(4) + struct.pack(">I", 1024) + table.tobytes()


def _description(name: str) -> bytes:
    text = name.encode() + b"\0"
    return b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(8 + 3 + 67)


def _xyz_tag(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(float(value) * 65_536) for value in values))


def _xyz(x_y: tuple[float, float]) -> np.ndarray:
    x, y = x_y
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_xyz(primaries: Primaries) -> np.ndarray:
    columns = np.array([_xyz(primary) for primary in primaries]).T
    return np.asarray(columns * np.linalg.solve(columns, _xyz(D65)))


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    table, body, begin = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", begin + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s", begin + len(body), 0x02400000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp"
    d50 = struct.pack(">3i", 63_190, 65_536, 54_061)
    return (head + bytes(28) + d50).ljust(128, b"\0") + table + body
