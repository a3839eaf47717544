"""Render cars in the synthetic studio: a Kaggle folder with exact masks, or a sheet of all body types."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from carvanamask.core.mask import Mask
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.errors import DataError
from carvanamask.io.atomic import save_bytes_atomically
from carvanamask.io.read import load_mask, load_picture
from carvanamask.io.table import read_rows, save_table
from carvanamask.io.write import save_mask, save_picture
from carvanamask.studio.body_types import BODY_TYPES, body_type
from carvanamask.studio.camera import VIEWS
from carvanamask.studio.options import FIRST_TEST_CAR, RenderOptions
from carvanamask.studio.session import Session

COLUMNS = ("id", "year", "make", "model", "trim1", "trim2")

SHEET_VIEWS = (2, 5, 8, 12)


@dataclass(frozen=True)
class RenderReport:
    """The outcome of a rendering; `rendered` and `skipped` count pictures."""

    cars: tuple[str, ...]
    test_cars: tuple[str, ...]
    rendered: int
    skipped: int


def render(out: Path, options: RenderOptions, on_progress: OnProgress = ignore_progress) -> RenderReport:
    """Render cars into a Kaggle folder at `out`; a run that was stopped continues with what is missing.

    Car n of a seed is always the same car, whatever else is rendered. Calls on_progress after every picture. Raises
    ConfigError for a value out of range, MissingPackageError without Mitsuba, DiskError where `out` can't be written.
    """
    options.check()
    body = None if options.body is None else body_type(options.body).name
    folder = KaggleFolder(out)
    numbers = [*range(options.cars), *range(FIRST_TEST_CAR, FIRST_TEST_CAR + options.test_cars)]
    names = {number: car_id(options.seed, number, body) for number in numbers}
    metadata, rendered, done = _load_metadata(out / "metadata.csv"), 0, 0
    for number, name in names.items():
        samples = _samples(folder, name, is_test=number >= FIRST_TEST_CAR)
        missing = [sample for sample in samples if not _is_there(sample, options.size_wh)]
        done += len(VIEWS) - len(missing)
        if missing or name not in metadata:
            session = Session(options.seed, number, body, options.variant)
            for sample in missing:
                _take(sample, session, options)
                rendered, done = rendered + 1, done + 1
                on_progress(Progress(len(numbers) * len(VIEWS), done))
            metadata[name] = (name, *session.description)
            save_table(out / "metadata.csv", COLUMNS, (metadata[key] for key in sorted(metadata)))
    return RenderReport(
        cars=tuple(name for number, name in names.items() if number < FIRST_TEST_CAR),
        test_cars=tuple(name for number, name in names.items() if number >= FIRST_TEST_CAR),
        rendered=rendered,
        skipped=done - rendered,
    )


def render_sheet(
    path: Path,
    seed: int,
    samples: int,
    views: Sequence[int] = SHEET_VIEWS,
    size_wh: tuple[int, int] = RenderOptions.size_wh,
    shown_width: int = 400,
    on_progress: OnProgress = ignore_progress,
) -> None:
    """Render every body type in every view, and write them shrunk to `shown_width` as one picture, a row per body type.

    Calls on_progress after every picture.
    """
    shown_wh = (shown_width, round(shown_width * size_wh[1] / size_wh[0]))
    rows: list[list[np.ndarray]] = []
    for number, body in enumerate(BODY_TYPES):
        session = Session(seed, number, body)
        rows.append([])
        for view in views:
            picture = session.picture(view, size_wh, samples)
            rows[-1].append(cv2.resize(picture, shown_wh, interpolation=cv2.INTER_AREA))
            on_progress(Progress(len(BODY_TYPES) * len(views), sum(map(len, rows))))
    save_picture(path, np.vstack([np.hstack(row) for row in rows]), quality=75)


def car_id(seed: int, number: int, body: str | None = None) -> str:
    """Return twelve hex digits, Kaggle's kind of name for a car."""
    return hashlib.sha256(f"{seed} {number} {body or 'any'}".encode()).hexdigest()[:12]


def _samples(folder: KaggleFolder, car: str, is_test: bool) -> Iterator[Sample]:
    """Yield the pictures of a car; test pictures have no mask, as in the competition."""
    for view in VIEWS:
        name = f"{car}_{view:02d}"
        mask = None if is_test else folder.train_masks / f"{name}_mask.gif"
        yield Sample(car, view, (folder.test if is_test else folder.train) / f"{name}.jpg", mask)


def _is_there(sample: Sample, size_wh: tuple[int, int]) -> bool:
    """Return whether picture and mask are on the disk, complete and of this size."""
    try:
        if load_picture(sample.picture).shape[1::-1] != size_wh:
            return False
        return sample.mask is None or load_mask(sample.mask).size_wh == size_wh
    except DataError:
        return False


def _take(sample: Sample, session: Session, options: RenderOptions) -> None:
    if sample.mask is not None:
        save_mask(sample.mask, Mask(session.mask(sample.view, options.size_wh)))
    picture = session.picture(sample.view, options.size_wh, options.samples)
    save_bytes_atomically(sample.picture, simplejpeg.encode_jpeg(picture, options.quality, colorsubsampling="420"))


def _load_metadata(path: Path) -> dict[str, tuple[str, ...]]:
    """Return the rows by car id; an empty dict where there is no file yet."""
    if not path.exists():
        return {}
    repair = "choose another --out"
    header, *rows = [tuple(cells) for _, cells in read_rows(path, repair)] or [()]
    if header != COLUMNS:
        raise DataError("is no metadata of cars", repair, path)
    return {row[0]: row for row in rows if row}
