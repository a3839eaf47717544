from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.figures.pictures import EXCESS, MISSED, OUTLINE, TILE_PX_WH, draw_errors, outlined, save_contact_sheet
from carvanamask.figures.report_page import Chapter, save_report_page


def test_errors_are_red_where_excess_and_blue_where_missed() -> None:
    truth, prediction = np.zeros((20, 30), bool), np.zeros((20, 30), bool)
    truth[:, :10] = True
    prediction[:, 5:20] = True
    drawn = draw_errors(np.full((20, 30, 3), 100, np.uint8), Mask(truth), Mask(prediction))
    assert tuple(drawn[10, 2]) == MISSED
    assert tuple(drawn[10, 15]) == EXCESS
    assert len(set(drawn[10, 8].tolist())) == 1  # right: grey
    assert len(set(drawn[10, 25].tolist())) == 1


def test_outline_leaves_the_inside_unchanged() -> None:
    pixels = np.zeros((40, 60), bool)
    pixels[10:30, 10:50] = True
    drawn = outlined(np.zeros((40, 60, 3), np.uint8), Mask(pixels))
    assert tuple(drawn[10, 30]) == OUTLINE
    assert not drawn[20, 30].any()


def test_contact_sheet_has_a_cell_per_tile(tmp_path: Path) -> None:
    save_contact_sheet(tmp_path / "sheet.png", [("a", np.zeros((4, 6, 3), np.uint8))] * 5, columns=2)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (2 * TILE_PX_WH[0], 3 * TILE_PX_WH[1])


def test_page_contains_pictures_and_escapes_text(tmp_path: Path) -> None:
    picture = tmp_path / "dot.png"
    cv2.imwrite(str(picture), np.zeros((1, 1, 3), np.uint8))
    save_report_page(
        tmp_path / "page.html", "A & B", "<script>", [Chapter("C", figures=[picture], facts=[("d", "<e>")])]
    )
    page = (tmp_path / "page.html").read_text()
    assert "data:image/png;base64," in page
    assert "A &amp; B" in page
    assert "&lt;e&gt;" in page
    assert "<script>" not in page
    assert "http" not in page
