"""The rendered set inside the package: complete, small, and readable without Mitsuba."""

from __future__ import annotations

import csv
import subprocess
import sys

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_mask, picture_size_wh
from carvanamask.jobs.render import car_id
from carvanamask.studio import SHOWROOM
from carvanamask.studio.body_types import BODY_TYPES
from carvanamask.studio.session import Session


def test_showroom_has_all_bodies() -> None:
    samples = KaggleFolder(SHOWROOM).training_samples()
    assert len(samples) == 160
    assert all(sample.mask is not None for sample in samples)
    assert {picture_size_wh(sample.picture) for sample in samples[::16]} == {(480, 320)}
    assert len(list((SHOWROOM / "test").glob("*.jpg"))) == 32
    with (SHOWROOM / "metadata.csv").open(encoding="utf-8") as file:
        models = {row["id"]: row["model"] for row in csv.DictReader(file)}
    assert {models[sample.car] for sample in samples} == set(BODY_TYPES)


def test_showroom_is_small() -> None:
    assert sum(path.stat().st_size for path in SHOWROOM.rglob("*") if path.is_file()) < 4_000_000


def test_code_still_makes_the_showroom_s_masks() -> None:
    session = Session(seed=24, number=9)
    shipped = load_mask(SHOWROOM / "train_masks" / f"{car_id(24, 9)}_03_mask.gif").pixels
    # not equality: another processor's sine may differ in the last bit
    assert (session.mask(3, (480, 320)) != shipped).sum() <= 2


def test_showroom_s_path_imports_nothing_heavy() -> None:
    code = "import sys, carvanamask.studio; print({'numpy', 'cv2', 'mitsuba'} & {*sys.modules})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
