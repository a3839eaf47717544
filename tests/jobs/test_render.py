"""A rendered folder: Kaggle's layout, reproducible, and continued after a stop; and the sheet of body types."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import load_mask, load_picture
from carvanamask.jobs.render import car_id, render, render_sheet
from carvanamask.studio.body_types import BODY_TYPES
from carvanamask.studio.options import RenderOptions
from carvanamask.studio.session import Session

SIZE_WH = (48, 32)
ONE_CAR = RenderOptions(cars=1, size_wh=SIZE_WH)


@pytest.fixture
def shots(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(car, view) of every picture taken, while the camera takes grey cards instead of path-traced pictures."""
    taken: list[tuple[int, int]] = []

    def grey_card(self: Session, view: int, size_wh: tuple[int, int], samples: int) -> np.ndarray:
        taken.append((self.number, view))
        return np.full((*size_wh[::-1], 3), 100 + view, np.uint8)

    monkeypatch.setattr(Session, "picture", grey_card)
    return taken


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.usefixtures("shots")
def test_folder_has_kaggle_s_layout(tmp_path: Path) -> None:
    report = render(tmp_path, RenderOptions(cars=1, test_cars=1, size_wh=SIZE_WH))
    (car,), (test_car,) = report.cars, report.test_cars
    expected = [f"test/{test_car}_{view:02d}.jpg" for view in range(1, 17)]
    expected += [f"train/{car}_{view:02d}.jpg" for view in range(1, 17)]
    expected += [f"train_masks/{car}_{view:02d}_mask.gif" for view in range(1, 17)]
    assert sorted(contents(tmp_path)) == sorted(["metadata.csv", *expected])
    assert [sample.view for sample in KaggleFolder(tmp_path).training_samples()] == list(range(1, 17))
    mask = load_mask(tmp_path / "train_masks" / f"{car}_05_mask.gif")
    assert mask.pixels.shape == load_picture(tmp_path / "train" / f"{car}_05.jpg").shape[:2] == SIZE_WH[::-1]
    assert 0.1 < mask.pixels.mean() < 0.4
    with (tmp_path / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == {car, test_car}


def test_stopped_run_replaces_broken_files(tmp_path: Path, shots: list[tuple[int, int]]) -> None:
    report = render(tmp_path, RenderOptions(cars=2, size_wh=SIZE_WH, seed=7))
    complete = contents(tmp_path)
    first, second = report.cars
    (tmp_path / "train" / f"{first}_03.jpg").unlink()
    (tmp_path / "train_masks" / f"{first}_04_mask.gif").unlink()
    torn = tmp_path / "train" / f"{second}_16.jpg"
    torn.write_bytes(torn.read_bytes()[:-200])
    shots.clear()

    again = render(tmp_path, RenderOptions(cars=2, size_wh=SIZE_WH, seed=7))

    assert shots == [(0, 3), (0, 4), (1, 16)]
    assert (again.rendered, again.skipped) == (3, 29)
    assert contents(tmp_path) == complete


def test_failure_leaves_no_partial_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> np.ndarray:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "picture", broken)
    with pytest.raises(KeyboardInterrupt):
        render(tmp_path, ONE_CAR)
    assert all(name.endswith("_mask.gif") for name in contents(tmp_path))


def test_car_is_the_same_alone_and_among_others(tmp_path: Path, shots: list[tuple[int, int]]) -> None:
    render(tmp_path / "one", RenderOptions(cars=1, size_wh=SIZE_WH, seed=3))
    render(tmp_path / "two", RenderOptions(cars=2, test_cars=1, size_wh=SIZE_WH, seed=3))
    one, two = contents(tmp_path / "one"), contents(tmp_path / "two")
    shared = [name for name in one if name != "metadata.csv"]
    assert len(shared) == 32
    assert all(one[name] == two[name] for name in shared)
    assert len(shots) == 64


@pytest.mark.usefixtures("shots")
def test_second_body_joins_the_same_folder(tmp_path: Path) -> None:
    render(tmp_path, RenderOptions(cars=1, size_wh=SIZE_WH, body="minivan"))
    render(tmp_path, RenderOptions(cars=1, size_wh=SIZE_WH, body="pickup"))
    with (tmp_path / "metadata.csv").open(encoding="utf-8") as file:
        models = {row["id"]: row["model"] for row in csv.DictReader(file)}
    assert models == {car_id(0, 0, "minivan"): "minivan", car_id(0, 0, "pickup"): "pickup"}


@pytest.mark.usefixtures("shots")
def test_progress_counts_every_picture(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    render(tmp_path, ONE_CAR, on_progress=lambda progress: steps.append((progress.done, progress.total)))
    assert steps == [(done, 16) for done in range(1, 17)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (RenderOptions(cars=0), "at least one"),
        (RenderOptions(size_wh=(8, 8)), "8x8"),
        (RenderOptions(samples=0), "0 samples"),
        (RenderOptions(quality=101), "quality 101"),
        (RenderOptions(body="tank"), "tank"),
    ],
)
def test_bad_option_is_named_before_anything_is_written(tmp_path: Path, options: RenderOptions, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        render(tmp_path / "new", options)
    assert not (tmp_path / "new").exists()


def test_metadata_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("id,year,make,model,trim1,trim2,colour\n")
    with pytest.raises(DataError, match=r"metadata\.csv is no metadata of cars: choose another --out"):
        render(tmp_path, ONE_CAR)


def test_sheet_shows_every_body_in_every_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, int]] = []

    def grey_card(self: Session, view: int, size_wh: tuple[int, int], samples: int) -> np.ndarray:
        taken.append((self.car.body.name, view))
        return np.full((*size_wh[::-1], 3), 128, np.uint8)

    monkeypatch.setattr(Session, "picture", grey_card)
    render_sheet(tmp_path / "sheet.jpg", 0, 1, views=(3, 7), size_wh=(96, 64), shown_width=48)
    assert [name for name, _ in taken[::2]] == list(BODY_TYPES)
    assert load_picture(tmp_path / "sheet.jpg").shape == (9 * 32, 2 * 48, 3)


def test_real_picture_shows_a_dark_car_before_a_bright_wall(tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    session = Session(seed=0, number=2, body="saloon")
    picture = session.picture(5, (96, 64), samples=2)
    mask = session.mask(5, (96, 64))
    assert picture[:10].mean() > 190
    assert picture[mask].mean() < picture[~mask].mean() - 20
