"""What ARCHITECTURE.md and README.md promise about the code, checked."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "carvanamask"
BANNED = {"utils", "helpers", "common", "misc", "manager"}


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_the_command_line_imports_neither_torch_nor_openvino() -> None:
    code = "import sys, carvanamask.cli.app; print({'torch', 'openvino', 'matplotlib', 'cv2'} & set(sys.modules))"
    assert run_python(code) == "set()\n"


def test_predicting_imports_no_torch(tmp_path: Path) -> None:
    from brightness_model import save_brightness_model

    save_brightness_model(tmp_path)
    code = f"""
import sys
from pathlib import Path
import numpy as np
import carvanamask.cli.app
from carvanamask.model.registry import find_model
from carvanamask.model.build import build_predictor
found = build_predictor(find_model({str(tmp_path)!r})).predict(np.full((12, 18, 3), 255, np.uint8))
assert found.to_mask(0.5).pixels.all()
print("torch" in sys.modules)
"""
    assert run_python(code) == "False\n"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_is_a_noun_of_at_most_about_300_lines(path: Path) -> None:
    assert path.stem not in BANNED
    assert len(path.read_text().splitlines()) <= 320
