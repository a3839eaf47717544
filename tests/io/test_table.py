import gzip
from pathlib import Path

import pytest

from carvanamask.errors import DataError, SubmissionError
from carvanamask.io.table import load_table, read_rows, save_table


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_table_round_trip(tmp_path: Path, name: str) -> None:
    save_table(tmp_path / name, ("name", "area"), [('red, "old"\n', 3), (Path("é.jpg"), "")])
    data = (tmp_path / name).read_bytes()
    text = gzip.decompress(data) if name.endswith(".gz") else data
    assert text.decode() == 'name,area\n"red, ""old""\n",3\né.jpg,\n'
    rows = load_table(tmp_path / name, ("area",), lambda row: (row["name"], row["area"]), "")
    assert rows == [('red, "old"\n', "3"), ("é.jpg", "")]


def test_table_of_other_programs(tmp_path: Path) -> None:
    """A byte-order mark, CRLF, a blank line, a short row and a column that nobody needs."""
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfname,area,more\r\na,1,x\r\n\r\nb\r\n")
    rows = load_table(tmp_path / "t.csv", ("name", "area"), lambda row: (row["name"], row["area"]), "")
    assert rows == [("a", "1"), ("b", "")]


def test_table_error_names_line_and_repair(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('name,area\n"two\nlines",1\nb,much\n')
    with pytest.raises(DataError) as error:
        load_table(path, ("name", "area"), lambda row: int(row["area"]), "make it again")
    assert error.value.path == path
    assert error.value.reason == "line 4: invalid literal for int() with base 10: 'much'"
    assert error.value.repair == "make it again"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "doesn't exist"),
        (b"", "has no column 'name', its first line must be name,area"),
        (b"name\na\n", "has no column 'area', its first line must be name,area"),
        (b"name,area\n\xff,1\n", "can't be read after line 0 ('utf-8' codec can't decode byte 0xff in position 10: "),
    ],
)
def test_table_that_cannot_be_read(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "t.csv"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(DataError) as error:
        load_table(path, ("name", "area"), dict, "make it again")
    assert error.value.reason.startswith(reason)
    assert str(error.value).endswith(": make it again")


def test_rows_raise_the_error_of_their_caller(tmp_path: Path) -> None:
    with pytest.raises(SubmissionError):
        list(read_rows(tmp_path / "none.csv", "", SubmissionError))


def test_failed_row_leaves_no_table(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        save_table(tmp_path / "t.csv.gz", ("a",), ([1 / number] for number in (1, 0)))
    assert not list(tmp_path.iterdir())
