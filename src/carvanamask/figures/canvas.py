"""A sheet that is drawn off screen and saved whole."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from carvanamask.errors import ConfigError
from carvanamask.io.atomic import save_bytes_atomically

DOTS_PER_INCH = 100


def require_drawing() -> None:
    """Raises ConfigError where nothing can be drawn: hours of work shouldn't end there."""
    try:
        import matplotlib.figure  # noqa: F401
    except ModuleNotFoundError:
        raise ConfigError("drawing needs matplotlib: pip install 'carvanamask[train]'") from None


def new_figure(size_px_wh: tuple[int, int]) -> Any:
    """An empty matplotlib Figure of so many pixels. No window, no global state. Raises as `require_drawing` does."""
    require_drawing()
    from matplotlib.figure import Figure

    width, height = size_px_wh
    return Figure(figsize=(width / DOTS_PER_INCH, height / DOTS_PER_INCH), dpi=DOTS_PER_INCH, layout="constrained")


def save_sheet(path: Path, figure: Any) -> None:
    """As PNG, at once or not at all."""
    png = io.BytesIO()
    figure.savefig(png, format="png")
    save_bytes_atomically(path, png.getvalue())
