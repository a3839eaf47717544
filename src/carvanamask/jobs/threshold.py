"""Choose a model's threshold by the curve of its evaluation, and write it into the card."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from carvanamask.errors import ConfigError, DataError
from carvanamask.figures.plots import save_threshold_curve
from carvanamask.io.table import load_table
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import BUILT_IN


@dataclass(frozen=True)
class ThresholdReport:
    """The thresholds before and after, with their mean Dice on held-out cars."""

    before: float
    dice_before: float
    after: float
    dice_after: float
    figure: Path

    @property
    def gain(self) -> float:
        return self.dice_after - self.dice_before


def choose_threshold(model: ModelFile, evaluation: Path) -> ThresholdReport:
    """Write the threshold with the best mean Dice of an evaluation's curve into the card, and draw the curve.

    Raises DataError without such an evaluation, and ConfigError for a model that comes with the package.
    """
    if model.folder.resolve().parent == BUILT_IN.resolve():
        raise ConfigError(f"'{model.card.name}' comes with the package and stays as it is", "export a copy and name it")
    table = evaluation / "threshold.csv"
    repair = f"run eval --model {model.card.name}"
    curve = load_table(table, ("threshold", "dice"), lambda row: (float(row["threshold"]), float(row["dice"])), repair)
    points = [point for point in curve if point[0] > 0]  # at 0 everything but certain background would be car
    if not points:
        raise DataError("holds no threshold above 0", repair, table)
    after, dice_after = max(points, key=lambda point: point[1])
    before, dice_before = min(curve, key=lambda point: abs(point[0] - model.card.threshold))
    figure = evaluation / "threshold.png"
    save_threshold_curve(figure, curve, before, after)
    model.with_card(threshold=after).save_card()
    return ThresholdReport(before, dice_before, after, dice_after, figure)
