"""Write a folder of masks, whatever made them, as a submission."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carvanamask.batch.pipeline import map_in_order
from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import KAGGLE_SIZE_WH, KaggleFolder, pictures_in
from carvanamask.data.submission import write_submission
from carvanamask.errors import DataError, MaskError, printable
from carvanamask.io.process import cpu_count
from carvanamask.io.read import load_mask

ENDINGS = (".png", ".gif")
LISTED_NAMES = 10


@dataclass(frozen=True)
class FromMasksReport:
    """The rows of a submission, the masks that are missing in it, and those that have no row."""

    submission: Path
    rows: int
    missing: tuple[str, ...]
    """Rows that are empty because their picture has no mask."""
    skipped: tuple[str, ...]
    """Masks whose picture sample_submission.csv doesn't name."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {
            "submission": str(self.submission),
            "rows": self.rows,
            "missing": len(self.missing),
            "some_missing": self.missing[:LISTED_NAMES],
            "skipped": len(self.skipped),
            "some_skipped": self.skipped[:LISTED_NAMES],
        }


def submission_from_masks(
    masks: Path,
    out: Path,
    folder: KaggleFolder,
    size_wh: tuple[int, int] = KAGGLE_SIZE_WH,
    empty_for_missing: bool = False,
    on_progress: OnProgress = ignore_progress,
) -> FromMasksReport:
    """Write the masks of a folder, `<name>.png` or `<name>_mask.gif`, as the submission `out`.

    Rows are those of the data folder's sample_submission.csv, in its order; without one, the masks' by name, as .jpg.
    Raises DataError when pictures have no mask and `empty_for_missing` doesn't give them an empty one, or when none
    has; MaskError for a file that is no mask or not of `size_wh`. Nothing is written then.
    """
    mask_of = _masks_by_name(masks)
    listed = folder.submission_names()
    names = [f"{name}.jpg" for name in mask_of] if listed is None else list(dict.fromkeys(listed))
    missing = [name for name in names if Path(name).stem not in mask_of]
    if len(missing) == len(names):
        raise DataError("holds none of the masks that sample_submission.csv names", "check both", masks)
    if missing and not empty_for_missing:
        some = printable(", ".join(missing[:3])) + (", …" if len(missing) > 3 else "")
        reason = f"has no mask for {len(missing)} of {len(names)} pictures ({some})"
        raise DataError(reason, "add them, or take empty ones with --empty-for-missing", masks)
    write_submission(out, _rows(names, mask_of, size_wh, on_progress))
    stems = {Path(name).stem for name in names}
    skipped = tuple(path.name for name, path in mask_of.items() if name not in stems)
    return FromMasksReport(out, len(names), tuple(missing), skipped)


def _masks_by_name(folder: Path) -> dict[str, Path]:
    """Return the masks by the name of their picture, sorted; their files' names may lack Kaggle's _mask."""
    masks: dict[str, Path] = {}
    for path in pictures_in(folder):
        if path.suffix.lower() not in ENDINGS:
            continue
        name = path.stem.removesuffix("_mask")
        if name in masks:
            raise DataError(f"and {masks[name].name} are masks of one picture", "remove one of them", path)
        masks[name] = path
    if not masks:
        reason = "holds no masks" if folder.is_dir() else "doesn't exist"
        raise DataError(reason, "name a folder of <name>.png or <name>_mask.gif files", folder)
    return dict(sorted(masks.items()))


def _rows(
    names: Sequence[str], masks: Mapping[str, Path], size_wh: tuple[int, int], on_progress: OnProgress
) -> Iterator[tuple[str, str]]:
    """Yield (picture's file name, run-length code) in the order of `names`."""
    on_progress(Progress(len(names)))
    threads = min(8, cpu_count() + 2)
    paths = (masks.get(Path(name).stem) for name in names)
    # twice: while the first mask is slow, the other threads still have work
    codes = map_in_order(lambda path: _encode(path, size_wh), paths, threads, ahead=2 * threads)
    for done, (name, rle) in enumerate(zip(names, codes, strict=True), start=1):
        yield name, rle
        on_progress(Progress(len(names), done))


def _encode(path: Path | None, size_wh: tuple[int, int]) -> str:
    """Return a mask file's run-length code, '' without a file."""
    if path is None:
        return ""
    mask = load_mask(path)
    if mask.size_wh != size_wh:
        found, expected = ("x".join(map(str, size)) for size in (mask.size_wh, size_wh))
        raise MaskError(f"is {found}, not {expected}", "save it at its picture's size, or name that by --size", path)
    return mask.to_rle()
