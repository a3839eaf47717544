from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.mask import Mask
from carvanamask.data.submission import read_submission, write_submission
from carvanamask.errors import DiskError, SubmissionError


def test_rows_are_kaggles_csv(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv.gz"
    corner = Mask(np.array([[1, 0], [0, 1]], dtype=bool))
    write_submission(path, [("b_01.jpg", corner), ("a_01.jpg", ""), ("a_02.jpg", "2 2")])
    assert gzip.decompress(path.read_bytes()) == b"img,rle_mask\nb_01.jpg,1 1 4 1\na_01.jpg,\na_02.jpg,2 2\n"


@pytest.mark.parametrize("name", ["submission.csv.gz", "submission.csv"])
def test_submission_round_trip(tmp_path: Path, name: str) -> None:
    # a comma, a quote and a line break in a name; a mask longer than Python's csv takes by itself
    rows = [("a_01.jpg", "1 2"), ('red, "old"\n_02.jpg', ""), ("é_03.jpg", "1 1 " * 50_000)]
    write_submission(tmp_path / name, rows)
    assert list(read_submission(tmp_path / name)) == rows


def test_same_rows_give_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv.gz", tmp_path / "other" / "b.csv.gz"
    write_submission(first, [("a_01.jpg", "1 2")])
    write_submission(second, [("a_01.jpg", "1 2")])
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes()[4:8] == bytes(4)  # gzip's time


def test_interrupted_write_keeps_old_file(tmp_path: Path) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, [("old_01.jpg", "1 1")])

    def rows() -> Iterator[tuple[str, str]]:
        yield "new_01.jpg", "1 1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_submission(path, rows())
    assert list(read_submission(path)) == [("old_01.jpg", "1 1")]
    assert list(tmp_path.iterdir()) == [path]


def test_writing_holds_one_row_in_memory(tmp_path: Path) -> None:
    tracemalloc.start()
    write_submission(tmp_path / "s.csv.gz", ((f"{number}.jpg", "1 1 " * 5_000) for number in range(200)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000  # all rows are 4,000,000 bytes


def test_unwritable_folder_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"submission\.csv\.gz can't be written"):
        write_submission(tmp_path / "file" / "submission.csv.gz", [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("img,mask\n", "begins with 'img,mask', not img,rle_mask"),
        (f"{'x' * 99}\n", f"begins with '{'x' * 60}', not img,rle_mask"),
        ("img,rle_mask\na_01.jpg,1 1\na_02.jpg\n", "line 3 has 1 columns, not img and rle_mask"),
        ("img,rle_mask\na_01.jpg,1 1,2\n", "line 2 has 3 columns, not img and rle_mask"),
    ],
)
def test_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "submission.csv"
    path.write_text(text)
    with pytest.raises(SubmissionError) as error:
        list(read_submission(path))
    assert error.value == SubmissionError(reason, "make it again", path)


@pytest.mark.parametrize("kept", [0, 5, 40, -1])
def test_truncated_gzip_is_an_error(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "submission.csv.gz"
    write_submission(path, [(f"{number}.jpg", "1 2") for number in range(100)])
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(SubmissionError):
        list(read_submission(path))
    path.write_text("img,rle_mask\n")
    with pytest.raises(SubmissionError, match=r": make it again$"):
        list(read_submission(path))
