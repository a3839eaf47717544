"""Would Kaggle take this file? Names, their order, and every mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from carvanamask.core.mask import Mask
from carvanamask.data.submission import read_submission
from carvanamask.errors import MaskError

LISTED_PROBLEMS = 20


@dataclass(frozen=True)
class SubmissionReport:
    """What a submission holds and what is wrong with it."""

    rows: int
    empty_masks: int
    problem_count: int
    problems: tuple[str, ...]
    """One line each, the first 20."""
    names_checked: bool = True
    """Whether there was a list of names to hold it against."""

    @property
    def is_valid(self) -> bool:
        return self.problem_count == 0

    def to_dict(self) -> dict[str, Any]:
        return {"is_valid": self.is_valid, **asdict(self)}


def check_submission(
    path: Path,
    names: Sequence[str] | None = None,
    size_wh: tuple[int, int] = (1918, 1280),
    is_partial: bool = False,
) -> SubmissionReport:
    """Hold a submission against the `names` it must have, in their order, and decode every mask at `size_wh`.

    `is_partial`: rows may be missing. Without `names` only double rows and masks are checked.
    Raises SubmissionError for a file that isn't a submission at all.
    """
    problems = []
    place_of = {name: place for place, name in enumerate(names or ())}
    seen: set[str] = set()
    empty_masks, last, is_ordered = 0, "", True
    for name, rle in read_submission(path):
        if name in seen:
            problems.append(f"{name} has more than one row")
        elif names is not None and name not in place_of:
            problems.append(f"{name} isn't a picture of this competition")
        elif names is not None:
            if is_ordered and last and place_of[name] < place_of[last]:
                problems.append(f"{name} comes after {last}: rows must be in the order of sample_submission.csv")
                is_ordered = False
            last = name
        seen.add(name)
        empty_masks += not rle.strip()
        try:
            Mask.from_rle(rle, size_wh)
        except MaskError as error:
            problems.append(f"{name}: {error}")
    if not is_partial:
        problems += [f"{name} has no row" for name in names or () if name not in seen]
    if not seen:
        problems.append("there are no rows")
    return SubmissionReport(len(seen), empty_masks, len(problems), tuple(problems[:LISTED_PROBLEMS]), names is not None)
