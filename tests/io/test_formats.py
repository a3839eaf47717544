"""Pictures as cameras and programs write them, which decoders limit or misread."""

from __future__ import annotations

import base64
import builtins
import io
import os
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carvanamask.errors import PictureError
from carvanamask.io.read import decode_picture, picture_size_wh
from patches import assert_shows, four_patches

# --- JPEG ------------------------------------------------------------------------------------------------------------

TURNED = np.ascontiguousarray(np.rot90(four_patches(), 1))
SAMPLINGS = {  # four_patches() by `cjpeg -quality 80 -optimize -sample KEY`
    "4x2,1x1,1x1": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV00smF1_cBL1_cHO2L=cV5DE$j2?`Vr4-60&6c`v66c!d59VH(c8zUSR79cDjBPJ&)Dk&KsEif%8FeN"
        "A{DF534LjeZ|2MP!Z6AB6wC>j<TC@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@BBH01*fPAOJ7}0YU%*5"
        "di}c0sq7R761VO0RR910000000000000062mizX6c7Ob00000000000000000030!~hln0RaI30000000000000001_uQH!~h-<00IF61poj"
        "5000000000000RLsHL?N)27!YA+5ij#0RRFK0}%i}0DuJ&bQD8PqDMT=%Krd4=>PyRkb^S@yvRYXFI)Y+on-?hR{#J6*w}yn*#"
    ),
    "2x2,1x1,2x1": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV00smF1_cBL1_cHO2L=cV5DE$j2?`Vr4-60&6c`v66c!d59VH(c8zUSR79cDjBPJ&)Dk&KsEif%8FeN"
        "A{DF534LjeZ|2MP!Z6AB6wC>j<TC@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@BBH01*fPAOJ7}0U`hb5"
        "di}s0sq7R761VO0RR910000000000000062mizX6c7Ob00000000000000000030!~huq0RaF50RR91000000000000smF2nYYf02&bi009L"
        "60000000000000000|r4ug2MmW01N{G00I#M5dc2`fB`)A5K$*oOnK}%fB}vS%m+y;fv++aypO9e?a0^wBZ2?f"
    ),
    "1x1,2x2,2x2": (
        "|JeWF01!$>Nk#wx0RR9200961|JwjV00smF1_cBL1_cHO2L=cV5DE$j2?`Vr4-60&6c`v66c!d59VH(c8zUSR79cDjBPJ&)Dk&KsEif%8FeN"
        "A{DF534LjeZ|2MP!Z6AB6wC>j<TC@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@3f>C@BBH01*fPAOJ7}0TBQKA"
        "^`&;0sq7R761VO0RR910000000000000IB2mizX91sBj00#j80000000000000052SY@GgTcc8!~hrp0RRI500000000000000000jpK2LHq"
        "W6cGUc00000000000000000030+5ij#0RRFK0}%i}008HJTp%dID&wL(AdeY=r`dr-00Eh_kPf&4`G0?}(5IIQo)QT3fp`D||Je"
    ),
}


@pytest.mark.parametrize("sampling", list(SAMPLINGS))
def test_unusual_chroma_sampling(sampling: str) -> None:
    assert_shows(decode_picture(base64.b85decode(SAMPLINGS[sampling]), "upload"), four_patches(), within=6)


def test_lossless_jpeg_is_named() -> None:
    file = io.BytesIO()
    Image.fromarray(four_patches()).save(file, "JPEG")
    data = file.getvalue().replace(b"\xff\xc0", b"\xff\xc3")
    with pytest.raises(PictureError, match="is a lossless JPEG: export it"):
        decode_picture(data, "upload")


# --- PNG -------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(pixels: np.ndarray, before: bytes = b"", after: bytes = b"") -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    data = file.getvalue()
    return data[:33] + before + data[33:-12] + after + data[-12:]


LONG = b"x" * 3_000_000
LONG_CHUNKS = {
    "profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(LONG)),
    "long profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(40_000_000))),
    "text": chunk(b"tEXt", b"k\0" + LONG),
    "compressed text": chunk(b"zTXt", b"k\0\0" + zlib.compress(LONG)),
    "international text": chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(LONG)),
    "XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(40_000_000))),
    "many texts": b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000))) for _ in range(90)),
    "damaged": chunk(b"zTXt", b"Raw profile type exif\0\0no zlib") + chunk(b"iTXt", b"") + chunk(b"iCCP", b"p"),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("kind", list(LONG_CHUNKS))
def test_long_png_chunks(kind: str, place: str) -> None:
    data = png(four_patches(), **{place: LONG_CHUNKS[kind]})
    assert np.array_equal(decode_picture(data, "upload"), four_patches())


def orientation_of(kind: str) -> bytes:
    """Return a chunk that asks to turn the picture to the right."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = exif.tobytes()
    if kind == "eXIf":
        return chunk(b"eXIf", data[6:])
    if kind == "XMP":
        return chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<x xmlns:tiff="t"><y tiff:Orientation="6"/></x>')
    text = b"\nexif\n%8d\n%s\n" % (len(data), data.hex().encode())
    return chunk(b"zTXt", f"Raw profile type {kind}".encode() + b"\0\0" + zlib.compress(text))


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("kind", ["eXIf", "XMP", "exif", "APP1"])
def test_orientation_in_png(tmp_path: Any, kind: str, place: str) -> None:
    data = png(TURNED, **{place: orientation_of(kind)})
    assert np.array_equal(decode_picture(data, "upload"), four_patches())
    (tmp_path / "car.png").write_bytes(data)
    assert picture_size_wh(tmp_path / "car.png") == (48, 32)


# --- other formats ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format_", "options", "within"),
    [
        ("BMP", {}, 0),
        ("JPEG2000", {"irreversible": False}, 0),
        ("JPEG2000", {"no_jp2": True}, 0),
        ("AVIF", {"quality": 95}, 4),
        ("MPO", {"quality": 95}, 3),
    ],
)
def test_format_shows_the_same(format_: str, options: dict[str, Any], within: int) -> None:
    file = io.BytesIO()
    Image.fromarray(four_patches()).save(file, format_, **options)
    assert_shows(decode_picture(file.getvalue(), "upload"), four_patches(), within)


def test_orientation_in_avif() -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    Image.fromarray(TURNED).save(file, "AVIF", quality=95, exif=exif)
    assert_shows(decode_picture(file.getvalue(), "upload"), four_patches(), within=4)


def test_sixteen_bit_jpeg_2000_keeps_white() -> None:
    values = np.array([[0, 256, 32896, 65535]] * 4, np.uint16)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG2000")
    assert decode_picture(file.getvalue(), "upload")[0, :, 1].tolist() == [0, 1, 128, 255]


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
RAW = {
    "CR3": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "RAF": b"FUJIFILMCCD-RAW 0201",
    "ORF": b"IIRO\x08\0\0\0" + bytes(20),
    "CR2": b"II*\0\x10\0\0\0CR\2\0" + bytes(20),
    "DNG": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHI4B", 50706, 1, 4, 1, 4, 0, 0) + bytes(4),
    "PEF": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIHH", 262, 3, 1, 32803, 0) + bytes(4),
}


def hide(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    real = builtins.__import__

    def importer(name: str, *rest: Any) -> Any:
        if name in packages:
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importer)


def test_heic_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "pillow_heif")
    with pytest.raises(PictureError) as error:
        decode_picture(HEIC, "upload")
    repair = "pip install pillow-heif (its wheel is GPL-2), or export it as JPEG"
    assert str(error.value) == f"upload is a HEIC picture: {repair}"


@pytest.mark.parametrize("camera", list(RAW))
def test_raw_without_its_package(monkeypatch: pytest.MonkeyPatch, camera: str) -> None:
    hide(monkeypatch, "rawpy")
    with pytest.raises(PictureError) as error:
        decode_picture(RAW[camera], "upload")
    assert str(error.value) == "upload is a RAW file: pip install 'carvanamask[raw]'"


def test_heic() -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(TURNED)).save(file, quality=95, exif=exif.tobytes())
    assert_shows(decode_picture(file.getvalue(), "upload"), four_patches(), within=6)


def test_random_ends_give_a_picture_error() -> None:
    for start in (*RAW.values(), HEIC, b"II+\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"\xff\x4f\xff\x51", b"BM"):
        for size in (0, 7, 100, 5000):
            with pytest.raises(PictureError):
                decode_picture(start + os.urandom(size), "upload")
