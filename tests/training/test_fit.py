from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from carvanamask.training.callbacks import MovableCheckpoint
from carvanamask.training.fit import find_hardware
from carvanamask.training.module import DICE


@pytest.mark.parametrize(("generation", "precision"), [(7, "32-true"), (8, "bf16-mixed")])
def test_emulated_bf16_is_not_used(generation: int, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=generation, minor=5))
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)
    assert find_hardware("auto").precision == precision


def test_checkpoint_moves_with_its_folder(tmp_path: Path) -> None:
    before = MovableCheckpoint(tmp_path / "here", monitor=DICE, mode="max")
    path, score = str(tmp_path / "here" / "best.ckpt"), torch.tensor(0.75)
    before.best_model_path = before.kth_best_model_path = path
    before.best_model_score = before.kth_value = score
    before.best_k_models = {path: score}
    after = MovableCheckpoint(tmp_path / "there", monitor=DICE, mode="max")
    after.load_state_dict(before.state_dict())
    moved = str(tmp_path / "there" / "best.ckpt")
    assert (after.best_model_path, after.kth_best_model_path, after.last_model_path) == (moved, moved, "")
    assert (after.best_k_models, after.best_model_score) == ({moved: score}, score)


def test_checkpoint_state_key_is_lightnings(tmp_path: Path) -> None:
    for monitor in (DICE, None):
        plain, ours = (
            ModelCheckpoint(tmp_path, monitor=monitor, mode="max"),
            MovableCheckpoint(tmp_path, monitor=monitor, mode="max"),
        )
        assert ours.state_key == plain.state_key
