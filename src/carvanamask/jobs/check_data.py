"""Check a training folder before days of training: every file is read, and one bad file stops nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.data.kaggle_folder import MASK_ENDINGS, KaggleFolder, Sample, cars_of, masks_by_name, pictures_in
from carvanamask.errors import DataError, MaskError, PictureError, printable
from carvanamask.io.read import file_digest, load_mask, load_picture_with_digest

READING_THREADS = 2

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One problem of one file. An error prevents training or makes its score too good; a warning may be intended."""

    severity: Severity
    code: str
    """One of name, missing-mask, missing-picture, missing-view, unreadable, not-binary, size, empty-mask, full-mask,
    duplicate, same-mask."""
    path: Path
    reason: str
    repair: str

    def __str__(self) -> str:
        return f"{printable(self.path)} {self.reason}: {self.repair}"

    def to_dict(self) -> dict[str, str]:
        """Return the finding for JSON, under the names of earlier versions."""
        names = {"severity": self.severity, "kind": self.code, "file": str(self.path)}
        return {**names, "reason": self.reason, "repair": self.repair}


@dataclass(frozen=True)
class DataReport:
    """The contents of a folder, and its problems in the order of the files' names."""

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
        """Return the report for JSON."""
        findings = [finding.to_dict() for finding in self.findings]
        return {**asdict(self), "findings": findings, "errors": self.errors, "warnings": self.warnings}


@dataclass
class _Pair:
    """A picture and its mask, either of which may be missing, and what reading them shows."""

    picture: Path | None
    mask: Path | None
    findings: list[Finding] = field(default_factory=list)
    picture_digest: str = ""
    """Hash of the picture's bytes if it can be read, else ''."""
    mask_digest: str = ""
    """Hash of the mask's bytes if it can be read and is neither empty nor full, else ''."""

    def read(self) -> None:
        size = self._read_picture(self.picture) if self.picture else ""
        if self.mask:
            self._read_mask(self.mask, size)

    def _read_picture(self, path: Path) -> str:
        """Return the picture's size, '' for one that can't be read."""
        try:
            picture, self.picture_digest = load_picture_with_digest(path)
            return f"{picture.shape[1]}x{picture.shape[0]}"
        except PictureError as error:
            self.findings.append(Finding("error", "unreadable", path, error.reason, error.repair))
            return ""

    def _read_mask(self, path: Path, picture_size: str) -> None:
        try:
            mask = load_mask(path)
        except (PictureError, MaskError) as error:
            code = "not-binary" if isinstance(error, MaskError) else "unreadable"
            self.findings.append(Finding("error", code, path, error.reason, error.repair))
            return
        if not mask.pixels.any():
            self.findings.append(Finding("warning", "empty-mask", path, "marks no car", "draw it, if there is one"))
        elif mask.pixels.all():
            self.findings.append(Finding("warning", "full-mask", path, "marks every pixel as car", "draw it again"))
        else:
            self.mask_digest = file_digest(path)
        size = "x".join(map(str, mask.size_wh))
        if picture_size not in ("", size):
            reason = f"is {size}, its picture {picture_size}"
            self.findings.append(Finding("error", "size", path, reason, "export it in the size of its upright picture"))


def check_data(folder: KaggleFolder, on_progress: OnProgress = ignore_progress) -> DataReport:
    """Read every picture and mask of the folder and return what is missing, damaged, suspicious or duplicated.

    Raises DataError for a folder without any picture.
    """
    training, test = pictures_in(folder.train), pictures_in(folder.test)
    masks = masks_by_name(folder.train_masks)
    if not training and not test:
        into = f"put <car>_<view>.jpg files into {printable(folder.train)}"
        raise DataError("holds no pictures", f"{into}, or name another folder with --data DIR", folder.root)
    pairs = _pairs(training, test, masks)
    with ThreadPoolExecutor(READING_THREADS) as pool:
        for done, _ in enumerate(pool.map(_Pair.read, pairs), start=1):
            on_progress(Progress(len(pairs), done))
    findings = [
        *(finding for pair in pairs for finding in pair.findings),
        *_missing_halves(training, masks, folder),
        *(finding for pictures in (training, test) for finding in (*_wrong_names(pictures), *_missing_views(pictures))),
        *_duplicates((pair.picture_digest, pair.picture) for pair in pairs),
        *(
            Finding("warning", "same-mask", path, f"equals {printable(first)}", "check that it fits its own picture")
            for first, path in _equal_files((pair.mask_digest, pair.mask) for pair in pairs)
        ),
    ]
    return DataReport(
        cars=len({_car(picture) for picture in (*training, *test)}),
        training_pictures=len(training),
        masks=len(masks),
        test_pictures=len(test),
        findings=tuple(sorted(findings, key=lambda finding: (finding.path, finding.code))),
    )


def _pairs(training: Sequence[Path], test: Sequence[Path], masks: Mapping[str, Path]) -> list[_Pair]:
    names = {picture.stem for picture in training}
    pairs = [_Pair(picture, masks.get(picture.stem)) for picture in training]
    pairs += [_Pair(picture, None) for picture in test]
    return pairs + [_Pair(None, mask) for mask in sorted(mask for name, mask in masks.items() if name not in names)]


def _wrong_names(pictures: Sequence[Path]) -> Iterator[Finding]:
    first_of = {picture.stem: picture for picture in reversed(pictures)}
    for picture in pictures:
        try:
            Sample.from_picture(picture)
        except DataError as error:
            yield Finding("error", "name", picture, error.reason, error.repair)
        if (first := first_of[picture.stem]) != picture:
            reason = f"differs from {first.name} only in its ending"
            yield Finding("error", "name", picture, reason, "rename one of them")


def _missing_halves(training: Sequence[Path], masks: Mapping[str, Path], folder: KaggleFolder) -> Iterator[Finding]:
    for picture in training:
        if picture.stem not in masks:
            expected = folder.train_masks / f"{picture.stem}{MASK_ENDINGS[0]}"
            repair = f"add {printable(expected)}, or remove the picture"
            yield Finding("error", "missing-mask", picture, "has no mask", repair)
    names = {picture.stem for picture in training}
    for name, mask in masks.items():
        if name not in names:
            repair = f"add {printable(folder.train / name)}.jpg"
            yield Finding("warning", "missing-picture", mask, "has no picture", repair)
    for path in pictures_in(folder.train_masks):
        if path not in masks.values():
            repair = f"call it <picture>{MASK_ENDINGS[1]}, or remove it"
            yield Finding("warning", "name", path, "belongs to no picture", repair)


def _missing_views(pictures: Sequence[Path]) -> Iterator[Finding]:
    """Yield the views that more than half of the cars have and a car lacks."""
    samples = []
    for picture in pictures:
        with suppress(DataError):  # its name has a finding of its own
            samples.append(Sample.from_picture(picture))
    cars = cars_of(samples)
    views_of = {car: {sample.view for sample in of_car} for car, of_car in cars.items()}
    cars_with = Counter(view for views in views_of.values() for view in views)
    usual = {view for view, count in cars_with.items() if 2 * count > len(cars)}
    for car, views in views_of.items():
        for view in sorted(usual - views):
            path = cars[car][0].picture.with_stem(f"{car}_{view:02d}")
            yield Finding("warning", "missing-view", path, "is missing", f"most cars have view {view}, so add it")


def _duplicates(pictures: Iterable[tuple[str, Path | None]]) -> Iterator[Finding]:
    for first, path in _equal_files(pictures):
        same = f"is the same picture as {printable(first)}"
        if _car(first) == _car(path):
            yield Finding("warning", "duplicate", path, same, "remove one of them")
        else:
            reason = f"{same}, of another car, and a model trained on one would know the other"
            yield Finding("error", "duplicate", path, reason, "remove one of them")


def _equal_files(files: Iterable[tuple[str, Path | None]]) -> Iterator[tuple[Path, Path]]:
    """Yield (first file with that digest, file) for every file whose digest came before."""
    first_with: dict[str, Path] = {}
    for digest, path in files:
        if digest and path and (first := first_with.setdefault(digest, path)) != path:
            yield first, path


def _car(picture: Path) -> str:
    return picture.stem.rpartition("_")[0] or picture.stem
