from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from brightness_model import save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.errors import ConfigError
from carvanamask.jobs.export import export
from carvanamask.model.model_file import ModelFile, Precision
from carvanamask.model.onnxruntime_engine import CPU_PROVIDER, OnnxRuntimePredictor
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.registry import BUILT_IN
from carvanamask.training.export import encode_onnx
from carvanamask.training.networks import build_network
from carvanamask.training.quantize import quantize_per_channel
from carvanamask.training.recipe import load_config
from command_line import Run, expect_error


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    """A small U-Net with random weights, whose probabilities are all over the place."""
    torch.manual_seed(0)
    settings = ["network.levels=2", "network.filters=16", "input.size_wh=[64, 32]", "network.convolutions_up=1"]
    config = load_config(None, settings)
    onnx = encode_onnx(build_network(config.network), (64, 32))
    return ModelFile.save(
        tmp_path / "runs" / "tiny" / "model", onnx, ModelCard(name="tiny", network="", input_size_wh=(64, 32))
    )


def test_int8_steps_by_hand() -> None:
    weights = np.array([[127.0, -64.0, 0.0], [0.5, 0.25, -0.5], [0, 0, 0]], dtype=np.float32)
    steps, scale = quantize_per_channel(weights)
    assert steps.dtype == np.int8
    assert steps[0].tolist() == [127, -64, 0]
    assert scale[0] == 1
    assert np.allclose(steps[:2] * scale[:2, None], weights[:2], atol=0.5 / 127 / 2)
    assert steps[2].tolist() == [0, 0, 0]


def test_clipping_lowers_the_error() -> None:
    # values between steps at full range: half a step wrong each, as many as outweigh one clipped a little
    weights = np.full((1, 2001), 0.5, dtype=np.float32)
    weights[0, 0] = 127
    steps, scale = quantize_per_channel(weights)
    error = ((steps * scale[:, None] - weights) ** 2).sum()
    plain = ((np.round(weights) - weights) ** 2).sum()
    assert error < plain


@pytest.mark.parametrize(
    ("precision", "share", "limit"), [("fp32", 1.0, 0), ("fp16", 0.55, 0.003), ("int8-weights", 0.35, 0.05)]
)
def test_export_is_smaller_and_close(
    model: ModelFile, tmp_path: Path, precision: str, share: float, limit: float
) -> None:
    report = export(model, tmp_path / "out", Precision(precision))
    assert report.bytes_after <= share * report.bytes_before
    assert report.largest_difference <= limit
    assert report.mean_difference <= report.largest_difference
    assert (report.largest_difference > 0) == (precision != "fp32")
    made = ModelFile.load(tmp_path / "out")
    assert made.card.input_size_wh == model.card.input_size_wh
    assert (f"weights stored as {precision}" in made.card.provenance) == (precision != "fp32")


def test_both_engines_read_int8(model: ModelFile, tmp_path: Path) -> None:
    made = export(model, tmp_path / "out", Precision.INT8_WEIGHTS).model
    levels = np.random.default_rng(0).integers(0, 256, (32, 64, 3), dtype=np.uint8)
    by_openvino, by_onnxruntime = OpenVinoPredictor(made, "f32"), OnnxRuntimePredictor(made, CPU_PROVIDER)
    assert np.abs(by_openvino.infer(levels) - by_onnxruntime.infer(levels)).max() < 1e-4


def test_every_network_is_exported(model: ModelFile, tmp_path: Path) -> None:
    card = model.card.model_copy(update={"sees_crop": True})
    zooming = ModelFile.save(tmp_path / "zooming", model.onnx.read_bytes(), card, [model])
    both = ModelFile.save(tmp_path / "both", None, model.card, [zooming, model], [0.25, 0.75])
    report = export(both, tmp_path / "out", Precision.INT8_WEIGHTS, "data of ours")
    assert report.bytes_after <= 0.35 * report.bytes_before
    made = ModelFile.load(tmp_path / "out")
    assert [(member.name, member.weight) for member in made.card.members] == [("tiny-1", 0.25), ("tiny-2", 0.75)]
    onnx = sorted(file.relative_to(made.folder).as_posix() for file in made.folder.rglob("*.onnx"))
    assert onnx == ["members/tiny-1/members/tiny/model.onnx", "members/tiny-1/model.onnx", "members/tiny-2/model.onnx"]
    assert all(member.card.provenance.startswith("data of ours; ") for member in made.members)
    assert all("int8-weights" in member.card.provenance for member in made.members)


def test_export_into_itself_is_refused(model: ModelFile, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds the model itself"):
        export(model, model.folder, Precision.FP16)
    (tmp_path / "link").symlink_to(model.folder)
    for same in (tmp_path / "link", tmp_path / "elsewhere" / ".." / model.folder.relative_to(tmp_path)):
        with pytest.raises(ConfigError, match="holds the model itself"):
            export(model, same, Precision.FP16)


def test_models_lists_shows_and_verifies(model: ModelFile, run: Run) -> None:
    listed = run("models", "--verify")
    assert listed.code == 0, listed.output
    assert "tiny" in listed.output
    assert "built in" in listed.output
    assert "are the files that their cards describe" in listed.output
    assert "64, 32" in run("models", "tiny").output
    model.onnx.write_bytes(b"another")
    broken = run("models", "--verify")
    assert broken.code == 1
    assert "is not the network that its card describes" in broken.output


@pytest.mark.usefixtures("model")
def test_export_is_a_command(run: Run) -> None:
    result = run("export", "--model", "tiny", "--out", "small", "--precision", "fp16")
    assert result.code == 0, result.output
    assert "as fp16, in small" in result.output
    expect_error(run("export", "--model", "tiny", "--out", "small", "--precision", "fp61"), "mean", "fp16")


def test_built_in_models_are_complete_and_small() -> None:
    cards = sorted(BUILT_IN.glob("*/card.json"))
    assert cards
    assert sum(file.stat().st_size for card in cards for file in ModelFile.load(card.parent).folder.rglob("*")) < 12e6


def test_model_folder_may_have_any_name(tmp_path: Path) -> None:
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    assert export(ModelFile.load(tmp_path / "bright"), tmp_path / "x y", Precision.FP32).largest_difference == 0
