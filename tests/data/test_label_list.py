from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import Sample
from carvanamask.data.label_list import Label, load_labels, save_labels
from carvanamask.errors import DataError
from carvanamask.io.write import save_mask, save_picture


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """A list of two labels beside their masks, in `out`."""
    out = tmp_path / "out"
    made = []
    for view in (1, 2):
        picture, mask = tmp_path / "test" / f"a_{view:02d}.png", out / "masks" / f"a_{view:02d}.png"
        save_mask(mask, Mask(np.eye(2, dtype=bool)))
        picture.parent.mkdir(exist_ok=True)
        save_picture(picture, np.zeros((2, 2, 3), np.uint8))
        made.append(Label(Sample("a", view, picture, mask), 0.99, 0.0125 * view, "one 0123 + two 4567"))
    save_labels(out / "labels.csv", made)
    return out / "labels.csv"


def test_labels_round_trip(labels: Path, tmp_path: Path) -> None:
    first, second = load_labels(labels)
    assert first.sample == Sample("a", 1, tmp_path / "test" / "a_01.png", labels.parent / "masks" / "a_01.png")
    assert (second.agreement, second.uncertain_ratio, second.models) == (0.99, 0.025, "one 0123 + two 4567")


def test_masks_move_with_their_list(labels: Path, tmp_path: Path) -> None:
    moved = labels.parent.rename(tmp_path / "moved")
    assert load_labels(moved / "labels.csv")[0].sample.mask == moved / "masks" / "a_01.png"


@pytest.mark.parametrize("missing", ["test/a_02.png", "out/masks/a_02.png"])
def test_missing_file_is_named_with_its_line(labels: Path, tmp_path: Path, missing: str) -> None:
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=rf"labels\.csv line 3: .*{missing} doesn't exist: run pseudo-label again"):
        load_labels(labels)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("undecided", "unsure", r"has no column 'undecided', its first line must be picture,mask,agreement"),
        ("0.990000", "much", r"line 2: could not convert string to float: 'much': run pseudo-label again"),
    ],
)
def test_wrong_list_is_one_line(labels: Path, old: str, new: str, message: str) -> None:
    labels.write_text(labels.read_text().replace(old, new))
    with pytest.raises(DataError, match=message):
        load_labels(labels)


def test_picture_without_view_is_named_with_its_line(labels: Path, tmp_path: Path) -> None:
    (tmp_path / "test" / "a_01.png").rename(tmp_path / "test" / "a.png")
    labels.write_text(labels.read_text().replace("test/a_01.png", "test/a.png"))
    with pytest.raises(DataError, match=r"labels\.csv line 2: .*a\.png names no view"):
        load_labels(labels)


def test_missing_and_empty_lists_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="doesn't exist: run pseudo-label again, or correct it"):
        load_labels(tmp_path / "labels.csv")
    save_labels(tmp_path / "labels.csv", [])
    with pytest.raises(DataError) as error:
        load_labels(tmp_path / "labels.csv")
    repair = "make it again with wider limits, or leave it out"
    assert error.value == DataError("holds no labels", repair, tmp_path / "labels.csv")
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="can't be read after line 0"):
        load_labels(tmp_path / "labels.csv")
