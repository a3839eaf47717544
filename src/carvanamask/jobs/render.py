"""Render a Kaggle folder in the synthetic studio: pictures, exact masks, metadata."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import simplejpeg

from carvanamask.core.mask import Mask
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.table import read_rows, save_table
from carvanamask.io.write import save_mask
from carvanamask.studio.body_types import body_type
from carvanamask.studio.camera import VIEWS
from carvanamask.studio.shoot import Session

COLUMNS = ("id", "year", "make", "model", "trim1", "trim2")
# test cars are numbered from here, so that adding training cars leaves them as they are
FIRST_TEST_CAR = 1_000_000


@dataclass(frozen=True)
class RenderReport:
    """What a rendering did; `rendered` and `skipped` count pictures."""

    folder: KaggleFolder
    cars: tuple[str, ...]
    test_cars: tuple[str, ...]
    rendered: int
    skipped: int


@dataclass(frozen=True)
class _Shot:
    """A picture to take, and where it goes; test pictures have no mask, as in the competition."""

    view: int
    picture: Path
    mask: Path | None

    def is_there(self, size_wh: tuple[int, int]) -> bool:
        """Whether picture and mask are on the disk, whole and of this size."""
        try:
            if load_picture(self.picture).shape[1::-1] != size_wh:
                return False
            return self.mask is None or load_mask(self.mask).pixels.shape[::-1] == size_wh
        except DataError:
            return False


def render(
    out: Path,
    cars: int,
    test_cars: int = 0,
    size_wh: tuple[int, int] = (960, 640),
    seed: int = 0,
    body: str | None = None,
    samples: int = 32,
    quality: int = 88,
    variant: str | None = None,
    on_progress: OnProgress = ignore_progress,
) -> RenderReport:
    """Render `cars` training cars and `test_cars` test cars, 16 views each, into a Kaggle folder at `out`.

    Car n of a seed is always the same car, whatever is rendered before or beside it, so a run that was stopped goes
    on where it was: pictures that are there, whole and of this size, stay. `body` makes every car that type; without
    it any nine training cars in a row show all nine. `samples` are light paths a pixel, `quality` is the JPEGs',
    `variant` Mitsuba's (None: the fastest that runs here). Calls on_progress after every picture.
    Raises ConfigError for a value out of range and where Mitsuba is missing, DiskError where `out` can't be written.
    """
    _check(cars, test_cars, size_wh, samples, quality)
    body = None if body is None else body_type(body).name
    folder = KaggleFolder(out)
    numbers = [*range(cars), *range(FIRST_TEST_CAR, FIRST_TEST_CAR + test_cars)]
    names = {number: car_id(seed, number, body) for number in numbers}
    known, rendered, done = _load_metadata(out / "metadata.csv"), 0, 0
    for number, name in names.items():
        missing = [shot for shot in _shots(folder, name, number >= FIRST_TEST_CAR) if not shot.is_there(size_wh)]
        done += len(VIEWS) - len(missing)
        if missing or name not in known:
            session = Session(seed, number, body, variant)
            for shot in missing:
                _take(shot, session, size_wh, samples, quality)
                rendered, done = rendered + 1, done + 1
                on_progress(Progress(len(numbers) * len(VIEWS), done))
            known[name] = (name, *session.description)
            _save_metadata(out / "metadata.csv", known)
    return RenderReport(
        folder=folder,
        cars=tuple(name for number, name in names.items() if number < FIRST_TEST_CAR),
        test_cars=tuple(name for number, name in names.items() if number >= FIRST_TEST_CAR),
        rendered=rendered,
        skipped=done - rendered,
    )


def car_id(seed: int, number: int, body: str | None = None) -> str:
    """Twelve hex digits, as Kaggle names a car."""
    return hashlib.sha256(f"{seed} {number} {body or 'any'}".encode()).hexdigest()[:12]


def _check(cars: int, test_cars: int, size_wh: tuple[int, int], samples: int, quality: int) -> None:
    if not (0 <= cars < FIRST_TEST_CAR and test_cars >= 0) or cars + test_cars == 0:
        raise ConfigError(f"{cars} cars and {test_cars} test cars can't be rendered: ask for at least one")
    if min(size_wh) < 32 or max(size_wh) > 8192:
        raise ConfigError(f"a picture of {size_wh[0]}x{size_wh[1]} can't be rendered: take 32 to 8192 pixels a side")
    if samples < 1:
        raise ConfigError(f"{samples} samples give no picture: take at least 1")
    if not 1 <= quality <= 100:
        raise ConfigError(f"JPEG quality {quality} doesn't exist: take 1 to 100")


def _shots(folder: KaggleFolder, name: str, is_test: bool) -> Iterator[_Shot]:
    for view in VIEWS:
        stem = f"{name}_{view:02d}"
        if is_test:
            yield _Shot(view, folder.test / f"{stem}.jpg", None)
        else:
            yield _Shot(view, folder.train / f"{stem}.jpg", folder.train_masks / f"{stem}_mask.gif")


def _take(shot: _Shot, session: Session, size_wh: tuple[int, int], samples: int, quality: int) -> None:
    if shot.mask is not None:
        save_mask(shot.mask, Mask(session.mask(shot.view, size_wh)))
    picture = session.picture(shot.view, size_wh, samples)
    save_bytes_atomically(shot.picture, simplejpeg.encode_jpeg(picture, quality, colorsubsampling="420"))


def _load_metadata(path: Path) -> dict[str, tuple[str, ...]]:
    """Rows by car id; none where there is no file yet."""
    if not path.exists():
        return {}
    repair = "name another folder"
    rows = [cells for _, cells in read_rows(path, repair)]
    if not rows or tuple(rows[0]) != COLUMNS:
        raise DataError("is no metadata of cars", repair, path)
    return {cells[0]: tuple(cells) for cells in rows[1:] if cells}


def _save_metadata(path: Path, rows: dict[str, tuple[str, ...]]) -> None:
    save_table(path, COLUMNS, (rows[name] for name in sorted(rows)))
