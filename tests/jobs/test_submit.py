from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.batch.options import BatchOptions, OnError
from carvanamask.core.mask import Mask
from carvanamask.core.progress import OnProgress, Progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.submission import read_submission
from carvanamask.errors import DataError, DiskError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_picture
from carvanamask.jobs.check_submission import check_submission
from carvanamask.jobs.submit import submit
from carvanamask.model.model_file import ModelFile

NAMES = [f"{car}_{view:02d}.png" for car in ("b", "a", "c") for view in (1, 2, 3)]
"""Not in alphabetical order."""


@pytest.fixture
def folder(tmp_path: Path) -> KaggleFolder:
    """Nine pictures of 24x16: picture k has a bright block from column k to the right end."""
    root = tmp_path / "data"
    for place, name in enumerate(NAMES):
        picture = np.zeros((16, 24, 3), dtype=np.uint8)
        picture[4:12, place:] = 255
        save_picture_as(root / "test" / name, picture)
    (root / "sample_submission.csv").write_text("".join(f"{line}\n" for line in ["img,rle_mask", *rows_of(NAMES)]))
    return KaggleFolder(root)


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", input_size_wh=(24, 16))


def rows_of(names: list[str]) -> list[str]:
    return [f"{name},1 1" for name in names]


def save_picture_as(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, picture)


def interrupted_after(count: int) -> OnProgress:
    def on_progress(news: Progress) -> None:
        if news.kept + news.done == count:
            raise KeyboardInterrupt

    return on_progress


def test_rows_follow_the_sample_s_order(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out, masks = tmp_path / "submission.csv.gz", tmp_path / "masks"
    report = submit(model, folder, out, masks)

    rows = list(read_submission(out))
    assert [name for name, _ in rows] == NAMES
    for place, (name, rle) in enumerate(rows):
        expected = np.zeros((16, 24), dtype=bool)
        expected[4:12, place:] = True
        assert rle == Mask(expected).to_rle()
        assert np.array_equal(load_mask(masks / f"{Path(name).stem}.png").pixels, expected)
    assert (report.progress.total, report.progress.kept, report.progress.done, report.progress.failures) == (
        9,
        0,
        9,
        (),
    )
    assert (report.absent, report.unlisted, report.emptied) == (0, 0, ())
    assert report.submission == out
    assert report.advice == ""
    assert report.to_dict()["submission"] == str(out)


@pytest.mark.parametrize("finished", [0, 1, 5, 9])
def test_interrupted_run_ends_in_the_same_bytes(
    folder: KaggleFolder, model: ModelFile, tmp_path: Path, finished: int
) -> None:
    submit(model, folder, tmp_path / "straight.csv.gz")
    out, masks = tmp_path / "out" / "submission.csv.gz", tmp_path / "masks"

    with pytest.raises(KeyboardInterrupt):
        submit(model, folder, out, masks, on_progress=interrupted_after(finished))
    assert not out.exists()

    seen: list[tuple[int, int]] = []
    report = submit(
        model, folder, out, masks, on_progress=lambda news: seen.append((news.kept + news.done, news.total))
    )

    assert report.progress.kept == finished
    assert seen == [(done, 9) for done in range(finished, 10)]
    assert out.read_bytes() == (tmp_path / "straight.csv.gz").read_bytes()
    assert {path.name for path in out.parent.iterdir()} == {out.name, next(out.parent.glob(".*.journal")).name}
    assert len(list(masks.iterdir())) == 9


def test_rows_of_another_model_are_not_reused(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    blind = save_brightness_model(tmp_path / "blind", input_size_wh=(24, 16), level=1000)
    with pytest.raises(KeyboardInterrupt):
        submit(blind, folder, out, on_progress=interrupted_after(5))

    report = submit(model, folder, out)

    assert report.progress.kept == 0
    assert check_submission(out, NAMES, (24, 16)).empty_masks == 0


def test_rows_of_another_threshold_are_not_reused(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    with pytest.raises(KeyboardInterrupt):
        submit(model, folder, out, on_progress=interrupted_after(5))
    stricter = ModelFile(model.folder, model.card.model_copy(update={"threshold": 0.9}))
    assert submit(stricter, folder, out).progress.kept == 0


def test_changed_picture_is_predicted_again(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    with pytest.raises(KeyboardInterrupt):
        submit(model, folder, out, on_progress=interrupted_after(9))
    save_picture_as(folder.test / NAMES[0], np.zeros((16, 24, 3), dtype=np.uint8))

    assert submit(model, folder, out).progress.kept == 8
    assert dict(read_submission(out))[NAMES[0]] == ""


def test_deleted_mask_is_written_again(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out, masks = tmp_path / "submission.csv.gz", tmp_path / "masks"
    with pytest.raises(KeyboardInterrupt):
        submit(model, folder, out, masks, on_progress=interrupted_after(9))
    (masks / "a_01.png").unlink()
    assert submit(model, folder, out, masks).progress.kept == 8
    assert (masks / "a_01.png").exists()


def test_bad_picture_prevents_the_submission(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    bad = folder.test / NAMES[4]
    complete = bad.read_bytes()
    bad.write_bytes(complete[:50])

    report = submit(model, folder, out)

    assert report.submission is None
    assert not out.exists()
    ((file, error),) = report.progress.failures
    assert file == bad.name
    assert bad.name in str(error)
    assert report.advice == (
        "no submission: 1 picture failed. Replace the files that failed, "
        "then run the same command again: 8 finished are kept"
    )

    bad.write_bytes(complete)
    report = submit(model, folder, out)
    assert (report.progress.kept, report.progress.failures) == (8, ())
    assert check_submission(out, NAMES, (24, 16)).is_valid


def test_absent_and_unlisted_pictures_are_counted(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    (folder.test / NAMES[0]).unlink()
    (folder.test / NAMES[8]).unlink()
    shutil.copy(folder.test / NAMES[1], folder.test / "z_01.png")

    report = submit(model, folder, out)

    assert (report.progress.total, report.absent, report.unlisted) == (7, 2, 1)
    assert [name for name, _ in read_submission(out)] == NAMES[1:8]
    assert not check_submission(out, NAMES, (24, 16)).is_valid
    assert check_submission(out, NAMES, (24, 16), is_partial=True).is_valid


def test_rows_are_sorted_by_name_without_a_sample(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    (folder.root / "sample_submission.csv").unlink()
    submit(model, folder, tmp_path / "submission.csv.gz")
    assert [name for name, _ in read_submission(tmp_path / "submission.csv.gz")] == sorted(NAMES)


def test_finished_submission_is_not_made_again(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    submit(model, folder, out)
    before = out.stat()
    again = submit(model, folder, out)
    assert (again.progress.kept, again.progress.done, again.submission) == (9, 0, out)
    assert out.stat().st_mtime_ns == before.st_mtime_ns


def test_changed_submission_or_picture_is_repaired(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    submit(model, folder, out)
    complete = out.read_bytes()
    out.write_bytes(b"torn")
    assert submit(model, folder, out).progress.done == 0
    assert out.read_bytes() == complete
    save_picture_as(folder.test / NAMES[0], np.zeros((16, 24, 3), dtype=np.uint8))
    assert submit(model, folder, out).progress.done == 1
    assert dict(read_submission(out))[NAMES[0]] == ""


def test_missing_and_bad_pictures_get_empty_masks(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    (folder.test / NAMES[0]).unlink()
    bad = folder.test / NAMES[4]
    bad.write_bytes(bad.read_bytes()[:50])
    assert submit(model, folder, out).submission is None

    report = submit(model, folder, out, has_empty_masks=True)

    assert report.submission == out
    assert report.emptied == tuple(sorted([NAMES[0], NAMES[4]]))
    assert [name for name, _ in report.progress.failures] == [NAMES[4]]
    rows = dict(read_submission(out))
    assert list(rows) == NAMES
    assert [name for name, rle in rows.items() if not rle] == [NAMES[0], NAMES[4]]


def test_on_error_stop_starts_no_more_pictures(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    (folder.root / "sample_submission.csv").unlink()
    for view in range(100, 300):  # so many that the failure is known before the last ones start
        save_picture_as(folder.test / f"d_{view}.png", np.zeros((16, 24, 3), np.uint8))
    (folder.test / "a_01.png").write_bytes(b"no picture")
    out = tmp_path / "submission.csv.gz"
    report = submit(model, folder, out, has_empty_masks=True, options=BatchOptions(on_error=OnError.STOP))
    assert report.progress.done < 209
    assert (report.submission, out.exists()) == (None, False)


def test_sample_of_other_pictures_is_refused(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    (folder.root / "sample_submission.csv").write_text("img,rle_mask\nx_01.jpg,1 1\n")
    with pytest.raises(DataError, match="none of the pictures"):
        submit(model, folder, tmp_path / "submission.csv.gz")


def test_another_list_of_names_makes_another_submission(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    out = tmp_path / "submission.csv.gz"
    submit(model, folder, out)
    lines = ["img,rle_mask", *rows_of([*reversed(NAMES), "d_01.png"]), ""]
    (folder.root / "sample_submission.csv").write_text("\n".join(lines))
    submit(model, folder, out)
    assert [name for name, _ in read_submission(out)] == NAMES[::-1]


def test_folder_instead_of_a_file_is_refused_at_once(folder: KaggleFolder, model: ModelFile, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"is a folder: name a file in it, like .*submission\.csv\.gz"):
        submit(model, folder, tmp_path)
    assert not list(tmp_path.glob(".*.journal"))
