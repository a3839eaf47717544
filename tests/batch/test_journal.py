from pathlib import Path

import pytest

from carvanamask.batch.journal import Journal, Row, version_of
from carvanamask.errors import DataError

VERSIONS = {"a": "v1", "b": "v1", "c": "v1", "d": "v1"}


def row(name: str, value: str, version: str = "v1", content: str = "") -> Row:
    return Row(name, version, content, value)


def test_finished_rows_come_back_in_the_asked_order(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2"), row("b", "")])
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("c", "5 5"), row("a", "7 7")])  # the later one counts
        assert list(journal.values(["c", "b", "a"])) == [("c", "5 5"), ("b", ""), ("a", "7 7")]
        assert not journal.holds("d")


def test_a_picture_that_changed_is_not_finished(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2"), row("b", "3 4")])
    with Journal(path, "model", {"a": "v2", "b": "v1"}) as journal:
        assert not journal.holds("a")
        assert journal.holds("b")


def test_a_picture_with_another_time_but_the_same_bytes_is_finished(tmp_path: Path) -> None:
    path, asked = tmp_path / "rows.journal", []

    def content_of(name: str) -> str:
        asked.append(name)
        return {"a": "same", "b": "other"}[name]

    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2", content="same"), row("b", "3 4", content="same"), row("c", "5 6")])
    with Journal(path, "model", {"a": "v2", "b": "v2", "c": "v1"}, content_of) as journal:
        assert [name for name in "abc" if journal.holds(name)] == ["a", "c"]
    assert asked == ["a", "b"], "a picture whose time is the same is not read"


def test_rows_of_another_run_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model 1", VERSIONS) as journal:
        journal.add([row("a", "1 2")])
    with Journal(path, "model 2", VERSIONS) as journal:
        assert not journal.holds("a")


def test_wherever_a_kill_tears_the_file_whole_shards_stay_and_the_torn_one_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2")])
        first = path.stat().st_size
        journal.add([row("b", "3 4"), row("c", "5 6")])
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with Journal(path, "model", VERSIONS) as journal:
            # the line break alone may be missing
            assert journal.holds("a") == (length >= first - 1)
            assert journal.holds("b") == journal.holds("c") == (length >= len(whole) - 1)
            journal.add([row("a", "1 2")])
            journal.add([row("b", "3 4"), row("c", "5 6")])
            assert list(journal.values(["a", "b", "c"])) == [("a", "1 2"), ("b", "3 4"), ("c", "5 6")]


def test_a_changed_digit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2")])
    path.write_bytes(path.read_bytes().replace(b"1 2", b"1 3"))
    with Journal(path, "model", VERSIONS) as journal:
        assert not journal.holds("a")


def test_a_file_that_changes_under_way_ends_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.journal"
    with Journal(path, "model", VERSIONS) as journal:
        journal.add([row("a", "1 2")])
        path.write_bytes(b"")
        with pytest.raises(DataError, match="changed while it was read"):
            list(journal.values(["a"]))


def test_the_digest_names_pictures_and_their_versions(tmp_path: Path) -> None:
    digests = {
        Journal(tmp_path / "x", "model", versions).digest()
        for versions in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "1", "b": "3"}, {"a": "1"})
    }
    assert len(digests) == 3


def test_a_file_that_is_gone_has_no_version(tmp_path: Path) -> None:
    assert version_of(tmp_path / "none.jpg") == ""
    (tmp_path / "a.jpg").write_bytes(b"12")
    assert version_of(tmp_path / "a.jpg").startswith("2-")


def test_a_picture_of_another_s_name_is_told_apart_from_one_that_was_never_there(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", "key", {"a": "1", "b": "1"}) as journal:
        journal.add([Row("a", "1", "", ""), Row("b", "1", "", "")])
    with Journal(tmp_path / "j", "key", {"a": "1", "b": "2", "c": "1"}) as journal:
        assert [journal.was_another(name) for name in "abc"] == [False, True, False]
        assert [journal.holds(name) for name in "abc"] == [True, False, False]
        journal.add([Row("b", "2", "", "")])
        assert not journal.was_another("b")
