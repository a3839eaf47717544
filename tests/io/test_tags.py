"""Tags of a result: all that says who, when and what; nothing that says how the input was stored."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from carvanamask.io.exif import read_tags, strip_gps, strip_metadata
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_picture
from patches import four_patches

EXIF, GPS = 0x8769, 0x8825
ARTIST, SOFTWARE, MAKE, COPYRIGHT, MAKER_NOTE, DATE_TAKEN = 315, 305, 271, 33432, 37500, 36867

XMP = b"""<?xpacket begin='\xef\xbb\xbf' id='W5M0MpCehiHzreSzNTczkc9d'?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmp:Rating="4" tiff:Orientation="1" tiff:ImageWidth="9" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 photoshop:ICCProfile="Adobe RGB (1998)" photoshop:City="Gie\xc3\x9fen">
</rdf:Description><rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/tiff">
<dc:creator><rdf:Seq><rdf:li>Anna</rdf:li></rdf:Seq></dc:creator>
<dc:subject><rdf:Bag><rdf:li>car</rdf:li><rdf:li>red</rdf:li></rdf:Bag></dc:subject>
<place:LocationCreated xmlns:place="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/"><rdf:Bag>
<rdf:li exif:GPSLatitude="50,30N"/></rdf:Bag></place:LocationCreated>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


def iptc(*data_sets: tuple[int, int, bytes]) -> bytes:
    return b"".join(struct.pack(">BBBH", 0x1C, record, number, len(data)) + data for record, number, data in data_sets)


KEPT_IPTC = ((1, 90, b"\x1b%G"), (2, 25, b"car"), (2, 80, "Weiß".encode()))
STORAGE_IPTC = ((2, 131, b"L"), (3, 20, b"\0\x30"), (7, 10, b"x"))


def photograph(path: Path, exif: Image.Exif, **options: Any) -> Path:
    Image.fromarray(four_patches()).save(path, exif=exif, **options)
    return path


def results(source: Path) -> list[Path]:
    """Return a result of each kind."""
    paths = [source.with_name(f"result{ending}") for ending in (".jpg", ".png")]
    for path in paths:
        save_picture(path, load_picture(source), tags=read_tags(source))
    return paths


def exif_of(path: Path) -> Image.Exif:
    with Image.open(path) as image:
        image.load()
        return image.getexif()


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
def test_storage_is_forgotten(tmp_path: Path, ending: str) -> None:
    exif = Image.Exif()
    exif[ARTIST], exif[MAKE] = "Anna", "Canon"
    for tag, value in ((256, 9), (258, 16), (259, 5), (262, 2), (273, 8), (301, 7), (320, 7), (34675, b"profile")):
        if ending != ".tif":
            exif[tag] = value
    own = exif.get_ifd(EXIF)
    own[DATE_TAKEN], own[0xA001], own[0xA002], own[0xA003], own[0xA500] = "2026:11:26 10:00:00", 1, 9, 9, 2.2
    own[0xA005] = {1: "R98"}
    source = photograph(tmp_path / f"car{ending}", exif)
    for path in results(source):
        kept = exif_of(path)
        assert {tag: kept[tag] for tag in kept if tag != EXIF} == {ARTIST: "Anna", MAKE: "Canon", 0x0112: 1}
        if ending != ".tif":  # Pillow writes no such directory there
            assert dict(kept.get_ifd(EXIF)) == {DATE_TAKEN: "2026:11:26 10:00:00"}


@pytest.mark.parametrize("text", ["Gießen ©".encode(), "Gießen ©".encode("latin-1"), "東京".encode("shift-jis")])
def test_text_keeps_its_bytes(tmp_path: Path, text: bytes) -> None:
    exif = Image.Exif()
    exif[ARTIST] = "?" * len(text)
    packed = exif.tobytes().replace(b"?" * len(text), text)
    source = tmp_path / "car.jpg"
    Image.fromarray(four_patches()).save(source, exif=packed)
    for path in results(source):
        assert text + b"\0" in path.read_bytes()


def test_long_exif_loses_its_longest_value_only(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ARTIST], exif[40092] = "Anna", bytes(90_000)
    jpeg, png = results(photograph(tmp_path / "car.png", exif))
    assert exif_of(jpeg)[ARTIST] == "Anna"
    assert 40092 not in exif_of(jpeg)
    assert len(exif_of(png)[40092]) == 90_000


@pytest.mark.parametrize("damage", [b"\xff\xff\xff\x7f", b"\0\0\0\0"])
def test_one_bad_tag_costs_no_other(tmp_path: Path, damage: bytes) -> None:
    exif = Image.Exif()
    exif[ARTIST], exif[SOFTWARE], exif[MAKE] = "Anna", "a program", "a long company's name"
    data = bytearray(exif.tobytes())
    order = "<" if data[6:8] == b"II" else ">"
    place = data.index(struct.pack(order + "HH", MAKE, 2))
    data[place + 4 : place + 8] = damage
    source = tmp_path / "car.jpg"
    Image.fromarray(four_patches()).save(source, exif=bytes(data))
    for path in results(source):
        kept = exif_of(path)
        assert (kept[ARTIST], kept[SOFTWARE]) == ("Anna", "a program")
        assert MAKE not in kept


def test_makers_notes_keep_their_place(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ARTIST] = "Anna"
    exif.get_ifd(EXIF)[MAKER_NOTE] = note = b"points into itself" * 9
    source = photograph(tmp_path / "car.jpg", exif)
    for path in results(source):
        before, after = source.read_bytes(), path.read_bytes()
        begin = after.index(b"II*\0" if b"II*\0" in after else b"MM\0*")
        assert after.index(note) - begin == before.index(note) - before.index(after[begin : begin + 4])


@pytest.mark.parametrize("ending", [".jpg", ".tif", ".png", ".webp"])
def test_xmp_and_iptc(tmp_path: Path, ending: str) -> None:
    records = iptc(*KEPT_IPTC, *STORAGE_IPTC)
    source = tmp_path / f"car{ending}"
    options: dict[str, Any] = {".jpg": {"xmp": XMP}, ".webp": {"xmp": XMP}}.get(ending, {})
    if ending == ".tif":
        options["tiffinfo"] = {700: XMP, 33723: records}
    resources = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records + b"\0" * (len(records) % 2)
    if ending == ".jpg":
        block = b"Photoshop 3.0\0" + resources
        options["extra"] = b"\xff\xed" + struct.pack(">H", len(block) + 2) + block
    Image.fromarray(four_patches()).save(source, **options)
    if ending == ".png":
        text = b"\niptc\n%8d\n%s\n" % (len(resources), resources.hex().encode())
        chunks = [
            (b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text)),
            (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        ]
        data = source.read_bytes()
        for kind, content in chunks:
            size, check = struct.pack(">I", len(content)), struct.pack(">I", zlib.crc32(kind + content))
            data = data[:-12] + size + kind + content + check + data[-12:]
        source.write_bytes(data)
    for path in results(source):
        again = read_tags(path)
        for kept in (b'Rating="4"', b"Anna", b"car", b"red", "Gießen".encode(), b"GPSLatitude"):
            assert kept in again.xmp.replace(b"&#223;", "ß".encode())
        for dropped in (b"Orientation", b"ImageWidth", b"ICCProfile", b"format"):
            assert dropped not in again.xmp
        assert again.iptc == (iptc(*KEPT_IPTC) if ending != ".webp" else b"")


@pytest.mark.parametrize(
    "packet",
    [b"<x", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a/>", b"\xff" * 50, b"<a>" * 5000, bytes(2_000_000)],
)
def test_damaged_xmp_is_left_out(tmp_path: Path, packet: bytes) -> None:
    source = tmp_path / "car.webp"
    Image.fromarray(four_patches()).save(source, xmp=packet)
    assert read_tags(source).xmp == b""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dpi": (300, 300)}, (300, 300)),
        ({"dpi": (1, 1)}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
def test_resolution(tmp_path: Path, ending: str, options: dict[str, Any], expected: tuple[int, int] | None) -> None:
    source = tmp_path / f"car{ending}"
    Image.fromarray(four_patches()).save(source, **options)
    for path in results(source):
        with Image.open(path) as image:
            dpi = image.info.get("dpi")
            assert dpi == (pytest.approx(expected, abs=0.1) if expected else None)


@pytest.mark.parametrize(("unit", "expected"), [(1, None), (2, (118, 118)), (3, (299.72, 299.72))])
def test_resolution_in_exif_has_a_unit(tmp_path: Path, unit: int, expected: tuple[float, float] | None) -> None:
    exif = Image.Exif()
    exif[282], exif[283], exif[296] = 118.0, 118.0, unit
    source = tmp_path / "car.webp"
    Image.fromarray(four_patches()).save(source, exif=exif)
    assert read_tags(source).dpi == (pytest.approx(expected) if expected else None)


def test_strip(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ARTIST] = "Anna"
    exif.get_ifd(EXIF)[MAKER_NOTE] = b"the place, in a maker's own code"
    exif.get_ifd(GPS)[2] = (50.0, 30.0, 0.0)
    tags = read_tags(photograph(tmp_path / "car.jpg", exif, xmp=XMP))
    assert b"GPSLatitude" in tags.xmp
    path = tmp_path / "result.jpg"
    save_picture(path, four_patches(), tags=strip_gps(tags))
    kept = exif_of(path)
    assert kept[ARTIST] == "Anna"
    assert not kept.get_ifd(GPS)
    assert b"own code" not in path.read_bytes()
    assert b"GPS" not in path.read_bytes()
    assert b"Anna" in read_tags(path).xmp
    save_picture(path, four_patches(), tags=strip_metadata(tags))
    assert not exif_of(path)
    assert b"Anna" not in path.read_bytes()


def test_garbage_in_tags_never_fails(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ARTIST] = "Anna"
    exif.get_ifd(EXIF)[DATE_TAKEN] = "2026:11:26 10:00:00"
    exif.get_ifd(GPS)[2] = (50.0, 30.0, 0.0)
    whole, random = exif.tobytes(), np.random.default_rng(0)
    for _ in range(200):
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(6, len(data), 3)] = random.integers(0, 256, 3)
        file = io.BytesIO()
        Image.fromarray(four_patches()).save(file, "JPEG", exif=data.tobytes())
        (tmp_path / "car.jpg").write_bytes(file.getvalue())
        save_picture(tmp_path / "result.jpg", four_patches(), tags=strip_gps(read_tags(tmp_path / "car.jpg")))
