from __future__ import annotations

import sys
from pathlib import Path

import comparison
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.card import ModelCard
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.model.model_file import ModelFile

LOOPS = [
    comparison.OURS,
    "plain loop, the same network, ONNX Runtime",
    "plain loop, unet, 2 levels from 4 filters at 48x32, PyTorch",
]


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    return save_brightness_model(tmp_path / "model", (48, 32))


@pytest.fixture
def items(drawn_folder: Path, tiny_recipe: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[BatchItem, ...]:
    """Pictures, while the original is a tiny recipe."""
    monkeypatch.setattr(comparison, "ORIGINAL", str(tiny_recipe))
    return find_pictures([drawn_folder / "train"]).items


@pytest.fixture
def rembg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of that name, to be written."""
    (tmp_path / "peers").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "peers")
    monkeypatch.delitem(sys.modules, "rembg", raising=False)
    return tmp_path / "peers" / "rembg.py"


def test_plain_loops_are_compared(model: ModelFile, items: tuple[BatchItem, ...]) -> None:
    rates = comparison.compare(model, items, repeats=1, seconds=60)
    assert list(rates) == LOOPS
    assert min(rates.values()) > 0


def test_loop_stops_when_time_is_up(items: tuple[BatchItem, ...], tmp_path: Path) -> None:
    written: list[Path] = []
    assert comparison.loop(lambda picture, mask: written.append(picture), items, tmp_path, limit_s=0) == 1
    assert comparison.loop(lambda picture, mask: written.append(picture), items, tmp_path, limit_s=60) == 8
    assert written == [item.picture for item in [items[0], *items[:8]]]


@pytest.mark.parametrize("kind", ["ensemble", "flip"])
def test_model_that_runs_twice_has_no_plain_loop(
    kind: str, model: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ModelFile.save(
        tmp_path / "both", None, ModelCard(name="both", network="", input_size_wh=(48, 32)), [model, model]
    )
    chosen = both if kind == "ensemble" else model.with_card(flip=True)
    monkeypatch.setattr(comparison, "find_model", lambda name: chosen)
    monkeypatch.setattr(sys, "argv", ["comparison.py"])
    with pytest.raises(SystemExit, match="several networks, or one twice"):
        comparison.main()


def test_rembg_runs_where_it_is_installed(model: ModelFile, items: tuple[BatchItem, ...], rembg: Path) -> None:
    rembg.write_text(
        "from PIL import Image\n"
        "def new_session(name): return name\n"
        "def remove(image, session, only_mask):\n"
        "    assert session == 'isnet-general-use' and only_mask\n"
        "    return Image.new('L', image.size)\n"
    )
    assert list(comparison.compare(model, items, repeats=1, seconds=0)) == [*LOOPS, "rembg, isnet-general-use"]


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def new_session(name): raise OSError('no network:\\n isnet.onnx')", "no network: isnet.onnx"),
        ("import sys; sys.exit(1)", "1"),  # what it does without its runtime
        ("import a_runtime_that_is_not_here", "No module named 'a_runtime_that_is_not_here'"),
    ],
)
def test_failure_of_rembg_is_one_line(
    code: str,
    why: str,
    model: ModelFile,
    items: tuple[BatchItem, ...],
    rembg: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rembg.write_text(code)
    assert list(comparison.compare(model, items, repeats=1, seconds=0)) == LOOPS
    assert f"rembg, isnet-general-use did not run: {why}\n" in capsys.readouterr().out
