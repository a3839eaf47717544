"""The documents: the site builds without a broken link, and the commands and examples of the guides run.

A guide's ```console blocks (lines that begin with "$ ") and ```python blocks run in order in one folder. A block below
"<!-- not tested: takes hours ... -->" or "<!-- not tested: needs a GPU ... -->" is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from carvanamask.cli.app import app
from carvanamask.studio import SHOWROOM
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
def test_guide_runs(guide: str, tmp_path: Path) -> None:
    draw_kaggle_folder(tmp_path / "data", cars=5, views=4, size_wh=(96, 64), test_cars=1)
    pictures = sorted((SHOWROOM / "test").glob("0417da394980_0[15].jpg"))
    for folder in ("photos/monday", "pictures"):
        (tmp_path / folder).mkdir(parents=True)
        for picture in pictures:
            shutil.copy(picture, tmp_path / folder)
    shutil.copy(pictures[0], tmp_path / "car.jpg")
    environment = os.environ | {
        "PATH": f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY / "src"),
        "OMP_NUM_THREADS": "1",  # a training this small only waits for its threads
    }
    for command in commands_of(REPOSITORY / "docs" / guide):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"


def commands_of(guide: Path) -> Iterator[list[str]]:
    """Return a guide's commands and examples, in order, as arguments for subprocess."""
    for block in BLOCK.finditer(guide.read_text(encoding="utf-8")):
        if block["reason"]:
            assert block["reason"].startswith(("takes hours", "needs a GPU"))
        elif block["language"] == "python":
            yield [sys.executable, "-c", block["text"]]
        else:
            yield from (["sh", "-c", line.removeprefix("$ ")] for line in block["text"].splitlines())


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
