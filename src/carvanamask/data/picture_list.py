"""Find the pictures of a batch in files and folders, and name each one's result."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePath

from carvanamask.data.kaggle_folder import PICTURE_ENDINGS, Sample
from carvanamask.errors import DataError, PictureError, printable
from carvanamask.io.storage import is_local, resolved

_JOURNAL_PATTERN = f".{'?' * 8}-{'?' * 8}.journal"
"""Name of the journal that a batch keeps in its results folder, as a pattern for `glob`."""


@dataclass(frozen=True)
class BatchItem(Sample):
    """One picture of a batch."""

    key: str = ""
    """Its name in the batch: its path relative to the input folder, with '/'."""
    output_name: str = ""
    """The path of its result relative to the results folder, without ending."""

    @classmethod
    def of(cls, picture: Path, key: str) -> BatchItem:
        """Return the item of a picture; one whose name tells no car and view is a car of its own."""
        path = PurePath(key)
        output_name = str(path.with_suffix(""))
        try:
            sample = Sample.from_picture(picture)
        except DataError:
            return cls(key, 0, picture, None, key, output_name)
        return cls(str(path.parent / sample.car), sample.view, picture, None, key, output_name)


@dataclass(frozen=True)
class PictureList:
    """The pictures that were found."""

    items: tuple[BatchItem, ...]
    """In the order of their keys."""
    problems: tuple[tuple[str, DataError], ...] = ()
    """(path, error) of files and folders that are named like pictures and are none, or that can't be read."""
    skipped: dict[str, int] = field(default_factory=dict)
    """How many other files there are, by their ending; and the folders with an earlier batch's results."""


def find_pictures(paths: Sequence[Path], results: Path | None = None) -> PictureList:
    """Return the pictures that the paths name or hold, at any depth, without those in the folder `results`.

    Raises DataError as `list_pictures` does, and where there is no picture at all.
    """
    pictures = list_pictures(paths, results)
    if not pictures.items and not pictures.problems:
        listed = ", ".join(printable(path) for path in paths)
        raise DataError(f"{listed} holds no pictures ({' '.join(PICTURE_ENDINGS)})", "name another folder")
    return pictures


def list_pictures(paths: Sequence[Path], results: Path | None = None) -> PictureList:
    """Return what `find_pictures` does, also where there is no picture.

    Keys are relative to the one input folder, or to the common folder of several paths, so that equal names in
    different folders stay apart. The output names of pictures that differ only in their ending keep it. Hidden files
    are skipped. Raises DataError for a path that doesn't exist.
    """
    folders = {path for path in paths if _is_folder(path)}
    real = cache(resolved)
    root = _common_folder(paths, folders, real)
    search = _Search(results)
    for path in paths:
        if path in folders:
            search.add_folder(path)
        else:
            search.pictures.append(path)

    def key_of(picture: Path) -> str:
        path = picture if len(paths) == 1 else real(picture.parent) / picture.name
        return path.relative_to(root).as_posix()

    pictures = {key_of(picture): picture for picture in search.pictures}
    items = _with_unique_outputs([BatchItem.of(pictures[key], key) for key in sorted(pictures)])
    return PictureList(tuple(items), tuple(search.problems), dict(search.skipped.most_common()))


@dataclass
class _Search:
    """Collects the pictures below folders, and everything else that was found on the way."""

    results: Path | None
    pictures: list[Path] = field(default_factory=list)
    problems: list[tuple[str, DataError]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    def add_folder(self, folder: Path) -> None:
        """Add every file below the folder, in the order of their names."""
        try:
            paths = sorted(folder.iterdir(), key=lambda path: path.name)
        except OSError as error:
            self._add_problem(folder, f"can't be read ({error.strerror})", "check its permissions")
            return
        for path in paths:
            if path.name.startswith("."):  # the desktop's, or incomplete
                continue
            try:
                is_folder = path.is_dir()
            except OSError as error:  # in a folder that may be listed, but not entered
                self._add_problem(path, f"can't be read ({error.strerror})", "check its permissions")
                continue
            if is_folder:
                self._add_subfolder(path)
            elif _is_named_like_picture(path):
                self.pictures.append(path)
            else:
                self.skipped[path.suffix.lower() or path.name] += 1

    def _add_subfolder(self, folder: Path) -> None:
        if self.results is not None and _is_same(folder, self.results):
            return
        if is_local(folder) and holds_results(folder):  # `predict .` skips the results of `cutout .`
            self.skipped[f"{printable(folder)} (results)"] += 1
        elif folder.is_symlink():  # not followed: it could lead back up
            if _is_named_like_picture(folder):
                self._add_problem(folder, "is a link to a folder", "name that folder")
        else:
            before = len(self.pictures)
            self.add_folder(folder)
            if _is_named_like_picture(folder) and len(self.pictures) == before:
                self._add_problem(folder, "is a folder", "name a picture in it")

    def _add_problem(self, path: Path, reason: str, repair: str) -> None:
        self.problems.append((str(path), PictureError(reason, repair, path)))


def holds_results(folder: Path) -> bool:
    """Return whether a batch has written results into the folder, or begun to."""
    return any(folder.glob(_JOURNAL_PATTERN))


def _is_named_like_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS


def _is_folder(path: Path) -> bool:
    """Return whether an input path is a folder. Raises DataError for one that doesn't exist."""
    try:
        if path.exists():
            return path.is_dir()
    except OSError as error:
        raise DataError(f"can't be read ({error.strerror})", "check its name and permissions", path) from None
    raise DataError("doesn't exist", "check its name", path)


def _common_folder(paths: Sequence[Path], folders: Container[Path], real: Callable[[Path], Path]) -> Path:
    """Return the folder that keys are relative to; of several paths it is free of links and `..`, as `real` makes it.

    So the results of several paths stay in their folder, and apart.
    """
    if len(paths) == 1:
        return paths[0] if paths[0] in folders else paths[0].parent
    parents = {real(path) if path.name in ("", "..") else real(path.parent) for path in paths}
    try:
        return type(paths[0])(os.path.commonpath([str(parent) for parent in parents]))
    except ValueError:  # on different drives or in different storage
        raise DataError("the paths have no folder in common", "give them one after the other") from None


def _is_same(folder: Path, results: Path) -> bool:
    """Return whether both are one folder, also where a link, `..`, or a disk that ignores case gives it two names."""
    if folder.absolute() == results.absolute():
        return True
    return is_local(folder) and is_local(results) and results.exists() and folder.samefile(results)


def _with_unique_outputs(items: list[BatchItem]) -> list[BatchItem]:
    """Return the items with output names that differ: those of x.jpg and x.png are x.jpg and x.png, not x and x."""
    while True:  # the new output name x.jpg may equal that of x.jpg.jpg
        count = Counter(item.output_name.casefold() for item in items)  # some disks take A and a for one name
        apart = [
            replace(item, output_name=item.key) if count[item.output_name.casefold()] > 1 else item for item in items
        ]
        if apart == items:
            return items
        items = apart
