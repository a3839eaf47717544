from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.io.exif import Tags, read_tags
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_mask
from carvanamask.jobs.cutout import Scene, cut_by_mask

ORIENTATION, COPYRIGHT, DATE_TAKEN = 0x0112, 0x8298, 0x9003


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    """40x60 as it lies in the file, to be turned upright; with a date, an owner and a resolution."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[COPYRIGHT] = 6, "the studio"
    exif.get_ifd(0x8769)[DATE_TAKEN] = "2026:11:26 10:00:00"
    path = tmp_path / "1.jpg"
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(picture).save(path, quality=95, exif=exif, dpi=(300, 300))
    save_mask(tmp_path / "mask.png", Mask(np.ones((60, 40), bool)))
    return path


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_cut_out_keeps_what_its_picture_said_and_names_its_colours(photograph: Path, ending: str) -> None:
    out = photograph.with_name(f"cut{ending}")
    scene = Scene("#e0e0e0") if ending == ".jpg" else None
    cut_by_mask(photograph, photograph.with_name("mask.png"), out, scene)
    with Image.open(out) as image:
        image.load()
        assert image.size == (40, 60)
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        exif = image.getexif()
        assert (exif[ORIENTATION], exif[COPYRIGHT]) == (1, "the studio")
        assert exif.get_ifd(0x8769)[DATE_TAKEN] == "2026:11:26 10:00:00"
        assert "srgb" in image.info if ending == ".png" else image.info["icc_profile"]
    assert load_picture(out).shape == (60, 40, 3)
    before = out.read_bytes()
    cut_by_mask(photograph, photograph.with_name("mask.png"), out, scene)
    assert out.read_bytes() == before


def test_a_file_that_says_nothing_or_is_none_has_no_tags(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / "plain.png")
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("plain.png", "text.jpg", "missing.jpg"):
        assert read_tags(tmp_path / name) == Tags()
