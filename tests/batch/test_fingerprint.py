"""What makes a journal's key another one, and what doesn't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from carvanamask.batch.shard import Task
from carvanamask.batch.writers import (
    AgreementWriter,
    CutoutWriter,
    MaskWriter,
    ProbabilityWriter,
    ResultWriter,
    RleWriter,
)
from carvanamask.cutout.scene import Scene
from carvanamask.io.write import save_picture
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile


def key_of(model: ModelFile, writer: ResultWriter, arithmetic: str = "OpenVINO on CPU, f32") -> str:
    return Task(model, Device.CPU, arithmetic, writer).key


def writers(model: ModelFile, folder: Path) -> list[ResultWriter]:
    """One of every kind, made anew."""
    card, out = model.card, folder / "out"
    return [
        MaskWriter(card, out),
        ProbabilityWriter(card, out),
        CutoutWriter(card, out),
        CutoutWriter(card, out, Scene.named("room")),
        CutoutWriter(card, out, Scene.named("#e0e0e0")),
        CutoutWriter(card, out, Scene.named("#e0e0e1")),
        CutoutWriter(card, out, Scene.named(str(folder / "beach.png"))),
        RleWriter(card, None),
        RleWriter(card, out),
        RleWriter(card, folder / "other"),
        AgreementWriter(out),
    ]


@pytest.fixture
def beach(tmp_path: Path) -> Path:
    path = tmp_path / "beach.png"
    save_picture(path, np.full((4, 6, 3), 200, np.uint8))
    return path


def test_equal_values_made_anew_have_the_same_key(model: ModelFile, beach: Path) -> None:
    again = ModelFile.load(model.folder)
    first, second = ([key_of(each, writer) for writer in writers(each, beach.parent)] for each in (model, again))
    assert first == second


def test_every_kind_of_result_has_a_key_of_its_own(model: ModelFile, beach: Path) -> None:
    keys = [key_of(model, writer) for writer in writers(model, beach.parent)]
    assert len(set(keys)) == len(keys)


def test_key_names_the_model_first(model: ModelFile) -> None:
    first, second = key_of(model, RleWriter(model.card, None)).split("-")
    assert first == model.identity[:8]
    assert len(second) == 8


@pytest.mark.parametrize("change", [{"threshold": 0.4}, {"flip": True}, {"clean_up": ("speckles",)}, {"name": "x"}])
def test_another_card_changes_the_key(model: ModelFile, tmp_path: Path, change: dict[str, object]) -> None:
    changed = model.with_card(**change)
    assert key_of(changed, MaskWriter(changed.card, tmp_path)) != key_of(model, MaskWriter(model.card, tmp_path))


def test_another_network_changes_the_key(model: ModelFile, tmp_path: Path) -> None:
    other = replace(model, card=model.card.model_copy(update={"sha256": "0" * 64}))
    assert key_of(other, RleWriter(other.card, None)) != key_of(model, RleWriter(model.card, None))


def test_another_arithmetic_changes_the_key(model: ModelFile) -> None:
    writer = RleWriter(model.card, None)
    assert key_of(model, writer, "OpenVINO on CPU, bf16") != key_of(model, writer)


def test_another_version_changes_the_key(model: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    before = key_of(model, RleWriter(model.card, None))
    monkeypatch.setattr("carvanamask.batch.shard.__version__", "0.0.1")
    assert key_of(model, RleWriter(model.card, None)) != before


def test_output_folder_does_not_change_the_key(model: ModelFile, tmp_path: Path) -> None:
    here, there = (CutoutWriter(model.card, tmp_path / name) for name in ("here", "there"))
    assert key_of(model, here) == key_of(model, there)


def test_background_counts_by_its_bytes_not_its_path(model: ModelFile, beach: Path, tmp_path: Path) -> None:
    def key() -> str:
        return key_of(model, CutoutWriter(model.card, tmp_path, Scene.named(str(path))))

    path, before = beach, ""
    before = key()
    path = beach.rename(tmp_path / "moved.png")
    assert key() == before
    save_picture(path, np.full((4, 6, 3), 201, np.uint8))
    assert key() != before


def test_case_of_a_colour_does_not_count() -> None:
    assert Scene.named("#E0E0E0").fingerprint() == Scene.named("#e0e0e0").fingerprint()
