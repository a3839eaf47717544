"""Pictures that lie elsewhere, linked where a benchmark needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Also where the target's folder isn't there yet, and where the link is there already."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.absolute())


def link_all(sources: Sequence[Path], names: Sequence[str], folder: Path) -> None:
    """Every name becomes a link to a picture; the pictures come again as often as it takes."""
    folder.mkdir(parents=True, exist_ok=True)
    there = {path.name for path in folder.iterdir()}
    for number, name in enumerate(names):
        if name not in there:
            (folder / name).symlink_to(sources[number % len(sources)].resolve())


def link_some(data: Path, pictures: int, folder: Path) -> Path:
    """A Kaggle folder that holds the first test pictures of another one."""
    sources = sorted((data / "test").glob("*.jpg"))[:pictures]
    link_all(sources, [source.name for source in sources], folder / "test")
    return folder
