import json
from pathlib import Path

import pytest

from carvanamask.cli.run_demo import run_demo
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.table import load_table
from carvanamask.jobs.check_data import check_data
from carvanamask.model.registry import find_model
from carvanamask.studio import SHOWROOM


def test_demo_page_shows_every_step(
    drawn_folder: Path, tiny_recipe: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "carvanamask")
    page = run_demo(tmp_path / "demo", drawn_folder, str(tiny_recipe))
    html = page.read_text()
    # two curves, a scene, a contact sheet and two of the worst pictures
    assert html.count("data:image/") == 6
    assert "4 rows, valid" in html
    report = json.loads((tmp_path / "demo" / "demo" / "evaluation" / "report.json").read_text())
    assert f"{report['dice']:.4f}" in html
    assert find_model("demo", tmp_path / "demo").card.threshold == pytest.approx(report["best_threshold"])
    assert "6/6" in caplog.text


def test_packaged_cars_have_no_findings() -> None:
    report = check_data(KaggleFolder(SHOWROOM))
    assert report.findings == ()
    assert (report.training_pictures, report.masks, report.test_pictures) == (160, 160, 32)
    models = load_table(SHOWROOM / "metadata.csv", ("model",), lambda row: row["model"], "")
    assert {"minivan", "pickup"} <= set(models)
