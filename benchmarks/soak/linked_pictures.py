"""Link pictures of another folder into the folder that a benchmark needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def link(source: Path, target: Path) -> None:
    """Make a link and its folder, unless it exists."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.absolute())


def link_all(sources: Sequence[Path], names: Sequence[str], folder: Path) -> None:
    """Link every name to a picture; the pictures repeat until all names have one."""
    folder.mkdir(parents=True, exist_ok=True)
    existing = {path.name for path in folder.iterdir()}
    for number, name in enumerate(names):
        if name not in existing:
            (folder / name).symlink_to(sources[number % len(sources)].resolve())


def link_some(data: Path, pictures: int, folder: Path) -> Path:
    """Make a Kaggle folder of the first test pictures of another one."""
    sources = sorted((data / "test").glob("*.jpg"))[:pictures]
    link_all(sources, [source.name for source in sources], folder / "test")
    return folder
