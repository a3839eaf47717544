from __future__ import annotations

from pathlib import Path

import pytest

from carvanamask.data.submission import write_submission
from carvanamask.jobs.check_submission import check_submission


@pytest.mark.parametrize(
    ("rows", "problems"),
    [
        ([("a", "1 2"), ("b", ""), ("c", "3 2")], ()),
        ([("a", "1 2"), ("b", "")], ("c has no row",)),
        ([("a", "1 2"), ("b", ""), ("c", ""), ("d", "")], ("d isn't a picture of this competition",)),
        ([("a", "1 2"), ("b", ""), ("b", ""), ("c", "")], ("b has more than one row",)),
        ([("c", ""), ("b", ""), ("a", "")], ("b comes after c: rows must be in the order of sample_submission.csv",)),
        (
            [("a", "4 2"), ("b", "1"), ("c", "0 1")],
            (
                "a: run-length code leaves the picture: 2x2 has 4 pixels",
                "b: run-length code has 1 numbers; it takes pairs of start and length",
                "c: run-length code must count from 1, upwards, in runs of 1 or more that don't overlap",
            ),
        ),
    ],
    ids=["right", "missing", "extra", "double", "order", "masks"],
)
def test_each_problem_is_one_line(tmp_path: Path, rows: list[tuple[str, str]], problems: tuple[str, ...]) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, rows)
    report = check_submission(path, ["a", "b", "c"], (2, 2))
    assert report.problems == problems
    assert report.is_valid == (not problems)
    assert report.empty_masks == sum(rle == "" for _, rle in rows)


def test_first_problems_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, [("a", "")])
    report = check_submission(path, ["a", *map(str, range(50))], (2, 2))
    assert report.problem_count == 50
    assert len(report.problems) == 20
    assert report.to_dict()["is_valid"] is False


def test_without_names(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, [("whatever.jpg", "1 4")])
    assert check_submission(path, size_wh=(2, 2)).is_valid
    write_submission(path, [])
    assert check_submission(path).problems == ("there are no rows",)


def test_report_says_whether_names_were_checked(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, [("whatever.jpg", "1 4")])
    assert not check_submission(path, size_wh=(2, 2)).names_checked
    assert check_submission(path, ["whatever.jpg"], size_wh=(2, 2)).names_checked
