"""Check that Kaggle would take a submission: its names, their order, and every mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from carvanamask.core.rle import Runs
from carvanamask.data.kaggle_folder import KAGGLE_SIZE_WH
from carvanamask.data.submission import read_submission
from carvanamask.errors import MaskError

LISTED_PROBLEMS = 20


@dataclass(frozen=True)
class SubmissionReport:
    """The contents of a submission and its problems."""

    rows: int
    empty_masks: int
    problem_count: int
    problems: tuple[str, ...]
    """One line each, the first 20."""
    names_checked: bool = True
    """Whether the names were compared with a list."""

    @property
    def is_valid(self) -> bool:
        return self.problem_count == 0

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {"is_valid": self.is_valid, **asdict(self)}


def check_submission(
    path: Path,
    names: Sequence[str] | None = None,
    size_wh: tuple[int, int] = KAGGLE_SIZE_WH,
    is_partial: bool = False,
) -> SubmissionReport:
    """Compare a submission with the `names` it must have, in their order, and check every mask at `size_wh`.

    `is_partial`: rows may be missing. Without `names` only repeated rows and masks are checked.
    Raises SubmissionError for a file that isn't a submission at all.
    """
    problems = []
    index_of = {name: index for index, name in enumerate(names or ())}
    seen: set[str] = set()
    empty_masks, last, is_ordered = 0, "", True
    for name, rle in read_submission(path):
        if name in seen:
            problems.append(f"{name} has more than one row")
        elif names is not None and name not in index_of:
            problems.append(f"{name} isn't a picture of this competition")
        elif names is not None:
            if is_ordered and index_of[name] < index_of.get(last, 0):
                problems.append(f"{name} comes after {last}: rows must be in the order of sample_submission.csv")
                is_ordered = False  # one break is enough to report
            last = name
        seen.add(name)
        empty_masks += not rle.strip()
        try:
            Runs.from_rle(rle, size_wh)
        except MaskError as error:
            problems.append(f"{name}: {error}")
    if not is_partial:
        problems += [f"{name} has no row" for name in names or () if name not in seen]
    if not seen:
        problems.append("there are no rows")
    return SubmissionReport(len(seen), empty_masks, len(problems), tuple(problems[:LISTED_PROBLEMS]), names is not None)
