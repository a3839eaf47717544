"""Several models' errors picture by picture, and each car's difference from the first model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.figures.plots import new_figure, require_matplotlib, save_figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""By Okabe and Ito, distinct for colour-blind readers."""
SMALLEST_ERROR = 1e-5
"""Where a picture without errors is drawn, on the logarithmic axis."""
WIDTH_PX, ROW_PX, MARGIN_PX = 1500, 150, 170


@dataclass(frozen=True, eq=False)
class PairedScores:
    """A model's Dice, and its difference from the first model's on the same pictures."""

    name: str
    dice: np.ndarray
    """float64 (pictures,)."""
    mean: float
    """Mean of the differences over the pictures."""
    standard_error: float | None
    """Standard error of the mean over cars; None for a single car."""
    share_better: float
    """Share of the pictures with a higher Dice."""
    by_car: np.ndarray
    """float64 (cars,): mean difference over the pictures of each car."""


def save_paired_errors(path: Path, rows: Sequence[PairedScores], pictures: Sequence[str], cars: Sequence[str]) -> None:
    """Write a PNG with a row per model: on the left a dot per picture, on the right a dot per car."""
    require_matplotlib()
    from matplotlib.ticker import LogLocator

    figure = new_figure((WIDTH_PX, MARGIN_PX + ROW_PX * len(rows)))
    left, right = figure.subplots(1, 2, sharey=True)
    for index, row in enumerate(rows):
        colour = COLOURS[index % len(COLOURS)]
        _draw_errors(left, index, np.maximum(1 - row.dice, SMALLEST_ERROR), pictures, colour)
        if index:
            _draw_differences(right, index, row, cars, colour)
    left.set_xscale("log")
    left.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.xaxis.set_major_formatter("{x:g}")
    left.xaxis.set_minor_formatter("")
    left.set_xlim(right=left.get_xlim()[1] * 1.4)  # for the names of the worst
    titles = [f"{row.name}\nmean Dice {row.dice.mean():.5f}" for row in rows]
    left.set_yticks(range(len(rows)), titles, fontsize=12)
    left.set_ylim(len(rows) - 0.4, -0.6)
    left.set_title(f"error of each of {len(pictures)} held-out pictures", fontsize=13)
    left.set_xlabel("← better    1 − Dice, with median and middle half")
    right.axvline(0, color="black", linewidth=1)
    right.annotate(
        f"{rows[0].name}, the reference\nof the others", (0, 0), (8, 0), textcoords="offset points", va="center"
    )
    right.set_title(f"Dice above that of {rows[0].name}, mean of each of {len(cars)} cars", fontsize=13)
    right.set_xlabel("difference of mean Dice, with mean and its standard error    better →")
    for axes in (left, right):
        axes.grid(axis="x", alpha=0.3, which="both")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    save_figure(path, figure)


def _draw_errors(axes: Any, y: int, errors: np.ndarray, pictures: Sequence[str], colour: str) -> None:
    axes.scatter(errors, y + _heights(np.log(errors), 60), s=12, color=colour, alpha=0.55, linewidths=0)
    low, middle, high = np.quantile(errors, (0.25, 0.5, 0.75))
    axes.plot((low, high), (y, y), color="black", linewidth=2.5, solid_capstyle="butt")
    axes.plot(middle, y, "o", color="white", markeredgecolor="black", markersize=8)
    worst = int(errors.argmax())
    _label(axes, f"  {pictures[worst]}", (errors[worst], y), ha="left")


def _draw_differences(axes: Any, y: int, row: PairedScores, cars: Sequence[str], colour: str) -> None:
    heights = _heights(row.by_car, 30)
    axes.scatter(row.by_car, y + heights, s=34, color=colour, alpha=0.7, linewidths=0)
    above = y + heights.min() - 0.2
    axes.errorbar(row.mean, above, xerr=row.standard_error or 0, color="black", linewidth=2.5, capsize=5)
    axes.plot(row.mean, above, "o", color="white", markeredgecolor="black", markersize=8, zorder=3)
    for car in {int(row.by_car.argmin()), int(row.by_car.argmax())}:
        _label(axes, cars[car], (row.by_car[car], y + heights[car] + 0.12), ha="center")


def _label(axes: Any, text: str, point: tuple[float, float], ha: str) -> None:
    axes.text(*point, text, ha=ha, va="center", fontsize=8, color="0.35")


def _heights(values: np.ndarray, bins: int) -> np.ndarray:
    """Return each dot's distance from its row, within ±0.4, so that dots of similar values don't overlap."""
    bin_of_value = np.digitize(values, np.histogram_bin_edges(values, bins)[1:-1])
    heights = np.zeros(len(values))
    for occupied in np.unique(bin_of_value):
        dots = np.flatnonzero(bin_of_value == occupied)
        heights[dots] = np.arange(len(dots)) - (len(dots) - 1) / 2
    return np.asarray(heights * min(0.1, 0.4 / max(1.0, np.abs(heights).max())))
