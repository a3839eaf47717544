"""Install the wheel and the sdist in fresh environments without torch, and predict offline with both built-in models.

    make package
    python benchmarks/soak/packages.py --dist dist --python python3.11 --python python3.13

Needs nothing but Python, so it also runs in a container or a chroot that has another version. pip needs its package
index.
Ends with exit code 1 where something fails.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

EXPECTED = (
    "carvanamask/py.typed",
    "carvanamask/configs/quick.toml",
    "carvanamask/weights/studio-s/card.json",
    "carvanamask/weights/studio-m/card.json",
    "carvanamask/studio/showroom_cars/metadata.csv",
)

OFFLINE = """\
import socket

def refuse(*args, **options):
    raise OSError("this test is offline")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
"""
"""A module that every Python process of the environment imports at its start."""

PREDICT = """
import importlib.util, pathlib, carvanamask
assert importlib.util.find_spec("torch") is None, "torch is installed"
showroom = pathlib.Path(carvanamask.__file__).parent / "studio" / "showroom_cars" / "test"
picture = sorted(showroom.glob("*.jpg"))[0]
for name in ("studio-s", "studio-m"):
    mask = carvanamask.load_model(name, device="cpu").predict(picture)
    share = mask.pixels.mean()
    assert mask.pixels.shape == (320, 480) and 0.1 < share < 0.5, (name, mask.pixels.shape, share)
    print(f"{name}: {share:.4f} of {picture.name} is car")
print(picture)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dist", type=Path, default=Path("dist"), help="folder with one wheel and one sdist")
    parser.add_argument("--python", action="append", default=[], help="an interpreter; default: this one")
    parser.add_argument("--constraints", type=Path, help="pip's constraints file; default: the newest releases")
    options = parser.parse_args()
    (wheel,), (sdist,) = options.dist.glob("*.whl"), options.dist.glob("*.tar.gz")
    failed = missing_in(wheel)
    for python in options.python or [sys.executable]:
        for package in (wheel, sdist):
            try:
                print(f"\n== {python}, {package.name} ({package.stat().st_size / 1e6:.1f} MB)")
                check(python, package.resolve(), options.constraints)
            except subprocess.CalledProcessError as error:
                print(f"FAILED: {error}")
                failed = True
    return int(failed)


def missing_in(wheel: Path) -> bool:
    """Print which of the expected files a wheel lacks, and return whether it lacks any."""
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in EXPECTED if name not in names]
    onnx = sorted(name for name in names if name.endswith(".onnx"))
    print(f"{wheel.name}: {len(names)} files, networks: {', '.join(onnx) or 'none'}")
    for name in missing:
        print(f"FAILED: {name} is missing")
    return bool(missing) or not onnx


def check(python: str, package: Path, constraints: Path | None) -> None:
    """Install one package, measure it, and predict a picture from Python and from the command line.

    Raises CalledProcessError where a step fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder) / "environment"
        subprocess.run([python, "-m", "venv", str(environment)], check=True)
        programs = environment / ("Scripts" if sys.platform == "win32" else "bin")
        pinned = ["-c", str(constraints.resolve())] if constraints else []
        install = [str(programs / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *pinned, str(package)], check=True)
        (site,) = {path.parent for path in environment.rglob("carvanamask") if path.parent.name == "site-packages"}
        print(f"installed: {size_mb(site):.0f} MB, of which carvanamask {size_mb(site / 'carvanamask'):.0f} MB")
        (site / "offline_guard.py").write_text(OFFLINE, encoding="utf-8")
        (site / "offline_guard.pth").write_text("import offline_guard\n", encoding="utf-8")
        lines = run(folder, programs / "python", "-c", PREDICT).splitlines()
        print("\n".join(lines[:-1]))
        print(run(folder, programs / "carvanamask", "--version").strip())
        for model in ("studio-s", "studio-m"):
            run(folder, programs / "carvanamask", "predict", lines[-1], "--model", model, "--out", f"masks-{model}")
        print("masks:", ", ".join(sorted(str(path.relative_to(folder)) for path in Path(folder).glob("masks-*/*.png"))))


def run(folder: str, program: Path, *arguments: str) -> str:
    """Return what a program prints; its working folder is `folder`, so the source tree isn't imported."""
    command = [str(program), *arguments]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True, timeout=300).stdout


def size_mb(folder: Path) -> float:
    """Return the size of a folder's files but pip's, in MB."""
    files = (path for path in folder.rglob("*") if path.is_file() and "pip" not in path.relative_to(folder).parts)
    return sum(path.stat().st_size for path in files) / 1e6


if __name__ == "__main__":
    sys.exit(main())
