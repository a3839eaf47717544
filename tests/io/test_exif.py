from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.io.exif import Tags, read_tags
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_picture

ORIENTATION, COPYRIGHT, DATE_TAKEN = 0x0112, 0x8298, 0x9003


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """40x60 once it is turned upright; with a date, an owner and a resolution."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[COPYRIGHT] = 6, "the studio"
    exif.get_ifd(0x8769)[DATE_TAKEN] = "2026:11:26 10:00:00"
    path = tmp_path / "1.jpg"
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(picture).save(path, quality=95, exif=exif, dpi=(300, 300))
    return path


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_tags_survive(photograph: Path, ending: str) -> None:
    out, again = photograph.with_name(f"out{ending}"), photograph.with_name(f"again{ending}")
    save_picture(out, load_picture(photograph), tags=read_tags(photograph))
    with Image.open(out) as image:
        image.load()
        assert image.size == (40, 60)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        exif = image.getexif()
        assert (exif[ORIENTATION], exif[COPYRIGHT]) == (1, "the studio")
        assert exif.get_ifd(0x8769)[DATE_TAKEN] == "2026:11:26 10:00:00"
        assert "srgb" in image.info if ending == ".png" else image.info["icc_profile"]
    assert load_picture(out).shape == (60, 40, 3)
    save_picture(again, load_picture(photograph), tags=read_tags(photograph))
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_no_tags_leave_only_the_colour_space(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    save_picture(path, np.zeros((4, 6, 3), np.uint8), tags=Tags())
    with Image.open(path) as image:
        assert not image.getexif()
        assert "dpi" not in image.info
        assert "srgb" in image.info if ending == ".png" else image.info["icc_profile"]


def test_tags_that_jpeg_cannot_hold_are_left_out(tmp_path: Path) -> None:
    save_picture(tmp_path / "out.jpg", np.zeros((4, 6, 3), np.uint8), tags=Tags(bytes(70_000), (70_000, 70_000)))
    with Image.open(tmp_path / "out.jpg") as image:
        assert "exif" not in image.info
        assert "dpi" not in image.info


def test_file_without_tags(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "plain.png")
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("plain.png", "text.jpg", "missing.jpg"):
        assert read_tags(tmp_path / name) == Tags()
