import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.errors import ConfigError, DataError
from carvanamask.io.read import load_picture
from carvanamask.jobs.compare import compare
from carvanamask.model.model_file import ModelFile

Judge = Callable[..., ModelFile]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """A model under `tmp_path`, with what an evaluation that gave these Dice scores leaves."""

    def judge(name: str, dice: Mapping[str, float], **report: float) -> ModelFile:
        evaluation = tmp_path / name / "evaluation"
        evaluation.mkdir(parents=True)
        with (evaluation / "pictures.csv").open("w", newline="") as file:
            rows = [(picture, f"{score:.6f}", "0.9", f"{score / 2:.6f}") for picture, score in dice.items()]
            csv.writer(file).writerows([("picture", "dice", "iou", "boundary_iou"), *rows])
        (evaluation / "report.json").write_text(json.dumps(report))
        return save_brightness_model(tmp_path / name / "model", name=name)

    return judge


def test_standard_error_is_over_cars(judged: Judge, tmp_path: Path) -> None:
    first = judged("first", {"a_01": 0.9, "a_02": 0.9, "b_01": 0.9, "b_02": 0.9})
    second = judged("second", {"a_01": 0.92, "a_02": 0.92, "b_01": 0.9, "b_02": 0.9})
    _, difference = compare([first, second], tmp_path).differences
    # the cars' means are 0.02 and 0: their mean is 0.01, its standard error 0.01; four pictures would claim 0.006
    assert difference.mean == pytest.approx(0.01)
    assert difference.standard_error == pytest.approx(0.01)
    assert difference.share_better == 0.5
    assert difference.by_car.tolist() == pytest.approx([0.02, 0.0])


def test_only_common_pictures_are_compared(judged: Judge, tmp_path: Path) -> None:
    first = judged("first", {"a_01": 0.5, "b_01": 0.9, "c_01": 0.99})
    second = judged("second", {"b_01": 0.94, "c_01": 1.0, "d_01": 0.1})
    comparison = compare([first, second], tmp_path)
    assert comparison.pictures == ("b_01", "c_01")
    assert comparison.warning.startswith("scored on different pictures (first on 3, second on 3): only the 2 ")
    assert [candidate.dice.mean() for candidate in comparison.candidates] == pytest.approx([0.945, 0.97])
    assert comparison.worst_picture(comparison.candidates[1]) == ("b_01", 0.94)


def test_one_car_has_no_standard_error(judged: Judge, tmp_path: Path) -> None:
    comparison = compare([judged("first", {"a_01": 0.9}), judged("second", {"a_01": 0.8})], tmp_path)
    assert comparison.warning == ""
    assert comparison.differences[1].standard_error is None


def test_worst_cars_and_share_below_good(judged: Judge, tmp_path: Path) -> None:
    scores = {"a_01": 1.0, "a_02": 0.98, "b_01": 0.9, "c_01": 0.995, "d_01": 0.97}
    first = compare([judged("first", scores), judged("second", scores)], tmp_path).candidates[0]
    comparison = compare([judged("third", scores), judged("fourth", scores)], tmp_path)
    assert [car for car, _ in comparison.worst_cars(first)] == ["b", "d", "a"]
    assert first.share_below_good == pytest.approx(3 / 5)


def test_ensemble_size_is_its_members(judged: Judge, tmp_path: Path) -> None:
    alone, pair = judged("alone", {"a_01": 0.9}), judged("pair", {"a_01": 0.9})
    other = save_brightness_model(tmp_path / "other", input_size_wh=(16, 8))
    pair = ModelFile.save(pair.folder, None, pair.card, [alone, other])
    one, both = compare([alone, pair], tmp_path).candidates
    assert both.megabytes == pytest.approx(one.megabytes + other.onnx.stat().st_size / 1e6)
    assert both.input_sizes_wh == ((8, 8), (16, 8))


def test_report_is_json(judged: Judge, tmp_path: Path) -> None:
    first, second = judged("first", {"a_01": 0.9}, pictures_per_second=12.5), judged("second", {"a_01": 0.8})
    (tmp_path / "first" / "metrics.csv").write_text("epoch,val_dice,seconds\n0,0.8,90\n1,0.9,30\n")
    report = json.loads(json.dumps(compare([first, second], tmp_path).to_dict()))
    one, two = report["runs"]
    assert (one["pictures_per_second"], one["epochs"], one["training_minutes"]) == (12.5, 2, 2.0)
    assert (two["pictures_per_second"], two["epochs"]) == (None, 0)
    assert report["differences"][0]["dice_by_car"] == {"a": pytest.approx(-0.1)}


def test_figure_has_a_row_per_run(judged: Judge, tmp_path: Path) -> None:
    models = [judged(name, {"a_01": score, "b_01": score}) for name, score in (("x", 0.9), ("y", 0.95), ("z", 1.0))]
    compare(models[:2], tmp_path, tmp_path / "two.png")
    compare(models, tmp_path, tmp_path / "three.png")
    two, three = (load_picture(tmp_path / name).shape for name in ("two.png", "three.png"))
    assert two[1] == three[1]
    assert two[0] < three[0]


def test_missing_evaluation_names_command(judged: Judge, tmp_path: Path) -> None:
    unjudged = save_brightness_model(tmp_path / "new" / "model")
    with pytest.raises(DataError, match=r"pictures\.csv doesn't exist: run eval --model new"):
        compare([judged("first", {"a_01": 0.9}), unjudged], tmp_path)


def test_damaged_evaluation(judged: Judge, tmp_path: Path) -> None:
    first, second = judged("first", {"a_01": 0.9}), judged("second", {"a_01": 0.9})
    (tmp_path / "second" / "evaluation" / "pictures.csv").write_text("picture,dice\na_01,much\n")
    with pytest.raises(DataError, match=r"has no column 'boundary_iou'.*: run eval --model second"):
        compare([first, second], tmp_path)
    (tmp_path / "first" / "evaluation" / "report.json").write_text("[]")
    with pytest.raises(DataError, match="run eval --model first again"):
        compare([first, judged("third", {"a_01": 0.9})], tmp_path)


def test_no_common_picture(judged: Judge, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="first and second share no held-out picture"):
        compare([judged("first", {"a_01": 0.9}), judged("second", {"b_01": 0.9})], tmp_path)


def test_two_different_runs_are_needed(judged: Judge, tmp_path: Path) -> None:
    first = judged("first", {"a_01": 0.9})
    for models in ([first], [first, first]):
        with pytest.raises(ConfigError, match="name two runs or more, each once"):
            compare(models, tmp_path)
