"""Look through a training folder before days of training do: every file is read, and one bad file stops nothing."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import MASK_ENDINGS, KaggleFolder, Sample, masks_by_name, pictures_in
from carvanamask.errors import DataError, MaskError, PictureError, printable
from carvanamask.io.read import load_mask, load_picture

T = TypeVar("T")
Kind = Literal[
    "name",
    "missing-mask",
    "missing-picture",
    "missing-view",
    "unreadable",
    "not-binary",
    "size",
    "empty-mask",
    "full-mask",
    "duplicate",
    "same-mask",
]


@dataclass(frozen=True)
class Finding:
    """One thing to look at. An error keeps training from starting or makes its score a lie; a warning may be meant."""

    severity: Literal["error", "warning"]
    kind: Kind
    file: Path
    reason: str
    repair: str

    def __str__(self) -> str:
        return f"{printable(self.file)} {self.reason}: {self.repair}"


@dataclass(frozen=True)
class DataReport:
    """What a folder holds and what is wrong with it, by file name."""

    cars: int
    training_pictures: int
    masks: int
    test_pictures: int
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        findings = [{**asdict(finding), "file": str(finding.file)} for finding in self.findings]
        return {**asdict(self), "findings": findings, "errors": self.errors, "warnings": self.warnings}


@dataclass(frozen=True)
class _Look:
    """What reading one picture and its mask showed; digests only of what could be read."""

    findings: list[Finding]
    picture_digest: str | None
    mask_digest: str | None


def check_data(folder: KaggleFolder, on_progress: OnProgress = ignore_progress, workers: int = 2) -> DataReport:
    """Read every picture and mask of the folder and report what is missing, damaged, needs_review or there twice.

    `on_progress` is told how many of how many pictures are done. Raises DataError for a folder without any picture.
    """
    training, test = pictures_in(folder.train), pictures_in(folder.test)
    masks = masks_by_name(folder.train_masks)
    if not training and not test:
        raise DataError(
            f"{printable(folder.root)} holds no pictures: put <car>_<view>.jpg files into {printable(folder.train)}, "
            "or name another folder with --data DIR"
        )
    masked = {picture: masks[picture.stem] for picture in training if picture.stem in masks}
    pairs: list[tuple[Path | None, Path | None]] = [(picture, masked.get(picture)) for picture in (*training, *test)]
    pairs += [(None, mask) for mask in sorted(set(masks.values()) - set(masked.values()))]

    looks = []
    with ThreadPoolExecutor(workers) as pool:
        for look in pool.map(lambda pair: _look_at(*pair), pairs):
            looks.append(look)
            on_progress(Progress(len(pairs), len(looks)))

    findings = [finding for look in looks for finding in look.findings]
    findings += _missing_halves(training, masks, folder)
    for pictures in (training, test):
        findings += [*_wrong_names(pictures), *_missing_views(pictures)]
    findings += _duplicates((look.picture_digest, pair[0]) for look, pair in zip(looks, pairs, strict=True))
    findings += _same_masks((look.mask_digest, pair[1]) for look, pair in zip(looks, pairs, strict=True))
    return DataReport(
        cars=len({_car(picture) for picture in (*training, *test)}),
        training_pictures=len(training),
        masks=len(masks),
        test_pictures=len(test),
        findings=tuple(sorted(findings, key=lambda finding: (finding.file, finding.kind))),
    )


def _look_at(picture_path: Path | None, mask_path: Path | None) -> _Look:
    findings: list[Finding] = []
    picture = _read(load_picture, picture_path, findings) if picture_path else None
    mask = _read(load_mask, mask_path, findings) if mask_path else None
    mask_digest = None
    if mask and mask_path:
        if not mask.pixels.any():
            findings.append(Finding("warning", "empty-mask", mask_path, "marks no car", "draw it, if there is one"))
        elif mask.pixels.all():
            findings.append(Finding("warning", "full-mask", mask_path, "marks every pixel as car", "draw it again"))
        else:
            mask_digest = _digest(mask_path)
        if picture is not None and mask.pixels.shape != picture.shape[:2]:
            reason = f"is {_by(mask.pixels.shape)}, its picture {_by(picture.shape)}"
            findings.append(Finding("error", "size", mask_path, reason, "export it in the size of its upright picture"))
    picture_digest = _digest(picture_path) if picture_path and picture is not None else None
    return _Look(findings, picture_digest, mask_digest)


def _read(load: Callable[[Path], T], path: Path, findings: list[Finding]) -> T | None:
    """What `load` makes of the file, or None, with its error among the findings."""
    try:
        return load(path)
    except (MaskError, PictureError) as error:
        kind: Kind = "not-binary" if isinstance(error, MaskError) else "unreadable"
        # every message of ours reads "<file> <reason>: <repair>"
        reason, _, repair = str(error).removeprefix(f"{printable(path)} ").rpartition(": ")
        findings.append(Finding("error", kind, path, reason, repair))
        return None


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:  # gone since it was decoded a moment ago
        return None


def _wrong_names(pictures: Sequence[Path]) -> Iterator[Finding]:
    first_of = {picture.stem: picture for picture in reversed(pictures)}
    for picture in pictures:
        try:
            Sample.from_picture(picture)
        except DataError:
            yield Finding("error", "name", picture, "names no view", f"call it <car>_<view>{picture.suffix}")
        if (first := first_of[picture.stem]) != picture:
            yield Finding(
                "error", "name", picture, f"differs from {first.name} in its ending alone", "rename one of them"
            )


def _missing_halves(training: Sequence[Path], masks: Mapping[str, Path], folder: KaggleFolder) -> Iterator[Finding]:
    for picture in training:
        if picture.stem not in masks:
            expected = folder.train_masks / f"{picture.stem}{MASK_ENDINGS[0]}"
            repair = f"add {printable(expected)}, or take the picture away"
            yield Finding("error", "missing-mask", picture, "has no mask", repair)
    names = {picture.stem for picture in training}
    for name, mask in masks.items():
        if name not in names:
            yield Finding(
                "warning", "missing-picture", mask, "has no picture", f"add {printable(folder.train / name)}.jpg"
            )
    for path in pictures_in(folder.train_masks):
        if path not in masks.values():
            repair = f"call it <picture>{MASK_ENDINGS[1]}, or take it away"
            yield Finding("warning", "name", path, "is taken for no picture's mask", repair)


def _missing_views(pictures: Sequence[Path]) -> Iterator[Finding]:
    """Views that more than half of the cars have and this one hasn't."""
    views_of: dict[str, dict[int, Path]] = defaultdict(dict)
    for picture in pictures:
        with suppress(DataError):  # told by its name's own finding
            sample = Sample.from_picture(picture)
            views_of[sample.car][sample.view] = picture
    cars_with = Counter(view for views in views_of.values() for view in views)
    usual = {view for view, cars in cars_with.items() if 2 * cars > len(views_of)}
    for car, views in views_of.items():
        for view in sorted(usual - views.keys()):
            path = next(iter(views.values())).with_stem(f"{car}_{view:02d}")
            yield Finding("warning", "missing-view", path, "is missing", f"most cars have view {view}, so add it")


def _duplicates(pictures: Iterable[tuple[str | None, Path | None]]) -> Iterator[Finding]:
    for first, path in _same_bytes(pictures):
        if _car(first) == _car(path):
            yield Finding(
                "warning", "duplicate", path, f"is the same picture as {printable(first)}", "take one of them away"
            )
        else:
            reason = f"is the same picture as {printable(first)}, of another car: a score on one would know the other"
            yield Finding("error", "duplicate", path, reason, "take one of them away")


def _same_masks(masks: Iterable[tuple[str | None, Path | None]]) -> Iterator[Finding]:
    for first, path in _same_bytes(masks):
        yield Finding(
            "warning", "same-mask", path, f"equals {printable(first)}", "look whether it fits its own picture"
        )


def _same_bytes(files: Iterable[tuple[str | None, Path | None]]) -> Iterator[tuple[Path, Path]]:
    """Each file whose digest came before, behind the first file that had it."""
    first_with: dict[str, Path] = {}
    for digest, path in files:
        if digest and path and (first := first_with.setdefault(digest, path)) != path:
            yield first, path


def _car(picture: Path) -> str:
    return picture.stem.rpartition("_")[0] or picture.stem


def _by(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
