from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import DataError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_mask
from carvanamask.jobs.check_data import DataReport, check_data
from drawn_cars import draw_kaggle_folder


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    """Three cars of three views and one test car, all in order."""
    return KaggleFolder(draw_kaggle_folder(tmp_path / "data", cars=3, views=3, test_cars=1, size_wh=(48, 32)))


def found(report: DataReport) -> list[tuple[str, str, str]]:
    return [(finding.severity, finding.code, finding.path.name) for finding in report.findings]


def test_good_folder_has_no_findings(folder: KaggleFolder) -> None:
    report = check_data(folder)
    assert found(report) == []
    assert (report.cars, report.training_pictures, report.masks, report.test_pictures) == (4, 9, 9, 3)
    assert (report.errors, report.warnings) == (0, 0)


def test_progress_counts_every_picture_once(folder: KaggleFolder) -> None:
    seen: list[tuple[int, int]] = []
    check_data(folder, on_progress=lambda progress: seen.append((progress.done, progress.total)))
    assert seen == [(done, 12) for done in range(1, 13)]


def test_missing_halves(folder: KaggleFolder) -> None:
    first, second = folder.training_samples()[:2]
    assert first.mask is not None
    assert second.mask is not None
    first.mask.unlink()
    second.picture.unlink()
    report = check_data(folder)
    assert found(report) == [
        ("error", "missing-mask", first.picture.name),
        ("warning", "missing-view", second.picture.name),
        ("warning", "missing-picture", second.mask.name),
    ]
    assert str(report.findings[0]) == f"{first.picture} has no mask: add {first.mask}, or remove the picture"
    assert str(report.findings[2]) == f"{second.mask} has no picture: add {second.picture}"


def test_bad_files_stop_nothing(folder: KaggleFolder) -> None:
    first, second, third, fourth = folder.training_samples()[:4]
    assert second.mask is not None
    assert third.mask is not None
    first.picture.write_bytes(first.picture.read_bytes()[:-200])
    second.mask.write_bytes(b"")
    Image.fromarray(np.arange(32 * 48, dtype=np.uint8).reshape(32, 48)).save(third.mask)
    fourth.picture.write_text("not a picture")
    folder.test_samples()[0].picture.write_bytes(b"\xff\xd8\xff")
    report = check_data(folder)
    assert sorted(found(report)) == sorted(
        [
            ("error", "unreadable", first.picture.name),
            ("error", "unreadable", second.mask.name),
            ("error", "not-binary", third.mask.name),
            ("error", "unreadable", fourth.picture.name),
            ("error", "unreadable", folder.test_samples()[0].picture.name),
        ]
    )
    damaged = next(finding for finding in report.findings if finding.path == first.picture)
    assert damaged.reason == "is truncated or damaged (Premature end of JPEG file)"
    assert damaged.repair == "copy or export it again"
    assert str(damaged) == f"{first.picture} {damaged.reason}: {damaged.repair}"


def test_mask_of_another_size(folder: KaggleFolder) -> None:
    sample = folder.training_samples()[0]
    assert sample.mask is not None
    save_mask(sample.mask, Mask(load_mask(sample.mask).pixels[:, 1:]))
    report = check_data(folder)
    assert found(report) == [("error", "size", sample.mask.name)]
    assert "is 47x32, its picture 48x32" in str(report.findings[0])


def test_empty_and_full_masks(folder: KaggleFolder) -> None:
    first, second = (sample.mask for sample in folder.training_samples()[:2])
    assert first is not None
    assert second is not None
    save_mask(first, Mask(np.zeros((32, 48), dtype=bool)))
    save_mask(second, Mask(np.ones((32, 48), dtype=bool)))
    assert found(check_data(folder)) == [
        ("warning", "empty-mask", first.name),
        ("warning", "full-mask", second.name),
    ]


def test_missing_view(folder: KaggleFolder) -> None:
    sample = folder.training_samples()[4]
    assert sample.mask is not None
    sample.picture.unlink()
    sample.mask.unlink()
    report = check_data(folder)
    assert found(report) == [("warning", "missing-view", sample.picture.name)]
    assert str(report.findings[0]) == f"{sample.picture} is missing: most cars have view 2, so add it"


def test_view_of_few_cars_is_not_missed(folder: KaggleFolder) -> None:
    sample = folder.training_samples()[0]
    assert sample.mask is not None
    picture, mask = Image.open(sample.picture), load_mask(sample.mask)
    picture.rotate(180).save(folder.train / f"{sample.car}_09.jpg")
    save_mask(folder.train_masks / f"{sample.car}_09_mask.gif", Mask(mask.pixels[::-1, ::-1]))
    picture.close()
    assert found(check_data(folder)) == []


def test_duplicate_pictures(folder: KaggleFolder) -> None:
    a1, a2, _, b1, *_ = folder.training_samples()
    test = folder.test_samples()[0]
    shutil.copy(a1.picture, a2.picture)
    shutil.copy(b1.picture, test.picture)
    report = check_data(folder)
    assert sorted(found(report)) == sorted(
        [("warning", "duplicate", a2.picture.name), ("error", "duplicate", test.picture.name)]
    )
    leak = next(finding for finding in report.findings if finding.severity == "error")
    assert f"is the same picture as {b1.picture}, of another car" in leak.reason


def test_same_mask_for_two_pictures(folder: KaggleFolder) -> None:
    first, second = (sample.mask for sample in folder.training_samples()[:2])
    assert first is not None
    assert second is not None
    shutil.copy(first, second)
    report = check_data(folder)
    assert found(report) == [("warning", "same-mask", second.name)]
    assert str(first) in report.findings[0].reason


def test_wrong_names(folder: KaggleFolder) -> None:
    first, second = folder.training_samples()[:2]
    assert second.mask is not None
    Image.new("RGB", (48, 32)).save(folder.test / "golf.jpg")
    Image.new("L", (48, 32)).save(folder.train / f"{first.name}.png")
    second.mask.rename(second.mask.with_name(f"{second.name}.gif"))
    assert sorted(found(check_data(folder))) == sorted(
        [
            ("error", "name", "golf.jpg"),
            ("error", "name", f"{first.name}.png"),
            ("error", "missing-mask", second.picture.name),
            ("warning", "name", f"{second.name}.gif"),
        ]
    )


def test_test_pictures_alone_are_enough(folder: KaggleFolder) -> None:
    shutil.rmtree(folder.train)
    shutil.rmtree(folder.train_masks)
    report = check_data(folder)
    assert (report.training_pictures, report.test_pictures, report.findings) == (0, 3, ())


def test_folder_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no pictures: put <car>_<view>.jpg files into .*train, or name another"):
        check_data(KaggleFolder(tmp_path))


def test_report_is_json(folder: KaggleFolder) -> None:
    mask = folder.training_samples()[0].mask
    assert mask is not None
    mask.unlink()
    report = json.loads(json.dumps(check_data(folder).to_dict()))
    assert report["errors"] == 1
    assert report["training_pictures"] == 9
    assert set(report["findings"][0]) == {"severity", "kind", "file", "reason", "repair"}
