import csv
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.data.submission import write_submission
from carvanamask.errors import DataError, SubmissionError
from carvanamask.jobs.diff_submissions import diff_submissions

SIZE_WH = (8, 1)


def submission(path: Path, rows: dict[str, str]) -> Path:
    write_submission(path, rows.items())
    return path


def test_difference_by_hand(tmp_path: Path) -> None:
    first = submission(tmp_path / "a.csv", {"same": "1 2", "half": "1 4", "other": "1 1", "none": "", "lost": "1 1"})
    second = submission(
        tmp_path / "b.csv.gz", {"same": "1 2", "half": "3 4", "other": "8 1", "none": "", "new": "", "newer": ""}
    )
    seen: list[tuple[int, int]] = []
    difference = diff_submissions(
        first, second, SIZE_WH, on_progress=lambda progress: seen.append((progress.done, progress.total))
    )

    assert [(p.name, p.dice, p.first_area, p.second_area) for p in difference.pictures] == [
        ("same", 1.0, 2, 2),
        ("half", 0.5, 4, 4),
        ("other", 0.0, 1, 1),
        ("none", 1.0, 0, 0),
    ]
    assert difference.dice == 2.5 / 4
    assert difference.identical == 2
    assert difference.quantiles[0.0] == 0
    assert difference.quantiles[0.25] == 0.375  # a quarter of the way from 0.5 down to 0 comes second
    assert difference.quantiles[0.5] == 0.75
    assert [picture.name for picture in difference.worst(10)] == ["other", "half"]
    assert [picture.name for picture in difference.worst(1)] == ["other"]
    assert (difference.only_first, difference.only_second) == (("lost",), ("new", "newer"))
    assert seen == [(done, 4) for done in range(1, 5)]
    assert difference.to_dict(worst=1)["worst"] == [{"picture": "other", "dice": 0.0, "areas": [1, 1]}]


def test_same_mask_in_other_runs_is_identical(tmp_path: Path) -> None:
    first, second = submission(tmp_path / "a.csv", {"a": "1 3"}), submission(tmp_path / "b.csv", {"a": "1 1 2 2"})
    assert diff_submissions(first, second, SIZE_WH).identical == 1


@pytest.mark.parametrize("seed", range(5))
def test_any_order_gives_dice_of_decoded_masks(tmp_path: Path, seed: int) -> None:
    rng, shuffled = np.random.default_rng(seed), random.Random(seed)
    masks = [{f"{name}.jpg": Mask(rng.random((6, 9)) < rng.random()) for name in range(30)} for _ in range(2)]
    paths = (tmp_path / "a.csv", tmp_path / "b.csv")
    for path, of_file in zip(paths, masks, strict=True):
        kept = shuffled.sample(list(of_file), 25)
        write_submission(path, [(name, of_file[name]) for name in kept])
    difference = diff_submissions(paths[0], paths[1], (9, 6))
    assert {each.name: each.dice for each in difference.pictures} == {
        each.name: dice(masks[0][each.name], masks[1][each.name]) for each in difference.pictures
    }
    assert len(difference.pictures) + len(difference.only_first) == 25
    assert len(difference.pictures) + len(difference.only_second) == 25


def test_table_holds_every_picture(tmp_path: Path) -> None:
    first = submission(tmp_path / "a.csv", {"red, old_01.jpg": "1 4", "b": ""})
    second = submission(tmp_path / "b.csv", {"b": "", "red, old_01.jpg": "3 4"})
    diff_submissions(first, second, SIZE_WH, tmp_path / "new" / "diff.csv")
    with (tmp_path / "new" / "diff.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["picture", "dice", "first_area", "second_area"],
            ["red, old_01.jpg", "0.500000", "4", "4"],
            ["b", "1.000000", "0", "0"],
        ]


@pytest.mark.parametrize("bad", ["a.csv", "b.csv"])
def test_wrong_mask_is_named_with_file_and_picture(tmp_path: Path, bad: str) -> None:
    for name in ("a.csv", "b.csv"):
        submission(tmp_path / name, {"x_01.jpg": "1 2", "x_02.jpg": "1 9" if name == bad else "1 2"})
    message = rf"{bad} has a wrong mask for x_02\.jpg \(run-length code leaves the picture: 8x1 .*--size WxH"
    with pytest.raises(SubmissionError, match=message):
        diff_submissions(tmp_path / "a.csv", tmp_path / "b.csv", SIZE_WH)


def test_equal_wrong_masks_are_not_agreement(tmp_path: Path) -> None:
    first, second = submission(tmp_path / "a.csv", {"a": "two"}), submission(tmp_path / "b.csv", {"a": "two"})
    with pytest.raises(SubmissionError, match=r"a\.csv has a wrong mask for a \(.* no whole number"):
        diff_submissions(first, second, SIZE_WH)


def test_repeated_rows_and_disjoint_files_are_refused(tmp_path: Path) -> None:
    write_submission(tmp_path / "a.csv", [("a", ""), ("a", "1 1")])
    other = submission(tmp_path / "b.csv", {"b": ""})
    with pytest.raises(SubmissionError, match=r"a\.csv has more than one row for a: submission check"):
        diff_submissions(tmp_path / "a.csv", other, SIZE_WH)
    with pytest.raises(DataError, match=r"b\.csv and .*c\.csv share no picture: compare"):
        diff_submissions(other, submission(tmp_path / "c.csv", {"c": ""}), SIZE_WH)


def test_rows_of_one_file_never_wait_in_memory(tmp_path: Path) -> None:
    code = " ".join(f"{4 * place + 1} 2" for place in range(5_000))  # 40 KB
    many = submission(tmp_path / "many.csv", {f"{number}.jpg": code for number in range(150)})
    last = submission(tmp_path / "last.csv", {"149.jpg": code})
    tracemalloc.start()
    assert [diff_submissions(*pair, (20_000, 1)).dice for pair in [(many, last), (last, many)]] == [1, 1]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000  # all rows are 7,000,000 bytes
