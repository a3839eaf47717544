from __future__ import annotations

import numpy as np
import pytest

from carvanamask.training.module import CarSegmentation
from carvanamask.training.recipe import load_config


@pytest.mark.parametrize(
    ("scores", "falls_after"),
    [([0.9, 0.8, 0.8, 0.8], 3), ([0.9, 0.9, 0.90002, 0.90004], 3), ([0.9, 0.9, 0.9001], None)],
)
def test_plateau_patience(scores: list[float], falls_after: int | None) -> None:
    config = load_config(None, ["network.levels=1", "network.filters=1", "optimizer.plateau_patience=2"])
    chosen = CarSegmentation(config).configure_optimizers()
    rates = []
    for score in scores:
        chosen["lr_scheduler"]["scheduler"].step(score)
        rates.append(chosen["optimizer"].param_groups[0]["lr"])
    assert rates.index(min(rates)) == (0 if falls_after is None else falls_after)


def test_uncertain_ratio_covers_99_5_percent(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = {}
    monkeypatch.setattr(CarSegmentation, "log", lambda module, name, value, **options: logged.update({name: value}))
    module = CarSegmentation(load_config(None, ["network.levels=1", "network.filters=1"]))
    module.uncertain_ratios = np.linspace(0, 1, 201)[::-1].tolist()
    module.on_validation_epoch_end()
    assert logged == {"val_undecided": pytest.approx(0.995)}
