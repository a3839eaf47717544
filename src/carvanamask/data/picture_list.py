"""Pictures wherever they lie: which files a batch takes, what each is called, where its result goes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath

from carvanamask.data.kaggle_folder import PICTURE_ENDINGS, Sample
from carvanamask.errors import DataError, PictureError, printable
from carvanamask.io.storage import is_local, resolved

JOURNAL_PATTERN = f".{'?' * 8}-{'?' * 8}.journal"
"""Name of the journal that a batch keeps in its results folder, as a pattern for `glob`."""


@dataclass(frozen=True)
class BatchItem(Sample):
    """One picture of a batch."""

    key: str = ""
    """What the batch calls it: its path below what was asked for, with '/'."""
    output_name: str = ""
    """The same without its ending: where its result goes below the folder of results."""

    @classmethod
    def of(cls, picture: Path, key: str) -> BatchItem:
        """A file's name that tells a car and a view is believed; any other picture is a car of its own."""
        output_name = str(PurePath(key).with_suffix(""))
        folder = str(PurePath(key).parent)
        try:
            sample = Sample.from_picture(picture)
        except DataError:
            return cls(key, 0, picture, None, key, output_name)
        return cls(str(PurePath(folder) / sample.car), sample.view, picture, None, key, output_name)


def kaggle_item(sample: Sample) -> BatchItem:
    """Of a picture in Kaggle's folder, where its file's name says all."""
    return BatchItem(sample.car, sample.view, sample.picture, None, sample.picture.name, sample.name)


@dataclass(frozen=True)
class PictureList:
    """What was found."""

    items: tuple[BatchItem, ...]
    """By key."""
    problems: tuple[tuple[str, DataError], ...]
    """(what, why) of names that look like pictures and are none."""
    skipped: dict[str, int]
    """How many other files there are, by their ending; and the folders with an earlier batch's results."""


def find_pictures(paths: Sequence[Path], results: Path | None = None) -> PictureList:
    """Every picture that the paths name or hold, at any depth; `results`, where it lies inside of them, is left out.

    Raises DataError as `list_pictures` does, and where there is no picture at all.
    """
    tree = list_pictures(paths, results)
    if not tree.items and not tree.problems:
        listed = ", ".join(printable(path) for path in paths) or "no path"
        raise DataError(f"{listed} holds no pictures ({' '.join(PICTURE_ENDINGS)}): name another folder")
    return tree


def list_pictures(paths: Sequence[Path], results: Path | None = None) -> PictureList:
    """`find_pictures` that may find nothing.

    Keys are relative to the one folder asked for, or to what several paths have in common, so that equal names in
    different folders stay apart. Pictures that differ in their ending alone keep it in their output_name. Hidden files are
    left alone. Raises DataError for a path that isn't there.
    """
    found: list[BatchItem] = []
    problems: list[tuple[str, DataError]] = []
    skipped: Counter[str] = Counter()
    folders = {path for path in paths if _is_folder(path)}
    real = cache(resolved)
    root = _common_folder(paths, folders, real)

    def entry_at(file: Path) -> BatchItem:
        is_below = len(paths) == 1
        return BatchItem.of(file, (file if is_below else real(file.parent) / file.name).relative_to(root).as_posix())

    for path in paths:
        if path in folders:
            for file, is_picture in _walk(path, results, problems, skipped):
                if is_picture:
                    found.append(entry_at(file))
                else:
                    skipped[file.suffix.lower() or file.name] += 1
        else:
            found.append(entry_at(path))
    items = _told_apart(sorted({item.key: item for item in found}.values(), key=lambda item: item.key))
    return PictureList(tuple(items), tuple(problems), dict(skipped.most_common()))


def _is_folder(path: Path) -> bool:
    """Raises DataError for what isn't there."""
    try:
        if path.exists():
            return path.is_dir()
    except OSError as error:
        raise DataError(f"{printable(path)} can't be read ({error.strerror}): check its name and permissions") from None
    raise DataError(f"{printable(path)} doesn't exist: check its name")


def _common_folder(paths: Sequence[Path], folders: Container[Path], real: Callable[[Path], Path]) -> Path:
    """`real` leads through links and `..`: results of several paths stay in their folder, and apart."""
    if len(paths) == 1:
        return paths[0] if paths[0] in folders else paths[0].parent
    parents = {real(path) if path.name in ("", "..") else real(path.parent) for path in paths}
    try:
        return type(paths[0])(os.path.commonpath([str(parent) for parent in parents]))
    except ValueError:  # on different drives or in different stores
        raise DataError("the paths have no folder in common: give them one after the other") from None


def _walk(
    folder: Path, results: Path | None, problems: list[tuple[str, DataError]], skipped: Counter[str]
) -> Iterator[tuple[Path, bool]]:
    """Every file below the folder, in order, and whether it's called like a picture."""
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        problems.append(
            (str(folder), PictureError(f"can't be read ({error.strerror})", "check its permissions", folder))
        )
        return
    for path in inside:
        is_picture = path.suffix.lower() in PICTURE_ENDINGS
        if path.name.startswith("."):  # the desktop's, or not finished yet
            continue
        try:
            is_folder = path.is_dir()
        except OSError as error:  # in a folder that may be listed, but not entered
            problems.append(
                (str(path), PictureError(f"can't be read ({error.strerror})", "check its permissions", path))
            )
            continue
        if is_folder:
            if results is not None and _is_same(path, results):
                continue
            if is_local(path) and holds_results(path):  # of `predict .` and `cutout .` one doesn't cut the other's
                skipped[f"{printable(path)} (results)"] += 1
                continue
            if path.is_symlink():  # not followed: it could lead back up
                if is_picture:
                    problems.append((str(path), PictureError("is a link to a folder", "name that folder", path)))
                continue
            below = _walk(path, results, problems, skipped)
            files = list(below) if is_picture else below
            if is_picture and not any(is_one for _, is_one in files):
                problems.append((str(path), PictureError("is a folder", "name a picture in it", path)))
            yield from files
        else:
            yield path, is_picture


def _is_same(folder: Path, results: Path) -> bool:
    """Also where one is called by another name: with `..`, through a link, or on a disk that takes A and a for one."""
    if folder.absolute() == results.absolute():
        return True
    return is_local(folder) and is_local(results) and results.exists() and folder.samefile(results)


def _told_apart(items: Iterable[BatchItem]) -> list[BatchItem]:
    """x.jpg and x.png in one folder get x.jpg and x.png as targets, not x and x."""
    items = list(items)
    while True:  # what gets x.jpg as output_name may meet another's, that of x.jpg.jpg
        # some disks take A and a for one name
        count = Counter(item.output_name.casefold() for item in items)
        apart = [replace(e, output_name=e.key) if count[e.output_name.casefold()] > 1 else e for e in items]
        if apart == items:
            return items
        items = apart


def holds_results(folder: Path) -> bool:
    """Return whether a batch has written results into the folder, or begun to."""
    return any(folder.glob(JOURNAL_PATTERN))
