from pathlib import Path

import pytest

from carvanamask.batch.journal import Journal, file_stamp
from carvanamask.errors import DataError

VERSIONS = {"a": "v1", "b": "v1", "c": "v1", "d": "v1"}


def test_value_is_what_was_added_last(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add("a", "1 2")
        journal.add("b", "")
    with Journal(path, "model", VERSIONS) as journal:
        journal.add("c", "5 5")
        journal.add("a", "7 7")  # the later one counts
        assert [journal.value(name) for name in "cba"] == ["5 5", "", "7 7"]
        assert not journal.is_finished("d")
        assert not journal.is_finished("of no picture")


def test_changed_picture_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add("a", "1 2")
        journal.add("b", "3 4")
    with Journal(path, "model", {"a": "v2", "b": "v1"}) as journal:
        assert not journal.is_finished("a")
        assert journal.is_finished("b")


def test_touched_picture_with_the_same_bytes_is_finished(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    read: list[str] = []

    def hash_of(name: str) -> str:
        read.append(name)
        return {"a": "same", "b": "other"}[name]

    with Journal(path, "model", VERSIONS) as journal:
        journal.add("a", "1 2", content_hash="same")
        journal.add("b", "3 4", content_hash="same")
        journal.add("c", "5 6")
    with Journal(path, "model", {"a": "v2", "b": "v2", "c": "v1"}, hash_of) as journal:
        assert [name for name in "abc" if journal.is_finished(name)] == ["a", "c"]
    assert read == ["a", "b"], "a picture whose time is the same is not read"


def test_rows_of_another_key_do_not_count(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model 1", VERSIONS) as journal:
        journal.add("a", "1 2")
    with Journal(path, "model 2", VERSIONS) as journal:
        assert not journal.is_finished("a")


def test_file_torn_anywhere_keeps_its_complete_lines(tmp_path: Path) -> None:
    path, ends = tmp_path / "rows.journal", []
    with Journal(path, "model", VERSIONS) as journal:
        for name, value in (("a", "1 2"), ("b", "3 4"), ("c", "5 6")):
            journal.add(name, value)
            ends.append(path.stat().st_size)
    complete = path.read_bytes()
    for length in range(len(complete)):
        path.write_bytes(complete[:length])
        with Journal(path, "model", VERSIONS) as journal:
            # the line break alone may be missing
            assert [journal.is_finished(name) for name in "abc"] == [length >= end - 1 for end in ends]
            for name, value in (("a", "1 2"), ("b", "3 4"), ("c", "5 6")):
                journal.add(name, value)
            assert [journal.value(name) for name in "abc"] == ["1 2", "3 4", "5 6"]


def test_changed_digit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add("a", "1 2")
    path.write_bytes(path.read_bytes().replace(b"1 2", b"1 3"))
    with Journal(path, "model", VERSIONS) as journal:
        assert not journal.is_finished("a")


def test_file_emptied_while_open_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add("a", "1 2")
        path.write_bytes(b"")
        with pytest.raises(DataError, match=r"rows\.journal changed while it was read: run the same command again"):
            journal.value("a")


def test_missing_file_has_no_version(tmp_path: Path) -> None:
    assert file_stamp(tmp_path / "none.jpg") == ""
    (tmp_path / "a.jpg").write_bytes(b"12")
    assert file_stamp(tmp_path / "a.jpg").startswith("2-")


def test_changed_picture_differs_from_a_new_one(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", "key", {"a": "1", "b": "1"}) as journal:
        journal.add("a", "")
        journal.add("b", "")
    with Journal(tmp_path / "j", "key", {"a": "1", "b": "2", "c": "1"}) as journal:
        assert [journal.has_changed(name) for name in "abc"] == [False, True, False]
        assert [journal.is_finished(name) for name in "abc"] == [True, False, False]
        journal.add("b", "")
        assert not journal.has_changed("b")
