from __future__ import annotations

import json
from pathlib import Path

import pytest

from carvanamask.core.card import ModelCard
from carvanamask.errors import ModelError
from carvanamask.model import registry
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import find_model, model_folders

CARD = ModelCard(name="small", network="none", input_size_wh=(8, 4), mean=0.5, std=0.25, threshold=0.485, sha256="")


@pytest.fixture(autouse=True)
def no_built_in_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", tmp_path / "built-in")


def test_model_round_trip(tmp_path: Path) -> None:
    saved = ModelFile.save(tmp_path / "m", b"network", CARD)
    loaded = ModelFile.load(tmp_path / "m")
    assert loaded == saved
    assert loaded.onnx.read_bytes() == b"network"
    assert loaded.card.input_size_wh == (8, 4)
    assert len(loaded.card.sha256) == 64


def test_card_without_clahe_means_none(tmp_path: Path) -> None:
    ModelFile.save(tmp_path, b"network", CARD.model_copy(update={"clahe": 2.0}))
    assert ModelFile.load(tmp_path).card.clahe == 2
    card = json.loads((tmp_path / "card.json").read_text())
    del card["clahe"]
    (tmp_path / "card.json").write_text(json.dumps(card))
    assert ModelFile.load(tmp_path).card.clahe == 0


def test_network_of_another_card_is_refused(tmp_path: Path) -> None:
    ModelFile.save(tmp_path, b"network", CARD)
    (tmp_path / "model.onnx").write_bytes(b"networj")
    with pytest.raises(ModelError, match="not the network that its card describes"):
        ModelFile.load(tmp_path)


@pytest.mark.parametrize("part", ["model.onnx", "card.json"])
def test_model_without_a_part_is_refused(tmp_path: Path, part: str) -> None:
    ModelFile.save(tmp_path, b"network", CARD)
    (tmp_path / part).unlink()
    with pytest.raises(ModelError, match=part):
        ModelFile.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"threshold": 1.5}, "threshold"),
        ({"colour": "red"}, "colour"),
        ({"input_size_wh": [8]}, "input_size_wh"),
    ],
)
def test_card_error_is_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    ModelFile.save(tmp_path, b"network", CARD)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | change))
    with pytest.raises(ModelError, match=message) as refusal:
        ModelFile.load(tmp_path)
    assert "\n" not in str(refusal.value)


def test_card_without_json_is_refused(tmp_path: Path) -> None:
    ModelFile.save(tmp_path, b"network", CARD)
    (tmp_path / "card.json").write_text("{")
    with pytest.raises(ModelError, match="not a model's card"):
        ModelFile.load(tmp_path)


def test_model_is_found_by_run_and_by_folder(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    model = ModelFile.save(runs / "seed-1024" / "model", b"network", CARD)
    assert find_model("seed-1024", runs) == model
    assert find_model(str(runs / "seed-1024"), runs) == model
    assert find_model(str(runs / "seed-1024" / "model"), runs) == model


def test_built_in_model_is_found_by_name(tmp_path: Path) -> None:
    built_in = ModelFile.save(tmp_path / "built-in" / "studio-s", b"network", CARD)
    assert find_model("studio-s", tmp_path / "runs") == built_in
    assert list(model_folders(tmp_path / "runs")) == ["studio-s"]


def test_unknown_name_suggests_the_nearest(tmp_path: Path) -> None:
    for name in ("seed-1024", "quick"):
        ModelFile.save(tmp_path / name / "model", b"network", CARD)
    with pytest.raises(ModelError) as refusal:
        find_model("seed-1042", tmp_path)
    assert str(refusal.value) == ("no model called 'seed-1042'; did you mean 'seed-1024'? (models: quick, seed-1024)")


def test_no_model_at_all_says_to_train_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"\(models: none yet: train one first\)"):
        find_model("quick", tmp_path)


def test_unfinished_run_is_not_unknown(tmp_path: Path) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "config.toml").write_text("")
    with pytest.raises(ModelError, match="run 'quick' has no model yet"):
        find_model("quick", tmp_path)


def test_members_of_the_same_name_are_numbered(tmp_path: Path) -> None:
    members = [
        ModelFile.save(tmp_path / str(place), bytes([place]), CARD.model_copy(update={"name": name}))
        for place, name in enumerate(["a", "a", "a-1"])
    ]
    ModelFile.save(tmp_path / "ensemble", None, CARD, members)
    found = ModelFile.load(tmp_path / "ensemble")
    assert [member.name for member in found.card.members] == ["a-1", "a-2", "a-1-3"]
    assert [member.onnx.read_bytes() for member in found.members] == [bytes([place]) for place in range(3)]


def test_identity_depends_on_networks_and_weights_only(tmp_path: Path) -> None:
    members = [ModelFile.save(tmp_path / name, name.encode(), CARD.model_copy(update={"name": name})) for name in "ab"]
    both = ModelFile.save(tmp_path / "both", None, CARD, members, [0.5, 0.5])
    again = ModelFile.save(tmp_path / "again", None, CARD.model_copy(update={"threshold": 0.4}), members, [0.5, 0.5])
    heavier = ModelFile.save(tmp_path / "heavier", None, CARD, members, [0.5, 1.0])
    assert both.identity == again.identity != heavier.identity
    assert members[0].identity == members[0].card.sha256
