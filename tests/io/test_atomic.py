from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from carvanamask.errors import DiskError
from carvanamask.io.atomic import save_bytes_atomically, save_text_atomically


def test_write_makes_folders_and_keeps_usual_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "notes.txt"
    save_text_atomically(path, "Käfer\n")
    assert path.read_bytes() == "Käfer\n".encode()
    plain = tmp_path / "plain.txt"
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode


def test_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".txt")
    save_text_atomically(path, "text")
    assert path.read_text() == "text"


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace"])
@pytest.mark.parametrize(
    ("number", "repair"),
    [
        (errno.ENOSPC, "free some space and run the same command again: what is finished is kept"),
        (errno.EDQUOT, "free some space and run the same command again: what is finished is kept"),
        (errno.EACCES, "change the folder's permissions, or name another folder"),
        (errno.EROFS, "change the folder's permissions, or name another folder"),
        (errno.EIO, "check the folder and run the same command again: what is finished is kept"),
    ],
)
def test_failed_write_keeps_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str, number: int, repair: str
) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(failing, fail)
    with pytest.raises(DiskError) as error:
        save_bytes_atomically(path, b"new")
    assert str(error.value) == f"{path} can't be written ({os.strerror(number)}): {repair}"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("failing", ["os.fsync", "pathlib.Path.replace"])
def test_interrupted_write_keeps_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(b"old")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(failing, interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_bytes_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_file_in_place_of_folder(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(DiskError, match=r"mask\.png can't be written"):
        save_bytes_atomically(tmp_path / "out" / "mask.png", b"new")


def test_special_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(DiskError, match=f"{name} is no regular file: name another file to write"):
            save_bytes_atomically(tmp_path / name, b"new")
    assert (tmp_path / "pipe").is_fifo()


def test_concurrent_writers_leave_one_complete_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    contents = [bytes([number]) * 10_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: save_bytes_atomically(path, data), contents * 5))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]
