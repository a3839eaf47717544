"""Errors a user can cause, and how to repair them.

CarvanaMaskError
├── ConfigError        an option's value or name
├── DataError          a folder or a picture
│   ├── PictureError   can't be read, or isn't what it says
│   ├── MaskError      not a mask, or not this picture's
│   └── SubmissionError  a submission file Kaggle would refuse
├── ModelError         a model that isn't there, or isn't whole
└── DiskError          a file that can't be written
    └── FileNameError  because of its own name; others can

Every message is one line: what, where, and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class CarvanaMaskError(Exception):
    """What the command line prints as one line before it leaves with exit code 2."""


class ConfigError(CarvanaMaskError):
    """An option's value or name."""


class DataError(CarvanaMaskError):
    """A folder or a picture."""


class PictureError(DataError):
    """A picture that can't be read, or isn't what it says."""


class MaskError(DataError):
    """Not a mask, or not this picture's."""


class SubmissionError(DataError):
    """A submission file Kaggle would refuse."""


class ModelError(CarvanaMaskError):
    """A model that isn't there, or isn't whole."""


class DiskError(CarvanaMaskError):
    """A file that can't be written."""


class FileNameError(DiskError):
    """A file that can't be written because of its own name, where others can."""


def nearest(wrong: str, known: Iterable[str]) -> str:
    """': did you mean …?' when one of the `known` names looks like the `wrong` one, else ''."""
    close = get_close_matches(wrong, list(known), n=1)
    return f": did you mean '{close[0]}'?" if close else ""
