import logging
from pathlib import Path

import lightning as L
import pytest
import torch

from brightness_model import save_brightness_model
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.data.label_list import Label, load_labels, save_labels
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import ConfigError, DataError, ModelError, PictureError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_mask
from carvanamask.jobs.train import TrainPlan, plan_run, train
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import find_model
from carvanamask.training import fit, module
from carvanamask.training.run_files import load_metrics
from drawn_cars import draw_kaggle_folder

FILES_OF_A_RUN = {
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "config.toml",
    "curves.png",
    "environment.json",
    "metrics.csv",
    "model/card.json",
    "model/model.onnx",
    "split.json",
}


class Interrupt(logging.Handler):
    """Presses Ctrl-C when a message begins so."""

    def __init__(self, start: str) -> None:
        super().__init__()
        self.start = start

    def emit(self, record: logging.LogRecord) -> None:
        if self.start and record.getMessage().startswith(self.start):
            raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def show_messages(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "carvanamask")


def quiet_train(folder: Path, plan: TrainPlan, interrupt_at: str = "") -> RunDir:
    handler = Interrupt(interrupt_at)
    logging.getLogger("carvanamask").addHandler(handler)
    try:
        return train(KaggleFolder(folder), plan, has_progress_bar=False)
    finally:
        logging.getLogger("carvanamask").removeHandler(handler)


def weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return state


def rates(run: RunDir) -> list[float]:
    return [row["learning_rate"] for row in load_metrics(run)]


def losses(run: RunDir) -> list[tuple[float, float]]:
    return [(row["train_loss"], row["val_dice"]) for row in load_metrics(run)]


def test_interrupted_run_resumes_exactly(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    whole = quiet_train(drawn_folder, plan_run(tmp_path, "whole", str(tiny_recipe)))
    files = {str(path.relative_to(whole.root)) for path in whole.root.rglob("*") if path.is_file()}
    assert {file for file in files if not file.startswith("tensorboard/")} == FILES_OF_A_RUN

    cut = plan_run(tmp_path, "cut", str(tiny_recipe))
    with pytest.raises(KeyboardInterrupt):
        quiet_train(drawn_folder, cut, interrupt_at="epoch 1")
    assert cut.run.is_started
    assert not cut.run.is_finished
    quiet_train(drawn_folder, cut)
    assert losses(cut.run) == losses(whole)
    again = weights(cut.run.last_checkpoint)
    for name, tensor in weights(whole.last_checkpoint).items():
        assert torch.equal(tensor, again[name]), name


def test_plateau_survives_interruption(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    # a Dice of 0 in the first epochs is a plateau from the second on
    settings = ["optimizer.plateau_patience=0", "optimizer.plateau_factor=0.5", "training.epochs=5"]
    whole = quiet_train(drawn_folder, plan_run(tmp_path, "whole", str(tiny_recipe), settings))
    assert rates(whole)[-1] < rates(whole)[0] / 2
    cut = plan_run(tmp_path, "cut", str(tiny_recipe), settings)
    for epoch in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            quiet_train(drawn_folder, cut, interrupt_at=f"epoch {epoch}")
    quiet_train(drawn_folder, cut)
    assert (losses(cut.run), rates(cut.run)) == (losses(whole), rates(whole))


def test_best_epoch_survives_move(
    drawn_folder: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter(1 / judged for judged in range(1, 100))
    monkeypatch.setattr(module, "score_at_full_size", lambda probabilities, truth: (next(scores), 0.0))
    with pytest.raises(KeyboardInterrupt):
        quiet_train(drawn_folder, plan_run(tmp_path / "here", "run", str(tiny_recipe)), interrupt_at="epoch 1")
    (tmp_path / "here").rename(tmp_path / "there")
    run = quiet_train(drawn_folder, plan_run(tmp_path / "there", "run", str(tiny_recipe)))
    assert [dice for _, dice in losses(run)] == sorted((dice for _, dice in losses(run)), reverse=True)
    assert torch.load(run.best_checkpoint, weights_only=True)["epoch"] == 0


def test_rmsprop_has_no_momentum(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    settings = ["training.epochs=1", "optimizer.name=rmsprop", "optimizer.schedule=one-cycle"]
    run = quiet_train(drawn_folder, plan_run(tmp_path, None, str(tiny_recipe), settings))
    (optimizer,) = torch.load(run.last_checkpoint, weights_only=True)["optimizer_states"]
    assert optimizer["param_groups"][0]["momentum"] == 0


def test_training_learns_drawn_cars(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    plan = plan_run(tmp_path, None, str(tiny_recipe), ["training.epochs=12"])
    run = quiet_train(drawn_folder, plan)
    assert max(dice for _, dice in losses(run)) > 0.85
    card, best = find_model("tiny", tmp_path).card, max(load_metrics(run), key=lambda row: row["val_dice"])
    assert (card.scores["validation_dice"], card.max_uncertain_ratio) == (best["val_dice"], best["val_undecided"])
    assert card.max_uncertain_ratio > 0


def test_card_describes_input(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    settings = ["training.epochs=1", "input.mean=0.4", "input.std=0.3", "input.clahe=2"]
    card = ModelFile.load(quiet_train(drawn_folder, plan_run(tmp_path, None, str(tiny_recipe), settings)).model).card
    assert (card.input_size_wh, card.mean, card.std, card.clahe) == ((48, 32), 0.4, 0.3, 2)


def test_run_starts_from_best_weights(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    first = quiet_train(drawn_folder, plan_run(tmp_path, "first", str(tiny_recipe)))
    plan = plan_run(tmp_path, model="first", settings=["training.epochs=1", "optimizer.learning_rate=1e-9"])
    assert plan.run.name == "first-2"
    second = quiet_train(drawn_folder, plan)
    head = "network.head.weight"
    # steps this small leave the weights where they began: at the first run's best
    torch.testing.assert_close(weights(second.best_checkpoint)[head], weights(first.best_checkpoint)[head])
    with pytest.raises(ModelError, match=r"no run 'frist' to go on from; did you mean 'first'\?"):
        plan_run(tmp_path, model="frist")


def test_known_car_is_never_held_out(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    first = ModelFile.load(quiet_train(drawn_folder, plan_run(tmp_path, "first", str(tiny_recipe))).model)
    held_out = f'split.held_out_cars=["{first.card.training_cars[0]}"]'
    second = plan_run(tmp_path, "second", None, [held_out], "first")
    with pytest.raises(DataError, match=rf"^car {first.card.training_cars[0]} is held out, but --model first learned"):
        quiet_train(drawn_folder, second)
    zoom = ["input.coarse_model=first"]
    third = plan_run(tmp_path, "third", str(tiny_recipe), [held_out, *zoom])
    with pytest.raises(
        DataError, match=r"is held out, but input.coarse_model first learned from it: hold out the same"
    ):
        quiet_train(drawn_folder, third)
    assert not second.run.is_started
    assert not third.run.is_started


def test_card_names_known_cars(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    first = ModelFile.load(quiet_train(drawn_folder, plan_run(tmp_path, "first", str(tiny_recipe))).model).card
    elsewhere = draw_kaggle_folder(tmp_path / "elsewhere", cars=2, views=2, size_wh=(96, 64), seed=9)
    plan = plan_run(tmp_path, "second", None, ["training.epochs=2"], "first")
    with pytest.raises(KeyboardInterrupt):
        quiet_train(elsewhere, plan, interrupt_at="epoch 0")
    card = ModelFile.load(quiet_train(elsewhere, plan).model).card
    assert set(first.training_cars) < set(card.training_cars)
    assert len(card.training_cars) == len(first.training_cars) + 1
    assert "on 1 cars, 2 epochs at 48x32, going on from first" in card.provenance


def test_started_run_refuses_other_weights_and_pictures(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    first = quiet_train(drawn_folder, plan_run(tmp_path, "first", str(tiny_recipe)))
    anew = plan_run(tmp_path, "anew", str(tiny_recipe))
    second = plan_run(tmp_path, model="first")
    for plan in (anew, second):
        with pytest.raises(KeyboardInterrupt):
            quiet_train(drawn_folder, plan, interrupt_at="epoch 0")
    with pytest.raises(ConfigError, match=r"^run 'first-2' goes on from first: give --model first again, or use anoth"):
        quiet_train(drawn_folder, plan_run(tmp_path, "first-2"))
    with pytest.raises(ConfigError, match=r"^run 'anew' doesn't go on from another run: leave --model first out, or"):
        quiet_train(drawn_folder, TrainPlan(anew.run, anew.config, first))
    same_cars = draw_kaggle_folder(tmp_path / "fewer", cars=4, views=3, size_wh=(96, 64))
    with pytest.raises(ConfigError, match=r"^run 'anew' was started on other pictures: use another --name"):
        quiet_train(same_cars, anew)
    assert ModelFile.load(quiet_train(drawn_folder, second).model).card.provenance.endswith(", going on from first")


def test_impossible_plan_is_refused_early(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    quiet_train(drawn_folder, plan_run(tmp_path, "first", str(tiny_recipe), ["training.epochs=1"]))
    settings = ["input.coarse_model=frist"]
    without_first_pass = plan_run(tmp_path, "typo", str(tiny_recipe), settings)
    with pytest.raises(ModelError, match="no model called 'frist'; did you mean 'first'"):
        quiet_train(drawn_folder, without_first_pass)
    wider = plan_run(tmp_path, "wider", None, ["network.filters=6"], "first")
    with pytest.raises(
        ConfigError, match=r"^the weights of --model first belong to another network \(network.filters was 4"
    ):
        quiet_train(drawn_folder, wider)
    assert not without_first_pass.run.is_started
    assert not wider.run.is_started


def test_foreign_model_is_refused(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    save_brightness_model(tmp_path / "bright" / "model")
    with pytest.raises(ConfigError, match=r"^'bright' is a model that wasn't trained here: use another --name$"):
        quiet_train(drawn_folder, plan_run(tmp_path, "bright", str(tiny_recipe)))


def test_damaged_picture_in_worker(tiny_recipe: Path, tmp_path: Path) -> None:
    folder = draw_kaggle_folder(tmp_path / "data", cars=2, views=2, size_wh=(96, 64))
    for picture in (folder / "train").iterdir():
        picture.write_bytes(b"no picture")
    for workers in (0, 1):
        plan = plan_run(tmp_path, f"run-{workers}", str(tiny_recipe), [f"training.workers={workers}"])
        with pytest.raises(PictureError) as error:
            quiet_train(folder, plan)
        assert str(error.value).startswith(f"{folder / 'train'}")
        assert "\n" not in str(error.value)
        assert error.value.path is not None
        assert Path(error.value.path).parent == folder / "train"


def test_small_shared_memory(
    drawn_folder: Path, tiny_recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("unable to allocate shared memory(shm) for file </torch_1>: No space left on device (28)")

    monkeypatch.setattr(L.Trainer, "fit", fail)
    with pytest.raises(ConfigError, match=r"^/dev/shm is too small .*: use training.workers = 0 or a smaller"):
        quiet_train(drawn_folder, plan_run(tmp_path, None, str(tiny_recipe)))


def test_missing_cache_is_logged(
    drawn_folder: Path, tiny_recipe: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_run(tmp_path, None, str(tiny_recipe), ["training.epochs=1", "training.cache_gb=0"])
    quiet_train(drawn_folder, plan)
    (line,) = [line for line in caplog.messages if line.startswith("pictures are read again in every epoch: a cache ")]
    assert "takes 7.37e-05 GB, training.cache_gb allows 0" in line  # 3 cars, 4 views, 48x32 pixels, 4 bytes


def test_started_run_refuses_other_options(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    quiet_train(drawn_folder, plan_run(tmp_path, "run", str(tiny_recipe), ["training.epochs=1"]))
    with pytest.raises(ConfigError, match=r"started with other options \(training.epochs was 1\): use another --name"):
        quiet_train(drawn_folder, plan_run(tmp_path, "run", str(tiny_recipe)))
    with pytest.raises(ConfigError, match=r"split.seed was 0"):
        quiet_train(drawn_folder, plan_run(tmp_path, "run", str(tiny_recipe), ["training.epochs=1", "split.seed=1"]))


def test_finished_run_is_kept(
    drawn_folder: Path, tiny_recipe: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_run(tmp_path, None, str(tiny_recipe), ["training.epochs=1"])
    model = ModelFile.load(quiet_train(drawn_folder, plan).model)
    ModelFile.save(model.folder, model.onnx.read_bytes(), model.card.model_copy(update={"threshold": 0.25}))
    assert ModelFile.load(quiet_train(drawn_folder, plan).model).card.threshold == 0.25
    assert "run 'tiny' is finished: use another --name to train again" in caplog.messages


def test_extra_cars_only_train(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    extra = draw_kaggle_folder(tmp_path / "extra", cars=2, views=2, size_wh=(96, 64), seed=9)
    settings = ["training.epochs=1", f'split.extra_folders=["{extra}"]']
    run = quiet_train(drawn_folder, plan_run(tmp_path, None, str(tiny_recipe), settings))
    extra_cars = {sample.car for sample in KaggleFolder(extra).training_samples()}
    card = ModelFile.load(run.model).card
    assert extra_cars < set(card.training_cars)
    assert not extra_cars & set(card.validation_cars)
    assert len(card.training_cars) + len(card.validation_cars) == 4 + 2

    settings[-1] = f'split.extra_folders=["{drawn_folder}"]'
    with pytest.raises(DataError, match=r"of split\.extra_folders is held out"):
        quiet_train(drawn_folder, plan_run(tmp_path, "leak", str(tiny_recipe), settings))


def pseudo_labels(folder: Path, out: Path) -> Path:
    """A list with every labelled picture of a folder, as if models had made the masks."""
    labels = []
    for sample in KaggleFolder(folder).training_samples():
        assert sample.mask is not None
        mask = out / "masks" / f"{sample.name}.png"
        save_mask(mask, load_mask(sample.mask))
        labels.append(Label(Sample.from_picture(sample.picture, mask), 0.99, 0.01, "bold 0123 + shy 4567"))
    save_labels(out / "labels.csv", labels)
    return out / "labels.csv"


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """Pseudo-labels of two cars, four views each, that no folder has."""
    more = draw_kaggle_folder(tmp_path / "more", cars=2, views=4, size_wh=(96, 64), seed=9)
    return pseudo_labels(more, tmp_path / "labels")


def test_pseudo_labels_only_train(
    drawn_folder: Path, tiny_recipe: Path, strangers: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = ["training.epochs=1", f'split.extra_labels=["{strangers}"]']
    plan = plan_run(tmp_path, None, str(tiny_recipe), settings)
    card = ModelFile.load(quiet_train(drawn_folder, plan).model).card
    cars = {label.sample.car for label in load_labels(strangers)}
    assert cars < set(card.training_cars)
    assert not cars & set(card.validation_cars)
    assert card.provenance.endswith("; 8 pictures of 2 cars with pseudo-labels by bold 0123 + shy 4567")
    assert "pseudo-labels: 8 per epoch of 8, by bold 0123 + shy 4567" in caplog.messages
    assert any("1 epochs of 20 pictures" in line for line in caplog.messages)  # 3 cars and 2, of 4 views


def test_pseudo_labels_survive_interruption(
    drawn_folder: Path, tiny_recipe: Path, strangers: Path, tmp_path: Path
) -> None:
    settings = [f'split.extra_labels=["{strangers}"]', "training.extra_share=0.25"]
    whole = quiet_train(drawn_folder, plan_run(tmp_path, "whole", str(tiny_recipe), settings))
    cut = plan_run(tmp_path, "cut", str(tiny_recipe), settings)
    with pytest.raises(KeyboardInterrupt):
        quiet_train(drawn_folder, cut, interrupt_at="epoch 1")
    text = strangers.read_text()
    strangers.write_text("\n".join(text.splitlines()[:-1]) + "\n")
    with pytest.raises(ConfigError, match=r"'cut' was started with other pseudo-labels: use another --name"):
        quiet_train(drawn_folder, cut)
    strangers.write_text(text)
    assert losses(quiet_train(drawn_folder, cut)) == losses(whole)


def test_pseudo_label_of_held_out_car(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    leak = pseudo_labels(drawn_folder, tmp_path / "labels")
    plan = plan_run(tmp_path, None, str(tiny_recipe), [f'split.extra_labels=["{leak}"]'])
    with pytest.raises(DataError, match=r"^car \w+ of .*labels\.csv is held out: take it out of there"):
        quiet_train(drawn_folder, plan)


def test_folds_hold_out_each_car_once(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    held_out: list[str] = []
    for fold in range(2):
        settings = ["training.epochs=1", "split.folds=2", f"split.fold={fold}"]
        run = quiet_train(drawn_folder, plan_run(tmp_path, f"fold-{fold}", str(tiny_recipe), settings))
        held_out += ModelFile.load(run.model).card.validation_cars
    assert sorted(held_out) == sorted({sample.car for sample in KaggleFolder(drawn_folder).training_samples()})


def test_default_recipe_never_takes_days(drawn_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(config: object) -> float:
        return 3600.0 if config == plan_run(tmp_path).config else 1.0

    monkeypatch.setattr(fit, "seconds_per_picture", pretend)
    monkeypatch.setattr(fit, "find_hardware", lambda precision: fit.Hardware("cpu", "32-true", "CPU"))
    # 3 cars x 4 views x 50 epochs at an hour a picture
    with pytest.raises(ConfigError, match=r"takes about 25 days here: no GPU found; --config \S+ takes about"):
        quiet_train(drawn_folder, plan_run(tmp_path))
