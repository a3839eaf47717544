import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.data.submission import read_submission, write_submission
from carvanamask.io.write import save_mask
from command_line import Run


@pytest.fixture
def run_submission(run: Run) -> Run:
    return partial(run, "submission")


@pytest.fixture
def two(tmp_path: Path) -> None:
    """a.csv and b.csv: one mask alike, one by half, and pictures of their own."""
    write_submission(tmp_path / "a.csv", [("x_01.jpg", "1 4"), ("x_02.jpg", "1 2"), ("y_01.jpg", "")])
    more = [(f"z_{number:02d}.jpg", "") for number in range(7)]
    write_submission(tmp_path / "b.csv", [("x_02.jpg", "1 2"), ("x_01.jpg", "3 4"), *more])


@pytest.mark.usefixtures("two")
def test_diff_prints_worst_mean_and_names_of_one_file(run_submission: Run, tmp_path: Path) -> None:
    code, out, _ = run_submission("diff", "a.csv", "b.csv", "--size", "4x2", "--csv", "pictures.csv")
    assert code == 0
    for words in (
        "x_01.jpg       │ 0.50000 │ 4         │ 4",
        "mean Dice 0.75000 over 2 pictures, 1 of them identical",
        "lowest 0.50000, 1% 0.50500, 5% 0.52500, 25% 0.62500, 50% 0.75000",
        "only in A: 1 (y_01.jpg)\n",
        "only in B: 7 (z_00.jpg, z_01.jpg, z_02.jpg, z_03.jpg, z_04.jpg, …)\n",
    ):
        assert words in out
    assert len((tmp_path / "pictures.csv").read_text().splitlines()) == 3


@pytest.mark.usefixtures("two")
def test_diff_as_json_and_without_a_list(run_submission: Run) -> None:
    code, out, _ = run_submission("diff", "a.csv", "b.csv", "--size", "4x2", "--worst", "0", "--json")
    report = json.loads(out)
    assert code == 0
    assert (report["dice"], report["pictures"], report["identical"], report["worst"]) == (0.75, 2, 1, [])
    assert "worst pictures" not in run_submission("diff", "a.csv", "a.csv", "--size", "4x2")[1]


@pytest.mark.usefixtures("two")
def test_diff_of_wrong_files_is_one_line(run_submission: Run) -> None:
    code, _, err = run_submission("diff", "a.csv", "b.csv", "--size", "2x2")
    assert code == 2
    assert err.strip().splitlines()[-1] == (
        "error: b.csv has a wrong mask for x_01.jpg (run-length code leaves the picture: 2x2 has 4 pixels): make it"
        " again, or name the pictures' size by --size WxH"
    )
    code, _, err = run_submission("diff", "a.csv", "c.csv")
    assert code == 2
    assert err.startswith("error: c.csv doesn't exist")


def test_submission_from_masks_is_valid(run_submission: Run, tmp_path: Path) -> None:
    for name in ("x_01.png", "x_02_mask.gif", "w_01.png"):
        save_mask(tmp_path / "masks" / name, Mask(np.ones((2, 4), bool)))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sample_submission.csv").write_text("img,rle_mask\nx_02.jpg,\nx_01.jpg,\nx_03.jpg,\n")
    words = ["from-masks", "masks", "--out", "made.csv.gz", "--size", "4x2"]

    code, _, err = run_submission(*words)
    assert code == 2
    assert "error: masks has no mask for 1 of 3 pictures (x_03.jpg): add them" in err

    code, out, _ = run_submission(*words, "--empty-for-missing")
    assert code == 0
    assert out == (
        "without a mask, so with an empty one: 1 (x_03.jpg)\n"
        "masks not in sample_submission.csv, so without a row: 1 (w_01.png)\n"
        "3 rows: submission in made.csv.gz\n"
    )
    assert next(iter(read_submission(tmp_path / "made.csv.gz"))) == ("x_02.jpg", "1 8")
    assert run_submission("check", "made.csv.gz", "--size", "4x2")[1] == "3 rows, 1 empty masks: valid\n"
    assert json.loads(run_submission(*words, "--empty-for-missing", "--json")[1])["missing"] == 1
