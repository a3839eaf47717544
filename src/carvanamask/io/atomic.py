"""Write a file complete or not at all: a half-written picture would count as done."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from carvanamask.errors import DiskError, FileNameError
from carvanamask.io.storage import is_local

_RUN_AGAIN = "run the same command again: what is finished is kept"
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_WRONG_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}
_REPAIRS = {
    **dict.fromkeys(_NO_SPACE, f"free some space and {_RUN_AGAIN}"),
    **dict.fromkeys(_NOT_ALLOWED, "change the folder's permissions, or name another folder"),
    **dict.fromkeys(_WRONG_NAME, "rename it, or the file in its way"),
}


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that replaces `path` once it is complete; until then `path` holds what it held before.

    Makes missing folders, and leaves nothing behind when the writing fails or is interrupted. Raises DiskError when
    the disk is full or the folder can't be written.
    """
    # A name of its own, so that two programs can write at once, and a short one, so that it fits where `path` fits.
    # Not tempfile: its files are private to their owner, and stay so after the renaming
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        if not is_local(path):  # cloud storage takes a complete file or none
            file = io.BytesIO()
            yield file
            path.write_bytes(file.getvalue())
            return
        if path.exists() and not path.is_file():  # renaming over /dev/null would replace it
            raise FileNameError("is no regular file", "name another file to write", path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as partial:
                yield partial
                partial.flush()
                os.fsync(partial.fileno())
            part.replace(path)
        finally:  # also after Ctrl-C
            part.unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(path, error) from error


def save_bytes_atomically(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds all of it or what it held before. Raises DiskError."""
    with open_atomically(path) as file:
        file.write(data)


def save_text_atomically(path: Path, text: str) -> None:
    """Write text as UTF-8, like `save_bytes_atomically`."""
    save_bytes_atomically(path, text.encode())


def disk_error(path: Path, error: OSError) -> DiskError:
    """Return what a failed write means and how to go on."""
    kind = FileNameError if error.errno in _WRONG_NAME else DiskError
    repair = _REPAIRS.get(error.errno or 0, f"check the folder and {_RUN_AGAIN}")
    return kind(f"can't be written ({error.strerror or error})", repair, path)
