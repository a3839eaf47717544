"""Plots drawn off screen and saved as PNG: curves of a training over its epochs, and of the Dice over the threshold."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
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


def save_training_curves(path: Path, rows: Sequence[Mapping[str, float]], title: str) -> None:
    """Write a PNG of loss, Dice and learning rate, from one row of metrics per epoch."""
    figure = new_figure((1200, 420))
    figure.suptitle(title)
    epochs = [row["epoch"] + 1 for row in rows]
    best = max(rows, key=lambda row: row["val_dice"])
    curves = (
        ("training loss", [row["train_loss"] for row in rows]),
        # 1 − Dice on a logarithmic axis: near 1 a linear one shows a flat line
        (f"1 − mean Dice, held-out cars (best Dice {best['val_dice']:.5f})", [1 - row["val_dice"] for row in rows]),
        ("learning rate", [row["learning_rate"] for row in rows]),
    )
    for axes, (label, values) in zip(figure.subplots(1, len(curves)), curves, strict=True):
        axes.plot(epochs, values, marker="o", markersize=3)
        axes.set_title(label, fontsize=10)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3, which="both")
    figure.axes[1].set_yscale("log")
    save_figure(path, figure)


def save_threshold_curve(path: Path, curve: Sequence[tuple[float, float]], before: float, after: float) -> None:
    """Write a PNG of (threshold, mean Dice) points, with the old and the best threshold."""
    figure = new_figure((700, 420))
    axes = figure.subplots()
    thresholds, scores = zip(*curve, strict=True)
    axes.plot(thresholds, scores)
    for threshold, label, style in ((before, "before", ":"), (after, "best", "-")):
        axes.axvline(threshold, label=f"{label}: {threshold:.3f}", color="gray", linestyle=style)
    best = max(scores)
    # shows the flat top; with the steep ends at 0 and 1 it would be a line
    axes.set_ylim(best - 0.02, best + 0.002)
    axes.set_xlabel("threshold")
    axes.set_title("mean Dice, held-out cars, full size")
    axes.legend()
    axes.grid(alpha=0.3)
    save_figure(path, figure)
