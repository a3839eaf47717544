"""Every error that a user can cause, with what is wrong and how to repair it.

CarvanaMaskError
├── ConfigError          an option's name or value
│   └── MissingPackageError  an optional package that isn't installed
├── DataError            a folder, a table or a picture
│   ├── PictureError     a picture that can't be read
│   ├── MaskError        a mask that can't be read, or doesn't fit its picture
│   └── SubmissionError  a submission file that Kaggle would refuse
├── ModelError           a model that is missing or damaged
└── DiskError            a file that can't be written
    └── FileNameError    only because of its name; other files can be written
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path


class CarvanaMaskError(Exception):
    """The base of all errors; `str(error)` is one line: "<path> <reason>: <repair>".

    `reason` says what is wrong. `repair` says what to do about it, '' where the reason says it all. `path` is the file
    or folder that the error is about, None where it is about none.
    """

    def __init__(self, reason: str, repair: str = "", path: Path | str | None = None) -> None:
        super().__init__(reason, repair, path)  # as positional arguments, so that pickle can build the error again
        self.reason, self.repair, self.path = reason, repair, path

    def __str__(self) -> str:
        subject = f"{printable(self.path)} " if self.path is not None else ""
        repair = f": {self.repair}" if self.repair else ""
        return f"{subject}{self.reason}{repair}"

    def __eq__(self, other: object) -> bool:
        """Compare kind and fields, so that the same error of the same file counts once, whichever process raised it."""
        return type(other) is type(self) and isinstance(other, CarvanaMaskError) and other.args == self.args

    def __hash__(self) -> int:
        return hash((type(self), self.args))


class ConfigError(CarvanaMaskError):
    """An option's name or value is wrong."""


class MissingPackageError(ConfigError):
    """An optional package is needed that isn't installed."""


class DataError(CarvanaMaskError):
    """A folder, a table or a picture is wrong."""


class PictureError(DataError):
    """A picture can't be read."""


class MaskError(DataError):
    """A mask can't be read, or doesn't fit its picture."""


class SubmissionError(DataError):
    """Kaggle would refuse this submission file."""


class ModelError(CarvanaMaskError):
    """A model is missing or damaged."""


class DiskError(CarvanaMaskError):
    """A file can't be written."""


class FileNameError(DiskError):
    """A file can't be written because of its own name; others can."""


def printable(path: Path | str) -> str:
    """Return the path as one printable line, with control characters escaped."""
    text = str(path)
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def nearest(wrong: str, known: Iterable[str]) -> str:
    """Return "; did you mean '…'?" when one of the `known` names is close to the `wrong` one, else ''."""
    close = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
