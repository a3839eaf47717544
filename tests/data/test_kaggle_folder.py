from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from carvanamask.data.kaggle_folder import KaggleFolder, Sample, cars_of, masks_by_name, pictures_in
from carvanamask.errors import DataError
from drawn_cars import draw_kaggle_folder


def touch(*paths: Path) -> None:
    """Empty files: folders are read by name alone."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("name", "car", "view"),
    [
        ("00087a6bd4dc_04.jpg", "00087a6bd4dc", 4),
        ("golf_gti_12.PNG", "golf_gti", 12),
        ("stock no. 7_1.webp", "stock no. 7", 1),
        ("käfer_016.tif", "käfer", 16),
        ("two\nlines_02.jpg", "two\nlines", 2),
    ],
)
def test_name_tells_car_and_view(name: str, car: str, view: int) -> None:
    sample = Sample.from_picture(Path("train") / name)
    assert (sample.car, sample.view, sample.mask) == (car, view, None)
    assert sample.name == Path(name).stem


@pytest.mark.parametrize("name", ["golf.jpg", "golf_.jpg", "_01.jpg", "golf_front.jpg", "golf-01.jpg", "golf_٣.jpg"])
def test_name_without_view_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"train/.* names no view: call it <car>_<view>\.jpg, like car7_01\.jpg"):
        Sample.from_picture(Path("train") / name)


def test_samples_of_cars() -> None:
    a1, b1, a2 = (Sample.from_picture(Path("train") / name) for name in ("a_01.jpg", "b_01.jpg", "a_02.png"))
    assert cars_of([a1, b1, a2]) == {"a": [a1, a2], "b": [b1]}
    assert a2.mask_in(Path("masks")) == Path("masks/a_02.png")


def test_training_samples_are_sorted_pairs(tmp_path: Path) -> None:
    touch(tmp_path / "train/b_01.jpg", tmp_path / "train/a_02.jpg", tmp_path / "train/a_01.png")
    masks = [tmp_path / "train_masks" / name for name in ("b_01_mask.gif", "a_02_mask.png", "a_01_mask.gif")]
    touch(*masks)
    samples = KaggleFolder(tmp_path).training_samples()
    assert [(sample.car, sample.view) for sample in samples] == [("a", 1), ("a", 2), ("b", 1)]
    assert [sample.mask for sample in samples] == masks[::-1]


def test_drawn_folder_is_a_kaggle_folder(tmp_path: Path) -> None:
    folder = KaggleFolder(draw_kaggle_folder(tmp_path, cars=2, views=3, test_cars=1))
    training, test = folder.training_samples(), folder.test_samples()
    assert len(training) == 6
    assert [sample.picture.name for sample in test] == folder.submission_names()


def test_picture_without_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(Path("data/train/00087a6bd4dc_04.jpg"), Path("data/train_masks/00087a6bd4dc_05_mask.gif"))
    with pytest.raises(DataError) as error:
        KaggleFolder(Path("data")).training_samples()
    assert str(error.value) == (
        "data/train/00087a6bd4dc_04.jpg has no mask: expected data/train_masks/00087a6bd4dc_04_mask.gif"
    )


@pytest.mark.parametrize("what", ["doesn't exist", "holds no pictures"])
def test_folder_without_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.chdir(tmp_path)
    if what == "holds no pictures":
        touch(Path("data/train/notes.txt"), Path("data/train/.a_01.jpg"), Path("data/train/inner/a_01.jpg"))
    with pytest.raises(DataError) as error:
        KaggleFolder(Path("data")).training_samples()
    assert str(error.value) == (
        f"data/train {what}: put <car>_<view>.jpg files there, or name another folder with --data DIR"
    )


def test_file_in_place_of_folder(tmp_path: Path) -> None:
    touch(tmp_path / "train")
    with pytest.raises(DataError, match=r"train can't be read \(Not a directory\): check its name and permissions"):
        KaggleFolder(tmp_path).training_samples()


def test_two_pictures_with_one_mask_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "test/a_01.jpg", tmp_path / "test/a_01.png")
    with pytest.raises(DataError, match=r"a_01\.jpg differs from a_01\.png only in its ending: rename one"):
        KaggleFolder(tmp_path).test_samples()


def test_line_break_in_name_is_escaped(tmp_path: Path) -> None:
    touch(tmp_path / "train/a\nb_01.jpg")
    with pytest.raises(DataError) as error:
        KaggleFolder(tmp_path).training_samples()
    assert "\n" not in str(error.value)
    assert r"a\nb_01.jpg has no mask" in str(error.value)


def test_hidden_files_and_other_endings_are_no_pictures(tmp_path: Path) -> None:
    names = ["1.JPG", "2.jpeg", "3.png", "4.webp", "5.gif", "6.tif", "7.tiff"]
    touch(*(tmp_path / name for name in ("._a_01.jpg", ".DS_Store", "Thumbs.db", "x.part", "y.cr3", *names)))
    assert [path.name for path in pictures_in(tmp_path)] == names
    assert pictures_in(tmp_path / "nowhere") == []


def test_gif_mask_goes_before_png(tmp_path: Path) -> None:
    touch(tmp_path / "a_01_mask.png", tmp_path / "a_01_mask.gif", tmp_path / "a_01.gif")
    assert masks_by_name(tmp_path) == {"a_01": tmp_path / "a_01_mask.gif"}


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_submission_names_keep_kaggles_order(tmp_path: Path, ending: str) -> None:
    table = b"img,rle_mask\nb_01.jpg,1 1\na_02.jpg,1 1\n"
    (tmp_path / f"sample_submission{ending}").write_bytes(gzip.compress(table) if ending == ".csv.gz" else table)
    assert KaggleFolder(tmp_path).submission_names() == ["b_01.jpg", "a_02.jpg"]


def test_studio_folder_needs_no_table(tmp_path: Path) -> None:
    assert KaggleFolder(tmp_path).submission_names() is None


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (b"", "has no column 'img', its first line must be img"),
        (b"picture,rle_mask\na_01.jpg,1 1\n", "has no column 'img', its first line must be img"),
        (b"img,rle_mask\n\xff_01.jpg,1 1\n", "can't be read .*"),
    ],
)
def test_damaged_table_is_named(tmp_path: Path, table: bytes, reason: str) -> None:
    (tmp_path / "sample_submission.csv").write_bytes(table)
    with pytest.raises(
        DataError, match=rf"sample_submission\.csv {reason}: download or save it again as CSV in UTF-8$"
    ):
        KaggleFolder(tmp_path).submission_names()


def test_truncated_gz_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(b"img,rle_mask\n" + b"a_01.jpg,1 1\n" * 1000)
    (tmp_path / "sample_submission.csv.gz").write_bytes(whole[:-12])
    with pytest.raises(DataError, match=r"sample_submission\.csv\.gz can't be read"):
        KaggleFolder(tmp_path).submission_names()


def test_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    name = os.fsdecode(b"caf\xe9_01.jpg")
    try:
        (tmp_path / "test" / name).write_bytes(b"x")
    except OSError:
        pytest.skip("this disk takes no such names")
    with pytest.raises(DataError) as error:
        KaggleFolder(tmp_path).test_samples()
    assert error.value == DataError("has a name that is no Unicode text", "rename it", tmp_path / "test" / name)
