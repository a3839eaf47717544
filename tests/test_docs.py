"""The documents: the site builds without a broken link, and the commands and examples of the guides run.

A guide's ```console blocks (lines that begin with "$ ") and ```python blocks run in order in one folder. A block below
"<!-- not tested: takes hours ... -->" or "<!-- not tested: needs a GPU ... -->" is left out.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from carvanamask.cli.app import app
from carvanamask.studio import SHOWROOM
from command_line import Run
from drawn_cars import draw_kaggle_folder

REPOSITORY = Path(__file__).parents[1]
GUIDES = ("photo-team.md", "ml-engineer.md", "integrator.md")
LEFT_OUT = r"<!-- not tested: (?P<reason>[^>]*) -->\n"
BLOCK = re.compile(rf"(?:{LEFT_OUT})?```(?P<language>console|python)\n(?P<text>.*?)```", re.DOTALL)


def build_site(repository: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site as `make docs` does. Without --quiet: MkDocs then counts no warnings, and passes broken links."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_site_builds_without_broken_links(tmp_path: Path) -> None:
    built = build_site(REPOSITORY, tmp_path / "site")
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "site" / "index.html").exists()


@pytest.mark.skipif(os.name == "nt", reason="the guides' commands are written for a POSIX shell")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("guide", GUIDES)
def test_guide_runs(guide: str, tmp_path: Path, run: Run) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=5, views=4, size_wh=(96, 64), test_cars=1)
    with Image.open(SHOWROOM / "test" / "0417da394980_01.jpg") as picture:
        for path in ("car.jpg", "pictures/a.jpg", "photos/monday/0417da394980_01.jpg"):
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            picture.resize((480, 320)).save(tmp_path / path)
    for block in BLOCK.finditer((REPOSITORY / "docs" / guide).read_text(encoding="utf-8")):
        if block["reason"]:
            assert block["reason"].startswith(("takes hours", "needs a GPU"))
        elif block["language"] == "python":
            exec(compile(block["text"], guide, "exec"), {})
        else:
            for line in block["text"].splitlines():
                run_line(line.removeprefix("$ "), run)


def run_line(line: str, run: Run) -> None:
    """Run a line of a shell: a command of this program in this process, which saves its imports, others in a shell."""
    words = shlex.split(line)
    if words[0] != "carvanamask":
        subprocess.run(["sh", "-c", line], check=True)
        return
    words, file = (words[:-2], words[-1]) if words[-2] == ">" else (words, None)
    ended = run(*words[1:])
    assert ended.code == 0, f"{line}\n{ended.output}"
    if file is not None:
        Path(file).write_text(ended.out, encoding="utf-8")


def test_every_page_is_in_the_navigation() -> None:
    navigation = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (REPOSITORY / "docs").rglob("*.md"):
        assert page.relative_to(REPOSITORY / "docs").as_posix() in navigation


def test_broken_link_fails_the_build(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    for document in (*REPOSITORY.glob("*.md"), REPOSITORY / "mkdocs.yml"):
        shutil.copy(document, tmp_path)
    with (tmp_path / "docs" / "studio.md").open("a", encoding="utf-8") as page:
        page.write("\n[nowhere](nowhere.md)\n")
    built = build_site(tmp_path, tmp_path / "site")
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr


def test_readme_lists_every_command() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z-]+)", readme, re.MULTILINE))
    assert {name for name in app if not name.startswith("-")} <= listed
