"""Pictures for the brightness model, and what came of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carvanamask.io.write import save_picture


def put(path: Path, column: int = 6) -> Path:
    """A picture of 24x16, dark but for a bright car that begins at `column`."""
    picture = np.full((16, 24, 3), 20, dtype=np.uint8)
    picture[4:12, column:18] = (240, 230, 220)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_picture(path, picture)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """All files below the folder but hidden ones, by their path in it."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(paths)}
