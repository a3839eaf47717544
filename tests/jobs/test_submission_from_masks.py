import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.core.progress import Progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.submission import read_submission
from carvanamask.errors import DataError, MaskError, PictureError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_mask
from carvanamask.jobs import submission_from_masks as job
from carvanamask.jobs.check_submission import check_submission
from carvanamask.jobs.submission_from_masks import submission_from_masks

SIZE_WH = (5, 4)
NAMES = ["b_01.jpg", "a_02.jpg", "a_01.jpg"]
"""Not in alphabetical order."""


def mask(place: int) -> Mask:
    """A single pixel of 5x4."""
    return Mask((np.arange(20) == place).reshape(4, 5))


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """As three tools call their masks."""
    folder = tmp_path / "masks"
    for place, file in enumerate(["b_01.png", "a_02_mask.gif", "a_01_mask.png"]):
        save_mask(folder / file, mask(place))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    root = tmp_path / "data"
    root.mkdir()
    (root / "sample_submission.csv").write_text("".join(f"{line}\n" for line in ["img,rle_mask", *NAMES]))
    return KaggleFolder(root)


def test_rows_are_in_the_lists_order(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    out = tmp_path / "out" / "submission.csv.gz"
    seen: list[tuple[int, int]] = []
    report = submission_from_masks(
        masks, out, folder, SIZE_WH, on_progress=lambda progress: seen.append((progress.done, progress.total))
    )
    assert list(read_submission(out)) == [("b_01.jpg", "1 1"), ("a_02.jpg", "2 1"), ("a_01.jpg", "3 1")]
    assert check_submission(out, NAMES, SIZE_WH).is_valid
    assert seen == [(done, 3) for done in range(4)]
    assert (report.rows, report.missing, report.skipped) == (3, (), ())
    assert report.to_dict()["submission"] == str(out)


def test_without_list_rows_are_sorted_jpgs(masks: Path, tmp_path: Path) -> None:
    submission_from_masks(masks, tmp_path / "s.csv", KaggleFolder(tmp_path / "nothing"), SIZE_WH)
    assert list(read_submission(tmp_path / "s.csv")) == [("a_01.jpg", "3 1"), ("a_02.jpg", "2 1"), ("b_01.jpg", "1 1")]


def test_missing_masks_are_an_error(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    (masks / "b_01.png").unlink()
    (masks / "a_01_mask.png").unlink()
    with pytest.raises(DataError) as error:
        submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)
    assert str(error.value) == (
        f"{masks} has no mask for 2 of 3 pictures (b_01.jpg, a_01.jpg):"
        " add them, or take empty ones with --empty-for-missing"
    )
    assert not (tmp_path / "s.csv").exists()


def test_empty_for_missing(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    (masks / "b_01.png").unlink()
    save_mask(masks / "a_01_mask.png", Mask(np.zeros((4, 5), bool)))  # empty itself, and that is no gap
    report = submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH, empty_for_missing=True)
    assert list(read_submission(tmp_path / "s.csv")) == [("b_01.jpg", ""), ("a_02.jpg", "2 1"), ("a_01.jpg", "")]
    assert (report.rows, report.missing) == (3, ("b_01.jpg",))


def test_masks_not_in_list_are_skipped(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    for number in range(12):
        save_mask(masks / f"z_{number:02d}.png", Mask(np.zeros((2, 2), bool)))  # never read
    (masks / "notes.txt").write_text("")
    report = submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)
    assert (report.rows, len(report.skipped)) == (3, 12)
    assert report.to_dict()["some_skipped"] == tuple(f"z_{number:02d}.png" for number in range(10))


def test_folder_of_other_masks_is_an_error(folder: KaggleFolder, tmp_path: Path) -> None:
    save_mask(tmp_path / "masks" / "z_01.png", mask(0))
    with pytest.raises(DataError, match=r"holds none of the masks that sample_submission\.csv names"):
        submission_from_masks(tmp_path / "masks", tmp_path / "s.csv", folder, SIZE_WH, empty_for_missing=True)


def test_mask_of_another_size(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    save_mask(masks / "b_01.png", Mask(np.zeros((2, 3), bool)))
    with pytest.raises(MaskError, match=r"b_01\.png is 3x2, not 5x4: .* --size"):
        submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)
    assert not list(tmp_path.glob("*.csv"))


def test_damaged_masks_are_named(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    Image.fromarray(np.arange(20, dtype=np.uint8).reshape(4, 5)).save(masks / "b_01.png")
    with pytest.raises(MaskError, match=r"b_01\.png isn't binary \(it holds 0, 1, 2, 3, …\)"):
        submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)
    (masks / "b_01.png").write_bytes(b"")
    with pytest.raises(PictureError, match=r"b_01\.png is empty"):
        submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)


def test_two_masks_of_one_picture_are_refused(masks: Path, folder: KaggleFolder, tmp_path: Path) -> None:
    shutil.copy(masks / "b_01.png", masks / "b_01_mask.png")
    with pytest.raises(DataError, match=r"b_01_mask\.png and b_01\.png are masks of one picture"):
        submission_from_masks(masks, tmp_path / "s.csv", folder, SIZE_WH)
    with pytest.raises(DataError, match="data holds no masks: name a folder of"):
        submission_from_masks(folder.root, tmp_path / "s.csv", folder, SIZE_WH)
    with pytest.raises(DataError, match="nowhere doesn't exist"):
        submission_from_masks(tmp_path / "nowhere", tmp_path / "s.csv", folder, SIZE_WH)


def test_few_masks_are_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "cpu_count", lambda: 1)  # three threads
    lock, read = threading.Lock(), 0

    def load_counted(path: Path) -> Mask:
        nonlocal read
        with lock:
            read += 1
        return load_mask(path)

    monkeypatch.setattr(job, "load_mask", load_counted)
    for number in range(40):
        save_mask(tmp_path / "masks" / f"{number:02d}.png", mask(number % 20))
    most = 0

    def compare(progress: Progress) -> None:
        nonlocal most
        time.sleep(0.002)
        most = max(most, read - progress.done)

    submission_from_masks(tmp_path / "masks", tmp_path / "s.csv", KaggleFolder(tmp_path), SIZE_WH, on_progress=compare)
    assert read == 40
    assert 1 < most <= 2 * 3 + 1
    assert [rle for _, rle in read_submission(tmp_path / "s.csv")] == [f"{number % 20 + 1} 1" for number in range(40)]
