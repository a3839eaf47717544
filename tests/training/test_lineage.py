from pathlib import Path

import pytest

from brightness_model import save_brightness_model
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label, save_labels
from carvanamask.data.run_dir import RunDir
from carvanamask.data.split import Split
from carvanamask.errors import DataError
from carvanamask.model.model_file import ModelFile
from carvanamask.training.lineage import KNOWN_CARS, cars_of_model, cars_of_run, cars_seen_before
from carvanamask.training.recipe import load_config
from carvanamask.training.run_files import start_run
from drawn_cars import draw_kaggle_folder


def model_of(folder: Path, car: str, *members: ModelFile) -> ModelFile:
    alone = save_brightness_model(folder, name=folder.name, training_cars=(car,))
    return ModelFile.save(folder, alone.onnx.read_bytes(), alone.card.model_copy(update={"sees_crop": True}), members)


def test_model_knows_its_members_cars(tmp_path: Path) -> None:
    first = model_of(tmp_path / "first", "a")
    second = model_of(tmp_path / "second", "b", first)
    assert cars_of_model(model_of(tmp_path / "third", "c", second, first)) == {"a", "b", "c"}


def test_unfinished_run_knows_all_its_cars(tmp_path: Path) -> None:
    extra = draw_kaggle_folder(tmp_path / "extra", cars=1, views=1, test_cars=1)
    (sample,), (stranger,) = KaggleFolder(extra).training_samples(), KaggleFolder(extra).test_samples()
    mask = tmp_path / "labels" / "mask.gif"
    mask.parent.mkdir()
    assert sample.mask is not None
    mask.write_bytes(sample.mask.read_bytes())
    label = Label(Sample.from_picture(stranger.picture, mask), 0.99, 0.01, "bold 0123")
    save_labels(tmp_path / "labels" / "labels.csv", [label])
    settings = [f'split.extra_folders=["{extra}"]', f'split.extra_labels=["{tmp_path}/labels/labels.csv"]']
    run = RunDir(tmp_path / "run")
    start_run(run, load_config(None, settings), Split(("a", "b"), ("c",)), {KNOWN_CARS: ["d"]})
    assert cars_of_run(run) == {"a", "b", sample.car, stranger.car, "d"}


def test_run_without_known_cars(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    start_run(run, load_config(), Split(("a", "b"), ("c",)), {})
    assert cars_of_run(run) == {"a", "b"}


def test_finished_run_knows_its_models_cars(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    start_run(run, load_config(), Split(("a",), ("c",)), {})
    model_of(run.model, "b", model_of(tmp_path / "first", "d"))
    assert cars_of_run(run) == {"b", "d"}


def test_known_cars_are_never_held_out(tmp_path: Path) -> None:
    before, first = RunDir(tmp_path / "before"), model_of(tmp_path / "first", "d")
    start_run(before, load_config(), Split(("a", "b"), ("c",)), {})
    assert cars_seen_before(None, None, Split(("a",), ("b",))) == set()
    assert cars_seen_before(before, first, Split(("e",), ("c",))) == {"a", "b", "d"}
    with pytest.raises(DataError, match=r"^car b is held out, but --model before learned from it: hold out the same"):
        cars_seen_before(before, first, Split(("a",), ("b", "c")))
    with pytest.raises(DataError, match=r"^car d is held out, but input\.coarse_model first learned from it"):
        cars_seen_before(before, first, Split(("a",), ("d",)))
