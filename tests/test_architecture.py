"""What ARCHITECTURE.md promises about the code, checked."""

import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src" / "carvanamask"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
BANNED = {"utils", "helpers", "common", "misc", "manager"}


def run_python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def test_command_line_imports_no_torch_or_openvino() -> None:
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


def test_modules_are_short_and_named_after_one_thing() -> None:
    lines = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }
    assert [path for path, count in lines.items() if count > 320] == []
    assert [path for path in lines if Path(path).stem in BANNED] == []


def test_architecture_lists_every_module() -> None:
    section = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Every module")[2]
    listed = re.findall(r"^    ([a-z0-9_/]+\.py) +\S", section, re.MULTILINE)
    assert sorted(listed) == [path.relative_to(SOURCE).as_posix() for path in MODULES]


def test_architecture_names_only_files_that_exist() -> None:
    document = (REPOSITORY / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9_]+/[a-z0-9_/]*\.(?:py|md|sh|toml))`", document))
    assert [path for path in sorted(named) if not any((root / path).exists() for root in (SOURCE, REPOSITORY))] == []
