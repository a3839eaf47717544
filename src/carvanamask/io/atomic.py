"""ResultWriter a file whole or not at all: a half-written picture would count as done."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from carvanamask.errors import DiskError, FileNameError, printable
from carvanamask.io.storage import is_local

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}
_NOT_THIS_NAME = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST}


@contextmanager
def open_atomically(path: Path) -> Iterator[BinaryIO]:
    """A file to write that takes the name `path` once it is whole; until then `path` holds what it held before.

    Makes missing folders and leaves nothing behind when the writing fails or is interrupted. Raises DiskError when
    the disk is full or the place can't be written.
    """
    # A name of its own, so that two programs can write at once, and a short one, so that it fits where `path` fits.
    # Not tempfile: its files are private to their owner, and stay so after the renaming
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        if not is_local(path):  # a store takes a file whole, in one go, or not at all
            file = io.BytesIO()
            yield file
            path.write_bytes(file.getvalue())
            return
        if path.exists() and not path.is_file():  # renaming over /dev/null would replace it
            raise FileNameError(f"{printable(path)} is no regular file: name another file to write")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as whole:
                yield whole
                whole.flush()
                os.fsync(whole.fileno())
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
    """`save_bytes_atomically` for text, as UTF-8."""
    save_bytes_atomically(path, text.encode())


def disk_error(path: Path, error: OSError) -> DiskError:
    """What a failed write means and how to go on."""
    kind = FileNameError if error.errno in _NOT_THIS_NAME else DiskError
    return kind(f"{printable(path)} can't be written ({error.strerror or error}): {_repair(error)}")


def _repair(error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return "free some space and run the same command again: what is finished is kept"
    if error.errno in _NOT_ALLOWED:
        return "change the folder's permissions, or name another folder"
    if error.errno in _NOT_THIS_NAME:
        return "rename it, or what is in its way"
    return "check the folder and run the same command again: what is finished is kept"
