"""A matplotlib figure that is drawn off screen and saved as PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from carvanamask.errors import MissingPackageError
from carvanamask.io.atomic import save_bytes_atomically

DOTS_PER_INCH = 100


def require_matplotlib() -> None:
    """Raise MissingPackageError without matplotlib: jobs call this before hours of work that end in a figure."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise MissingPackageError("figures need matplotlib", "pip install 'carvanamask[train]'") from None


def new_figure(size_px_wh: tuple[int, int]) -> Any:
    """Return an empty matplotlib Figure, without a window or global state. Raises MissingPackageError."""
    require_matplotlib()
    from matplotlib.figure import Figure

    width, height = size_px_wh
    return Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, layout="constrained")


def save_figure(path: Path, figure: Any) -> None:
    """Write the figure as PNG, completely or not at all."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    save_bytes_atomically(path, png.getvalue())
